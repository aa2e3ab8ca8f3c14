"""What repairing costs, estimated from counts before there is a plan."""

from __future__ import annotations

from s3console.core.model import ReviewHeader
from s3console.core.prices import LIST_PRICES, request_cost
from s3console.ui.comparing.rows import PrefixRow
from s3console.ui.display import Run, Runs, exact, money


def acts(row: PrefixRow, header: ReviewHeader) -> tuple[int, int]:
    """Copies and deletes that the repair of a prefix comes to, at most; ignored findings are left out."""
    overwrites = row.to_do("differs") if header.right.versioning == "Enabled" else 0
    return row.to_do("missing") + row.to_do("misnamed") + overwrites, row.to_do("misnamed")


def repair_cost(row: PrefixRow, header: ReviewHeader) -> float:
    """Dollars for the requests of that repair at list prices."""
    counts = _requests(*acts(row, header))
    return float(request_cost(counts, header.right.place.connection.region or "us-east-1"))


def _requests(copies: int, deletes: int) -> dict[str, int]:
    return {"CopyObject": copies, "HeadObject": 2 * copies + deletes, "DeleteObjects": -(-deletes // 1000)}


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
    return [*runs, (f"   {money(repair_cost(row, header))}", "foreground"), (" requests", "faint")]


def cost_lines(row: PrefixRow, whole: PrefixRow, header: ReviewHeader) -> list[Runs]:
    """What the figures of this screen are made of, and what is not in them."""
    region = header.right.place.connection.region or "us-east-1"
    out: list[Runs] = []
    for name, one in (("this line", row), ("all of it", whole)):
        copies, deletes = acts(one, header)
        out.append([(name, "bold foreground"),
                    (f"   {money(repair_cost(one, header))} estimated", "foreground")])
        counts = _requests(copies, deletes)
        out += [[(f"  {exact(count):>14}  ", "foreground"), (f"{api:<16}", "muted"),
                 (money(request_cost({api: count}, region)), "muted")] for api, count in counts.items()]
        out.append([])
    out += [[("In these figures", "bold foreground")],
            [("  requests at list prices of ", "muted"), (str(LIST_PRICES["as_of"]), "foreground"),
             (f" for {region}: one copy and two looks for each wrong or missing name, ", "muted")],
            [("  one look for each delete, and deletes a thousand at a time, which are free", "muted")], [],
            [("Not in these figures", "bold foreground")],
            [("  bytes that go from one region to another, and storage that grows or is freed:", "muted")],
            [("  the plan of a prefix knows its bytes and has both, before it is approved", "muted")]]
    return out
