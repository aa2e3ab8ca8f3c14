"""The one registry of everything an operator can do: keys, words, labels, help and danger.

Key bindings, the line of hints, the `?` help, the command palette, the words of the `:` line and
the key table of the README are all made from `ACTIONS`. An action is carried out by the method
`action_<method>` of the screen it belongs to (or of the app or the list); a `:` word with an
argument calls `command_<method>(argument)` where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Danger = Literal["look", "stage", "send", "destroy"]
"""look: reads only. stage: writes plans, S3 is untouched. send: changes S3. destroy: loses bytes.

In read-only mode actions of the classes send and destroy are absent: no key, no hint, no word."""

Scope = Literal["everywhere", "list", "browse", "versions", "compare", "review", "queue", "journal", "dialog"]
SCREENS: tuple[Scope, ...] = ("browse", "compare", "review", "queue", "journal")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an operator can do.

    `hint` orders the line of hints (0: not shown there); `word` and `takes` describe it on the
    `:` line; `cli` is the same thing on the command line.
    """

    id: str
    method: str
    keys: tuple[str, ...]
    label: str
    help: str
    scope: Scope
    danger: Danger = "look"
    hint: int = 0
    word: str = ""
    takes: str = ""
    cli: str = ""

    @property
    def name(self) -> str:
        """The bare name of the method: `show`, `open_place`."""
        return self.method.partition("(")[0].removeprefix("app.")

    @property
    def writes(self) -> bool:
        """Whether it is absent in read-only mode."""
        return self.danger in ("send", "destroy")


def _a(
    scope: Scope, name: str, keys: str, label: str, text: str, *, method: str = "", danger: Danger = "look",
    hint: int = 0, word: str = "", takes: str = "", cli: str = "",
) -> Action:
    return Action(
        id=f"{scope}.{name}", method=method or name.replace("-", "_"), keys=tuple(keys.split()), label=label,
        help=text, scope=scope, danger=danger, hint=hint, word=word, takes=takes, cli=cli,
    )


ACTIONS: tuple[Action, ...] = (
    # everywhere
    _a("everywhere", "browse", "1", "browse", "Buckets, prefixes, keys, versions.",
       method="app.show('browse')", word="browse"),
    _a("everywhere", "compare", "2", "compare", "Compare two places and look at the findings.",
       method="app.show('compare')", word="compare", takes="LEFT RIGHT", cli="s3console compare LEFT RIGHT"),
    _a("everywhere", "review", "3", "review", "Plans that wait for approval.",
       method="app.show('review')", word="review", cli="s3console plans"),
    _a("everywhere", "queue", "4", "queue", "Jobs: progress, pause, resume, cancel.",
       method="app.show('queue')", word="queue", cli="s3console jobs"),
    _a("everywhere", "journal", "5", "journal", "Everything that was done, newest first.",
       method="app.show('journal')", word="journal", cli="s3console journal"),
    _a("everywhere", "open", "o", "open URI", "Go to a URI, an ARN or an https URL.",
       method="app.open_place", hint=20, word="open", takes="PLACE", cli="s3console PLACE"),
    _a("everywhere", "help", "question_mark", "help", "The keys of this screen.", method="app.show_help",
       hint=98, word="help"),
    _a("everywhere", "command", "colon", "command", "Type a command by its word.", method="app.command_line",
       hint=97),
    _a("everywhere", "pane", "tab", "next pane", "The next pane.", method="app.focus_next"),
    _a("everywhere", "pane-back", "shift+tab", "previous pane", "The previous pane.",
       method="app.focus_previous"),
    _a("everywhere", "palette", "ctrl+p", "palette", "Search everything that can be done here.",
       method="app.command_palette"),
    _a("everywhere", "refresh", "f5 ctrl+r", "refresh", "Ask the store again.", method="reload",
       word="refresh"),
    _a("everywhere", "escape", "escape", "back", "One step back: dialog, filter, marks, then parent.",
       method="step_back"),
    _a("everywhere", "login", "L", "log in", "SSO login again, in place: aws sso login.", method="app.login",
       word="login"),
    _a("everywhere", "profile", "", "profile", "Look with another profile of the AWS configuration.",
       method="app.profile", word="profile", takes="NAME", cli="s3console --profile NAME"),
    _a("everywhere", "region", "", "region", "Look at another region.", method="app.region", word="region",
       takes="NAME", cli="s3console --region NAME"),
    _a("everywhere", "endpoint", "", "endpoint", "Look at another store; `:endpoint aws` for AWS itself.",
       method="app.endpoint", word="endpoint", takes="URL|aws", cli="s3console --endpoint-url URL"),
    _a("everywhere", "calls", "at", "S3 calls", "The last 1,000 requests: when, what, status, time.",
       method="app.call_log", word="log"),
    _a("everywhere", "write", "", "writing", "Allow or forbid approvals and jobs; kept for the profile.",
       method="app.write", word="write", takes="on|off"),
    _a("everywhere", "theme", "", "theme", "Change the look: dark, light, ansi, and others. It is kept.",
       method="app.theme", word="theme", takes="NAME"),
    _a("everywhere", "keys", "", "all keys", "Every key of every screen, or another keymap.",
       method="app.all_keys", word="keys", takes="vi|commander"),
    _a("everywhere", "empty-bucket", "", "empty a bucket",
       "Plan the removal of all that is in a bucket.",
       method="app.empty_bucket", danger="stage", word="empty-bucket", takes="NAME"),
    _a("everywhere", "tour", "", "tour", "A tour of five minutes, in the demo.", method="app.tour",
       word="tour"),
    _a("everywhere", "quit", "q", "quit", "Leave; asks when a job runs.", method="app.leave", hint=99,
       word="quit"),
    # any list
    _a("list", "down", "down j", "down", "Next row.", method="move(1)"),
    _a("list", "up", "up k", "up", "Previous row.", method="move(-1)"),
    _a("list", "top", "home g", "top", "First row.", method="edge(-1)"),
    _a("list", "bottom", "end G", "bottom", "Last row.", method="edge(1)"),
    _a("list", "half-down", "ctrl+d", "half page down", "Half a page down.", method="half(1)"),
    _a("list", "half-up", "ctrl+u", "half page up", "Half a page up.", method="half(-1)"),
    _a("list", "page-down", "pagedown", "page down", "A page down.", method="page(1)"),
    _a("list", "page-up", "pageup", "page up", "A page up.", method="page(-1)"),
    _a("list", "mark", "space", "mark", "Mark the row and move on."),
    _a("list", "mark-down", "shift+down", "mark down", "Mark a range downwards.", method="mark_range(1)"),
    _a("list", "mark-up", "shift+up", "mark up", "Mark a range upwards.", method="mark_range(-1)"),
    _a("list", "mark-all", "asterisk", "mark all", "Mark all rows the filter shows, or none."),
    _a("list", "choose", "enter", "open", "Open the row: look at it, never change it."),
    # browse
    _a("browse", "filter", "slash", "filter", "Narrow the names; Enter goes to them, or asks the store.",
       hint=10),
    _a("browse", "next", "n", "next match", "The next name that holds the text of the filter.",
       method="next_match(1)"),
    _a("browse", "previous", "N", "match before", "The name before that holds it.",
       method="next_match(-1)"),
    _a("browse", "up", "backspace h left", "up", "The parent prefix.", method="parent", hint=87),
    _a("browse", "in", "l right", "in", "Into the prefix or bucket.", method="enter_row"),
    _a("browse", "back", "left_square_bracket", "back", "Back in history.", method="history(-1)"),
    _a("browse", "forward", "right_square_bracket", "forward", "Forward in history.", method="history(1)"),
    _a("browse", "versions", "v", "versions", "Versions and delete markers of the key.", hint=20,
       cli="s3console ls PLACE --versions"),
    _a("browse", "preview", "p", "preview",
       "The first 64 KiB: text, JSON, CSV, picture, Parquet, hex.", hint=22),
    _a("browse", "deleted", "full_stop", "deleted keys",
       "Show keys whose newest version is a delete marker.",
       method="toggle_deleted", hint=85, word="deleted"),
    _a("browse", "copy-to", "c", "copy to", "Plan a copy of what is marked, or stands on the cursor.",
       hint=24, danger="stage", word="copy", takes="TARGET", cli="s3console plan copy SOURCE TARGET"),
    _a("browse", "move-to", "m", "move to", "Plan a move: copy, verify, then take old names away.",
       hint=80, danger="stage", word="move", takes="TARGET", cli="s3console plan move SOURCE TARGET"),
    _a("browse", "delete", "d", "delete", "Plan a delete, which waits for approval on 3.",
       method="plan_delete", hint=28, danger="stage", cli="s3console plan delete PLACE"),
    _a("browse", "restore", "r", "restore",
       "Plan: a marker comes off, an old version goes on top.", hint=32, danger="stage"),
    _a("browse", "download", "w", "download", "Plan a download into a folder of this machine.", hint=81,
       danger="stage", word="download", takes="FOLDER", cli="s3console download PLACE FOLDER"),
    _a("browse", "time", "t", "time", "See the place as it was at a time, or restore it to that.",
       hint=36, word="restore", takes="@TIME", cli="s3console plan restore PLACE --at TIME"),
    _a("browse", "copy-menu", "y", "copy text",
       "Copy URI, key, version, ARN, URL, or the aws command.", hint=44),
    _a("browse", "size", "z", "size", "Count the objects and bytes under the prefix; again stops.", hint=50,
       word="size", cli="s3console du PLACE"),
    _a("browse", "find", "f", "find below", "Look for a text in all names below this place.",
       hint=78, word="find", takes="TEXT"),
    _a("browse", "sort", "s", "sort", "Order the loaded rows by name, size, time or class.", hint=82,
       method="sort_menu", word="sort", takes="ORDER"),
    _a("browse", "mark-pattern", "plus", "mark by pattern", "Mark what fits `*.tmp` or `/regex/`."),
    _a("browse", "export", "e", "export", "Write the rows shown into a file: CSV, or JSON lines.", hint=84,
       word="export", takes="FILE"),
    _a("browse", "places", "b", "places", "Saved and recent places; b again saves this one.", hint=83,
       word="places"),
    _a("browse", "explain", "x", "explain", "What the last comparison says about this name.", hint=86),
    # the versions of a key
    _a("versions", "earlier", "left", "earlier", "The time line to the version before.", method="slide(-1)",
       hint=10),
    _a("versions", "later", "right", "later", "The time line to the next version.", method="slide(1)",
       hint=11),
    _a("versions", "hour-back", "comma", "hour back", "The time line one hour back.", method="turn(-1)"),
    _a("versions", "hour-on", "full_stop", "hour on", "The time line one hour on.", method="turn(1)"),
    _a("versions", "day-back", "less_than_sign", "day back", "One day back on the time line.",
       method="turn(-24)"),
    _a("versions", "day-on", "greater_than_sign", "day on", "One day on on the time line.",
       method="turn(24)"),
    _a("versions", "diff", "equals_sign", "diff", "How two marked versions differ, or this and the last.",
       method="diff_versions", hint=20),
    # compare
    _a("compare", "start", "S", "compare", "Ask for two places and compare them.", hint=15),
    _a("compare", "stop", "K", "stop", "Stop the comparison that runs."),
    _a("compare", "plan", "a", "plan", "Plan the repair of the prefix, or of each marked one.", hint=30,
       danger="stage", word="plan", cli="s3console plan repair REVIEW --prefix P"),
    _a("compare", "plan-copies", "f", "copies only", "Plan only what adds; nothing is deleted.", hint=35,
       danger="stage"),
    _a("compare", "plan-more", "p", "plan with…", "Plan with junk or duplicates, or deletes only.", hint=55,
       danger="stage"),
    _a("compare", "ignore", "i", "ignore", "Ignore a kind of findings here, with a note; again: not.",
       hint=37, danger="stage", word="ignore",
       cli="s3console review ID --ignore P --kind K --note TEXT"),
    _a("compare", "explain", "x", "explain", "The rule behind the name.", hint=40, word="explain"),
    _a("compare", "next", "n", "next", "Next finding.", method="next_finding(1)", hint=50),
    _a("compare", "previous", "N", "previous", "Previous finding.", method="next_finding(-1)"),
    _a("compare", "right", "l right", "in, next kind", "Into the prefix; among findings: the next kind.",
       method="side(1)"),
    _a("compare", "left", "h left", "out, last kind", "Out of the prefix; among findings: the kind before.",
       method="side(-1)"),
    _a("compare", "filter", "slash", "filter", "Prefixes by a text or state; findings by a text.", hint=47),
    _a("compare", "copy-menu", "y", "copy text", "Copy URI, key, ARN or aws command of the name."),
    _a("compare", "cost", "", "cost", "What the estimated cost of a repair is made of.", word="cost"),
    _a("compare", "rules", "", "rules", "The rules of this review, and what each explains.", word="rules"),
    _a("compare", "up", "backspace", "up", "The parent prefix, then the list of reviews.", hint=45),
    _a("compare", "export", "e", "export", "The findings shown into a CSV, JSON or Parquet file.",
       hint=60, word="export", cli="s3console review ID --findings --export FILE"),
    # review
    _a("review", "approve", "A", "approve", "Approve this one plan and start its job.", hint=10,
       danger="send", word="approve", cli="s3console approve PLAN --count N"),
    _a("review", "reject", "R", "reject", "Put the plan aside for good, with a reason.", hint=20,
       danger="stage", word="reject"),
    _a("review", "next", "n", "next", "The next plan that waits.", method="next_plan", hint=15),
    _a("review", "operations", "v", "all operations", "Every operation of the plan (also: enter).", hint=25,
       cli="s3console show PLAN"),
    _a("review", "drop", "minus", "leave out", "Leave operations out; a new plan takes its place.",
       hint=30, danger="stage", word="drop", cli="s3console plan reduce PLAN --without 3,7-9"),
    _a("review", "findings", "c", "findings", "The findings that the plan was made from.",
       method="to_compare", hint=35),
    _a("review", "filter", "slash", "filter", "Only plans that hold a text, or are in a state.", hint=37),
    _a("review", "who", "w", "who", "Who made, approved or rejected it: its records in the journal."),
    _a("review", "copy-menu", "y", "copy text", "Copy the place, the plan, its digest, or a command."),
    _a("review", "again", "S", "compare again", "Compare the prefix of this plan again.", hint=40),
    _a("review", "export", "e", "export", "Every operation into a CSV, JSON or Parquet file.",
       hint=45, word="export", cli="s3console show PLAN --export FILE"),
    # queue
    _a("queue", "pause", "space", "pause/resume", "Pause the job, or go on with it.", hint=10, danger="send",
       word="pause", cli="s3console pause JOB"),
    _a("queue", "cancel", "K", "cancel", "End the job; what is in flight is finished.", hint=20,
       danger="send", word="cancel", cli="s3console cancel JOB"),
    _a("queue", "retry", "r", "retry failed", "Try again what failed.", hint=30, danger="send", word="retry",
       cli="s3console retry JOB"),
    _a("queue", "skip", "s", "skip failed", "Leave what failed as it is and go on with the rest.", hint=32,
       danger="send", word="skip"),
    _a("queue", "pause-all", "P", "pause all", "Pause every job that runs; again lets them go on.", hint=35,
       danger="send", word="pause-all"),
    _a("queue", "export", "e", "export", "What failed into a CSV, JSON or Parquet file.", hint=50,
       word="export"),
    _a("queue", "copy-menu", "y", "copy text", "Copy the job, its plan, or the command for it."),
    _a("queue", "set-workers", "", "workers", "So many worker processes for the job.", danger="send",
       word="workers", takes="N"),
    _a("queue", "limit", "", "limit", "At most so many bytes or operations a second: 50MB/s, 200/s, off.",
       danger="send", word="limit", takes="RATE"),
    _a("queue", "fewer", "less_than_sign", "fewer workers", "One worker process less.", method="workers(-1)",
       danger="send"),
    _a("queue", "more", "greater_than_sign", "workers", "One worker process more.", method="workers(1)",
       hint=40, danger="send"),
    # journal
    _a("journal", "undo", "u", "undo", "A plan that takes back what the job of the record did.", hint=5,
       danger="stage", word="undo", cli="s3console undo JOB"),
    _a("journal", "filter", "slash", "filter", "Only records that hold a text.", hint=7),
    _a("journal", "export", "e", "export", "The records shown into a CSV, JSON or Parquet file.",
       hint=15, word="export"),
    _a("journal", "verify", "v", "verify", "Check the chain of the whole journal.", hint=10, word="verify",
       cli="s3console journal --verify"),
)

OPENS_FIELD = frozenset(("command_line", "open_place", "filter"))
"""Methods whose keys open a line to type in; they are plain letters while such a line has the focus."""

UNBOUND = "unbound"
"""The name of no key, for actions without one: an operator may give them one by their id."""

KEY_NAMES = {
    "question_mark": "?", "colon": ":", "slash": "/", "asterisk": "*", "left_square_bracket": "[",
    "right_square_bracket": "]", "full_stop": ".", "equals_sign": "=", "minus": "-", "less_than_sign": "<",
    "greater_than_sign": ">", "at": "@", "plus": "+", "escape": "esc", "backspace": "bksp",
    "pagedown": "pgdn", "pageup": "pgup", "up": "↑", "down": "↓", "left": "←", "right": "→",
    "shift+down": "shift+↓", "shift+up": "shift+↑", "comma": ",",
}


def key_name(key: str) -> str:
    """A key as it is written for people: `?`, `esc`, `ctrl+d`."""
    return KEY_NAMES.get(key, key)


def of_scope(*scopes: Scope) -> tuple[Action, ...]:
    """The actions of these scopes, in the order of the registry."""
    return tuple(action for action in ACTIONS if action.scope in scopes)


def bindings(scope: Scope) -> list[BindingType]:
    """Textual bindings of a scope, each with its id so that a keymap can change it.

    Keys that open a field are taken before the focused widget sees them, so that what is typed right
    after them, however fast, goes into the field and not to the keys of a list.
    """
    return [
        Binding(",".join(action.keys) or UNBOUND, action.method, action.label, show=False, id=action.id,
                priority=action.name in OPENS_FIELD)
        for action in of_scope(scope)
    ]


def by_method(method: str, scope: str) -> Action | None:
    """The action behind a method name, as `check_action` asks; the screen's own comes first."""
    name = method.partition("(")[0].removeprefix("app.")
    found = [action for action in ACTIONS if action.name == name and action.scope in (scope, "everywhere")]
    return next((a for a in found if a.scope == scope), found[0] if found else None)


def words(scope: str, *, read_only: bool) -> dict[str, Action]:
    """The words of the `:` line on a screen."""
    return {
        action.word: action
        for action in ACTIONS
        if action.word and action.scope in (scope, "everywhere") and not (read_only and action.writes)
    }


def hints(scope: str, *, read_only: bool) -> list[Action]:
    """What the line of hints shows on a screen, in order of frequency."""
    shown = [
        action
        for action in ACTIONS
        if action.hint and action.scope in (scope, "everywhere") and not (read_only and action.writes)
    ]
    return sorted(shown, key=lambda action: action.hint)


_TITLES = {"everywhere": "Everywhere", "list": "In any list", "versions": "Versions of a key"}


def markdown_table() -> Iterator[str]:
    """The key table of the README, line by line."""
    yield "| where | key | does | `:` word |"
    yield "| --- | --- | --- | --- |"
    for scope in dict.fromkeys(action.scope for action in ACTIONS):
        for n, action in enumerate(action for action in ACTIONS if action.scope == scope):
            where = _TITLES.get(scope, scope.capitalize()) if n == 0 else ""
            keys = " ".join(f"`{key_name(key)}`" for key in action.keys)
            word = f"`{action.word} {action.takes}`".replace(" `", "`") if action.word else ""
            word = word.replace("|", "\\|")
            yield f"| {where} | {keys} | {action.help} | {word} |"
