"""Pairing at scale, without a server: a corpus of mangled names on a versioned side, with known truth.

    python tests/bench/bench_pairing.py [KEYS] [--make FOLDER]

Every right version carries the number of its source in its version id, which the program never reads
for pairing; so precision and recall are counted exactly. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import md5
from operator import itemgetter
from pathlib import Path

from s3console.core.compare import Comparison, EvidenceRules
from s3console.core.model import Batch
from s3console.core.rules import KeyBlock, chains, double_depths
from s3console.workflow.comparing import rule_names
from s3console.workflow.findings import Emitter
from s3console.workflow.residue import Residue
from s3console.workflow.spool import ScratchFolder, Spool, Workspace

SHAPE = "sisssbb"
PAGE = 1000
MANGLED = ("colon-truncate(::)∘distcp-double-root(depth=0)", "colon-truncate(::)", "hadoop-path", "percent",
           "form", "nfd", "s3distcp-last-segment", "slash-collapse", "distcp-double-root(depth=0)")


def key_of(number: int) -> str:
    """A key that some rule damages. Three neighbours share the part before their first "::"."""
    folder = f"document{number // 3 % 100:03d}/{number // 100_000:02d}"
    name = number // 3
    form = name % 7
    if form < 3:
        return f"{folder}/{name}::{('png', 'jpg', 'txt')[number % 3]}::{number}"
    if form == 3:
        return f"{folder}//{number}/./a.txt"
    if form == 4:
        return f"{folder}/a b+{number}%é.txt"
    if form == 5:
        return f"{folder}/é{number}.txt"
    return f"{folder}/{number}.jpg"


def etag_of(number: int, twins: int) -> tuple[int, str]:
    """Size and ETag; in one of `twins` groups of three neighbours all hold the same bytes."""
    group = number // 3
    same = twins and group % twins == 0
    body = group if same else number
    return 1000 + body % 977, md5(f"{body}{same}".encode()).hexdigest()


def make(folder: Path, keys: int, twins: int) -> None:
    """Write both sides, sorted, and the truth."""
    work = Workspace(folder)
    left, right = work.sort(SHAPE, itemgetter(0)), work.sort(SHAPE, itemgetter(0, 3))
    tried = {chain.name: chain for chain in chains(MANGLED)}
    chosen = [tried[name] for name in MANGLED if name in tried]
    truth: Counter[str] = Counter(chains=len(chosen))
    for start in range(0, keys, PAGE):
        numbers = range(start, min(start + PAGE, keys))
        names = [key_of(number) for number in numbers]
        block = KeyBlock(names)
        images = [chain.images(block) for chain in chosen]
        for at, number in enumerate(numbers):
            size, etag = etag_of(number, twins)
            left.extend([(names[at], size, etag, f"{number:010d}", "", True, False)])
            fits = [found[at] for found in images if found[at]]
            # A third stays as it is; the neighbours of a group are damaged by one and the same rule.
            choice = number // 3 % 3
            name = names[at] if choice == 0 or not fits else fits[(number // 9) % len(fits)]
            truth["mangled" if name != names[at] else "right"] += 1
            truth["twins"] += name != names[at] and twins > 0 and number // 3 % twins == 0
            right.extend([(name or "", size, etag, f"{number:010d}", f"v{number}", True, False)])
    for name, rows in (("left", left.rows()), ("right", right.rows())):
        spool = work.spool(name, SHAPE)
        last = None
        for row in rows:
            # The first version of a key that is listed is its current one.
            spool.extend([(*row[:5], row[0] != last, False)])
            last = row[0]
        spool.close()
    for run in folder.glob("*.run"):
        run.unlink()
    (folder / "truth.json").write_text(json.dumps(truth))


def batches(spool: Spool, *, versions: bool) -> Iterator[Batch]:
    for block in spool.blocks():
        for start in range(0, len(block), PAGE):
            keys, sizes, etags, modified, ids, latest, markers = zip(*block[start:start + PAGE], strict=True)
            plain = ["STANDARD"] * len(keys)
            if versions:
                yield Batch(keys, sizes, etags, modified, plain, ids, latest, markers)
            else:
                yield Batch(keys, sizes, etags, modified, plain)


def reading(path: Path) -> Spool:
    spool = Spool.__new__(Spool)
    spool._path, spool._shape, spool._file, spool._rows = path, SHAPE, None, []
    return spool


def measure(folder: Path, home: Path) -> dict[str, object]:
    """Compare the two sides of a made folder and count."""
    truth = json.loads((folder / "truth.json").read_text())
    begun = time.process_time()
    laps: dict[str, float] = {}

    def lap(name: str) -> None:
        laps[name] = round(time.process_time() - begun - sum(laps.values()), 2)

    with ScratchFolder(home) as scratch:
        merge = Comparison(batches(reading(folder / "left"), versions=False),
                           batches(reading(folder / "right"), versions=True))
        residue = Residue(scratch, "", "")
        for outcome in merge.run():
            residue.add(outcome)
        lap("merge")
        depths: set[int] = set()
        for block in residue.right_only_keys():
            depths.update(double_depths(block))
        chosen = chains("auto", double_depths=tuple(sorted(depths)) or (0,))
        residue.match(chosen, lambda: None)
        lap("match")
        emitter = Emitter(residue, rule_names("", "", chosen), EvidenceRules(), 2)
        emitter.study(lambda: None)
        lap("study")
        found, paired = Counter[str](), Counter[str]()
        for part in emitter.findings():
            for finding in part:
                found[finding.kind] += 1
                if finding.kind == "misnamed" and finding.left and finding.right:
                    right = int(finding.right.version_id[1:]) == int(finding.left.modified)
                    equal = finding.left.etag == finding.right.etag
                    paired[f"{finding.grade}:{'right' if right else 'equal' if equal else 'WRONG'}"] += 1
        lap("findings")
        rows = list(emitter.prefixes())
        lap("prefixes")
    return {"truth": truth, "found": dict(found), "paired": dict(paired), "prefixes": len(rows),
            "chains": len(chosen), "cpu_s": round(time.process_time() - begun, 2), "laps": laps,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("keys", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--make", type=Path)
    parser.add_argument("--measure", type=Path)
    parser.add_argument("--twins", type=int, default=50, help="one group in so many holds equal bytes")
    options = parser.parse_args()
    if options.make:
        make(options.make, options.keys, options.twins)
    elif options.measure:
        print(json.dumps(measure(options.measure, options.measure)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            again = [sys.executable, __file__, str(options.keys), "--twins", str(options.twins)]
            for word in ("--make", "--measure"):
                subprocess.run([*again, word, folder], check=True, env=os.environ)


if __name__ == "__main__":
    main()
