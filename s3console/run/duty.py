"""One job being carried out: feeds the workers, takes in their reports, obeys, publishes."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import Any, Literal

from ..core.errors import Incomplete, S3ConsoleError
from ..core.model import JobState, JobStatus, Plan
from ..core.states import JobEvent, next_job_state
from ..store.checkpoint import Checkpoint
from ..store.home import now, stamp
from ..store.jobs import Control, Failure, JobFolder, append_failures, read_control, write_status
from ..store.journal import Journal
from .crew import Crew, Event, Worker
from .limits import Pace, Throttle, slice_size
from .slices import take_in
from .telling import closing_words, failure_of
from .walk import Halt, Walk

COMMIT_EVERY = 0.25
PUBLISH_EVERY = 0.2
OBEY_EVERY = 0.2
SETTLE = 1.0
"""Seconds after a process died before anything of it is looked up: its last request may still arrive."""
MOST_DEATHS = 5
THAW_LOOK = 300.0
"""Seconds between two looks at what is being restored from the archive; that takes minutes to days."""
DEPTH = 3
"""How many times what it has under way is given to a worker, so that it does not wait for the runner."""
OPERATIONS_EACH = 200_000
VERSIONS_EACH = 1_000_000
"""Operations that are worth a worker of their own; versions are deleted 1,000 with each request."""
MOST_HELD = 20_000
"""Operations that are given out in vain, because their prefixes are slowed down, to reach those behind."""

Wish = Literal["run", "pause", "leave", "cancel", "fail", "stale"]
_EVENTS: dict[Wish, JobEvent] = {"pause": "pause", "leave": "pause", "cancel": "cancel", "fail": "fail",
                                 "stale": "outdated"}
EXIT: dict[JobState, int] = {"done": 0, "failed": 1, "cancelled": 4, "paused": 4, "stale": 5}


class Duty:
    """The runner's work on one job. `run` returns the exit code of the process. `settled` is since when
    nobody else has a request out."""

    def __init__(
        self, folder: JobFolder, plan: Plan, walk: Walk, crew: Crew, checkpoint: Checkpoint,
        journal: Journal, *, at_once: int, workers: int, rate: float, static_login: bool,
        bandwidth: float = 0.0, thaw_look: float = THAW_LOOK, settled: float | None = None,
        asked: int = sys.maxsize,
    ) -> None:
        self._folder, self._plan, self._walk, self._crew = folder, plan, walk, crew
        self._checkpoint, self._journal = checkpoint, journal
        self._at_once, self._workers, self._static_login = at_once, workers, static_login
        clock = time.monotonic()
        self._throttle, self._asked_before = Throttle(rate, bandwidth, clock), asked
        self._woken = clock
        self._thaw_look = thaw_look
        self._pace = Pace(clock)
        self._wish: Wish = "run"
        self._left_at_once = False
        self._message = ""
        self._failures: list[Failure] = []
        self._placed = False
        self._asked: Worker | None = None
        self._deaths = 0
        self._settled = clock if settled is None else settled
        self._not_before = clock
        self._committed = self._published = self._obeyed = clock
        self._shown: JobStatus | None = None
        self._job: dict[str, Any] = {"schema": 1, "plan": plan.digest, "state": "queued", "started": "",
                                     "ended": "", "control": 0}
        self._job.update(checkpoint.get("job") or {})

    # ---- the whole

    def run(self) -> int:
        """Carry the job on until it is done, cancelled, failed, or told to leave."""
        self._begin()
        try:
            if self._job["state"] == "done":
                return self._end("finish", "")
            while True:
                end = self._turn()
                if end is not None:
                    return end
        except S3ConsoleError as error:
            return self._break(error)
        finally:
            self._crew.close()

    def leave(self) -> None:
        """Pause and end the process; may be called from a signal handler."""
        self._left_at_once = True

    def _begin(self) -> None:
        """Take the job up. Requests made before this runner was started count only where they still make
        sense; what was asked since then is obeyed like any other."""
        if self._job["state"] == "running":
            self._not_before = self._settled + SETTLE
        waiting = [one for one in read_control(self._folder, self._job["control"])
                   if one.number <= self._asked_before]
        actions = [c.action for c in waiting]
        self._job["control"] = waiting[-1].number if waiting else self._job["control"]
        if actions and actions[-1] == "cancel":
            self._wish = "cancel"
        elif "retry" in actions:
            self._retry()
            self._enter("retry", "")
        elif self._job["state"] != "done":
            self._enter("start", "")

    def _turn(self) -> int | None:
        clock = time.monotonic()
        if clock - self._obeyed >= OBEY_EVERY:
            self._obeyed = clock
            self._obey()
        if self._wish == "run" and self._walk.halt is not None:
            self._halted(self._walk.halt)
        if self._wish == "run" and not self._walk.finished:
            if not self._crew.workers or clock - self._published >= PUBLISH_EVERY:
                self._crew.fill(self._worth(self._crew.wanted))
            self._feed(clock)
            if not self._walk.parked:
                self._woken = clock
            elif clock - self._woken >= self._thaw_look:
                self._walk.wake()
        quiet = self._wish != "run" and self._walk.in_flight == 0
        if not self._walk.finished and not quiet:
            for event in self._crew.wait(0.05):
                self._take(event)
        elif self._job["state"] == "paused":
            time.sleep(OBEY_EVERY)
        if clock - self._committed >= COMMIT_EVERY:
            self._commit()
        if clock - self._published >= PUBLISH_EVERY:
            self._publish()
        return self._ending()

    def _ending(self) -> int | None:
        """What to do when nothing is out any more; an exit code ends the process."""
        if self._walk.finished:
            self._commit()
            return self._end("finish", closing_words(self._walk.totals()))
        if self._wish == "run" or self._walk.in_flight:
            return None
        if self._wish == "pause":
            if self._job["state"] != "paused":
                self._commit()
                self._crew.close()
                self._crew.clear()
                self._asked = None
                self._enter("pause", self._message or "paused")
            return None
        self._commit()
        return self._end(_EVENTS[self._wish], self._message)

    # ---- state

    def _enter(self, event: JobEvent, message: str) -> None:
        state = next_job_state(self._job["state"], event)
        self._message = message
        self._journal.append(f"job {event}", job=self._folder.job, plan=self._plan.plan, state=state,
                             message=message)
        self._job["state"] = state
        self._job["started"] = self._job["started"] or stamp(now())
        self._job["ended"] = stamp(now()) if state in ("done", "failed", "cancelled", "stale") else ""
        self._keep_job()
        self._publish()

    def _keep_job(self) -> None:
        with self._checkpoint.commit() as put:
            put("job", self._job)

    def _end(self, event: JobEvent, message: str) -> int:
        if self._job["state"] == "done" and event == "finish":
            self._publish()
        else:
            self._enter(event, message)
        totals = self._walk.totals()
        code = EXIT[self._job["state"]]
        return code or int(bool(totals.failed or totals.skipped))

    def _break(self, error: S3ConsoleError) -> int:
        """The state directory failed: nothing more is sent, and what is known is written if it can be."""
        self._crew.close()
        for event in self._crew.wait(0.1):
            self._take(event)
        try:
            self._commit()
            self._enter("pause", error.sentence)
        except S3ConsoleError as second:
            self._message = second.sentence
            self._job["state"] = "paused"
            self._publish()
        return Incomplete.exit_code

    def _halted(self, halt: Halt) -> None:
        self._wish = "fail" if halt.how == "stop" else "pause"
        self._message = halt.message
        if halt.how == "pause" and halt.login and self._static_login:
            self._wish = "leave"
            self._message = (f"{halt.message}; the credentials come from the environment: "
                             "set new ones and run the job again")
        self._crew.drain()

    # ---- obeying

    def _obey(self) -> None:
        if self._left_at_once and self._wish in ("run", "pause"):
            self._wish, self._message = "leave", "the runner was told to end; resume the job to go on"
            self._crew.drain()
        for control in read_control(self._folder, self._job["control"]):
            self._job["control"] = control.number
            self._follow(control)
            self._keep_job()

    def _follow(self, control: Control) -> None:
        if control.action == "limits":
            self._change_limits(control)
        elif control.action == "pause" and self._wish == "run":
            self._wish, self._message = "pause", "paused"
            self._crew.drain()
        elif control.action == "cancel":
            self._wish, self._message = "cancel", "cancelled; what was not done is left as it is"
            self._crew.drain()
        elif control.action == "retry":
            self._retry()
            self._go_on()
        elif control.action == "resume":
            self._go_on()

    def _go_on(self) -> None:
        if self._wish == "pause" or (self._wish == "run" and self._walk.halt is not None):
            self._wish = "run"
            self._walk.go_on()
            if self._job["state"] == "paused":
                self._enter("resume", "")

    def _retry(self) -> None:
        if self._walk.in_flight:
            self._message = "pause the job before failed operations are tried again"
            return
        count = self._walk.retry()
        if self._folder.failures.exists():
            self._folder.failures.replace(
                self._folder.failures.with_name(f"failures-{self._job['control']}.jsonl"))
        self._journal.append("failed operations again", job=self._folder.job, operations=count)

    def _change_limits(self, control: Control) -> None:
        clock = time.monotonic()
        self._throttle.change(clock, rate=control.values.get("rate"),
                              bandwidth=control.values.get("bandwidth"))
        if "workers" in control.values:
            self._workers = min(64, max(1, int(control.values["workers"])))
            self._crew.resize(self._workers)

    # ---- feeding and taking

    def _feed(self, clock: float) -> None:
        workers = self._crew.active
        if not self._placed:
            if self._plan.right.scheme != "s3" or (
                    self._plan.sample and self._plan.sample[0].kind == "bucket"):
                # After a crash the bucket may be gone already, which is no reason to fail.
                self._placed = True
            elif workers and self._asked is None:
                self._asked = workers[0]
                self._crew.ask_bucket(workers[0], "right", self._plan.right.bucket)
            return
        if clock < self._not_before:
            return
        held = min(MOST_HELD, sum(worker.held for worker in workers))
        window = self._workers * self._at_once * DEPTH + held
        for worker in sorted(workers, key=lambda w: w.load):
            while True:
                size, ahead = slice_size(self._walk.phase, self._at_once, self._plan.delete,
                                         plain=self._walk.plain_deletes)
                most = max(window, ahead * len(workers)) if self._walk.phase == "delete" else window
                if worker.load - worker.held >= ahead or self._walk.in_flight >= most:
                    break
                work = self._walk.next(min(size, self._throttle.room(clock)))
                if work is None:
                    break
                self._throttle.take(len(work), work.bytes)
                self._crew.give(worker, work)

    def _worth(self, most: int) -> int:
        """How many workers the rest of the job is worth: each costs half a second of CPU before it begins."""
        plan = self._plan
        alone = plan.delete == plan.operations and not {"DeleteObject", "HeadObject"} & plan.requests.keys()
        each = VERSIONS_EACH if alone else OPERATIONS_EACH
        if plan.operations > each * most:
            return most
        totals = self._walk.totals()
        left = plan.operations - totals.done - totals.failed - totals.skipped
        return max(len(self._crew.workers), min(most, 1 + left // each))

    def _take(self, event: Event) -> None:
        worker, message = event.worker, event.message
        if message is None:
            self._buried(worker)
        elif "ready" in message:
            worker.ready = True
        elif "slice" in message:
            self._reported(worker, message)
        elif "counts" in message:
            worker.facts = message["counts"]
        elif "bucket" in message:
            self._answered(message)
        elif "broken" in message:
            how: Literal["pause", "stop"] = "pause" if message["reaction"] == "pause for login" else "stop"
            self._walk.halt = Halt(how, message["broken"], login=how == "pause")

    def _reported(self, worker: Worker, message: dict[str, Any]) -> None:
        work = worker.reported(message["slice"], message)
        if work is None:
            return
        if message["verified"] or message["deleted"] or any(
                result in ("verified", "deleted", "skipped") for _, result, *_ in message["others"]):
            self._deaths = 0
        self._failures += [failure_of(*refused) for refused in take_in(self._walk, work, message)]

    def _buried(self, worker: Worker) -> None:
        lost = sum(self._walk.lost(number) for number in self._crew.forget(worker))
        if self._asked is worker:
            self._asked = None
        if worker.dismissed:
            return
        self._deaths += 1
        self._not_before = time.monotonic() + SETTLE
        self._journal.append("worker died", job=self._folder.job, worker=worker.process.pid,
                             status=worker.process.returncode, looked_up=lost)
        if self._deaths >= MOST_DEATHS and self._walk.halt is None:
            self._walk.halt = Halt("pause", f"{self._deaths} workers died in a row; "
                                            f"see {self._crew.log.name} in the folder of the job")

    def _answered(self, message: dict[str, Any]) -> None:
        """The place must still be what was reviewed."""
        self._asked = None
        if "error" in message:
            login = message["reaction"] == "pause for login"
            how: Literal["pause", "stop"] = "stop" if message["reaction"] == "stop this job" else "pause"
            self._walk.halt = Halt(how, message["error"], login=login)
            return
        versioning = message["facts"]["versioning"]
        if "?" not in (versioning, self._plan.versioning or "?") and versioning != self._plan.versioning:
            self._wish = "stale"
            self._message = (f"versioning of the bucket is {versioning} and was {self._plan.versioning} at "
                             "review; compare again and make a new plan")
            return
        self._placed = True

    # ---- writing down

    def _commit(self) -> None:
        self._committed = time.monotonic()
        self._failures += [failure_of(*held) for held in self._walk.commit()]
        failures, self._failures = self._failures, []
        append_failures(self._folder, failures)

    def _publish(self) -> None:
        clock = self._published = time.monotonic()
        totals = self._walk.totals()
        settled = totals.done + totals.failed + totals.skipped
        running = self._job["state"] == "running"
        rate = round(self._pace.note(clock, settled), 2) if running else 0.0
        halting = running and self._wish != "run" and not self._walk.finished
        times = self._crew.times
        parked = self._walk.parked if running else 0
        message = f"{parked:,} operations wait until their source is thawed" if parked else self._message
        status = JobStatus(
            job=self._folder.job, plan=self._plan.plan, state=self._job["state"],
            planned=self._plan.operations, done=totals.done, failed=totals.failed, skipped=totals.skipped,
            bytes=totals.bytes, started=self._job["started"], ended=self._job["ended"], rate=rate,
            phase="finishing" if halting else self._phase(), in_flight=self._walk.in_flight,
            workers=len(self._crew.active) if running else 0, requests=self._crew.requests,
            retries=self._crew.retries, message=message, runner=0, title=self._plan.title,
            prefix=self._plan.prefix, rates=tuple(self._pace.plot), p50=times.at(0.5), p99=times.at(0.99),
            slowdowns=self._crew.slowdowns, found=round(self._crew.found, 1), given=self._throttle.given,
        )
        if status != self._shown or running:
            self._shown = status
            write_status(self._folder, replace(status, updated=stamp(now()), runner=os.getpid()))

    def _phase(self) -> str:
        if self._walk.finished or self._job["state"] != "running":
            return ""
        if not self._placed:
            return "preparing"
        if self._walk.parked:
            return "thawing"
        if self._walk.careful:
            return "first operations"
        return {"copy": "copying and verifying", "delete": "deleting"}[self._walk.phase]
