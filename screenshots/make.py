"""Draws the pictures of the README from the console on the embedded S3: `make screenshots`."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

import resvg_py
from textual.pilot import Pilot

from s3console.config import load_config
from s3console.demo.distcp import directory
from s3console.demo.server import DemoServer
from s3console.ui.app import S3ConsoleApp
from s3console.workflow.comparing import CompareOptions, compare
from s3console.workflow.desk import Desk, open_desk, parse_place
from s3console.workflow.planning import plan_repair

HERE = Path(__file__).resolve().parent
SIZE = (120, 36)
WAIT_SECONDS = 20.0
PORT = 29000


def clean(svg: str) -> str:
    """No fonts from the network, no ligatures: a key must be shown exactly, also without a connection."""
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg)
    svg = svg.replace("font-family: Fira Code", "font-family: Fira Code, DejaVu Sans Mono, Menlo, Consolas")
    svg = svg.replace("font-family: arial;", "font-family: Fira Code, DejaVu Sans Mono, monospace;")
    return svg.replace("font-variant-east-asian: full-width;",
                       "font-variant-ligatures: none; font-feature-settings: 'liga' 0, 'calt' 0;")


async def shows(pilot: Pilot[int], text: str) -> None:
    """Wait until the screen holds a text; ends the script when it does not come."""
    for _ in range(int(WAIT_SECONDS / 0.1)):
        await pilot.pause(0.1)
        if text in re.sub(r"&#160;", " ", pilot.app.export_screenshot()):
            return
    sys.exit(f"the screen never showed: {text}")


async def draw(desk: Desk, start: str | None, presses: str, wanted: str, name: str) -> None:
    """Open the console at a place, press keys, wait for a text, and save what is on the screen."""
    app = S3ConsoleApp(desk, start=start)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(1.0)
        for key in presses.split():
            await pilot.press(key)
            await pilot.pause(0.3)
        await shows(pilot, wanted)
        await pilot.pause(0.5)
        svg = clean(app.export_screenshot(title="s3console"))
    path = HERE / name
    if path.suffix == ".png":
        # This renderer has no switch for ligatures, so the font must be one without.
        svg = svg.replace("Fira Code, ", "")
        drawn = resvg_py.svg_to_bytes(svg_string=svg, zoom=1.5, monospace_family="DejaVu Sans Mono")
        path.write_bytes(bytes(drawn))
    else:
        path.write_text(svg, encoding="utf-8")
    sys.stdout.write(f"{path.relative_to(HERE.parent)}\n")


def main() -> None:
    """Draw both pictures."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    with DemoServer(port=PORT) as server, tempfile.TemporaryDirectory() as state:
        os.environ.update(server.environment() | {"LOGNAME": "operator", "COLORTERM": "truecolor"})
        desk = open_desk(load_config({"state_dir": f"{state}/s3console"}, os.environ))
        sides = [parse_place(f"s3://{bucket}/", desk.config.connection) for bucket in ("bucket1", "bucket2")]
        review = compare(desk, *sides, CompareOptions(versions=True))
        plan_repair(desk, review.review, "document005/")
        place = f"s3://bucket2/{directory('document003', 0)}"
        asyncio.run(draw(desk, place, "", "2::png", "browse.svg"))
        asyncio.run(draw(desk, None, "3", "sha256", "review.png"))


if __name__ == "__main__":
    main()
