"""A page of a proxy or of a login is no answer of S3, above all where S3 answers without a body."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from servers.odd_server import OddServer, Row

from s3console.core.errors import UntrustedAnswer
from s3console.core.model import Connection, Ref
from s3console.s3.steps import LeftToBotocore
from s3console.s3.transport import Patience
from s3console.s3.write import WriteStore, open_writer

MD5 = "1" * 32
OBJECT = Ref("right", "bucket", "a", "v1", MD5, 5)
ACTS: dict[str, Callable[[WriteStore], object]] = {
    "DeleteObject": lambda store: store.delete_object(OBJECT._replace(version_id="")),
    "AbortMultipartUpload": lambda store: store.abort_upload(OBJECT),
    "DeleteBucket": lambda store: store.remove_bucket("bucket"),
    "CopyObject": lambda store: store.copy(OBJECT, Ref("right", "bucket", "new")),
}


@pytest.fixture
def store(odd_server: OddServer) -> WriteStore:
    odd_server.rows["bucket"] = [Row("a", 5, MD5, "v1")]
    return open_writer(Connection(endpoint_url=odd_server.endpoint_url),
                       patience=Patience(sleep=lambda _: None))


@pytest.mark.parametrize("through", ["libcurl", "botocore"])
@pytest.mark.parametrize("call", ACTS)
def test_a_page_is_not_taken_for_success(odd_server: OddServer, store: WriteStore, call: str,
                                         through: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if through == "botocore":
        monkeypatch.setattr(store, "lean", None)
    odd_server.fault("html", call=call)
    with pytest.raises(UntrustedAnswer) as caught:
        ACTS[call](store)
    assert not isinstance(caught.value, LeftToBotocore)
    assert odd_server.calls[call] == 1, "and it is not sent again without a look"
