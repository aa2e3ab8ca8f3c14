"""Pairing of single groups: the short way and the bare way say what the long way says."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from s3console.core.compare import DIFFERS, MISSING, SAME, UNKNOWN, EvidenceRules, Group
from s3console.core.model import UNKNOWN_BYTES, Side
from s3console.core.pairing import Candidate, Names, Ranking, _Resolver, resolve

ETAGS = ["a" * 32, "b" * 32, "c" * 32 + "-1", "c" * 32 + "-2", "", UNKNOWN_BYTES]
NAMES = Names("left/", "right/", ("one", "two", "three"), frozenset({1}))


@st.composite
def groups(draw: Any) -> tuple[Group, list[Candidate]]:
    rows = []
    for at in range(draw(st.integers(1, 3))):
        marker = draw(st.booleans()) if draw(st.booleans()) else False
        size, etag = draw(st.sampled_from([0, 5, 6])), draw(st.sampled_from(ETAGS))
        rows.append(Side("right/k", 0 if marker else size, "" if marker else etag, "t", "STANDARD", f"v{at}",
                         at == 0, marker))
    state = draw(st.sampled_from(["only", "only", "only", "same", "differs", "unknown", "hidden"]))
    left = None if state == "only" else Side("left/k", 5, draw(st.sampled_from(ETAGS)), "t")
    candidates = []
    for _ in range(draw(st.integers(0, 4))):
        candidates.append(Candidate(
            draw(st.sampled_from(["k", "x", "y"])), draw(st.sampled_from([0, 5, 6])),
            draw(st.sampled_from(ETAGS)), "t", "STANDARD",
            draw(st.sampled_from([SAME, MISSING, DIFFERS, UNKNOWN])), draw(st.integers(0, 2))))
    seen: dict[str, Candidate] = {}
    # All chains that lead from one left key tell the same of it.
    candidates = [seen.setdefault(one.key, one)._replace(chain=one.chain) for one in candidates]
    return Group("k", state, tuple(rows), left), sorted(candidates, key=lambda one: (one.key, one.chain))


@settings(max_examples=600, deadline=None)
@given(groups(), st.booleans(), st.sampled_from(["auto", "size", "etag"]), st.booleans(), st.booleans())
def test_short_ways_say_the_same(made: tuple[Group, list[Candidate]], md5: bool, evidence: Any, settled: bool,
                                 junk: bool) -> None:
    group, candidates = made
    rules, ranking = EvidenceRules(evidence, md5=md5), Ranking()
    ranking.note((2,), "proved")
    if settled:
        ranking.settle()
    named = "distcp-temp" if junk else None
    long = _Resolver(group, candidates, NAMES, rules, ranking, named, bare=False)
    long.own_name()
    if group.state != "unknown":
        long.assign()
        long.leftovers()
    short = resolve(group, candidates, NAMES, rules, ranking, named)
    assert short == long.out
    studied = resolve(group, candidates, NAMES, rules, ranking, None, bare=True)
    full = resolve(group, candidates, NAMES, rules, ranking, None)
    assert (studied.covered, studied.pairs) == (full.covered, full.pairs)
