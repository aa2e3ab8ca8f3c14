"""The first two lines: who is looking at which store and whether anything can be changed, in words;
then the screens, and what the current one is about."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from s3console.ui.console import console_of
from s3console.ui.display import Run, content, elide, key_runs, width_of

NAME = "s3console"


def account_text(account: str) -> str:
    """An account id as AWS writes it: `1234-5678-9012`."""
    return "-".join(account[n:n + 4] for n in range(0, len(account), 4)) if len(account) == 12 else account


class ContextLine(Widget):
    """Two lines; made anew from the app and its screen whenever they call `refresh()`."""

    DEFAULT_CSS = """
    ContextLine { height: 2; width: 1fr; padding: 0 2; background: $background; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__(id="context-line")
        self._tabs: list[tuple[int, int, str]] = []

    def render(self) -> Content:
        width = self.content_size.width
        return content(*self.identity(width), ("\n", ""), *self.places(width))

    def identity(self, width: int) -> list[Run]:
        """Profile, account, region and endpoint; at the right end what may be done, in words."""
        app = console_of(self)
        badge: list[Run] = [("[LIVE]", "bold live")] if app.live else [("[READ-ONLY]", "bold ok")]
        room = width - len(NAME) - 3 - width_of(badge) - 2
        connection = app.desk.config.connection
        labelled = width >= 96
        parts: list[list[Run]] = []
        if connection.profile or not connection.endpoint_url:
            label: list[Run] = [("profile ", "faint")] if labelled and connection.profile else []
            parts.append([*label, *key_runs(connection.profile or "default credentials")])
        if app.account:
            label = [("account ", "faint")] if labelled else []
            parts.append([*label, (account_text(app.account), "muted")])
        if connection.region:
            parts.append(key_runs(connection.region, "muted"))
        if connection.endpoint_url:
            label = [("endpoint ", "faint")] if labelled else []
            parts.append([*label, *key_runs(connection.endpoint_url, "muted")])
        who: list[Run] = []
        for part in parts:
            who += [*([("   ", "")] if who else []), *part]
        who = elide(who, room, middle=True)
        gap = " " * max(2, width - len(NAME) - 3 - width_of(who) - width_of(badge))
        return [(NAME, "bold primary"), ("   ", ""), *who, (gap, ""), *badge]

    def places(self, width: int) -> list[Run]:
        """The screens with what waits on them, and the place the current one shows."""
        app = console_of(self)
        waiting = {"review": app.approvals_waiting, "queue": app.active_jobs()}
        runs: list[Run] = []
        self._tabs = []
        for number, name, title in app.tabs():
            here = name == app.current_mode
            start = width_of(runs)
            runs += [(f"{number}", "bold primary" if here else "muted"), (" ", ""),
                     (title, "bold underline foreground" if here else "muted")]
            if waiting.get(name):
                runs.append((f" {waiting[name]}", "bold danger" if name == "review" else "bold accent"))
            self._tabs.append((start, width_of(runs), name))
            runs.append(("   ", ""))
        where = app.where_runs()
        while where and not where[0][0].strip():
            where = where[1:]
        room = width - width_of(runs)
        for quiet in ("faint", "muted"):
            if width_of(where) > room and any(role not in ("faint", "muted", "") for _, role in where):
                where = [(text.strip() if "→" in text else text, role) for text, role in where
                         if role != quiet or "→" in text]
        shown = elide(where, room, middle=True) if room > 8 else []
        gap = " " * max(0, width - width_of(runs) - width_of(shown))
        return [*runs, (gap, ""), *shown]

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset_capture(self)
        for start, end, name in self._tabs:
            if offset.y == 1 and start <= offset.x < end:
                console_of(self).action_show(name)
