"""A listing whose pages another process fetches: the same listing, the same ends, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest
from s3.test_sharded import FAULTS, PLAIN, QUICK, SETS, names, rows, walk
from servers.odd_server import OddServer

from s3console.core.errors import ListingIncomplete
from s3console.core.model import Batch, Connection, Place
from s3console.s3.apart import PageProcesses
from s3console.s3.columns import PackedPage, pack_page
from s3console.s3.connect import open_reader
from s3console.s3.facts import Page, VersionPage
from s3console.s3.read import ReadStore
from s3console.s3.transport import Patience

MODULE = b"s3console.s3.page_process"


def children(parent: int) -> list[int]:
    """The processes that a process has started; its threads come and go meanwhile."""
    found: list[int] = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def processes() -> list[int]:
    """The page processes that this process has started and that still run."""
    found = []
    for pid in children(os.getpid()):
        with contextlib.suppress(OSError):
            if MODULE in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def lives(pid: int) -> bool:
    """Whether a process runs; a zombie has no command line any more."""
    with contextlib.suppress(OSError):
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    return False


def gone() -> bool:
    """Whether no page process is left, a moment after its listing has ended."""
    end = time.monotonic() + 60
    while processes() and time.monotonic() < end:
        time.sleep(0.005)
    return not processes()


@pytest.fixture
def store(odd_server: OddServer) -> ReadStore:
    odd_server.page_size = 10
    return open_reader(Connection(endpoint_url=odd_server.endpoint_url), patience=QUICK)


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("keys", [SETS["plain"], SETS["odd"], SETS["few"]], ids=["plain", "odd", "few"])
def test_the_same_as_page_by_page(odd_server: OddServer, store: ReadStore, keys: list[str],
                                  versions: bool) -> None:
    odd_server.rows["bucket"] = rows(keys, versions=versions)
    used: set[int] = set()

    def look(_bucket: str, number: int) -> None:
        if number % 9 == 3 or len(keys) < 50:
            used.update(processes())

    odd_server.on_page = look
    for parallel in (2, 16):
        used.clear()
        listing = store.listing(Place("bucket"), versions=versions, parallel=parallel, apart=True)
        seen, error = walk(listing)
        assert error is None
        assert names(seen) == [(row.key, row.version) for row in odd_server.rows["bucket"]]
        assert len(used) == 1, "one process for a listing"
        assert gone(), "it ends with the listing"
    serial, _ = walk(store.listing(Place("bucket"), versions=versions, parallel=1))
    assert seen == serial


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("kind", FAULTS)
def test_a_lasting_fault_ends_it_before_the_first_unknown_key(odd_server: OddServer, store: ReadStore,
                                                              kind: str, versions: bool) -> None:
    if versions and kind in ("missing_row", "key_count"):
        kind = "truncated"
    odd_server.rows["bucket"] = rows(PLAIN[:300] if not versions else PLAIN[:100], versions=versions)
    page = 13
    odd_server.fault(kind, page=page)
    right = [(row.key, row.version) for row in odd_server.rows["bucket"]]
    seen, error = walk(store.listing(Place("bucket"), versions=versions, parallel=8, apart=True))
    if error is None:
        assert names(seen) == right
        return
    assert isinstance(error, ListingIncomplete) and error.known_through is not None
    assert names(seen) == right[:len(seen)] and len(seen) <= (page + 1) * 10
    known = [name for name in right if name[0] <= error.known_through]
    assert known == [name for name in names(seen) if name[0] <= error.known_through]


@pytest.mark.parametrize("kind", ["503", "500", "dropped", "html", "truncated"])
def test_a_passing_fault_is_overcome(odd_server: OddServer, kind: str) -> None:
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(PLAIN, versions=False)
    waits: list[float] = []
    store = open_reader(Connection(endpoint_url=odd_server.endpoint_url),
                        patience=Patience(sleep=waits.append))

    def strike(_bucket: str, number: int) -> None:
        if number == 20 and not odd_server.listing_faults:
            odd_server.fault(kind, times=3)

    odd_server.on_page = strike
    seen, error = walk(store.listing(Place("bucket"), parallel=8, apart=True))
    assert error is None and [entry.key for entry in seen] == PLAIN
    assert len(waits) == 3, "one wait for each answer that was none"


def killed(odd: OddServer, store: ReadStore, page: int, *, versions: bool) -> str:
    """One listing whose process is killed when a page is asked for, and how it ended."""
    strikes: list[int] = []

    def strike(_bucket: str, number: int) -> None:
        if number == page:
            strikes.extend(processes())
            for pid in strikes:
                os.kill(pid, signal.SIGKILL)

    odd.on_page = strike
    right = [(row.key, row.version) for row in odd.rows["bucket"]]
    listing = store.listing(Place("bucket"), versions=versions, parallel=8, apart=True)
    seen, error = walk(listing)
    assert gone()
    assert names(seen) == right[:len(seen)], "what was handed out is the beginning of the truth"
    if error is None:
        assert names(seen) == right
        return "complete" if strikes else "before"
    assert isinstance(error, ListingIncomplete) and error.exit_code == 4 and strikes
    assert "was ended" in error.sentence and not listing.proof.complete
    # The first key has more versions than two pages hold: until the last of them nothing is proved.
    assert error.known_through or (versions and {key for key, _ in names(seen)} <= {right[0][0]})
    cut = error.known_through or ""
    assert [name for name in right if name[0] <= cut] == [name for name in names(seen) if name[0] <= cut]
    return "incomplete"


@pytest.mark.parametrize("versions", [False, True])
def test_killed_at_some_pages(odd_server: OddServer, store: ReadStore, versions: bool) -> None:
    odd_server.rows["bucket"] = rows(PLAIN[:300] if not versions else PLAIN[:80], versions=versions)
    ends = Counter(killed(odd_server, store, page, versions=versions) for page in (0, 4, 11, 19))
    assert ends["incomplete"] >= 2, ends


@pytest.mark.long
@pytest.mark.parametrize("versions", [False, True])
def test_killed_at_every_page(odd_server: OddServer, store: ReadStore, versions: bool) -> None:
    odd_server.rows["bucket"] = rows(PLAIN if not versions else PLAIN[:200], versions=versions)
    pages = -(-len(odd_server.rows["bucket"]) // 10)
    ends = Counter(killed(odd_server, store, page, versions=versions) for page in range(pages))
    assert ends["incomplete"] > pages / 2, ends


def test_listings_that_are_read_together_share_a_process(odd_server: OddServer, store: ReadStore) -> None:
    """One process serves both until it is closed, also when one listing is left early; killed, it ends both,
    and the next listing gets another one."""
    odd = SETS["odd"]
    odd_server.rows["bucket"] = rows(PLAIN, versions=False)
    odd_server.rows["other"] = rows(odd, versions=False)
    shared = PageProcesses()

    def listing(name: str) -> Iterator[Batch]:
        return iter(store.listing(Place(name), parallel=6, apart=True, sides=2, processes=shared))

    first, second = listing("bucket"), listing("other")
    found: dict[str, list[str]] = {"bucket": [], "other": []}
    seen = set()
    for one, other in zip_longest(first, second):
        found["bucket"] += one.keys if one else []
        found["other"] += other.keys if other else []
        seen.update(processes())
    assert found == {"bucket": PLAIN, "other": odd} and len(seen) == 1
    assert processes() == list(seen), "it waits for the next listing"
    left = listing("bucket")
    assert next(left).keys == PLAIN[:10]
    left.close()  # type: ignore[attr-defined]
    assert [key for batch in listing("other") for key in batch.keys] == odd and processes() == list(seen)
    first, second = listing("bucket"), listing("other")
    for _ in range(3):
        next(first), next(second)
    os.kill(seen.pop(), signal.SIGKILL)
    for one_side in (first, second):
        with pytest.raises(ListingIncomplete, match="was ended"):
            list(one_side)
    assert [key for batch in listing("bucket") for key in batch.keys] == PLAIN
    shared.close()
    assert gone()
    assert [key for batch in listing("bucket") for key in batch.keys] == PLAIN, "threads do it then"
    assert not processes()


def test_leaving_early_leaves_no_process(odd_server: OddServer, store: ReadStore) -> None:
    odd_server.rows["bucket"] = rows(PLAIN, versions=False)
    for count, _ in enumerate(store.listing(Place("bucket"), parallel=8, apart=True)):
        if count == 20:
            assert processes()
            break
    assert gone()


def test_it_ends_with_its_parent_and_holds_no_credentials(odd_server: OddServer, tmp_path: Path) -> None:
    """The parent is killed while pages are under way: nobody is left, and nobody could read a key."""
    odd_server.page_size = 10
    odd_server.rows["bucket"] = rows(PLAIN, versions=False)
    script = (f"from s3console.s3.connect import open_reader\n"
              f"from s3console.core.model import Connection, Place\n"
              f"store = open_reader(Connection(endpoint_url={odd_server.endpoint_url!r}))\n"
              f"for batch in store.listing(Place('bucket'), parallel=8, apart=True):\n    pass\n")
    found: dict[int, bytes] = {}

    def strike(_bucket: str, number: int) -> None:
        if number < 30 or found:
            return
        for pid in children(parent.pid):
            found[pid] = (Path(f"/proc/{pid}/environ").read_bytes()
                          + Path(f"/proc/{pid}/cmdline").read_bytes())
        parent.kill()

    odd_server.on_page = strike
    parent = subprocess.Popen([sys.executable, "-c", script], stderr=(tmp_path / "err").open("wb"))
    parent.wait(120)
    assert len(found) == 1 and parent.returncode == -signal.SIGKILL, (tmp_path / "err").read_text()
    assert all(MODULE in text and b"odd-secret" not in text and b"AWS_" not in text
               for text in found.values())
    end = time.monotonic() + 60
    while any(lives(pid) for pid in found) and time.monotonic() < end:
        time.sleep(0.02)
    assert not [pid for pid in found if lives(pid)]


def test_it_loads_no_aws_library() -> None:
    script = "import s3console.s3.page_process, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "pycurl" in loaded.split() and not {"botocore", "boto3", "urllib3"} & set(loaded.split())


ODD = ["", "a\nb", "é\U0001f600", "\udc80\udcff", "x" * 1024, "\x00"]


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("keys", [[], ["one"], ["a", "b", "b"], ODD, ["same"] * 3, ["\n", "\n\n"], [""]])
def test_a_packed_page_is_the_same(keys: list[str], versions: bool) -> None:
    count = len(keys)
    sizes = [(1 << 63) - 1 - at for at in range(count)]
    columns = (keys, sizes, keys[::-1], ["t"] * count, ["STANDARD"] * count)
    flags = [at % 2 == 0 for at in range(count)]
    page: Page | VersionPage
    if versions:
        page = VersionPage(Batch(*columns, keys, flags, flags[::-1], keys), tuple(keys), "mark\ner", "\udc81")
    else:
        page = Page(Batch(*columns), tuple(keys), "to\nken")
    packed = PackedPage(pack_page(page))
    assert packed.batch() == page.batch and packed.keys == keys and packed.prefixes == keys
    assert packed.way == (("mark\ner", "\udc81") if versions else ("to\nken", ""))
    packed.kept = count // 2
    assert list(packed.batch().entries()) == list(page.batch.entries())[:count // 2]


def test_bytes_that_are_no_page_are_refused() -> None:
    good = pack_page(Page(Batch(["a", "b"], [1, 2], ["x", "y"], ["t", "t"], ["S", "S"]), ()))
    for cut in range(len(good)):
        with pytest.raises(ValueError, match="no page"):
            PackedPage(good[:cut])
