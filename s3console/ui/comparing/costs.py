"""What repairing costs, estimated from counts before there is a plan."""

from __future__ import annotations

from s3console.core.model import ReviewHeader
from s3console.core.prices import request_cost
from s3console.ui.comparing.rows import PrefixRow
from s3console.ui.display import Run, Runs, exact, money


def acts(row: PrefixRow, header: ReviewHeader) -> tuple[int, int]:
    """Copies and deletes that the repair of a prefix comes to, at most; ignored findings are left out."""
    overwrites = row.to_do("differs") if header.right.versioning == "Enabled" else 0
    return row.to_do("missing") + row.to_do("misnamed") + overwrites, row.to_do("misnamed")


def repair_cost(row: PrefixRow, header: ReviewHeader) -> float:
    """Dollars for the requests of that repair at list prices."""
    copies, deletes = acts(row, header)
    counts = {"CopyObject": copies, "HeadObject": 2 * copies + deletes, "DeleteObjects": -(-deletes // 1000)}
    return float(request_cost(counts, header.right.place.connection.region or "us-east-1"))


def cost_cell(row: PrefixRow, header: ReviewHeader | None) -> Runs:
    """One cell of the table."""
    if header is None or not any(acts(row, header)):
        return [("·", "faint")]
    return [(money(repair_cost(row, header)), "muted")]


def cost_line(name: str, row: PrefixRow, header: ReviewHeader) -> list[Run]:
    """`document005/  copy 216 · delete 189  $0.0013`."""
    copies, deletes = acts(row, header)
    runs: list[Run] = [(f"{name:<12}", "faint")]
    if row.state == "done":
        return [*runs, ("✓ done", "ok")]
    if not copies and not deletes:
        return [*runs, ("nothing to repair", "muted")]
    if copies:
        runs += [("copy", "missing"), (f" {exact(copies)}", "foreground")]
    if deletes:
        runs += [(" · " if copies else "", "faint"), ("delete", "danger"),
                 (f" {exact(deletes)}", "foreground")]
    return [*runs, (f"   {money(repair_cost(row, header))}", "foreground"), (" estimated", "faint")]
