"""The stories of the demo: which buckets there are, what is written to them, and what must be found.

Pure and deterministic: the same acts, bytes and totals every time. `expected()` counts what the
generator noted while it wrote; `end_state()` says what `bucket2` holds after everything was repaired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

from .acts import Act, Bucket, Held, Put, held, replay
from .distcp import LEFT, RIGHT, Migration
from .documents import write_documents
from .hostile import HOSTILE, hostile_acts
from .moving import MOVE_DST, MOVE_SRC, moving_acts
from .site import SITE, site_acts
from .vectors import write_vectors

BUCKETS: tuple[Bucket, ...] = (LEFT, RIGHT, SITE, MOVE_SRC, MOVE_DST, HOSTILE)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a right comparison of bucket1 with bucket2 and its versions finds; counts, and bytes where named.

    `versions` are noncurrent versions on the right side. `same` to `duplicate` are counted findings.
    """

    left_entries: int
    left_bytes: int
    right_entries: int
    right_bytes: int
    versions: int
    delete_markers: int
    same: int
    missing: int
    extra: int
    differs: int
    unknown: int
    misnamed: int
    junk: int
    duplicate: int

    @property
    def totals(self) -> dict[str, int]:
        """The figures of the eight classes by name, as `compare --json` prints them."""
        return {kind: getattr(self, kind) for kind in
                ("same", "missing", "extra", "differs", "unknown", "misnamed", "junk", "duplicate")}


@lru_cache(maxsize=1)
def _migration() -> Migration:
    story = Migration()
    write_documents(story)
    write_vectors(story)
    return story


@lru_cache(maxsize=1)
def _sides() -> tuple[dict[str, Held], dict[str, list[Held]]]:
    story = _migration()
    left = {key: stack[0] for key, stack in replay(story.left_acts, LEFT).items()}
    return left, replay(story.right_acts, RIGHT)


def acts() -> Iterator[Act]:
    """Everything that is written, in order; acts on one key must be applied in this order."""
    story = _migration()
    yield from story.left_acts
    yield from story.right_acts
    yield from site_acts()
    yield from moving_acts()
    yield from hostile_acts()


def distcp_acts() -> Iterator[Act]:
    """Only the DistCp story: the acts on `bucket1` and `bucket2`."""
    story = _migration()
    yield from story.left_acts
    yield from story.right_acts


def expected(prefix: str = "") -> Expected:
    """The totals below a key prefix; a finding belongs to the prefix of its key as it stands."""
    left, right = _sides()
    wanted = [facts for key, facts in left.items() if key.startswith(prefix)]
    stacks = [stack for key, stack in right.items() if key.startswith(prefix)]
    current = [stack[0] for stack in stacks if not stack[0].is_delete_marker]
    markers = sum(version.is_delete_marker for stack in stacks for version in stack)
    kinds = Counter(note.kind for note in _migration().notes if note.key.startswith(prefix))
    return Expected(
        left_entries=len(wanted), left_bytes=sum(facts.size for facts in wanted),
        right_entries=len(current), right_bytes=sum(facts.size for facts in current),
        versions=sum(map(len, stacks)) - len(current) - markers, delete_markers=markers,
        same=kinds["same"], missing=kinds["missing"], extra=kinds["extra"], differs=kinds["differs"],
        unknown=kinds["unknown"], misnamed=kinds["misnamed"], junk=kinds["junk"],
        duplicate=kinds["duplicate"])


def findings(kind: str) -> list[str]:
    """The key of every counted finding of a kind, sorted; a key stands once per counted row."""
    return sorted(note.key for note in _migration().notes if note.kind == kind)


def end_state(include: Collection[str] = ("junk", "duplicate")) -> dict[str, Held]:
    """Current objects of `bucket2` after every prefix was repaired.

    `include` names the kinds that the plans were told to delete; without "duplicate" the surplus
    versions below wrong names stay, without "junk" the left-overs. Times are left out.
    """
    story = _migration()
    left, right = _sides()
    final = {key: Held(facts.size, facts.etag) for key, facts in left.items()}
    stays = set(story.stays)
    if "junk" not in include:
        stays.update(note.key for note in story.notes if note.kind == "junk")
    for key in stays:
        if not right[key][0].is_delete_marker:
            final[key] = Held(right[key][0].size, right[key][0].etag)
    if "duplicate" not in include:
        final.update((name, held(bodies[-1])) for name, bodies in story.surplus.items())
    return final


def objects_written() -> int:
    """How many objects and versions the stories write, delete markers not counted."""
    return sum(isinstance(act, Put) for act in acts())
