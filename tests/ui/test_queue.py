"""Queue: real jobs on the demo, paused, killed, taken up again, cancelled."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from s3console.core.model import JobStatus
from s3console.run import launch as launch_runner
from s3console.store.jobs import Failure, JobLock, append_failures, job_folder, read_control, write_status
from s3console.ui.dialogs import welcome
from s3console.ui.dialogs.ask import AskDialog
from s3console.ui.dialogs.operations import OperationsDialog
from s3console.ui.dialogs.welcome import WelcomeBack
from s3console.ui.jobs.words import pace_runs
from s3console.ui.safety import _ASCII
from s3console.ui.screens.job_steering import limit_of
from s3console.ui.screens.queue import QueueScreen
from s3console.ui.widgets.plot import columns_of, plot_lines
from s3console.workflow.after_crash import under_way
from s3console.workflow.approving import approve
from s3console.workflow.desk import Desk
from s3console.workflow.jobs import job_status, launch, submit

from .conftest import PATIENCE, SIZE, frame, press, settle
from .working import Looks, console, go, planned, says, until

AT = "2024-06-25T10:11:34Z"


def queued(desk: Desk, prefix: str, **more: object) -> str:
    """An approved plan with its job, not started."""
    from s3console.store.plans import load_plan

    plan = load_plan(desk.home, planned(desk, prefix, **more))
    approve(desk, plan.plan, count=plan.operations)
    return submit(desk, plan.plan)


async def gone(desk: Desk, job: str) -> None:
    """Wait until nobody runs the job."""
    end = monotonic() + PATIENCE
    while job_status(desk, job).runner:
        assert monotonic() < end, job_status(desk, job)
        await asyncio.sleep(0.05)


def told(desk: Desk, job: str, **facts: object) -> JobStatus:
    """A snapshot as a runner would have left it."""
    status = JobStatus(**{**{name: getattr(job_status(desk, job), name) for name in JobStatus.__slots__},
                          **facts})  # type: ignore[arg-type]
    write_status(job_folder(desk.home, job), status)
    return status


async def test_empty_and_waiting(work_desk: Desk, looks: Looks) -> None:
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE) as pilot:
        await go(pilot, "queue")
        await looks(pilot, "empty")
        planned(work_desk, "document002/")
        await press(pilot, "f5")
        await looks(pilot, "one plan to approve")
        await press(pilot, "enter")
        assert app.current_mode == "review"


async def test_failures_and_what_a_dead_runner_left(
    work_desk: Desk, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(welcome, "ago", lambda stamp, now: "4s")
    job = queued(work_desk, "document002/")
    told(work_desk, job, state="running", done=100, failed=2, skipped=1, phase="deleting", bytes=70_000,
         requests={"CopyObject": 128, "DeleteObjects": 3}, retries=4,
         rates=tuple(map(float, range(20, 90, 3))), started="2024-06-25T10:00:00Z", ended=AT)
    append_failures(job_folder(work_desk.home, job), [
        Failure(5, "delete", "document002/a\x1b]2;x/1", "AccessDenied", "not allowed", AT),
        Failure(9, "delete", "document002/b/1", "ObjectLocked", "retention until 2031", AT),
    ])
    app = console(work_desk)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, WelcomeBack)
        await looks(pilot, "welcome back")
        await asyncio.sleep(WelcomeBack.DEAF)
        await press(pilot, "s")
        assert isinstance(app.screen, OperationsDialog)
        assert app.screen.rows.plan.plan == job_status(work_desk, job).plan
        await press(pilot, "escape", "p")
        await go(pilot, "queue")
        await press(pilot, "enter", "down")
        await looks(pilot, "failures")
        assert job_status(work_desk, job).runner == 0


@pytest.fixture
def slow_runners(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that the console starts takes a minute for its work, as a busy machine does for some keys."""
    module = sys.modules[launch_runner.__module__]
    monkeypatch.setattr(module, "launch", partial(launch_slowly, launch_runner))


def launch_slowly(start: Callable[..., int], *arguments: Any, rate: float, **more: Any) -> int:
    return start(*arguments, rate=rate or 20.0, **more)


@pytest.mark.usefixtures("slow_runners")
async def test_pause_kill_welcome_back_cancel(work_desk: Desk) -> None:
    job = queued(work_desk, "")
    launch(work_desk, job)
    app = console(work_desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "queue")
        assert isinstance(screen, QueueScreen)
        await until(pilot, lambda: "● running" in frame(app) and "operations" not in screen.failures_of)
        await press(pilot, "space")
        await until(pilot, lambda: job_status(work_desk, job).state == "paused")
        await until(pilot, lambda: "‖ paused" in frame(app))
        done = job_status(work_desk, job).done
        await press(pilot, "space")
        await until(pilot, lambda: job_status(work_desk, job).done > done)
        await press(pilot, "greater_than_sign")
        asked = read_control(job_folder(work_desk.home, job))
        assert [control.action for control in asked][:2] == ["pause", "resume"]
        assert asked[-1].action in ("limits", "resume")
        await press(pilot, "space")
        await until(pilot, lambda: job_status(work_desk, job).state in ("paused", "done"))
    status = job_status(work_desk, job)
    assert status.state == "paused", "the job was over before it was paused a second time"
    os.kill(status.runner, signal.SIGKILL)
    await gone(work_desk, job)
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, WelcomeBack)
        await asyncio.sleep(WelcomeBack.DEAF)
        await press(pilot, "c")
        assert app.live
        assert app.current_mode == "queue"
        await until(pilot, lambda: job_status(work_desk, job).state == "running")
        await until(pilot, lambda: "● running" in frame(app))
        await press(pilot, "K")
        await asyncio.sleep(AskDialog.DEAF)
        await press(pilot, "y")
        await until(pilot, lambda: job_status(work_desk, job).state in ("cancelled", "done"))


async def test_nothing_is_steered_in_read_only_mode(work_desk: Desk) -> None:
    job = queued(work_desk, "document002/")
    app = console(work_desk, live=False, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, WelcomeBack)
        assert "c continue" not in frame(app)
        await asyncio.sleep(WelcomeBack.DEAF)
        await press(pilot, "c")
        assert isinstance(app.screen, WelcomeBack)
        await press(pilot, "escape")
        await go(pilot, "queue")
        await press(pilot, "space", "K", "r")
        assert "space pause" not in frame(app)
        assert app.screen is app.screen_of_mode
    assert job_status(work_desk, job).state == "queued"
    assert read_control(job_folder(work_desk.home, job)) == []


async def test_narrow(work_desk: Desk, looks: Looks) -> None:
    job = queued(work_desk, "document002/")
    told(work_desk, job, state="done", done=256, ended="2024-06-25T10:11:34Z", started="2024-06-25T10:00:00Z")
    app = console(work_desk)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, "queue")
        await looks(pilot, "narrow")


def test_limits_as_they_are_written() -> None:
    assert limit_of("50MB/s") == {"bandwidth": 50e6}
    assert limit_of("1.5g") == {"bandwidth": 1.5e9}
    assert limit_of("200/s") == {"rate": 200.0}
    assert limit_of("off") == {"rate": 0.0, "bandwidth": 0.0}
    assert limit_of("fast") is limit_of("-3") is limit_of("") is None


def test_the_plot_is_blocks_with_a_scale() -> None:
    assert columns_of([1.0, 3.0], 4, 4) == [None, None, 1.0, 3.0]
    assert columns_of([1.0, 3.0] * 150, 3, 300) == [2.0, 2.0, 2.0]
    lines = ["".join(text for text, _ in line) for line in plot_lines([0.0, 50.0, 100.0], 66, 3, "accent")]
    assert [len(line) for line in lines] == [66, 66, 66]
    assert lines[0].startswith("  100 ")
    assert lines[-1].startswith("    0 ")
    assert lines[0].endswith("█")
    assert lines[-1].count("█") == 8, "a quarter of a minute: four columns a second"
    assert set("".join(lines).translate(_ASCII)) <= set(" 0123456789k.#:|_")


def status(**facts: object) -> JobStatus:
    return replace(JobStatus("j", "p", "running", 1000, 100, 0, 0, rate=50.0, in_flight=8, workers=2),
                   **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(("facts", "said"), [
    ({"phase": "preparing"}, "the bucket is looked at"),
    ({"phase": "first operations"}, "to see that they are allowed"),
    ({"given": 50.0}, "held to 50/s"),
    ({"found": 480.0, "slowdowns": 12}, "the store says slow down (12×); it takes about 480/s"),
    ({"done": 990}, "only the last operations"),
    ({"p50": 12.0, "p99": 80.0}, "half of the answers take more than 12 ms"),
    ({"state": "paused"}, ""),
])
def test_why_it_is_not_faster(facts: dict[str, object], said: str) -> None:
    told = "".join(text for text, _ in pace_runs(status(**facts)))
    assert said in told
    assert bool(told) == bool(said)


async def test_a_failed_job_is_looked_at_before_it_goes_on(
    work_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queued(work_desk, "document002/")
    told(work_desk, job, state="failed", done=100, failed=1, message="a delete was refused (AccessDenied)")
    append_failures(job_folder(work_desk.home, job),
                    [Failure(200, "delete", "document002/a/1", "AccessDenied", "not allowed", AT)])
    app = console(work_desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await go(pilot, "queue")
        assert isinstance(screen, QueueScreen)
        await press(pilot, "space")
        await until(pilot, lambda: says(app, "s goes on without"))
        assert job_status(work_desk, job).runner == 0
        screen.export_to(job, str(tmp_path / "failures.csv"))
        await until(pilot, lambda: says(app, "1 failure written"))
        assert "201,delete,document002/a/1,,AccessDenied" in (tmp_path / "failures.csv").read_text()
        app.clear_notifications()
        monkeypatch.setattr(AskDialog, "DEAF", 600.0)
        await press(pilot, "s", "y")
        assert isinstance(app.screen, AskDialog), "the y came too early"
        app.screen.deaf = 0.0
        await press(pilot, "y")
        await until(pilot, lambda: job_status(work_desk, job).state == "done")
    assert job_status(work_desk, job).done == 256


async def test_pause_all_and_limits_of_a_job_that_another_console_started(work_desk: Desk) -> None:
    job = queued(work_desk, "")
    launch(work_desk, job, rate=20)
    app = console(work_desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await go(pilot, "queue")
        await until(pilot, lambda: "it is held to 20/s" in frame(app))
        app.run_words("limit 15/s")
        app.run_words("workers 3")
        await until(pilot, lambda: job_status(work_desk, job).given == 15.0)
        asked = read_control(job_folder(work_desk.home, job))
        assert [control.values for control in asked] == [{"rate": 15.0}, {"workers": 3.0}]
        await press(pilot, "P")
        await until(pilot, lambda: job_status(work_desk, job).state == "paused")
        await press(pilot, "P")
        await until(pilot, lambda: job_status(work_desk, job).state == "running")
        os.kill(job_status(work_desk, job).runner, signal.SIGKILL)
        await until(pilot, lambda: not job_status(work_desk, job).runner)
        await until(pilot, lambda: JobLock.owner_of(job_folder(work_desk.home, job)) is None)
    found = under_way(work_desk, job)
    assert found.open >= found.looked > 0
    assert found.looked == found.done + found.to_do
    before = job_status(work_desk, job).done
    app = console(work_desk, live=False)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await until(pilot, lambda: "without an answer on disk" in frame(app))
        assert f"{found.done:,} " in frame(app)
        assert "Approvals still valid: 1 of 1" in frame(app)
    assert job_status(work_desk, job).done == before, "looking sends nothing"
