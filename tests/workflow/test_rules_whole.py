"""Rules through the whole pairing pipeline: each on 1,000 random keys that it mangled itself, rules of the
operator from a file, and groups so large that anything quadratic would show."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from hashlib import md5
from pathlib import Path
from typing import Any

import bench_pairing
import pytest
from bench_pairing import make, measure
from servers.odd_server import OddServer, Row

from s3console.config import load_config
from s3console.core.compare import Comparison, EvidenceRules
from s3console.core.errors import S3ConsoleError
from s3console.core.model import Batch, Finding
from s3console.core.rules import Chain, chains
from s3console.store.reviews import Review
from s3console.workflow.comparing import CompareOptions, compare, rule_names
from s3console.workflow.desk import Desk, open_desk, parse_place
from s3console.workflow.findings import Emitter
from s3console.workflow.own_rules import OwnRule
from s3console.workflow.residue import Residue
from s3console.workflow.spool import ScratchFolder

ATOMS = (
    "a", "b.txt", "Report 1", "x::png", "x:y", "c++", "50%", "%2F", "a%20b", "é", "e\u0301", "ﬁ：", "~1",
    "q~r", "a\\b", "cr\rlf", "nl\nx", "\x01", "a,b", '"q"', "A&B<c>", "two  blanks", " lead", "end. ",
    ".", "..", "ts=1 2:3", "img.gzip", "Z.GZ", "z.lzop", "zü?*|", "$", "n" * 260, "+", "old", "_", "a+b",
)
COUNT = 1000


def random_key(rng: random.Random, number: int) -> str:
    head = rng.choice(("", "", "", "/", "old/"))
    parts = [rng.choice(ATOMS) for _ in range(rng.randrange(1, 4))]
    parts.insert(rng.randrange(len(parts) + 1), f"k{number}")
    joint = rng.choice(("/", "/", "/", "//"))
    return head + joint.join(parts) + rng.choice(("", "", ATOMS[rng.randrange(len(ATOMS))], "/"))


def etag(number: int) -> str:
    return md5(str(number).encode()).hexdigest()


def paired(folder: Path, left: Sequence[tuple[str, int]], right: Sequence[tuple[str, int]],
           chosen: Sequence[Chain], own: Sequence[Chain] = ()) -> list[Finding]:
    """Both sides as (key, number of the bytes); equal right keys become versions."""
    left, right = sorted(left), sorted(right)
    latest = [at == 0 or right[at - 1][0] != key for at, (key, _) in enumerate(right)]
    merge = Comparison(
        [Batch([key for key, _ in left], [9 + number % 7 for _, number in left],
               [etag(number) for _, number in left], [""] * len(left), ["STANDARD"] * len(left))],
        [Batch([key for key, _ in right], [9 + number % 7 for _, number in right],
               [etag(number) for _, number in right], [""] * len(right), ["STANDARD"] * len(right),
               [f"v{number}" for _, number in right], latest, [False] * len(right))])
    with ScratchFolder(folder) as scratch:
        residue = Residue(scratch, "", "")
        for outcome in merge.run():
            residue.add(outcome)
        residue.match(chosen, lambda: None)
        emitter = Emitter(residue, rule_names("", "", chosen, own), EvidenceRules(), 2)
        emitter.study(lambda: None)
        return [finding for block in emitter.findings() for finding in block]


def every_chain() -> list[str]:
    names = [chain.name for chain in chains("all") if len(chain.rules) == 1]
    names += ["prefix-added(bucket1/)", "prefix-dropped(old/)", "replace-all(old=old,new=new)"]
    return names + [chain.name for chain in chains("auto") if len(chain.rules) == 2]


@pytest.mark.parametrize("name", every_chain())
def test_each_rule_explains_what_it_mangled(tmp_path: Path, name: str) -> None:
    (chain,) = chains(name)
    rng = random.Random(name)
    left: dict[str, int] = {}
    right: list[tuple[str, int]] = []
    for start in range(0, 400_000, 500):
        keys = [random_key(rng, start + at) for at in range(500)]
        for at, (key, image) in enumerate(zip(keys, chain.images(keys), strict=True)):
            if image and image != key and image not in left and key not in left and len(right) < COUNT:
                left[key] = start + at
                right.append((image, start + at))
        if len(right) >= COUNT:
            break
    wrong = {key for key, _ in right}
    right = [pair for pair in right if pair[0] not in left]
    assert len(right) > COUNT * 0.9 and wrong, f"only {len(right)} keys"
    found = paired(tmp_path, list(left.items()), right, (chain,))
    misnamed = [finding for finding in found if finding.kind == "misnamed"]
    assert len(misnamed) == len(right)
    for finding in misnamed:
        assert finding.left and finding.right and finding.grade == "proved" and finding.rule == chain.name
        assert finding.left.etag == finding.right.etag and left[finding.left.key] == int(
            finding.right.version_id[1:])


def paired_exactly(result: dict[str, Any]) -> None:
    """Precision and recall are 1.0 where size and ETag are unique; the rest is listed as twins."""
    truth, grades = result["truth"], result["paired"]
    assert result["found"] == {"misnamed": truth["mangled"]}
    assert not [grade for grade in grades if "WRONG" in grade]
    assert sum(grades.values()) == truth["mangled"]
    unique = truth["mangled"] - truth["twins"]
    assert grades["proved:right"] >= unique
    assert grades["twin:right"] + grades["twin:equal"] <= truth["twins"]


def test_a_mangled_corpus_is_paired_exactly(tmp_path: Path) -> None:
    make(tmp_path, 12_000, 50)
    paired_exactly(measure(tmp_path, tmp_path))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_mangled_corpus_of_a_million_keys(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, bench_pairing.__file__, "1000000"], capture_output=True, text=True,
                          timeout=1700, check=True)
    result = json.loads(done.stdout)
    print(result)
    paired_exactly(result)
    assert result["peak_mib"] < 150


@pytest.mark.parametrize("same", [False, True], ids=["all-different", "all-equal"])
def test_large_groups_take_no_square_time(tmp_path: Path, same: bool) -> None:
    size = 6000
    left = [(f"d/1::{number:05d}", 1 if same else number) for number in range(size)]
    right = [("d/1", 1 if same else number) for number in range(size)]
    begun = time.process_time()
    found = paired(tmp_path, left, right, chains("colon-truncate(::)"))
    assert time.process_time() - begun < 4
    assert len(found) == size and {finding.kind for finding in found} == {"misnamed"}
    assert {finding.grade for finding in found} == {"twin" if same else "proved"}
    assert len({finding.intended_key for finding in found}) == size


def desk_of(odd: OddServer, state: Path) -> Desk:
    return open_desk(load_config({"endpoint_url": odd.endpoint_url, "state_dir": str(state)}, {}))


def findings(desk: Desk, **options: object) -> dict[str, Finding]:
    header = compare(desk, parse_place("s3://one/in/", desk.config.left),
                     parse_place("s3://two/in/", desk.config.right),
                     CompareOptions(**options))  # type: ignore[arg-type]
    with Review.open(desk.home, header.review) as review:
        return {finding.key: finding for block in review.findings() for finding in block}


def test_own_rules_take_effect_at_the_next_comparison(odd_server: OddServer, tmp_path: Path) -> None:
    odd_server.rows["one"] = [Row(f"in/y{number}/m3/x.dat", 5, etag(number)) for number in range(5)]
    odd_server.rows["two"] = [Row(f"in/{number}-3.data", 5, etag(number)) for number in range(4)]
    odd_server.rows["two"] += [Row("in/4-3.data", 5, etag(99)), Row("in/in/4-3.data", 5, etag(4))]
    desk = desk_of(odd_server, tmp_path / "state")
    assert {finding.kind for finding in findings(desk).values()} == {"extra", "missing"}
    rule = {"name": "year-month", "match": r"y(\d)/m(\d)/x\.dat$", "replace": r"\1-\2.data"}
    file = tmp_path / "rules.json"
    file.write_text(json.dumps([rule]))
    found = findings(desk, rules_file=file)
    assert [found[f"in/{number}-3.data"].grade for number in range(5)] == ["proved"] * 4 + ["contradicted"]
    assert found["in/in/4-3.data"].rule == "year-month∘distcp-double-root(depth=0)"
    assert {finding.kind for finding in findings(desk, rules="none", rules_file=file).values()} == {
        "misnamed", "missing", "extra"}
    (desk.home.path / "rules.toml").write_text(
        "[[rules]]\nname = 'year-month'\nmatch = 'y([0-9])/m([0-9])/x\\.dat$'\nreplace = '\\1-\\2.data'\n")
    assert findings(desk)["in/1-3.data"].rule == "year-month"
    (desk.home.path / "rules.toml").write_text("[[rules]]\nname = 'none-here'\nmatch = 'zz'\nreplace = 'y'\n")
    assert findings(desk)["in/1-3.data"].kind == "extra"


@pytest.mark.parametrize("text", [
    "", "[[rules]]", "rules = 3", "rules = []", "[[rules]]\nname='a'\nmatch='('\nreplace=''",
    "[[rules]]\nname='H4 x'\nmatch='a'\nreplace=''", "[[rules]]\nname='percent'\nmatch='a'\nreplace=''",
    "[[rules]]\nname='a'\nmatch='a'\nreplace='\\9'", "[[rules]]\nname='a'\nmatch=''\nreplace='b'",
    "[[rules]]\nname='a'\nmatch='a'\nreplace='b'\nmore=1", "\x00", "rules = [1]",
    "[[rules]]\nname='a'\nmatch='a'\nreplace='b'\n" * 2,
])
def test_odd_files_of_rules_are_refused_in_one_sentence(odd_server: OddServer, tmp_path: Path,
                                                        text: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    desk = desk_of(odd_server, tmp_path / "state")
    with pytest.raises(S3ConsoleError) as caught:
        findings(desk, rules_file=file)
    assert caught.value.exit_code == 2 and "\n" not in caught.value.sentence
    with pytest.raises(S3ConsoleError):
        findings(desk, rules_file=tmp_path / "absent.toml")


def test_an_own_rule_is_a_chain() -> None:
    (image,) = OwnRule("mine", "b+", "c").chain().images(["abba"])
    assert image == "aca"
