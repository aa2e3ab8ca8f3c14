"""The log of calls: what was asked, how it was answered, and never more than the last thousand."""

from __future__ import annotations

import pytest

from s3console.core.errors import EndpointUnreachable, ServiceError
from s3console.s3.call_log import KEPT, CallLog


def test_each_call_has_its_answer() -> None:
    log = CallLog()
    with log.timed("ListBuckets", "the list of buckets"):
        pass
    with pytest.raises(ServiceError), log.timed("HeadObject", "s3://b/k"):
        raise ServiceError("AccessDenied", 403, "no")
    with pytest.raises(EndpointUnreachable), log.timed("GetObject", "s3://b/k"):
        raise EndpointUnreachable("gone")
    assert [(one.name, one.status, one.code) for one in log.calls()] == [
        ("ListBuckets", 200, ""), ("HeadObject", 403, "AccessDenied"),
        ("GetObject", 0, "EndpointUnreachable")]
    assert all(one.milliseconds >= 0 and one.at > 0 for one in log.calls())
    for n in range(KEPT + 10):
        with log.timed("HeadObject", str(n)):
            pass
    assert len(log.calls()) == KEPT
    assert log.calls()[-1].where == str(KEPT + 9)
