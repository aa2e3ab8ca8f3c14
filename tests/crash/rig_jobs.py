"""A small job of every kind, with the world it is to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crash.strict_store import World

from s3console.core.model import Operation, Ref


@dataclass(slots=True)
class Job:
    """A world and the approved operations on it."""

    world: World
    operations: list[Operation]
    versioning: str = "Enabled"
    shared: bool = True
    honours: bool = True
    guarded: bool = False


def _delete(index: int, target: Ref, **more: Any) -> Operation:
    return Operation(index, "delete", target, **more)


def repair() -> Job:
    """Misnamed versions copied to their right names inside the bucket, then deleted, with what is around."""
    w = World()
    w.bucket("right", versioned=True)
    wrong = [w.put("right", "d/d/1", body) for body in (b"A", b"BB", b"CCC")]
    marker = w.marker("right", "d/d/1")
    junk = w.put("right", "d/_SUCCESS", b"")
    held = w.put("right", "d/held", b"HELD")
    double = w.put("right", "d/d/held", b"HELD")
    w.put("right", "d/live", b"live")
    w.put("right", "d/d/1", b"newer than the plan")
    source = [w.ref("right", "right", "d/d/1", v) for v in wrong]
    ops = [Operation(i, "copy", Ref("right", "right", f"d/1::{i}", "", "", s.size), s, "absent")
           for i, s in enumerate(source)]
    ops += [_delete(3 + i, s, after=i) for i, s in enumerate(source)]
    ops.append(_delete(6, Ref("right", "right", "d/d/1", marker.version_id), is_delete_marker=True))
    ops.append(_delete(7, w.ref("right", "right", "d/_SUCCESS", junk)))
    ops.append(_delete(8, w.ref("right", "right", "d/d/held", double),
                       witness=Ref("right", "right", "d/held", "", held.etag, len(held.body))))
    return Job(w, ops)


def missing(*, honours: bool = True, shared: bool = True, guarded: bool = False) -> Job:
    """Keys copied from an unversioned left bucket; one destination is occupied in the world already."""
    w = World()
    w.bucket("left", versioned=False)
    w.bucket("right", versioned=True)
    ops = []
    for i, key in enumerate(("a", "b::x", "c")):
        made = w.put("left", key, b"body%d" % i, etag="0123456789abcdef0123456789abcdef-2" if i == 2 else "")
        ops.append(Operation(i, "copy", Ref("right", "right", key, "", "", len(made.body)),
                             w.ref("left", "left", key, made), "absent"))
    return Job(w, ops, shared=shared, honours=honours, guarded=guarded)


def differs() -> Job:
    """Left over right as a new version, guarded by the reviewed ETag, and once without a guard."""
    w = World()
    w.bucket("left", versioned=True)
    w.bucket("right", versioned=True)
    ops = []
    for i, key in enumerate(("a", "b", "c")):
        source, now = w.put("left", key, b"right bytes %d" % i), w.put("right", key, b"wrong bytes %d" % i)
        ops.append(Operation(i, "copy", Ref("right", "right", key), w.ref("left", "left", key, source),
                             "any" if i == 2 else f"etag:{now.etag}"))
    return Job(w, ops)


def restore() -> Job:
    """An old version on top of its own key; one key has a marker on top."""
    w = World()
    w.bucket("right", versioned=True)
    ops = []
    for i, key in enumerate(("x", "y")):
        old = w.put("right", key, b"old%d" % i)
        top = w.put("right", key, b"new%d" % i)
        if i:
            w.marker("right", key)
        ops.append(Operation(i, "restore", Ref("right", "right", key), w.ref("right", "right", key, old),
                             "absent" if i else f"etag:{top.etag}"))
    return Job(w, ops)


def unversioned() -> Job:
    """Rename inside a bucket without versions: copy, then delete by ETag; one delete has a witness."""
    w = World()
    w.bucket("right", versioned=False)
    ops = []
    wrong = [w.put("right", f"d/d/{i}", b"W%d" % i) for i in range(2)]
    for i, v in enumerate(wrong):
        ops.append(Operation(i, "copy", Ref("right", "right", f"d/{i}"),
                             w.ref("right", "right", f"d/d/{i}", v), "absent"))
    ops += [_delete(2 + i, w.ref("right", "right", f"d/d/{i}", v), after=i) for i, v in enumerate(wrong)]
    held, twin = w.put("right", "d/h", b"H"), w.put("right", "d/d/h", b"H")
    ops.append(_delete(4, w.ref("right", "right", "d/d/h", twin),
                       witness=Ref("right", "right", "d/h", "", held.etag, 1)))
    return Job(w, ops, versioning="Unversioned")


def null_versions() -> Job:
    """Objects that a version listing names "null": such a version can be overwritten in place."""
    w = World()
    w.bucket("right", versioned=False)
    held, junk = w.put("right", "h", b"H"), w.put("right", "_SUCCESS", b"")
    twin = w.put("right", "d/h", b"H")
    ops = [_delete(0, Ref("right", "right", "_SUCCESS", "null", junk.etag, 0)),
           _delete(1, Ref("right", "right", "d/h", "null", twin.etag, 1),
                   witness=Ref("right", "right", "h", "", held.etag, 1))]
    return Job(w, ops, versioning="Suspended")


def soft() -> Job:
    """Objects hidden behind delete markers, one of them after the copy that replaces it."""
    w = World()
    w.bucket("right", versioned=True)
    made = [w.put("right", f"k{i}", b"soft%d" % i) for i in range(3)]
    moved = w.ref("right", "right", "k0", made[0])
    ops = [Operation(0, "copy", Ref("right", "right", "to"), moved, "absent")]
    ops += [_delete(1 + i, w.ref("right", "right", f"k{i}", v)._replace(version_id=""),
                    after=0 if not i else None) for i, v in enumerate(made)]
    return Job(w, ops)


def undo() -> Job:
    """Versions and markers that an earlier job made, taken away while they are the latest."""
    w = World()
    w.bucket("left", versioned=True)
    w.bucket("right", versioned=True)
    ops = []
    for i, key in enumerate(("a", "b")):
        source = w.put("left", key, b"copied %d" % i)
        if i:
            w.put("right", key, b"older")
        made = w.put("right", key, source.body)
        ops.append(_delete(i, w.ref("right", "right", key, made), how="latest",
                           witness=w.ref("left", "left", key, source)))
    w.put("right", "c", b"hidden")
    marker = w.marker("right", "c")
    ops.append(_delete(2, Ref("right", "right", "c", marker.version_id), is_delete_marker=True, how="latest"))
    return Job(w, ops)


def uploads() -> Job:
    """Multipart uploads in progress, aborted; one is not of the plan."""
    w = World()
    w.bucket("right", versioned=False)
    w.uploads = {("right", "u", "1"), ("right", "u", "2"), ("right", "u", "other")}
    return Job(w, [Operation(i, "abort", Ref("right", "right", "u", str(i + 1))) for i in range(2)],
               versioning="Unversioned")


def bucket() -> Job:
    """An empty bucket, removed."""
    w = World()
    w.bucket("right", versioned=True)
    return Job(w, [Operation(0, "bucket", Ref("right", "right", ""))])


def archived() -> Job:
    """A source that has to be thawed, one that is being thawed, and one that can be read."""
    w = World()
    w.bucket("left", versioned=True)
    w.bucket("right", versioned=True)
    ops = []
    for i, frozen in enumerate((-1, 2, 0)):
        made = w.put("left", f"k{i}", b"cold%d" % i)
        made.frozen = frozen
        ops.append(Operation(i, "copy", Ref("right", "right", f"k{i}"), w.ref("left", "left", f"k{i}", made),
                             "absent", how="thaw:Bulk/3 acl lock"))
    return Job(w, ops)


def complete() -> Job:
    """A move whose target already holds the bytes: nothing is copied, everything is verified."""
    w = World()
    w.bucket("left", versioned=False)
    w.bucket("right", versioned=True)
    ops = []
    for i in range(3):
        made = w.put("left", f"k{i}", b"same%d" % i)
        w.put("right", f"k{i}", made.body)
        ops.append(Operation(i, "copy", Ref("right", "right", f"k{i}"), w.ref("left", "left", f"k{i}", made),
                             f"etag:{made.etag}", how="look"))
    return Job(w, ops)


def history() -> Job:
    """Every version of some keys, oldest first, each on top of the one before; a marker hides the last."""
    w = World()
    w.bucket("left", versioned=True)
    w.bucket("right", versioned=True)
    ops: list[Operation] = []
    hidden: list[tuple[int, Ref]] = []
    for key, count, parts in (("a", 3, 1), ("b", 2, 1), ("c", 1, 0)):
        for turn in range(count):
            etag = f"0123456789abcdef0123456789abcdef-{turn + 2}" if turn == parts else ""
            made = w.put("left", key, b"%s turn %d" % (key.encode(), turn), etag=etag)
            expect = f"etag:{ops[-1].source.etag}" if turn and ops[-1].source else "absent"
            ops.append(Operation(len(ops), "copy", Ref("right", "right", key, "", made.etag, len(made.body)),
                                 w.ref("left", "left", key, made), expect, len(ops) - 1 if turn else None))
        if key != "a":
            w.marker("left", key)
            hidden.append((len(ops) - 1, ops[-1].target))
    return Job(w, ops + [_delete(len(ops) + n, target, after=after)
                         for n, (after, target) in enumerate(hidden)])


def plain() -> Job:
    """Pinned versions copied to new names and others deleted: what goes on the straight ways of a worker."""
    w = World()
    w.bucket("right", versioned=True)
    ops = []
    for i in range(6):
        source = w.put("right", f"s/{i}", b"plain %d" % i)
        w.put("right", f"s/{i}", b"newer %d" % i)
        ops.append(Operation(i, "copy", Ref("right", "right", f"t/{i}", "", "", len(source.body)),
                             w.ref("right", "right", f"s/{i}", source), "absent"))
    ops += [_delete(6 + i, w.ref("right", "right", f"j/{i}", w.put("right", f"j/{i}", b"junk %d" % i)))
            for i in range(6)]
    return Job(w, ops)


def names(*, honours: bool = True) -> Job:
    """Objects of a bucket without versions, deleted by name and ETag, many in one request."""
    w = World()
    w.bucket("right", versioned=False)
    return Job(w, [_delete(i, w.ref("right", "right", f"n/{i}", w.put("right", f"n/{i}", b"named %d" % i)))
                   for i in range(10)], versioning="Unversioned", honours=honours)


JOBS: dict[str, Callable[[], Job]] = {
    "plain": plain,
    "names": names,
    "soft": soft,
    "undo": undo,
    "uploads": uploads,
    "bucket": bucket,
    "archived": archived,
    "complete": complete,
    "repair": repair,
    "missing": missing,
    "across": lambda: missing(shared=False),
    "guarded": lambda: missing(guarded=True),
    "deaf": lambda: missing(honours=False),
    "deaf names": lambda: names(honours=False),
    "differs": differs,
    "history": history,
    "restore": restore,
    "unversioned": unversioned,
    "null": null_versions,
}
