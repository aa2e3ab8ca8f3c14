"""When a job stops by itself: a refused delete, a surprise, a canary that fails, a wave of failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .batches import Phase
from .engine import CHANGED, Outcome


@dataclass(frozen=True, slots=True)
class Halt:
    """Why nothing more is sent: `pause` waits for a person, `stop` ends the run as failed."""

    how: Literal["pause", "stop"]
    message: str
    login: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop by itself. The first `canary` operations of a phase go alone. The first delete that
    finds something else than what was reviewed pauses the job (`surprise`): a person looks, and resumes."""

    canary: int = 10
    surprise: bool = True
    in_a_row: int = 50
    least_failures: int = 50
    share: float = 0.01


class Breaker:
    """Counts the outcomes of a phase. `warned` says that a person knows of a surprise already."""

    def __init__(self, limits: Limits, *, warned: bool) -> None:
        self._limits = limits
        self._warned = warned
        self._reported = self._failed = self._in_a_row = self._changed_in_a_row = 0

    def went_well(self, count: int) -> Halt | None:
        """The same as `judge` of so many operations that went well."""
        before, self._reported = self._reported, self._reported + count
        self._in_a_row = self._changed_in_a_row = 0
        limits = self._limits
        if before < limits.canary <= self._reported and self._failed * 2 > limits.canary:
            return Halt("pause", f"{self._failed} of the first {limits.canary} operations failed")
        return None

    def judge(self, outcome: Outcome, phase: Phase) -> Halt | None:
        """What an outcome means for the job, None where it goes on."""
        self._reported += 1
        changed = outcome.result == "skipped" and outcome.code == CHANGED and phase == "delete"
        self._changed_in_a_row = self._changed_in_a_row + 1 if changed else 0
        if outcome.result != "failed":
            self._in_a_row = 0
        else:
            self._failed += 1
            self._in_a_row += 1
        limits = self._limits
        if outcome.result == "failed" and phase == "delete":
            return Halt("stop", f"a delete was refused ({outcome.code}): {outcome.message}")
        if changed and limits.surprise and not self._warned:
            self._warned = True
            return Halt("pause", f"a delete met a surprise and left it alone ({outcome.message}); look at "
                                 "the failures of the job, then resume it to go on with the others")
        if self._reported == limits.canary and self._failed * 2 > limits.canary:
            return Halt("pause", f"{self._failed} of the first {limits.canary} operations failed")
        if self._in_a_row >= limits.in_a_row:
            return Halt("pause", f"{self._in_a_row} operations in a row failed")
        if self._failed >= limits.least_failures and self._failed > limits.share * self._reported:
            return Halt("pause", f"{self._failed} of {self._reported} operations failed")
        if self._changed_in_a_row >= limits.in_a_row:
            return Halt("pause", f"{self._changed_in_a_row} objects in a row changed since the plan")
        return None
