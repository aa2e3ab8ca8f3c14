"""Queue: real jobs on the demo, paused, killed, taken up again, cancelled."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from s3console.core.errors import Refused, UsageError
from s3console.core.model import Connection, JobStatus, Place
from s3console.run import launch as launch_runner
from s3console.s3.login_end import SSO, LoginEnd
from s3console.store.jobs import Failure, JobLock, append_failures, job_folder, read_control, write_status
from s3console.ui.dialogs import welcome
from s3console.ui.dialogs.ask import AskDialog
from s3console.ui.dialogs.operations import OperationsDialog
from s3console.ui.dialogs.staged import StagedDialog
from s3console.ui.dialogs.welcome import WelcomeBack
from s3console.ui.jobs.facts import QueueRow
from s3console.ui.jobs.foot import Foot, FootLook, Net, log_runs, strip_runs, through_here
from s3console.ui.jobs.words import pace_runs
from s3console.ui.safety import _ASCII
from s3console.ui.screens.job_steering import limit_of
from s3console.ui.screens.queue import QueueScreen
from s3console.ui.widgets.plot import columns_of, plot_lines
from s3console.workflow.after_crash import under_way
from s3console.workflow.approving import approve
from s3console.workflow.desk import Desk
from s3console.workflow.emptying import plan_empty_bucket
from s3console.workflow.jobs import job_status, launch, submit
from s3console.workflow.last_words import LastWords, last_words

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
        await until(pilot, lambda: "net none: copies stay in the store" in frame(app))
        assert "LOG  " in frame(app)
        app.run_words("limit 15/s")
        await until(pilot, lambda: len(read_control(job_folder(work_desk.home, job))) == 1)
        app.run_words("workers 3")
        await until(pilot, lambda: len(read_control(job_folder(work_desk.home, job))) == 2)
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


def words_of(desk: Desk, job: str, slowed: dict[str, int] | None = None) -> LastWords:
    found = last_words(desk, [job_status(desk, job)], slowed or {})
    assert found is not None
    return found


def test_the_last_words_are_the_newest_of_journal_failures_and_runner(work_desk: Desk) -> None:
    assert last_words(work_desk, [], {}) is None
    job = queued(work_desk, "document002/")
    assert (words_of(work_desk, job).job, words_of(work_desk, job).text) == (job, "queued")
    later = "2199-01-01T00:00:0"
    told(work_desk, job, state="failed", failed=2, message="a delete was refused", ended=f"{later}1Z")
    assert words_of(work_desk, job) == LastWords(f"{later}1Z", job, "a delete was refused", trouble=True)
    folder = job_folder(work_desk.home, job)
    append_failures(folder, [Failure(n, "delete", "k" * 900, "X", "older", AT) for n in range(40)])
    append_failures(folder, [Failure(9, "delete", "a\x1b]2;x", "AccessDenied", "not allowed", f"{later}2Z")])
    with folder.failures.open("ab") as file:
        file.write(b'{"index": 10, "ki')
    found = words_of(work_desk, job)
    assert found == LastWords(f"{later}2Z", job, "delete a\x1b]2;x AccessDenied not allowed", trouble=True)
    told(work_desk, job, state="failed", slowdowns=7, ended=f"{later}3Z", message="")
    assert words_of(work_desk, job).text.startswith("delete"), "nobody has counted before"
    assert words_of(work_desk, job, {job: 7}).text.startswith("delete"), "no more of them since"
    assert words_of(work_desk, job, {job: 5}).text == "the store says slow down (7×)"


def test_the_log_line_fits_and_holds_no_control_byte() -> None:
    for width in (76, 116):
        words = LastWords("2024-06-25T10:44:02Z", "7f40", "delete a\x1b]2;x\nAccessDenied " * 9)
        runs = log_runs(words, width)
        text = "".join(part for part, _ in runs)
        assert len(text) == width
        assert text.startswith("LOG  10:44:02  7f40  delete a")
        assert text.endswith("  5 journal")
        assert text.isprintable()


def test_bytes_a_second_are_of_the_last_seconds() -> None:
    net = Net()
    for second in range(11):
        net.tell(second, "one", 1_000 * second if second < 6 else 5_000 + 4_000 * (second - 5))
        net.tell(second, "two", 500 * second)
    assert net.rate == 4_500
    net.forget({"two"})
    assert net.rate == 500
    net.tell(11, "three", 10**9)
    assert net.rate == 500, "what a job had before it was looked at does not count"


def test_which_bytes_go_through_this_machine(work_desk: Desk) -> None:
    from s3console.store.plans import load_plan

    plan = load_plan(work_desk.home, planned(work_desk, "document002/"))
    assert plan.left is not None
    elsewhere = replace(plan.left, connection=Connection("another"))
    assert not through_here(QueueRow(None, plan))
    assert through_here(QueueRow(None, replace(plan, left=elsewhere)))
    assert not through_here(QueueRow(None, replace(plan, left=elsewhere, copy=0, restore=0)))
    running = status(bytes=5_000)
    look = FootLook()
    assert look.look(work_desk, []) == Foot()
    foot = look.look(work_desk, [QueueRow(running, plan)])
    assert (foot.net, foot.in_store, foot.workers) == (None, True, (2,))
    foot = look.look(work_desk, [QueueRow(running, replace(plan, left=elsewhere))])
    assert (foot.net, foot.in_store) == (0.0, False)


def test_the_strip_drops_what_does_not_fit() -> None:
    now = datetime(2024, 6, 25, 10, tzinfo=UTC)
    foot = Foot(None, LoginEnd(SSO, now + timedelta(minutes=42)), (2, 3), 86e6, dollars=7.41)

    def text(foot: Foot, width: int) -> str:
        return "".join(part for part, _ in strip_runs(foot, width, now))

    whole = text(foot, 116)
    assert whole.startswith("workers 2+3   net 82.0 MiB/s   SSO")
    assert "SSO session ends in 42 min   " in whole
    assert whole.endswith("L logs in again   spent $7.41")
    assert all(len(text(foot, width)) <= width for width in range(10, 120))
    ended = foot._replace(login=LoginEnd(SSO, now))
    assert "SSO session has ended" in text(ended, 116)
    assert text(Foot(), 116) == ""


async def test_when_the_login_ends(work_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = datetime.now(UTC) + timedelta(hours=5, minutes=30)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", ends.isoformat())
    job = queued(work_desk, "document002/")
    told(work_desk, job, state="done", done=256, ended=AT, started=AT)
    app = console(work_desk)
    for size in (SIZE, (80, 24)):
        async with console(work_desk).run_test(size=size) as pilot:
            await go(pilot, "queue")
            app = pilot.app  # type: ignore[assignment]
            await until(pilot, lambda: "temporary login ends in 5 h " in frame(app))  # noqa: B023
            assert "L logs in again" in frame(app)


def may_empty(desk: Desk) -> Desk:
    settings = replace(desk.config.settings, empty_bucket=True)
    return Desk(desk.home, replace(desk.config, settings=settings))


async def test_a_whole_bucket_is_emptied_by_its_name_and_its_number_only(work_desk: Desk) -> None:
    import boto3

    endpoint = work_desk.config.connection.endpoint_url
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="wiped")
    client.put_bucket_versioning(Bucket="wiped", VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "a", "b/c"):
        client.put_object(Bucket="wiped", Key=key, Body=b"x")
    client.delete_object(Bucket="wiped", Key="a")
    app = console(work_desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await go(pilot, "queue")
        app.run_words("empty-bucket wiped")
        await until(pilot, lambda: says(app, "empty_bucket = true"))
        assert app.screen is app.screen_of_mode
    desk = may_empty(work_desk)
    with pytest.raises(UsageError, match="only a whole bucket"):
        plan_empty_bucket(desk, Place("wiped", "b/", desk.config.connection))
    app = console(desk)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await go(pilot, "queue")
        app.run_words("empty-bucket wiped")
        await until(pilot, lambda: isinstance(app.screen, StagedDialog))
        assert isinstance(app.screen, StagedDialog)
        plan = app.screen.plan
        assert (plan.operations, plan.delete, plan.prefix, plan.reversible) == (4, 4, "", False)
        await press(pilot, "3")
        assert app.current_mode == "review"
        await until(pilot, lambda: "the whole bucket" in frame(app))
    with pytest.raises(Refused, match="approved by its number"):
        approve(desk, plan.plan)
    approve(desk, plan.plan, count=4)
    job = submit(desk, plan.plan)
    launch(desk, job)
    end = monotonic() + PATIENCE
    while job_status(desk, job).state in ("queued", "running"):
        assert monotonic() < end, job_status(desk, job)
        await asyncio.sleep(0.05)
    assert (job_status(desk, job).state, job_status(desk, job).done) == ("done", 4), job_status(desk, job)
    left = client.list_object_versions(Bucket="wiped")
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")
