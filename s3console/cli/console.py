"""The words that open a screen: no word or a place, and demo."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from s3console.core.errors import NotReachable, UsageError

from .call import Call

if TYPE_CHECKING:
    from s3console.demo.server import DemoServer


def _need_terminal(call: Call) -> None:
    if call.output.as_json:
        raise UsageError("the console has no --json", next_step="The words of `s3console --help` have it")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the console needs a terminal", next_step="See `s3console --help` for other words")


def _show(call: Call, start: str | None, *, is_demo: bool = False) -> int:
    from s3console.ui.app import run

    call.output.flush()
    return run(call.desk, start=start, read_only=call.config.asked_read_only, demo=is_demo)


def open_console(call: Call) -> int:
    """Open the console, at a place if one was named."""
    start = call.options.place
    if start is not None:
        call.place(start)
    _need_terminal(call)
    return _show(call, start)


@contextmanager
def _passing_state() -> Iterator[str]:
    """A new state directory that goes when it is left, but for the report of a crash."""
    from s3console.ui.crash import REPORT

    folder = Path(tempfile.mkdtemp(prefix="s3console-demo-state-"))
    try:
        yield str(folder)
    finally:
        with suppress(OSError):  # what cannot go stays, and so does the directory of a report
            for path in [path for path in folder.iterdir() if path.name != REPORT]:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            folder.rmdir()


def demo(call: Call) -> int:
    """Start the embedded S3 with its stories; open the console on it or only serve.

    The demo keeps its state in a directory of its own that goes with it, unless one was named. The report
    of a crash stays where the last sentence says.
    """
    from s3console.demo.server import DemoServer

    if not call.options.serve:
        _need_terminal(call)
    with ExitStack() as stack:
        # The keys of the operator must never be sent to the demo, nor the demo's work to a real store.
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        call.options.profile = call.options.endpoint_url = call.options.region = None
        call.output.say("Starting the embedded S3 with its stories...")
        server = stack.enter_context(DemoServer(port=call.options.port))
        if call.options.serve:
            return _serve(call, server)
        os.environ.update(server.environment())
        if call.options.state_dir is None and "S3CONSOLE_HOME" not in os.environ:
            call.options.state_dir = stack.enter_context(_passing_state())
        return _show(call, None, is_demo=True)


def _serve(call: Call, server: DemoServer) -> int:
    """Print how to reach the demo and serve until it is told to end."""
    def leave(*_: object) -> NoReturn:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    if call.output.as_json:
        call.output.record({"endpoint_url": server.endpoint_url, "access_key": server.access_key,
                            "secret_key": server.secret_key, "region": server.region,
                            "objects": server.objects})
    else:
        for name, value in server.environment().items():
            call.output.line(f"export {name}={value}")
    call.output.flush()
    call.output.say(f"Serving {server.objects:,} objects and versions at {server.endpoint_url}; "
                    "Ctrl-C ends it.")
    status = server.wait()
    raise NotReachable(f"The embedded S3 ended by itself with status {status}", where=server.endpoint_url,
                       next_step="Start the demo again")
