"""Every payload in every place of the console that shows a text, one place after the other, on one pty.

Between two places a line `SINK <name> END` is drawn. What each place showed for each payload, and
whether any cell of it carried an action or a link, is written to the file named on the command line.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from textual.app import ComposeResult
from textual.command import DiscoveryHit
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Checkbox, Collapsible, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from s3console.core.errors import ServiceError
from s3console.core.keys import printable
from s3console.core.model import Connection, Entry, JobStatus
from s3console.s3.facts import BucketFacts, ObjectFacts
from s3console.ui import crash, display
from s3console.ui.app import S3ConsoleApp
from s3console.ui.browsing.listing import NameRow
from s3console.ui.browsing.preview import make_preview
from s3console.ui.dialogs.menu import MenuDialog
from s3console.ui.safety import plain_line
from s3console.ui.widgets.bottom_strip import queue_runs
from s3console.ui.widgets.context_line import ContextLine
from s3console.ui.widgets.facts import Facts
from s3console.ui.widgets.object_pane import bucket_facts, object_facts, prefix_facts
from s3console.ui.widgets.paged_table import PagedTable
from s3console.ui.widgets.rows import Column, Layout, ListRows
from ui.fake_desk import FakeDesk, store
from ui.payloads import PAYLOADS

ROWS_EACH = 4
WIDE = 170
Runs = display.Runs
Make = Callable[[str], Widget]


def runs(shown: Callable[[str], Any]) -> Make:
    return lambda payload: Static(display.content(*shown(payload)))


def safe(text: str) -> str:
    return display.message_text(text)


def entry(payload: str) -> Entry:
    return Entry(payload, 3, payload, "2024-06-25T10:11:34Z", storage_class=payload, version_id=payload)


def head(payload: str) -> ObjectFacts:
    return ObjectFacts("b", payload, 3, payload, "2024-06-25T10:11:34Z", payload, payload,
                       content_type=payload, metadata=((payload, payload),))


def table(payload: str, *, middle: bool = True, width: int = 0, header: bool = False) -> PagedTable:
    label: Any = display.key_runs(payload) if header else "key"
    column: Column[str] = Column(label, display.path_runs, middle=middle, width=width)
    made = PagedTable(Layout((column,), header=header), ListRows(["row"] if header else [payload]))
    made.styles.height = ROWS_EACH - 1
    return made


def marked(payload: str) -> PagedTable:
    made = table(payload)
    made.marks = {0: payload}
    return made


def noted(payload: str) -> PagedTable:
    made = PagedTable(Layout((Column("key", display.path_runs),)), ListRows([]))
    made.note((safe(payload), "warning"))
    made.styles.height = ROWS_EACH
    return made


def bordered(payload: str, *, below: bool = False) -> Vertical:
    made = Vertical(classes="pane")
    made.styles.height = ROWS_EACH
    text = display.content(*display.key_runs(payload, ""))
    if below:
        made.border_subtitle = text
    else:
        made.border_title = text
    return made


def job(payload: str) -> JobStatus:
    return JobStatus("j", "p", "running", 10, 1, 0, 0, rate=1.0, title=payload, prefix=payload)


def option(payload: str) -> OptionList:
    made = OptionList(Option(display.key_content(payload)))
    made.styles.height = ROWS_EACH
    return made


def hit(payload: str) -> Static:
    made = DiscoveryHit(display.key_content(payload), lambda: None, help=safe(payload))
    shown = made.prompt
    return Static(shown if isinstance(shown, Content) else display.content(str(shown)))


def preview(payload: str, name: str) -> list[display.Run]:
    body = payload.encode("utf-8", "surrogatepass")
    made = make_preview(body, name=name, content_type="", total=len(body), width=WIDE)
    return [run for line in made.lines[:2] for run in line]


def error_text(payload: str) -> str:
    return safe(ServiceError("AccessDenied", 403, payload, where=printable(payload)).sentence)


SINKS: dict[str, Make] = {
    "table cell": table,
    "table cell, not in the middle": lambda p: table(p, middle=False),
    "table cell, narrow": lambda p: table(p, width=24),
    "table header": lambda p: table(p, header=True),
    "table row with a mark": marked,
    "table notice": noted,
    "facts": lambda p: Facts([("key", display.key_runs(p))]),
    "facts, path": lambda p: Facts([("key", display.path_runs(p, "bold foreground"))]),
    "facts, a long label": lambda p: Facts([("", display.key_runs(p))], label=0),
    "static": runs(display.key_runs),
    "static of a path": runs(display.path_runs),
    "static without markup": lambda p: Static(safe(p), markup=False),
    "label": lambda p: Label(display.key_content(p)),
    "button": lambda p: Button(display.key_content(p)),
    "checkbox": lambda p: Checkbox(display.key_content(p)),
    "collapsible": lambda p: Collapsible(Static(display.key_content(p)), title="x", collapsed=False),
    "title of a pane": bordered,
    "subtitle of a pane": lambda p: bordered(p, below=True),
    "option list": option,
    "palette": hit,
    "input": lambda p: Input(value=safe(p)),
    "input, raw": lambda p: Input(value=p, compact=True),
    "placeholder": lambda p: Input(placeholder=safe(p)),
    "elided": runs(lambda p: display.elide(display.key_runs(p), 40)),
    "fitted": runs(lambda p: display.fit(display.path_runs(p), 60, middle=True)),
    "bucket facts": lambda p: Facts(bucket_facts(BucketFacts(p, "", "us-west-2", "Enabled"))[:1]),
    "object facts": lambda p: Facts(object_facts(NameRow(p, entry(p)), entry(p), head(p))[:1]),
    "prefix facts": lambda p: Facts(prefix_facts(p, [])),
    "preview of a text": runs(lambda p: preview(p, "x.txt")),
    "name of a preview": runs(lambda p: display.key_runs(p, "")),
    "queue line": runs(lambda p: queue_runs([job(p)])),
    "error of a store": lambda p: Static(error_text(p), markup=False),
    "crash sentence": lambda p: Static(plain_line(crash.report(RuntimeError(p), None)), markup=False),
    "profile and endpoint": lambda p: Static(display.content(*display.key_runs(p), ("  ", ""),
                                                             *display.key_runs(f"http://{p}", "muted"))),
}
SAME_FOR_ALL = {"crash sentence"}
CUT_SHORT = {"table cell, narrow", "elided", "title of a pane", "subtitle of a pane"}


class Matrix(S3ConsoleApp):
    """Shows one sink after the other and ends."""

    MODES = {}  # noqa: RUF012
    DEFAULT_MODE = "_default"

    def __init__(self, out: Path) -> None:
        super().__init__(FakeDesk(Path(tempfile.mkdtemp()) / "home", store()))
        self.out = out
        self.found: dict[str, Any] = {}

    def on_mount(self) -> None:
        self.run_worker(self.walk(), exit_on_error=True)

    async def walk(self) -> None:
        for name, make in SINKS.items():
            await self.show_one(name, [make(payload) for payload in PAYLOADS.values()])
        await self.chrome()
        await self.toasts()
        await self.menu()
        self.out.write_text(json.dumps(self.found), encoding="utf-8")
        self.exit(0, message=plain_line(display.message_text("".join(PAYLOADS.values()))))

    async def drawn(self, name: str, boxes: list[Widget], screen: Screen[Any]) -> None:
        for _ in range(2):
            await screen.wait_for_refresh()
        strips = screen._compositor.render_strips()
        texts, links = [], 0
        for strip in strips:
            links += sum(1 for segment in strip if segment.style is not None
                         and (segment.style.link or "@click" in segment.style.meta))
        for box in boxes:
            region = box.region
            lines = [strip.crop(region.x, region.right).text for strip in strips[region.y:region.bottom]]
            texts.append("\n".join(line.rstrip() for line in lines))
        self.found[name] = {"texts": texts, "links": links}

    async def show_one(self, name: str, widgets: list[Widget]) -> None:
        boxes: list[Widget] = []
        for widget in widgets:
            box = Vertical(widget)
            box.styles.height = ROWS_EACH
            box.styles.overflow = ("hidden", "hidden")
            boxes.append(box)

        class Page(Screen[None]):
            AUTO_FOCUS = None

            def compose(self) -> ComposeResult:
                yield from boxes
                yield Static(f"SINK {name} END", markup=False)

        page = Page()
        await self.push_screen(page)
        await self.drawn(name, boxes, page)
        await self.pop_screen()

    async def chrome(self) -> None:
        """The context line itself, through a hostile connection and a hostile place."""
        kept = self.desk

        class Line(ContextLine):
            def __init__(self, shown: Content) -> None:
                super().__init__()
                self.id = None
                self.shown = shown

            def render(self) -> Content:
                return self.shown

        maker = ContextLine()
        lines: list[Widget] = []
        with self._context():
            for payload in PAYLOADS.values():
                config = replace(kept.config, connection=Connection(payload, None, payload))
                self.desk = FakeDesk(kept.home.path, store())
                self.desk.config = config
                lines.append(Static(display.content(*maker.identity(WIDE))))
        self.desk = kept
        await self.show_one("context line", lines)

    async def toasts(self) -> None:
        for payload in PAYLOADS.values():
            self.notify(error_text(payload), severity="error", markup=False, timeout=60)
        page: Screen[None] = Screen()
        await self.push_screen(page)
        await page.mount(Static("SINK toasts END", markup=False))
        await self.drawn("toasts", [], page)
        self.clear_notifications()
        await self.pop_screen()

    async def menu(self) -> None:
        menu = MenuDialog("copy", [(chr(97 + n % 26), "URI", display.elide(display.key_runs(payload), 54))
                                   for n, payload in enumerate(PAYLOADS.values())])
        await self.push_screen(menu)
        await self.drawn("copy menu", [], menu)
        await menu.mount(Static("SINK copy menu END", markup=False))
        await menu.wait_for_refresh()
        await self.pop_screen()


def names() -> Iterator[str]:
    """Every place that is shown, in order."""
    yield from SINKS
    yield from ("context line", "toasts", "copy menu")


if __name__ == "__main__":
    app = Matrix(Path(sys.argv[1]))
    app.run()
    sys.exit(app.return_code or 0)
