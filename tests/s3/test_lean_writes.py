"""DeleteObjects over libcurl: what is asked, and that only whole answers are believed, key by key."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3console.core.errors import ServiceError, UntrustedAnswer
from s3console.core.keys import xml_safe
from s3console.core.model import Ref
from s3console.s3.lean_writes import Verdicts, deleting
from s3console.s3.steps import Act, Answer, LeftToBotocore

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
REFS = [Ref("right", "b", "a&b <c>", "v1"), Ref("right", "b", "é\r\nx", "v2"),
        Ref("right", "b", "plain", "v3")]
ONE = "<Deleted><Key>a&amp;b &lt;c&gt;</Key><VersionId>v1</VersionId></Deleted>"
TWO = "<Deleted><Key>é&#13;\nx</Key><VersionId>v2</VersionId></Deleted>"
THREE = "<Deleted><Key>plain</Key><VersionId>v3</VersionId></Deleted>"


def said(inner: str, *, status: int = 200, act: Act | None = None) -> Verdicts:
    act = act or deleting(REFS)
    verdicts: Verdicts = act.read(act, Answer(status, b"", inner.encode("utf-8", "surrogateescape")))
    return verdicts


def result(*records: str) -> str:
    return f"{XML}<DeleteResult xmlns='x'>{''.join(records)}</DeleteResult>"


@given(st.lists(st.tuples(st.text(min_size=1).filter(xml_safe), st.text("abcABC019._-&<", min_size=1)),
                min_size=1, max_size=5))
def test_the_body_is_read_back_as_it_was(names: list[tuple[str, str]]) -> None:
    try:
        act = deleting([Ref("right", "b", key, version) for key, version in names])
    except LeftToBotocore:
        assert any("\ud800" <= letter <= "\udfff" for key, _ in names for letter in key)
        return
    found = ET.fromstring(act.body).findall(f"{NS}Object")
    assert [(one.findtext(f"{NS}Key"), one.findtext(f"{NS}VersionId")) for one in found] == names
    assert act.payload == hashlib.sha256(act.body).hexdigest()


def test_an_answer_in_any_order_and_form() -> None:
    assert said(result(ONE, TWO, THREE)).everything
    assert said(result(THREE, ONE, TWO)).everything
    marked = "<Deleted><DeleteMarker>true</DeleteMarker><VersionId>v3</VersionId><Key>plain</Key></Deleted>"
    slow = said(result(ONE, "\n ", TWO, marked))
    assert not slow.everything and slow.failed == {}
    assert slow.deleted == {(ref.key, ref.version_id) for ref in REFS}


def test_what_is_not_named_is_not_deleted() -> None:
    part = said(result(ONE, THREE))
    assert not part.everything and ("é\r\nx", "v2") not in part.deleted and len(part.deleted) == 2
    twice = said(result(ONE, ONE, THREE))
    assert not twice.everything and len(twice.deleted) == 2
    other = said(result(ONE, TWO, THREE.replace("v3", "v4")))
    assert not other.everything and ("plain", "v3") not in other.deleted
    refused = said(result(ONE, TWO, "<Error><Key>plain</Key><VersionId>v3</VersionId>"
                                    "<Code>AccessDenied</Code><Message>No</Message></Error>"))
    assert refused.failed == {("plain", "v3"): ("AccessDenied", "No")} and len(refused.deleted) == 2
    assert said(f"{XML}<DeleteResult/>") == Verdicts(everything=False)


@pytest.mark.parametrize("text", [
    "", "<html><body>Sign in</body></html>", result(ONE, TWO, THREE)[:-3], result(ONE, TWO[:-4], THREE),
    result(ONE, "stray", TWO), result(ONE, "<Deleted><VersionId>v2</VersionId></Deleted>"),
    result(ONE, TWO, THREE) + "<more/>", result("<Deleted>", ONE),
])
def test_a_malformed_answer_is_not_believed(text: str) -> None:
    with pytest.raises(UntrustedAnswer):
        said(text)


def test_an_error_in_a_200_is_an_error() -> None:
    with pytest.raises(ServiceError) as caught:
        said(f"{XML}<Error><Code>InternalError</Code><Message>again</Message></Error>")
    assert (caught.value.code, caught.value.status) == ("InternalError", 500)
    with pytest.raises(LeftToBotocore):
        said("<Error><Code>PermanentRedirect</Code></Error>", status=301)
