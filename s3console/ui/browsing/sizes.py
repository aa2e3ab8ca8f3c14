"""Counting what lies below a prefix: a few pages at once, and on only when it is asked for again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from s3console.ui import bridge
from s3console.ui.browsing.addresses import Location
from s3console.ui.desk_protocol import Reader
from s3console.ui.display import Run, exact, money, plural, size_text
from s3console.ui.keys_in_use import key_run
from s3console.ui.threads import Task

AT_ONCE = 20
"""LIST requests that are sent without a word about their price."""
_TELL = 0.25


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted so far. `token` goes on from there, "" at the end; `paused` waits for a word."""

    objects: int = 0
    bytes: int = 0
    requests: int = 0
    token: str = ""
    done: bool = False
    paused: bool = False


def count_below(
    reader: Callable[[], Reader], place: Location, count: Count, task: Task, tell: Callable[[Count], None]
) -> Count:
    """Go on counting. A first run stops after 20 requests; one that was paused goes to the end. Blocking."""
    asked = count.paused
    count, last = replace(count, paused=False), 0.0
    while not task.cancelled:
        page = reader().page(place.bucket, place.prefix, delimiter="", token=count.token)
        count = Count(count.objects + len(page.batch), count.bytes + sum(page.batch.sizes),
                      count.requests + 1, page.next_token, not page.next_token)
        if count.done:
            return count
        if not asked and count.requests >= AT_ONCE:
            return replace(count, paused=True)
        if time.monotonic() - last > _TELL:
            last = time.monotonic()
            task.tell(tell, count)
    return replace(count, paused=True)


def count_runs(count: Count, region: str) -> list[Run]:
    """The count in words; a paused one says what going on costs."""
    cost = bridge.cost({"ListObjectsV2": count.requests}, region)
    runs: list[Run] = [(f"{plural(count.objects, 'object')}  {size_text(count.bytes)}", "foreground"),
                       (f"  {plural(count.requests, 'LIST', 'LISTs')}, {money(cost)}", "faint")]
    if count.paused:
        million = bridge.cost({"ListObjectsV2": 1000}, region)
        runs += [("  and more: ", "warning"), key_run("browse.size"),
                 (f" counts on, {money(million)} for each million", "muted")]
    elif not count.done:
        runs.append(("  counting…", "accent"))
    return runs


def count_sentence(place: Location, count: Count) -> str:
    """The count as one sentence."""
    return f"{place.uri}: {exact(count.objects)} objects, {size_text(count.bytes)}"
