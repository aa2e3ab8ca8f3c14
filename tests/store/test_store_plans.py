"""Plans are sealed: named by what they hold, read in batches, refused when changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest_store import copies

from s3console.core.errors import DamagedState, DiskFull, NewerState, S3ConsoleError, UsageError
from s3console.core.model import Operation, Place, Plan, Ref
from s3console.core.plans import Doomed
from s3console.store.home import Home
from s3console.store.plan_writer import PlanWriter
from s3console.store.plans import find_plan, list_plans, load_plan, open_plan


def delete(index: int, *, after: int | None = None) -> Operation:
    return Operation(index, "delete", Ref("right", "b", f"wrong/{index}", "v", size=7), after=after)


def seal(writer: PlanWriter, **changes: object) -> Plan:
    facts: dict[str, object] = {
        "prefix": "a/",
        "left": None,
        "right": Place("b"),
        "created_by": "alice",
        "versioning": "Enabled",
        "requests": {},
    }
    return writer.seal(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_plan_comes_back_in_batches(home: Home, make_plan) -> None:  # type: ignore[no-untyped-def]
    plan = make_plan(12, batch_size=5)
    assert (plan.operations, plan.copy, plan.delete, plan.bytes, plan.reversible) == (
        12,
        12,
        0,
        sum(range(12)),
        True,
    )
    assert plan.plan == plan.digest[:12]
    assert plan.sample == tuple(copies(10))
    with open_plan(home, plan.plan) as sealed:
        sealed.verify()
        assert sealed.plan == plan
        assert sealed.batches == 3
        assert sealed.batch(2) == copies(12)[10:]
        assert sealed.batch(0) == copies(5)
        assert list(sealed.all_operations()) == copies(12)
        for wrong in (3, -1):
            with pytest.raises(IndexError):
                sealed.batch(wrong)
    assert load_plan(home, plan.digest) == plan


def test_files_are_read_only_and_nothing_unfinished_stays(home: Home, make_plan) -> None:  # type: ignore[no-untyped-def]
    plan = make_plan()
    folder = home.plans / plan.digest
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "plan.json": 0o400,
        "operations.parquet": 0o400,
    }
    with PlanWriter(home) as writer:
        writer.add(copies(3))
    assert [path.name for path in home.plans.iterdir()] == [plan.digest]


def test_the_same_content_is_the_same_plan(home: Home, make_plan) -> None:  # type: ignore[no-untyped-def]
    first = make_plan(created="2024-06-25T10:11:34Z")
    assert make_plan(created="2025-01-01T00:00:00Z") == first
    assert {make_plan(title="other").digest, make_plan(13).digest, make_plan(batch_size=6).digest} - {
        first.digest
    }
    assert len(list_plans(home)) == 4
    assert [path for path in home.plans.iterdir() if path.name.startswith(".")] == []


def test_sums_and_order_of_a_plan_with_deletes(home: Home) -> None:
    with PlanWriter(home) as writer:
        writer.add(copies(2))
        writer.add([delete(2, after=0), delete(3)])
        with pytest.raises(ValueError, match="before deletes"):
            writer.add(copies(1, first=4))
        with pytest.raises(ValueError, match="5 where 4 was due"):
            writer.add([delete(5)])
        with pytest.raises(ValueError, match="after an earlier"):
            writer.add([delete(4, after=4)])
        with pytest.raises(ValueError, match="copy=3"):
            seal(writer, copy=3)
        plan = seal(writer, copy=2, delete=2, operations=4, delete_bytes=14, bytes=1)
    assert (plan.copy, plan.delete, plan.delete_bytes, plan.reversible) == (2, 2, 14, False)
    with open_plan(home, plan.plan) as sealed:
        assert sealed.batch(0)[2].after == 0


def test_an_empty_plan_can_be_opened(home: Home) -> None:
    with PlanWriter(home) as writer:
        plan = seal(writer)
    with open_plan(home, plan.plan) as sealed:
        sealed.verify()
        assert (sealed.batches, list(sealed.all_operations())) == (0, [])


def test_finding_a_plan_by_the_beginning_of_its_digest(home: Home) -> None:
    for digest in ("abcd1" + "0" * 59, "abcd2" + "0" * 59):
        (home.plans / digest).mkdir()
    assert find_plan(home, "ABCD1").name.startswith("abcd1")
    with pytest.raises(UsageError, match="fits 2 plans"):
        find_plan(home, "abcd")
    for wrong in ("abc", "", "zzzz", "../x", "ffff", "a" * 65, "\x1b[0m"):
        with pytest.raises(UsageError) as caught:
            find_plan(home, wrong)
        assert "\x1b" not in caught.value.sentence


def rewrite_head(folder: Path, **changes: object) -> None:
    path = folder / "plan.json"
    document = {**json.loads(path.read_bytes()), **changes}
    path.chmod(0o600)
    path.write_text(json.dumps(document))


def test_a_changed_head_is_found(home: Home, make_plan) -> None:  # type: ignore[no-untyped-def]
    plan = make_plan()
    folder = home.plans / plan.digest
    rewrite_head(folder, cost_usd=0.01)
    with (
        open_plan(home, plan.plan) as sealed,
        pytest.raises(DamagedState, match="changed after it was sealed"),
    ):
        sealed.verify()
    for changes in (
        {"digest": "0" * 64},
        {"plan": "0" * 12},
        {"operations": 11},
        {"batch_size": 0},
        {"right": None},
    ):
        rewrite_head(folder, **changes)
        with pytest.raises(DamagedState):
            open_plan(home, plan.plan)
        rewrite_head(folder, digest=plan.digest, plan=plan.plan, operations=12, batch_size=5)
    rewrite_head(folder, schema=2)
    with pytest.raises(NewerState):
        open_plan(home, plan.plan)


def rewrite_lines(path: Path, lines: list[str | None]) -> None:
    table = pa.table({"index": list(range(len(lines))), "operation": lines})
    path.chmod(0o600)
    pq.write_table(table, path, row_group_size=5)


def test_changed_operations_are_found(home: Home, make_plan) -> None:  # type: ignore[no-untyped-def]
    plan = make_plan()
    path = home.plans / plan.digest / "operations.parquet"
    lines: list[str | None] = pq.read_table(path)["operation"].to_pylist()
    assert lines[7] is not None
    rewrite_lines(
        path, [*lines[:7], lines[7].replace("a/“7”", "a/“8”").replace("a/\\u201c7", "a/\\u201c8"), *lines[8:]]
    )
    with open_plan(home, plan.plan) as sealed, pytest.raises(DamagedState):
        sealed.verify()
    for bad in (lines[8], "[]", "{", None, "“", "[" * 100_000):
        rewrite_lines(path, [*lines[:7], bad, *lines[8:]])
        with open_plan(home, plan.plan) as sealed:
            with pytest.raises(DamagedState):
                sealed.verify()
            with pytest.raises(DamagedState):
                sealed.batch(1)
    rewrite_lines(path, lines[:-1])
    with pytest.raises(DamagedState):
        open_plan(home, plan.plan)
    content = path.read_bytes()
    for damage in (b"", b"PAR1", content[: len(content) // 2], content[:-8] + b"\xff" * 8):
        path.write_bytes(damage)
        with pytest.raises(DamagedState):
            open_plan(home, plan.plan)


def test_one_damaged_plan_does_not_hide_the_others(home: Home, make_plan) -> None:  # type: ignore[no-untyped-def]
    old, new = make_plan(1, created="2024-01-01T00:00:00Z"), make_plan(2, created="2024-02-01T00:00:00Z")
    broken = make_plan(3)
    rewrite_head(home.plans / broken.digest, right=7)
    problems: list[S3ConsoleError] = []
    assert list_plans(home, problems=problems) == [new, old]
    assert list_plans(home) == [new, old]
    assert [type(problem) for problem in problems] == [DamagedState]


def test_a_full_disk_leaves_no_plan(home: Home, file_limit) -> None:  # type: ignore[no-untyped-def]
    with file_limit(300_000), pytest.raises(DiskFull), PlanWriter(home) as writer:
        for index in range(40_000):
            reference = Ref("left", "a", f"{index * 7919:x}/{index * index:x}")
            writer.add([Operation(index, "copy", replace_ref(reference), reference)])
        seal(writer)
    assert list(home.plans.iterdir()) == []


def replace_ref(reference: Ref) -> Ref:
    return reference._replace(side="right", bucket="b")


def test_verifying_and_reading_a_long_plan_is_quick(home: Home) -> None:
    import time

    with PlanWriter(home) as writer:
        writer.add(copies(50_000))
        plan = seal(writer)
    with open_plan(home, plan.plan) as sealed:
        before = time.process_time()
        sealed.verify()
        assert time.process_time() - before < 1.0
        before = time.process_time()
        assert sealed.batch(77)[3] == replace(copies(1, first=38_503)[0])
        assert time.process_time() - before < 0.1


def test_deletes_as_columns_are_the_plan_that_they_are_one_by_one(home: Home) -> None:
    """Hostile keys, markers after versions, batches cut anywhere: the same digest, sample and counts."""
    keys = [f'k{n}/\n\x7f"\\é\ud800' for n in range(23)]
    blocks = [Doomed("b", keys[:7], ["v"] * 7, ["e"] * 7, list(range(7)), ["STANDARD"] * 7),
              Doomed("b", keys[7:20], [f"v{n}" for n in range(13)], [""] * 13, [5] * 13, ["GLACIER"] * 13),
              Doomed("b", keys[20:], [""] * 3, [""] * 3, [0] * 3, ["STANDARD"] * 3, marker=True)]
    with PlanWriter(home, 5) as writer:
        for block in blocks:
            writer.add_deletes(block)
        plan = seal(writer)
    with PlanWriter(home, 5) as writer:
        for block in blocks:
            writer.add(list(block.operations(writer.operations)))
        assert seal(writer).digest == plan.digest
    assert (plan.operations, plan.delete, plan.delete_bytes, len(plan.sample)) == (23, 23, 86, 10)
    with open_plan(home, plan.plan) as sealed:
        sealed.verify()
        assert [op.target.key for op in sealed.all_operations()] == keys
    with PlanWriter(home) as writer, pytest.raises(ValueError):
        writer.add_deletes(blocks[0]._replace(ids=["v"]))
