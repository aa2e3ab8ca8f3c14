"""Queue: real jobs on the demo, paused, killed, taken up again, cancelled."""

from __future__ import annotations

import asyncio
import os
import signal

from s3console.core.model import JobStatus
from s3console.store.jobs import Failure, append_failures, job_folder, read_control, write_status
from s3console.ui.dialogs.welcome import WelcomeBack
from s3console.ui.screens.queue import QueueScreen
from s3console.workflow.approving import approve
from s3console.workflow.desk import Desk
from s3console.workflow.jobs import job_status, launch, submit

from .conftest import SIZE, frame, press, settle
from .working import Looks, console, go, planned, until

AT = "2024-06-25T10:11:34Z"


def queued(desk: Desk, prefix: str, **more: object) -> str:
    """An approved plan with its job, not started."""
    from s3console.store.plans import load_plan

    plan = load_plan(desk.home, planned(desk, prefix, **more))
    approve(desk, plan.plan, count=plan.operations)
    return submit(desk, plan.plan)


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


async def test_failures_and_what_a_dead_runner_left(work_desk: Desk, looks: Looks) -> None:
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
        await press(pilot, "p")
        await go(pilot, "queue")
        await press(pilot, "enter", "down")
        await looks(pilot, "failures")
        assert job_status(work_desk, job).runner == 0


async def test_pause_kill_welcome_back_cancel(work_desk: Desk) -> None:
    job = queued(work_desk, "")
    launch(work_desk, job, rate=200)
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
    while job_status(work_desk, job).runner:
        await asyncio.sleep(0.05)
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
        await press(pilot, "K", "y")
        await until(pilot, lambda: job_status(work_desk, job).state in ("cancelled", "done"))


async def test_nothing_is_steered_in_read_only_mode(work_desk: Desk) -> None:
    job = queued(work_desk, "document002/")
    app = console(work_desk, live=False, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, WelcomeBack)
        assert "continue" not in frame(app)
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
