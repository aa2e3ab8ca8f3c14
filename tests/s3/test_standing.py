"""What stands under many names is told from listings, and only as far as these surely show it."""

from __future__ import annotations

from typing import Any

import pytest

from s3console.core.errors import ServiceError, UntrustedAnswer
from s3console.s3.facts import Glance
from s3console.s3.standing import standing
from s3console.s3.steps import Act, Answer

MD5 = "0123456789abcdef0123456789abcdef"


def page(rows: str, *, truncated: str = "false", root: str = "ListBucketResult", more: str = "") -> Answer:
    body = f"<{root}><Name>b</Name>{more}<IsTruncated>{truncated}</IsTruncated>{rows}</{root}>"
    return Answer(200, b"\r\nHTTP/1.1 200 OK\r\n\r\n", body.encode())


def row(key: str, size: int = 3, etag: str = MD5) -> str:
    return (f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>")


def version(key: str, version_id: str, *, latest: str = "true", size: int = 3) -> str:
    return (f"<Version><Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>{latest}</IsLatest>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;{MD5}&quot;</ETag>"
            f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Version>")


def marker(key: str, version_id: str) -> str:
    return (f"<DeleteMarker><Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>true</IsLatest>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></DeleteMarker>")


def told(keys: list[str], *answers: Answer, versions: bool = False) -> tuple[dict[str, Any], list[str]]:
    """What is told of these keys, and the queries that were asked."""
    steps, queries, left = standing("b", keys, versions=versions), [], list(answers)
    try:
        act = next(steps)
        while True:
            assert isinstance(act, Act) and act.method == "GET" and not act.body
            queries.append(act.query)
            act = steps.send(act.read(act, left.pop(0)))
    except StopIteration as end:
        assert not left
        return dict(end.value), queries


def test_one_page_tells_what_stands_and_what_does_not() -> None:
    found, queries = told(["d/2", "d/1", "d/3"], page(row("d/1", 7) + row("d/15") + row("d/3")))
    assert found == {"d/1": (Glance(7, MD5, ""),), "d/2": (), "d/3": (Glance(3, MD5, ""),)}
    assert queries == ["encoding-type=url&list-type=2&max-keys=19&start-after=d%2F0~~"]


@pytest.mark.parametrize("key", ["a", "!", " ", "d/", "d/!", "x~"])
def test_a_listing_begins_just_before_the_first_key(key: str) -> None:
    steps = standing("b", [key], versions=False)
    act = next(steps)
    assert isinstance(act, Act)
    after = dict(one.split("=") for one in act.query.split("&")).get("start-after", "")
    assert "%" in after or after < key


def test_a_page_is_believed_as_far_as_it_goes() -> None:
    found, queries = told(["k1", "k2", "k3", "k4"], page(row("k1") + row("k2"), truncated="true"),
                          page(row("k4")))
    assert found == {"k1": (Glance(3, MD5, ""),), "k2": (Glance(3, MD5, ""),), "k3": (),
                     "k4": (Glance(3, MD5, ""),)}
    assert len(queries) == 2 and queries[1].endswith("start-after=k2~~")
    # Mostly other names: the rest is not looked for in this way.
    rows = "".join(row(f"k1{n:02d}") for n in range(20))
    assert told(["k1", "k2"], page(rows, truncated="true")) == ({"k1": ()}, [
        "encoding-type=url&list-type=2&max-keys=18&start-after=k0~~"])


def test_versions_of_the_last_key_of_a_page_may_go_on() -> None:
    rows = version("k1", "v2") + version("k1", "v1", latest="false") + version("k2", "v9")
    found, queries = told(["k1", "k2"], page(rows, truncated="true", root="ListVersionsResult"),
                          page(version("k2", "v9") + version("k2", "v8", latest="false"),
                               root="ListVersionsResult"), versions=True)
    assert found == {"k1": (Glance(3, MD5, "v2"), Glance(3, MD5, "v1")),
                     "k2": (Glance(3, MD5, "v9"), Glance(3, MD5, "v8"))}
    assert queries[1] == "encoding-type=url&key-marker=k1~~&max-keys=17&versions="
    found, _ = told(["k1"], page(marker("k1", "v3") + version("k1", "v1", latest="false"),
                                 root="ListVersionsResult"), versions=True)
    assert found == {"k1": (Glance(3, MD5, "v1"),)}


@pytest.mark.parametrize("rows", [
    row("k3") + row("k1"), row("k1") + row("k1"), row("a") + row("k1"), row("J")])
def test_an_odd_order_tells_nothing(rows: str) -> None:
    assert told(["k1", "k3"], page(rows))[0] == {}


def test_names_whose_place_in_the_order_is_not_sure_are_not_told() -> None:
    assert told(["k\u00e9", "k\n", "k\udcff", ""]) == ({}, [])
    assert set(told(["k1", "k\u00e9"], page(row("k1")))[0]) == {"k1"}


def test_a_store_that_lists_from_memory_is_not_believed() -> None:
    late = Answer(200, b"\r\nHTTP/1.1 200 OK\r\nX-Trans-Id: tx1\r\n\r\n", page(row("k1")).body)
    steps = standing("b", ["k1"], versions=False)
    act = next(steps)
    assert isinstance(act, Act)
    try:
        act.read(act, late)
    except Exception as error:  # noqa: BLE001 - given to the steps, as the loop does
        with pytest.raises(StopIteration) as end:
            steps.throw(error)
        assert end.value.value == {}
    else:
        raise AssertionError("a listing of Swift was believed")


@pytest.mark.parametrize("answer", [
    page(row("k1"), truncated="perhaps"), page("<Contents><Key>k1</Key></Contents>"),
    Answer(200, b"\r\n", b""), Answer(200, b"\r\n", b"<html>hello</html>"),
    Answer(503, b"\r\n", b"<Error><Code>SlowDown</Code></Error>")])
def test_a_broken_page_is_an_error(answer: Answer) -> None:
    with pytest.raises((UntrustedAnswer, ServiceError)):
        told(["k1"], answer)
