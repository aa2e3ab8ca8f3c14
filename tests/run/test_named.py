"""Deletes of names in one request, each by its ETag: what the answer does not call deleted is looked at."""

from __future__ import annotations

import random
from typing import Any

import pytest

from s3console.core.errors import ServiceError
from s3console.core.model import Operation, Ref
from s3console.run.engine import DeleteNamed, DeleteOne, Head, Manner, Wait
from s3console.run.removing import deleting_named
from s3console.s3.deletes import deleting_names
from s3console.s3.facts import DeleteOutcome, Glance
from s3console.s3.lean_writes import Verdicts
from s3console.s3.steps import Answer

ETAG = "0" * 32


class Store:
    """Names and their ETags, and answers that go wrong as `faults` says, one for each request."""

    def __init__(self, objects: dict[str, str], faults: list[str]) -> None:
        self.objects, self.faults = objects, faults
        self.requests: list[str] = []

    def __call__(self, request: Any) -> Any:
        self.requests.append(type(request).__name__)
        if isinstance(request, Wait):
            return "ok", None
        if isinstance(request, Head):
            etag = self.objects.get(request.ref.key)
            return "ok", None if etag is None else Glance(3, etag, "")
        refs = request.refs if isinstance(request, DeleteNamed) else (request.ref,)
        assert isinstance(request, DeleteNamed | DeleteOne)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            return "error", ServiceError("SlowDown", 503, "")
        if fault == "denied":
            return "error", ServiceError("AccessDenied", 403, "")
        verdicts = [self._delete(ref) for ref in refs]
        if fault == "lost":
            return "error", ServiceError("Unknown", 0, "")
        return "ok", verdicts if isinstance(request, DeleteNamed) else verdicts[0]

    def _delete(self, ref: Ref) -> DeleteOutcome:
        if ref.key not in self.objects:
            return DeleteOutcome(ref, False, "NoSuchKey", "")
        if self.objects[ref.key] != ref.etag:
            return DeleteOutcome(ref, False, "PreconditionFailed", "")
        del self.objects[ref.key]
        return DeleteOutcome(ref, True)


def run(store: Store) -> dict[int, tuple[str, bool]]:
    operations = [Operation(n, "delete", Ref("right", "b", f"k{n}", "", ETAG, 3)) for n in range(4)]
    steps = deleting_named(operations, Manner(rng=random.Random(0)))
    answer: Any = None
    try:
        while True:
            request = next(steps) if answer is None else steps.send(answer)
            answer = store(request)
    except StopIteration as end:
        return {one.index: (one.result, one.sure) for one in end.value}


@pytest.mark.parametrize("faults", [[], ["before"], ["lost"], ["lost", "before"], ["before", "lost", "lost"]])
def test_what_was_reviewed_is_deleted_and_nothing_else(faults: list[str]) -> None:
    store = Store({"k0": ETAG, "k1": "another", "k3": ETAG, "k9": ETAG}, faults)
    found = run(store)
    assert {n: result for n, (result, _) in found.items()} == {
        0: "deleted", 1: "skipped", 2: "deleted", 3: "deleted"}
    assert store.objects == {"k1": "another", "k9": ETAG}


def test_all_at_once_is_one_request_and_a_refusal_is_not_repeated() -> None:
    store = Store({f"k{n}": ETAG for n in range(4)}, [])
    assert run(store) == {n: ("deleted", True) for n in range(4)}
    assert store.requests == ["DeleteNamed"]
    store = Store({f"k{n}": ETAG for n in range(4)}, ["denied"])
    assert {result for result, _ in run(store).values()} == {"failed"}
    assert store.requests == ["DeleteNamed"]


def test_a_name_that_the_answer_leaves_out_or_xml_cannot_hold_is_not_called_deleted() -> None:
    refs = [Ref("right", "b", key, "", ETAG, 3) for key in ("a", "b", "\x01")]
    steps = deleting_names(None, "b", refs)  # type: ignore[arg-type]
    act: Any = next(steps)
    assert act.body.count(b"<Object>") == 2
    body = b"<DeleteResult><Deleted><Key>a</Key></Deleted></DeleteResult>"
    verdicts = act.read(act, Answer(200, b"", body))
    assert isinstance(verdicts, Verdicts)
    with pytest.raises(StopIteration) as end:
        steps.send(verdicts)
    assert [one.deleted for one in end.value.value] == [True, False, False]
