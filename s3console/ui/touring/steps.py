"""The steps of the tour. Each says one thing and waits until the console shows that it was done."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from s3console.ui.keys_in_use import key

if TYPE_CHECKING:
    from s3console.ui.app import S3ConsoleApp

Seen = Callable[["S3ConsoleApp"], bool]
PREFIX = "document004/"


_NAMED = re.compile(r"\{([a-z.-]+)\}")


@dataclass(frozen=True, slots=True)
class Step:
    """`says` is the one thing to know, `press` is pressed or typed, `then` says what for; `{browse.in}` in
    either stands for the key of that action."""

    says: str
    press: str
    then: str
    done: Seen

    @property
    def keys(self) -> str:
        """What is pressed, with the keys in use."""
        return _NAMED.sub(lambda found: key(found[1]), self.press)

    @property
    def does(self) -> str:
        """What for, with the keys in use."""
        return _NAMED.sub(lambda found: key(found[1]), self.then)


def _screen(app: S3ConsoleApp, name: str) -> Any:
    return app.screen_of_mode if app.current_mode == name else None


def _browses(app: S3ConsoleApp, bucket: str, prefix: str = "") -> bool:
    place = getattr(_screen(app, "browse"), "place", None)
    return place is not None and place.bucket == bucket and place.prefix.startswith(prefix)


def _compares(app: S3ConsoleApp) -> bool:
    screen = _screen(app, "compare")
    return screen is not None and (screen.running is not None or screen.review is not None)


def _reviews(app: S3ConsoleApp) -> bool:
    screen = _screen(app, "compare")
    return screen is not None and screen.review is not None


def _looks_at(app: S3ConsoleApp, prefix: str) -> bool:
    screen = _screen(app, "compare")
    shown = getattr(screen, "shown", None)
    return shown is not None and str(shown.totals.prefix).startswith(prefix)


def _explains(app: S3ConsoleApp) -> bool:
    return type(app.screen).__name__ == "ExplainDialog"


def _planned(app: S3ConsoleApp) -> bool:
    return app.approvals_waiting > 0 or bool(app.jobs)


def _finished(app: S3ConsoleApp) -> bool:
    return app.current_mode == "queue" and any(job.state == "done" for job in app.jobs)


STEPS: tuple[Step, ...] = (
    Step("bucket1 is how it should be. bucket2 is what a migration tool made of it.",
         "{list.down} {list.up}", "move the cursor to bucket2", lambda app: _browses(app, "bucket2")),
    Step("Names were cut at “::”, a first directory stands twice, files were cut to one name.",
         "{browse.in}", f"go in, down to {PREFIX}; {{browse.up}} comes back out",
         lambda app: _browses(app, "bucket2", PREFIX)),
    Step("Nobody checks thousands of names by eye: compare both buckets, with every version.",
         ":compare s3://bucket1/ s3://bucket2/", "and enter", _compares),
    Step("Both sides are listed at once and merged; nothing is changed.",
         "", "wait a few seconds until the findings are there", _reviews),
    Step("One row per prefix: what is missing, misnamed, extra, different.",
         "{list.down}", f"move the cursor to {PREFIX}", lambda app: _looks_at(app, PREFIX)),
    Step("A wrong name is paired with its right one by a rule, and proved by its bytes.",
         "{compare.explain}", "say why; {compare.next} goes to the next finding", _explains),
    Step("A plan is only a list: S3 is untouched until it is approved.",
         "{compare.plan}", f"plan the repair of {PREFIX} (esc leaves a dialog)", _planned),
    Step("A plan says what it does, what it costs, and what can not be undone.",
         "{everywhere.review}", "read it on the screen Review",
         lambda app: app.current_mode == "review" or bool(app.jobs)),
    Step("The console starts read-only, for every profile it has never written with.",
         ":write on", "and enter, to allow approvals", lambda app: app.live or bool(app.jobs)),
    Step("What loses bytes is approved by typing its number of operations: it differs every time.",
         "{review.approve}", "approve this plan, type its number, enter", lambda app: bool(app.jobs)),
    Step("A process of its own copies, verifies, and only then deletes. It outlives the console.",
         "{everywhere.queue}", "watch the job until it is done", _finished),
    Step("Every act is in the journal, before it is sent and after it was answered.",
         "{everywhere.journal}", "look at the journal", lambda app: app.current_mode == "journal"),
    Step("That was all of it: compare, look, plan, approve, watch.",
         "{everywhere.help}", "shows the keys of any screen; esc ends the tour", lambda app: False),
)
