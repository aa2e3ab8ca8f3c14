"""Draws the pictures of the README from the console on the embedded S3: `make screenshots`."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import resvg_py
from keys import write_keys
from textual.pilot import Pilot

from s3console.config import load_config
from s3console.demo.distcp import directory
from s3console.demo.server import DemoServer
from s3console.ui.app import S3ConsoleApp
from s3console.workflow.approving import approve
from s3console.workflow.comparing import CompareOptions, compare
from s3console.workflow.desk import Desk, open_desk, parse_place
from s3console.workflow.jobs import job_status, launch, submit
from s3console.workflow.planning import plan_repair

HERE = Path(__file__).resolve().parent
SIZE = (120, 36)
WAIT_SECONDS = 60.0
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
        strips = pilot.app.screen._compositor.render_strips()
        if any(text in strip.text for strip in strips):
            return
    sys.exit(f"the screen never showed: {text}")


async def rest(pilot: Pilot[int]) -> None:
    """Wait until no thread is at work."""
    calm = 0
    while calm < 8:
        await pilot.pause(0.03)
        app = pilot.app
        calm = 0 if isinstance(app, S3ConsoleApp) and app.threads.busy else calm + 1


@dataclass(frozen=True, slots=True)
class Picture:
    """What is pressed before a picture is taken, and a text that must be on it."""

    name: str
    presses: str
    wanted: str
    start: str | None = None
    live: bool = False
    theme: str = "dark"
    png: bool = False


PICTURES = (
    Picture("browse", "", "2::png", start=f"s3://bucket2/{directory('document003', 0)}"),
    Picture("browse-light", "", "2::png", start=f"s3://bucket2/{directory('document003', 0)}", theme="light"),
    Picture("browse-ansi", "", "2::png", start=f"s3://bucket2/{directory('document003', 0)}", theme="ansi"),
    Picture("compare", "2 enter ~to_review j j j j j", "should be", png=True),
    Picture("review", "3", "sha256"),
    Picture("approve", "3 A", "the number of operations", live=True, png=True),
    Picture("queue", "4", "done"),
    Picture("journal", "5", "approved"),
    Picture("help", "2 question_mark", "keys of compare"),
)


async def draw(desk: Desk, picture: Picture) -> None:
    """Open the console, press keys, wait for a text, and save what is on the screen."""
    app = S3ConsoleApp(desk, start=picture.start)
    app.theme = f"s3console-{picture.theme}"
    app.live = picture.live
    async with app.run_test(size=SIZE) as pilot:
        await rest(pilot)
        for key in picture.presses.split():
            if key.startswith("~"):
                await shows(pilot, key[1:].replace("_", " "))
            else:
                await pilot.press(key)
            await rest(pilot)
        await shows(pilot, picture.wanted)
        await rest(pilot)
        app.refresh_chrome()
        await pilot.pause()
        svg = clean(app.export_screenshot(title="s3console"))
    (HERE / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
    sys.stdout.write(f"screenshots/{picture.name}.svg\n")
    if not picture.png:
        return
    # This renderer has no switch for ligatures, so the font must be one without.
    drawn = resvg_py.svg_to_bytes(svg_string=svg.replace("Fira Code, ", ""), zoom=1.5,
                                  monospace_family="DejaVu Sans Mono")
    (HERE / f"{picture.name}.png").write_bytes(bytes(drawn))
    sys.stdout.write(f"screenshots/{picture.name}.png\n")


def prepare(desk: Desk) -> None:
    """A review of the DistCp story, a job that was done, and a plan that waits."""
    sides = [parse_place(f"s3://{bucket}/", desk.config.connection) for bucket in ("bucket1", "bucket2")]
    review = compare(desk, *sides, CompareOptions(versions=True))
    for prefix in ("document003/", "document002/"):
        plan = plan_repair(desk, review.review, prefix)
        approve(desk, plan.plan, count=plan.operations, typed=str(plan.operations))
        job = submit(desk, plan.plan)
        launch(desk, job)
        deadline = time.monotonic() + WAIT_SECONDS
        while job_status(desk, job).state != "done" and time.monotonic() < deadline:
            time.sleep(0.2)
    plan_repair(desk, review.review, "document005/")


def main() -> None:
    """Draw the pictures that were named, or all, and the key table of the README."""
    wanted = sys.argv[1:]
    write_keys()
    pictures = [picture for picture in PICTURES if not wanted or picture.name in wanted]
    if not pictures:
        return
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    with DemoServer(port=PORT) as server, tempfile.TemporaryDirectory() as state:
        os.environ.update(server.environment() | {
            "LOGNAME": "operator", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none",
            "S3CONSOLE_CONFIG": f"{state}/none.toml"})
        desk = open_desk(load_config({"state_dir": f"{state}/s3console"}, os.environ))
        prepare(desk)
        for picture in pictures:
            asyncio.run(draw(desk, picture))


if __name__ == "__main__":
    main()
