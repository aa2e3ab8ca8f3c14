"""The real console over a store whose names, texts and errors are all hostile. Run on a pty by a test.

`table` opens Browse; `net` shows every payload unescaped in plain widgets, so that only the line filter
stands between it and the terminal; `crash` breaks on a payload.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from textual.app import ComposeResult
from textual.widgets import Button, Static

from s3console.core.errors import ServiceError
from s3console.s3.facts import BucketFacts
from s3console.ui.app import S3ConsoleApp
from ui.fake_desk import Bucket, FakeDesk, ReadTwin, entry
from ui.payloads import PAYLOADS


def twin() -> ReadTwin:
    rows, bodies = [], {}
    for n, payload in enumerate(PAYLOADS.values()):
        key = f"in/{payload}/{payload}" if n == 0 else f"in/{payload}"
        rows.append(entry(key, 10 + n, "2024-06-25T10:11:34Z", version_id=payload[:40],
                          storage_class=payload[:30]))
        bodies[key] = payload.encode("utf-8", "surrogatepass")
    made = ReadTwin([Bucket(BucketFacts("hostile", "", "us-west-2", "Enabled"), rows, bodies)])

    def refuse(operation: str) -> None:
        if operation == "HeadObject" and made.counts[operation] % 2:
            raise ServiceError("AccessDenied", 403, PAYLOADS["osc_title"] + PAYLOADS["csi_clear"])

    made.before = refuse
    return made


class Net(S3ConsoleApp):
    """Everything unescaped at once."""

    MODES = {}  # noqa: RUF012
    DEFAULT_MODE = "_default"

    def compose(self) -> ComposeResult:
        for payload in PAYLOADS.values():
            yield Static(payload[:60], markup=False)
        yield Button("END-MARKER")

    def on_mount(self) -> None:
        self.notify(PAYLOADS["osc_title"], markup=False)


class Crash(S3ConsoleApp):
    """Breaks with a hostile value in a local variable and in the message."""

    def on_mount(self) -> None:
        secret_key = PAYLOADS["osc52"] + "TOPSECRET"
        raise RuntimeError(secret_key)


if __name__ == "__main__":
    what = sys.argv[1]
    kind = {"table": S3ConsoleApp, "net": Net, "crash": Crash}[what]
    home = FakeDesk(Path(tempfile.mkdtemp()) / "home", twin())
    app = kind(home, start="s3://hostile/in/" if what == "table" else None)
    app.run()
    sys.exit(app.return_code or 0)
