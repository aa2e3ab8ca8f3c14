"""The words of the queue: run, jobs, job, pause, resume, cancel, retry."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from datetime import datetime
from typing import Literal

from s3console.core.errors import Refused, UsageError
from s3console.core.keys import printable
from s3console.core.model import JobStatus

from .call import DONE, FOUND, INCOMPLETE, REFUSED, Call
from .output import bar, counted, size_text
from .records import failure_record, job_record

WORKERS = 2
AT_END = ("done", "cancelled", "stale")
AT_REST = ("done", "failed", "cancelled", "stale", "paused")
LOOK_EVERY, PAUSE_WITHIN, ANSWER_WITHIN = 0.2, 60.0, 15.0
STALE_AFTER = 20.0
"""Seconds after which a snapshot that does not change is believed."""


def _progress_text(status: JobStatus) -> str:
    settled = status.planned - status.remaining
    text = (f"{bar(settled, status.planned)} {settled:,}/{status.planned:,} {status.phase} "
            f"{status.rate:,.0f}/s {size_text(status.bytes)}")
    if status.failed:
        text += f"  failed {status.failed:,}"
    if status.rate > 0 and status.remaining:
        seconds = int(status.remaining / status.rate)
        text += f"  {seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} left"
    return f"{text}  {status.message}".rstrip()


def _ending(status: JobStatus) -> int:
    """The exit code for a job at rest. What was skipped, because it changed since it was planned, is a
    difference that still exists."""
    if status.state == "done":
        return FOUND if status.failed or status.skipped else DONE
    return {"failed": FOUND, "stale": REFUSED}.get(status.state, INCOMPLETE)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _facts(status: JobStatus) -> JobStatus:
    """The snapshot without what the reader of it fills in from the lock."""
    return replace(status, runner=0, rate=0.0, in_flight=0)


class _Run:
    """A job being followed. `runner` is the process this call started, 0 when it found one running."""

    def __init__(self, call: Call, job: str) -> None:
        self._call, self.job = call, job
        self.runner = 0
        self._before: JobStatus | None = None
        self._since = time.monotonic()

    def status(self) -> JobStatus:
        """The true status at this moment."""
        from s3console.workflow.jobs import job_status

        return job_status(self._call.desk, self.job)

    def start(self) -> JobStatus:
        """Bring the job to run, unless it runs already or is at its end."""
        from s3console.workflow.jobs import control

        status = self.status()
        if status.state in AT_END:
            return status
        if status.runner == 0:
            return self.launch(status)
        if status.state == "paused":
            self._before = _facts(status)
            control(self._call.desk, self.job, "resume")
        return self.status()

    def expect(self, before: JobStatus, action: Literal["cancel", "retry"]) -> JobStatus:
        """Ask for something that needs a living runner, and start one if there is none."""
        from s3console.workflow.jobs import control

        self._before = _facts(before)
        control(self._call.desk, self.job, action)
        return self.launch(before) if before.runner == 0 else self.status()

    def launch(self, before: JobStatus) -> JobStatus:
        """Start a runner of its own for the job."""
        from s3console.workflow.jobs import launch

        options = vars(self._call.options)
        self._before = _facts(before)
        self.runner = launch(self._call.desk, self.job, workers=options.get("workers") or WORKERS,
                             rate=options.get("rate") or 0.0, bandwidth=options.get("bandwidth") or 0.0)
        return self.status()

    def _rests(self, status: JobStatus) -> bool:
        """Whether the job came to rest. A snapshot from before the start says nothing yet."""
        if self.runner and not _lives(self.runner):
            return True
        if status.state not in AT_REST or (status.runner and status.phase == "preparing"):
            return False
        return _facts(status) != self._before or time.monotonic() - self._since > STALE_AFTER

    def wait(self, seconds: float | None = None) -> JobStatus | None:
        """Follow the job until it rests; None when it does not within `seconds`."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            status = self.status()
            self._call.output.progress(lambda: _progress_text(status))  # noqa: B023 - read at once
            if self._rests(status):
                return self.status()
            if deadline is not None and time.monotonic() > deadline:
                return None
            time.sleep(LOOK_EVERY)

    def pause(self) -> None:
        """Pause the job, and say so when it takes longer than a person waits."""
        from s3console.workflow.jobs import control

        self._call.output.say(f"Pausing job {self.job}; what is in flight is brought to its end. "
                              "Ctrl-C again leaves it running by itself.")
        control(self._call.desk, self.job, "pause")
        self._before = None
        if self.wait(PAUSE_WITHIN) is None:
            self._call.output.say(f"Job {self.job} has not paused yet; `s3console job {self.job}` tells "
                                  "when it has.")

    def release(self) -> JobStatus:
        """End the runner of this call when it only waits in a pause; the job stays resumable."""
        status = self.status()
        if status.state == "paused" and self.runner and status.runner == self.runner:
            os.kill(self.runner, signal.SIGTERM)
            deadline = time.monotonic() + ANSWER_WITHIN
            while _lives(self.runner) and time.monotonic() < deadline:
                time.sleep(LOOK_EVERY)
        return replace(self.status(), message=status.message)


def _say_ending(call: Call, status: JobStatus) -> None:
    told = (f"Job {status.job} is {status.state}: {status.done:,} done, {status.failed:,} failed, "
            f"{status.skipped:,} skipped, {status.remaining:,} remaining of {status.planned:,}.")
    if status.message and status.state != "done" and status.message != status.state:
        told += f" {status.message[:1].upper()}{status.message[1:].rstrip('.')}."
    if status.state == "paused":
        told += f" `s3console resume {status.job}` goes on with it."
    if status.failed:
        told += f" `s3console retry {status.job}` tries what failed again."
    call.output.say(told)


def _job_for(call: Call, target: str) -> str:
    """The job meant by a job id or a plan id; an approved plan gets its job now."""
    from s3console.store.home import names
    from s3console.store.jobs import job_folder
    from s3console.workflow.jobs import submit

    if target in names(call.desk.home.jobs):
        return target
    try:
        return submit(call.desk, target)
    except UsageError as unknown:
        try:
            return job_folder(call.desk.home, target).job
        except UsageError:
            raise UsageError("there is neither a plan nor a job of this name", where=printable(target),
                             next_step="See `s3console plans` and `s3console jobs`") from unknown


def run(call: Call) -> int:
    """Run an approved plan or go on with a job; without an argument, all that wait."""
    call.need_writing()
    target = call.options.target
    if target is None:
        return _run_all(call)
    status = _run_one(call, _job_for(call, target))
    if call.output.as_json:
        call.output.record(job_record(status))
    return DONE if call.options.detach else _ending(status)


def _run_one(call: Call, job: str) -> JobStatus:
    followed = _Run(call, job)
    try:
        status = followed.start()
        if call.options.detach:
            call.output.say(f"Job {job} runs by itself; `s3console job {job}` shows it.")
            return status
        followed.wait()
        status = followed.release()
    except KeyboardInterrupt:
        followed.pause()
        status = followed.release()
        _say_ending(call, status)
        if call.output.as_json:
            call.output.record(job_record(status))
        raise
    _say_ending(call, status)
    return status


def _waiting(call: Call) -> list[str]:
    """Jobs to take up again, then approved plans that have no job yet, oldest first."""
    from s3console.store.plans import list_plans
    from s3console.workflow.jobs import list_jobs
    from s3console.workflow.planning import plan_state

    known = list_jobs(call.desk)
    jobs = [status.job for status in known if status.state in ("queued", "running", "paused")]
    plans = sorted(list_plans(call.desk.home), key=lambda plan: (plan.created, plan.plan))
    return sorted(jobs) + [plan.plan for plan in plans if plan_state(call.desk, plan, known) == "approved"]


def _run_all(call: Call) -> int:
    waiting = _waiting(call)
    if not waiting:
        call.output.say("Nothing waits: no approved plan, no interrupted job.")
    ended = [_run_one(call, _job_for(call, one)) for one in waiting]
    if call.output.as_json:
        call.output.record({"jobs": [job_record(status) for status in ended]})
    codes = {DONE if call.options.detach else _ending(status) for status in ended}
    return max(codes, default=DONE)


def jobs(call: Call) -> int:
    """List the jobs, oldest first."""
    from s3console.workflow.jobs import list_jobs

    found = sorted(list_jobs(call.desk), key=lambda status: status.job)
    if call.output.as_json:
        for status in found:
            call.output.record(job_record(status))
        return DONE
    if not found:
        call.output.say("There is no job yet; `s3console run PLAN` starts one.")
        return DONE
    call.output.table(
        ("JOB", "STATE", "PLANNED", "DONE", "FAILED", "SKIPPED", "REMAINING", "STARTED", "PLAN", "WHAT"),
        ((one.job, one.state, one.planned, one.done, one.failed, one.skipped, one.remaining, one.started,
          one.plan, one.title) for one in found))
    return DONE


def _known_job(call: Call) -> str:
    from s3console.store.jobs import job_folder

    return job_folder(call.desk.home, call.options.job).job


def mean_rate(status: JobStatus) -> float:
    """Operations per second from the start of a job that is over, 0 for any other."""
    if not (status.started and status.ended):
        return 0.0
    begun, ended = (datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ") for at in (status.started, status.ended))
    return status.done / max(1.0, (ended - begun).total_seconds())


def _rate_text(status: JobStatus) -> str:
    mean = mean_rate(status)
    return f"{mean:,.1f} per second on the whole" if mean else f"{status.rate:,.1f} per second"


def _show(call: Call, status: JobStatus) -> None:
    if call.output.as_json:
        call.output.record(job_record(status))
        return
    requests = ", ".join(f"{count:,} {name}" for name, count in sorted(status.requests.items()))
    facts = [
        ("job", status.job), ("plan", status.plan), ("what", printable(status.title)),
        ("prefix", printable(status.prefix)),
        ("state", f"{status.state} {status.phase}".strip()),
        ("planned", counted(status.planned, "operation")), ("done", f"{status.done:,}"),
        ("failed", f"{status.failed:,}"), ("skipped", f"{status.skipped:,}"),
        ("remaining", f"{status.remaining:,}"), ("bytes", size_text(status.bytes)),
        ("started", status.started), ("ended", status.ended), ("rate", _rate_text(status)),
        ("each took", f"{status.p50:,.0f} ms (half), {status.p99:,.0f} ms (99 of 100)" if status.p99 else ""),
        ("requests", requests), ("message", status.message),
    ]
    call.output.facts([(name, value) for name, value in facts if value])


def job(call: Call) -> int:
    """Show a job, or what failed in it."""
    from s3console.workflow.jobs import job_status

    known = _known_job(call)
    if call.options.failures:
        return _show_failures(call, known)
    _show(call, job_status(call.desk, known))
    return DONE


def _show_failures(call: Call, known: str) -> int:
    from s3console.workflow.jobs import failures

    found = failures(call.desk, known)
    if call.output.as_json:
        for one in found:
            call.output.record(failure_record(one))
        return DONE
    call.output.table(("#", "WHAT", "CODE", "KEY", "MESSAGE"),
                      ((one.index, one.kind, one.code, one.key, one.message) for one in found))
    return DONE


def _ask(call: Call, what: Literal["pause", "resume", "cancel", "retry"]) -> int:
    """Hand a wish to the runner of a job and show what became of it.

    Only a runner may change a job, so one is started where none lives; a pause needs none then.
    """
    from s3console.workflow.jobs import control

    followed = _Run(call, _known_job(call))
    before = followed.status()
    if what == "resume":
        if before.state in AT_END:
            raise Refused(f"job {before.job} is {before.state} and cannot go on",
                          next_step="See `s3console job` for what it did")
        _show(call, followed.start())
        return DONE
    if what == "retry":
        if not before.failed:
            call.output.say(f"Nothing failed in job {before.job}, so there is nothing to try again.")
            _show(call, before)
            return DONE
        _show(call, followed.expect(before, "retry"))
        return DONE
    if what == "cancel":
        followed.expect(before, "cancel")
    elif before.state != "paused":
        control(call.desk, followed.job, "pause")
    if (what == "cancel" or before.runner) and followed.wait(ANSWER_WITHIN) is None:
        call.output.say(f"Job {followed.job} was told to {what} and still brings its last requests to "
                        "their end.")
    _show(call, followed.status())
    return DONE


def pause(call: Call) -> int:
    """Pause a job after what is in flight."""
    return _ask(call, "pause")


def resume(call: Call) -> int:
    """Go on with a job in a runner of its own."""
    call.need_writing()
    return _ask(call, "resume")


def cancel(call: Call) -> int:
    """End a job for good; what is done stays done."""
    return _ask(call, "cancel")


def retry(call: Call) -> int:
    """Try the failed items of a job again."""
    call.need_writing()
    return _ask(call, "retry")
