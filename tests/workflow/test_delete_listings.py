"""A place is listed twice before everything in it is planned for deletion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest_servers import S3Server
from workflow.conftest_desk import desk_for

from s3console.core.errors import Refused
from s3console.core.model import Place
from s3console.workflow import dooming
from s3console.workflow.desk import Desk
from s3console.workflow.planning import plan_delete

Listed = Callable[..., Any]


def noisy(monkeypatch: pytest.MonkeyPatch, client: Any, bucket: str) -> None:
    """Somebody writes a new object before every listing."""
    listings: list[bool] = []
    plain: Listed = dooming.open_listing

    def listed(desk: Desk, place: Place, *, versions: bool) -> Any:
        listings.append(versions)
        client.put_object(Bucket=bucket, Key=f"p/new{len(listings)}", Body=b"x")
        return plain(desk, place, versions=versions)

    monkeypatch.setattr(dooming, "open_listing", listed)


@pytest.mark.parametrize(("versioning", "versions"), [(True, True), (True, False), (False, False)])
def test_a_place_that_changes_between_two_listings_is_not_planned(
    ministack: S3Server, aws_env: Callable[[S3Server], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    versioning: bool, versions: bool,
) -> None:
    aws_env(ministack)
    client, desk = ministack.client(), desk_for(ministack.endpoint_url, tmp_path / "state")
    bucket = ministack.bucket(versioning=versioning)
    client.put_object(Bucket=bucket, Key="p/a", Body=b"a")
    place = Place(bucket, "p/", desk.config.connection)
    with monkeypatch.context() as noise:
        noisy(noise, client, bucket)
        with pytest.raises(Refused, match="changed between two listings"):
            plan_delete(desk, place, versions=versions)
    assert plan_delete(desk, place, versions=versions).delete == 3
