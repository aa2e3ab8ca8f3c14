"""A sealed plan as a job reads it: batch by batch, the last few kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from ..core.errors import DamagedState
from ..core.model import Operation, Plan
from .batches import Ledger

_KEPT = 4


class PlanBatches(Protocol):
    """A sealed plan read batch by batch: as operations, or as the lines it is made of."""

    @property
    def plan(self) -> Plan: ...

    def batch(self, number: int) -> Sequence[Operation]: ...

    def lines(self, number: int) -> Sequence[str]: ...


class Batches:
    """The operations of a plan, checked to be those that its records are about."""

    def __init__(self, plan: PlanBatches, ledger: Ledger) -> None:
        self._plan, self._ledger = plan, ledger
        self._kept: OrderedDict[int, Sequence[Operation]] = OrderedDict()

    def of(self, number: int) -> Sequence[Operation]:
        """The operations of a batch. Raises DamagedState."""
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        operations = self._plan.batch(number)
        start = number * self._ledger.batch_size
        if [op.index for op in operations] != list(range(start, start + self._ledger.size(number))):
            raise DamagedState(f"batch {number} of the plan does not hold its operations",
                               next_step="make the plan again")
        self._kept[number] = operations
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return operations

    def operation(self, index: int) -> Operation:
        """One operation. Raises DamagedState."""
        number, offset = divmod(index, self._ledger.batch_size)
        return self.of(number)[offset]
