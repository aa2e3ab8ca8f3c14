"""Plans made column by column hold what they would hold row by row."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import groupby, islice

import pytest

from s3console.core.model import Batch, Connection, Entry, Operation, Place, Ref
from s3console.core.plans import Copied, Doomed, encode_copies, encode_deletes, encode_operation
from s3console.workflow import missing
from s3console.workflow.differences import Pair
from s3console.workflow.dooming import crowded
from s3console.workflow.missing import lacking

ODD = ("plain", "a\nb", 'quote"', "back\\slash", "back\\new", "é", "\U0001f600", "\x00", "\udc80", "", "\\n")


def _pages(rows: Sequence[Entry], size: int, *, versions: bool) -> Iterator[Batch]:
    source = iter(rows)
    while page := list(islice(source, size)):
        columns = list(zip(*page, strict=True))
        yield Batch(*columns[:5], *(columns[5:8] if versions else ()))


@pytest.mark.parametrize("seed", range(4))
def test_lines_are_those_of_single_operations(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(40):
        many = chance.randrange(1, 6)
        texts = [[chance.choice(ODD) + chance.choice(ODD) for _ in range(many)] for _ in range(5)]
        sizes = [chance.randrange(1 << 40) for _ in range(many)]
        copied = Copied("from\\n", "to", *texts[:4], sizes, texts[4], reason="move",
                        how=chance.choice(("", "acl")))
        assert encode_copies(7, copied) == [encode_operation(one) for one in copied.operations(7)]
        witnesses: list[Ref] = [Ref("right", "b", text, "", "e", 1) for text in texts[0]]
        doomed = Doomed("b\n", texts[0], texts[1], texts[2], sizes, texts[4], marker=chance.random() < 0.5,
                        witnesses=chance.choice(([], witnesses)))
        assert encode_deletes(3, doomed) == [encode_operation(one) for one in doomed.operations(3)]
        assert copied.lengths() == doomed.lengths() == {many}


@pytest.mark.parametrize("seed", range(6))
def test_histories_across_pages_are_whole(seed: int) -> None:
    chance = random.Random(seed)
    rows: list[Entry] = []
    for key in sorted({f"k{chance.randrange(200):03d}" for _ in range(60)}):
        for depth in range(chance.choice((1, 1, 1, 2, 3, 9))):
            rows.append(Entry(key, 1, "e", "2026-01-01T00:00:00Z", "STANDARD", f"v{depth}", not depth,
                              chance.random() < 0.2))
    every = [list(group) for _, group in groupby(rows, key=lambda row: row.key)]
    wanted = [group for group in every if len(group) > 1 or group[0].is_delete_marker]
    for size in (1, 2, 3, 7, 50, 1000):
        assert list(crowded(_pages(rows, size, versions=True))) == wanted


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_what_a_target_lacks(seed: int, versions: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    source, target = (Place(name, prefix, Connection()) for name, prefix in (("old", "in/"), ("new", "x/y/")))
    names = sorted({f"{chance.randrange(300):03d}" for _ in range(120)})
    left = [Entry(f"in/{name}", chance.randrange(3), "a" * 32, "2026-01-01T00:00:00Z", "STANDARD",
                  f"v{name}" if versions else "") for name in names]
    right: dict[str, Entry] = {}
    for one in left:
        kind = chance.choice(("missing", "missing", "same", "other") if seed else ("missing",))
        if kind != "missing":
            key = "x/y/" + one.key[3:]
            right[key] = Entry(key, one.size + (kind == "other"), "a" * 32, one.modified, "STANDARD")
    right["x/y/500"] = Entry("x/y/500", 1, "b" * 32, "2026-01-01T00:00:00Z", "STANDARD")

    def listed(_desk: object, place: Place, *, versions: bool) -> Iterator[Batch]:
        return _pages(left if place is source else list(right.values()), 11, versions=versions)

    monkeypatch.setattr(missing, "open_listing", listed)
    for same in (False, True):
        found: list[tuple[str, str, str, str]] = []
        for one in lacking(None, source, target, versions=versions, same=same):  # type: ignore[arg-type]
            if isinstance(one, Copied):
                made: list[Operation] = list(one.operations(0))
                found += [(op.target.key, op.source.key, op.source.version_id, "m")
                          for op in made if op.source]
                assert all(op.expect == "absent" for op in made)
                continue
            pair: Pair
            for pair in one:
                assert (pair.right is None) == (pair.status == "s")
                found.append((pair.name, pair.left.key, pair.left.version_id, pair.status))
        wanted = []
        for entry in left:
            key = "x/y/" + entry.key[3:]
            there = right.get(key)
            status = "m" if there is None else "s" if there.size == entry.size else "d"
            if status != "s" or same:
                wanted.append((key, entry.key, entry.version_id, status))
        assert found == wanted
