"""A desk over a real state directory and a store in memory that answers as `ReadStore` does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from s3console.config import Config, Settings
from s3console.core.errors import NoSuchPlace, S3ConsoleError
from s3console.core.model import Batch, Connection, Entry
from s3console.s3.facts import BucketFacts, ObjectFacts, Page, VersionPage
from s3console.store.home import Home


def batch_of(entries: Iterable[Entry], *, versions: bool) -> Batch:
    rows = list(entries)
    return Batch(
        keys=[e.key for e in rows], sizes=[e.size for e in rows], etags=[e.etag for e in rows],
        modified=[e.modified for e in rows], storage_classes=[e.storage_class for e in rows],
        version_ids=[e.version_id for e in rows] if versions else None,
        latest=[e.is_latest for e in rows] if versions else None,
        markers=[e.is_delete_marker for e in rows] if versions else None,
    )


@dataclass
class Bucket:
    facts: BucketFacts
    entries: list[Entry]
    bodies: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.entries.sort(key=lambda e: e.key)


def _cut(keys: list[str], prefix: str, delimiter: str) -> list[tuple[str, list[str]]]:
    """Names of one level in order: (common prefix or key, the keys behind it)."""
    out: list[tuple[str, list[str]]] = []
    for key in keys:
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if at < 0 else key[: at + 1]
        if out and out[-1][0] == name and name != key:
            out[-1][1].append(key)
        else:
            out.append((name, [key]))
    return out


class ReadTwin:
    """Buckets in memory. `before` runs before every answer: raise in it, or wait in it."""

    def __init__(self, buckets: Iterable[Bucket], *, page_size: int = 1000) -> None:
        self.data = {bucket.facts.name: bucket for bucket in buckets}
        self.page_size = page_size
        self.counts: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda operation: None

    @property
    def requests(self) -> Mapping[str, int]:
        return self.counts

    def _asked(self, operation: str, bucket: str = "") -> None:
        self.counts[operation] += 1
        self.before(operation)
        if bucket and bucket not in self.data:
            raise NoSuchPlace("There is no such bucket", where=f"s3://{bucket}", next_step="Check its name")

    def buckets(self) -> list[BucketFacts]:
        self._asked("ListBuckets")
        return [BucketFacts(b.facts.name, b.facts.created) for b in self.data.values()]

    def bucket(self, name: str) -> BucketFacts:
        self._asked("HeadBucket", name)
        return self.data[name].facts

    def head(self, bucket: str, key: str, version_id: str = "") -> ObjectFacts | None:
        self._asked("HeadObject", bucket)
        for e in self.data[bucket].entries:
            if e.key == key and (e.version_id == version_id if version_id else e.is_latest):
                if e.is_delete_marker:
                    return None
                return ObjectFacts(bucket, key, e.size, e.etag, e.modified, e.storage_class, e.version_id,
                                   content_type="application/octet-stream", metadata=(("origin", "scan-7"),))
        return None

    def get_range(self, bucket: str, key: str, version_id: str, start: int, length: int) -> bytes:
        self._asked("GetObject", bucket)
        return self.data[bucket].bodies.get(key, b"")[start:start + length]

    def page(
        self, bucket: str, prefix: str = "", *, delimiter: str = "/", start_after: str = "", token: str = "",
        max_keys: int = 1000,
    ) -> Page:
        self._asked("ListObjectsV2", bucket)
        current = {e.key: e for e in self.data[bucket].entries
                   if e.is_latest and not e.is_delete_marker
                   and e.key.startswith(prefix) and e.key > start_after}
        names = _cut(sorted(current), prefix, delimiter)
        start = int(token or 0)
        stop = start + min(max_keys, self.page_size)
        shown = names[start:stop]
        return Page(
            batch_of((current[n] for n, _ in shown if n in current), versions=False),
            tuple(n for n, _ in shown if n not in current), str(stop) if stop < len(names) else "",
        )

    def version_page(
        self, bucket: str, prefix: str = "", *, delimiter: str = "", key_marker: str = "",
        version_marker: str = "", max_keys: int = 1000,
    ) -> VersionPage:
        self._asked("ListObjectVersions", bucket)
        entries = [e for e in self.data[bucket].entries if e.key.startswith(prefix)]
        rows: list[tuple[str, Entry | None]] = []
        for e in entries:
            at = e.key.find(delimiter, len(prefix)) if delimiter else -1
            if at < 0:
                rows.append((e.key, e))
            elif not rows or rows[-1][0] != e.key[: at + 1]:
                rows.append((e.key[: at + 1], None))
        start = int(version_marker or 0)
        stop = start + min(max_keys, self.page_size)
        shown = rows[start:stop]
        more = stop < len(rows)
        return VersionPage(batch_of((e for _, e in shown if e), versions=True),
                           tuple(n for n, e in shown if e is None),
                           shown[-1][0] if more else "", str(stop) if more else "")

    def versions_of(self, bucket: str, key: str) -> list[Entry]:
        self._asked("ListObjectVersions", bucket)
        return [e for e in self.data[bucket].entries if e.key == key]


class FakeDesk:
    """A `DeskLike` over one store twin; `broken` is raised instead of giving a reader."""

    def __init__(self, path: Path, reader: ReadTwin, *, broken: S3ConsoleError | None = None,
                 connection: Connection | None = None, read_only: bool = False,
                 settings: Settings | None = None) -> None:
        here = connection or Connection(profile="prod-audit", region="us-west-2")
        self.home = Home.create(path)
        self.config = Config(here, here, here, path, read_only, settings or Settings(), read_only)
        self._reader = reader
        self.broken = broken

    def reader(self, connection: Connection | None = None) -> ReadTwin:
        if self.broken is not None:
            raise self.broken
        return self._reader

    def with_connection(self, connection: Connection) -> FakeDesk:
        here = self.config.through(connection)
        other = FakeDesk(self.home.path, self._reader, connection=connection, settings=here.settings)
        other.config = here
        return other

    def account(self) -> str:
        return "" if self.config.connection.endpoint_url else "123456789012"

    def profiles(self) -> tuple[str, ...]:
        return ("prod-audit", "staging")


def entry(key: str, size: int, modified: str, **more: object) -> Entry:
    etag = f"{abs(hash_of(key + str(size))):032x}"
    return Entry(key, size, etag, modified, **more)  # type: ignore[arg-type]


def hash_of(text: str) -> int:
    total = 7
    for c in text:
        total = (total * 1000003 + ord(c)) % (1 << 128)
    return total


HOSTILE = "hostile/"


def store(*, page_size: int = 1000) -> ReadTwin:
    """Two versioned buckets with the DistCp mess, one plain bucket, and hostile names."""
    t = "2024-03-12T09:14:07Z"
    bucket1, bucket2, bodies = [], [], {}
    for d in ("document001", "document002", "document123"):
        for n in range(12):
            name = f"{n}::png::200::490::bd"
            bucket1.append(entry(f"{d}/0856/{n:02d}/{name}", 18_211 + n, t))
            bucket2.append(entry(f"{d}/{d}/0856/{n:02d}/{n}", 18_211 + n, t, version_id=f"9hTz{n}"))
    p = "document123/"
    bucket2 += [
        entry(p + "1", 18_211, "2024-03-14T18:02:11Z", version_id="K3fa00Xc"),
        entry(p + "1", 22_740, "2024-03-12T09:14:07Z", version_id="9hTz44Qb", is_latest=False),
        entry(p + "1", 22_001, "2024-01-02T13:04:05Z", version_id="aa109Zy1", is_latest=False),
        entry(p + "1::png::200::490::bd", 22_740, t, version_id="Bd01"),
        entry(p + "10::jpg::640::480", 93_184, t, version_id="Bd02"),
        entry(p + "11", 0, "2024-03-14T18:02:00Z", version_id="mk01", is_delete_marker=True),
        entry(p + "11", 1_204, t, version_id="Bd03", is_latest=False),
        entry(p + "12", 121_900, t, version_id="Bd04"),
        entry(p + "manifest.json", 70, t, version_id="Bd05"),
        entry(p + "cover.bin", 48, t, version_id="Bd06"),
        entry(p + "readme.txt", 42, t, version_id="Bd07"),
    ]
    bodies[p + "manifest.json"] = (
        b'{"document":123,"pages":[1,2,3],"title":"caf\xc3\xa9","ok":true,"note":null}'
    )
    bodies[p + "cover.bin"] = bytes(range(48))
    bodies[p + "readme.txt"] = b"first line\n\tindented\nlast \x1b]2;PWNED\x07 line\n"
    hostile = [HOSTILE + "a\x1b]2;PWNED\x1b\\b", HOSTILE + "[red]x[/red]", HOSTILE + "safe\u202egpj.exe",
               HOSTILE + "line1\nline2", HOSTILE + " leading space", HOSTILE + "漢字/かな"]
    bucket2 += [entry(key, 3, t, version_id=f"h{n}") for n, key in enumerate(hostile)]
    logs = [entry(f"2024/{n:06d}.log", 512 + n, "2024-06-25T10:11:34Z") for n in range(2500)]
    return ReadTwin([
        Bucket(BucketFacts("bucket1", t, "us-west-1", "Enabled"), bucket1),
        Bucket(BucketFacts("bucket2", t, "us-west-2", "Enabled", object_lock=False), bucket2, bodies),
        Bucket(BucketFacts("logs-2024", t, "us-west-2", "Unversioned"), logs),
    ], page_size=page_size)
