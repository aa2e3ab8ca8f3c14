"""Work beside the event loop. Threads are daemons: leaving the console never waits for a network.

The function runs in a thread and may only return a value or raise; the callbacks run on the event
loop of the app. A newer task of the same name on the same node cancels the older one, whose result
is then dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from textual.message_pump import MessagePump

from s3console.core.errors import S3ConsoleError

T = TypeVar("T")
CALM = 0.06
"""Seconds after the last move of a cursor before what it stands on is shown in full."""


class Task:
    """A running piece of work: whether it is still wanted, and a way to tell the screen something."""

    def __init__(self, node: MessagePump) -> None:
        self._node = node
        self._unwanted = threading.Event()
        self.done = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._unwanted.is_set()

    def cancel(self) -> None:
        """Say that nobody waits for the result any more."""
        self._unwanted.set()

    def rest(self, seconds: float) -> bool:
        """Wait; True when the work is still wanted after it."""
        return not self._unwanted.wait(seconds)

    def tell(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Run a callback on the event loop, unless the work is no longer wanted."""

        def deliver() -> None:
            if not self.cancelled:
                callback(*arguments)

        with suppress(RuntimeError):  # the event loop is gone: the console was left
            self._node.call_later(deliver)

    def finish(self) -> None:
        """Mark the task as done after everything it told has been delivered."""
        sent = False
        with suppress(RuntimeError):
            sent = self._node.call_later(self.done.set)
        if not sent:
            self.done.set()


class Threads:
    """The work of one app: at most one wanted task per node and name."""

    def __init__(self) -> None:
        self._running: WeakKeyDictionary[MessagePump, dict[str, Task]] = WeakKeyDictionary()

    def begin(self, node: MessagePump, name: str) -> Task:
        """A new task of this name; the older one is no longer wanted."""
        mine = self._running.setdefault(node, {})
        if name in mine:
            mine[name].cancel()
        task = mine[name] = Task(node)
        return task

    def cancel(self, node: MessagePump, name: str) -> None:
        """Drop a task, if there is one."""
        if (task := self._running.get(node, {}).get(name)) is not None:
            task.cancel()

    def active(self, node: MessagePump, name: str) -> bool:
        """Whether this task is still wanted and has not delivered."""
        task = self._running.get(node, {}).get(name)
        return task is not None and not task.cancelled and not task.done.is_set()

    @property
    def busy(self) -> bool:
        """Whether any wanted task has not delivered yet."""
        return any(
            not task.done.is_set() and not task.cancelled
            for tasks in list(self._running.values())
            for task in list(tasks.values())
        )


class HasThreads(Protocol):
    """An app that `run_in_thread` can serve."""

    threads: Threads


def _outcome(work: Callable[[Task], T], task: Task) -> tuple[T | None, S3ConsoleError | None]:
    try:
        return work(task), None
    except S3ConsoleError as error:
        return None, error
    except Exception as error:  # noqa: BLE001 - the edge of the thread: nothing above can handle it
        return None, S3ConsoleError(
            f"an unexpected {type(error).__name__} stopped this look",
            next_step="Look again (F5); if it comes back, it is a bug worth reporting",
        )


def run_in_thread(
    node: MessagePump, work: Callable[[Task], T], *, then: Callable[[T], None] | None = None,
    failed: Callable[[S3ConsoleError], None] | None = None, name: str, wait: float = 0.0,
) -> Task:
    """Start `work(task)` for a widget, screen or app; `then` or `failed` gets what came of it.

    The thread starts after `wait` seconds, so that a cursor that moves on costs no request and no thread.
    """
    task = cast(HasThreads, node.app).threads.begin(node, name)

    def body() -> None:
        result, error = _outcome(work, task)
        if error is not None and failed is not None:
            task.tell(failed, error)
        elif error is None and then is not None:
            task.tell(then, result)
        task.finish()

    context = contextvars.copy_context()

    def start() -> None:
        if not task.cancelled:
            threading.Thread(target=context.run, args=(body,), name=f"s3console {name}", daemon=True).start()

    if wait:
        asyncio.get_running_loop().call_later(wait, start)
    else:
        start()
    return task


def when_calm(node: MessagePump, callback: Callable[[], None], *, name: str, wait: float = CALM) -> None:
    """Run a callback on the event loop once this was not asked for again for `wait` seconds."""
    task = cast(HasThreads, node.app).threads.begin(node, name)

    def deliver() -> None:
        if not task.cancelled:
            task.tell(callback)
            task.finish()

    asyncio.get_running_loop().call_later(wait, deliver)
