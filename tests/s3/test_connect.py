"""Where a connection leads: environment, profile, endpoint, addressing, region."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import DataNotFoundError
from servers.odd_server import OddServer, Row

from s3console.core.model import Connection
from s3console.s3.connect import open_reader
from s3console.s3.transport import CONNECT_TIMEOUT, READ_TIMEOUT, _session


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty AWS configuration file, and nothing of this machine."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "odd")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "odd-secret")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    path = tmp_path / "config"
    path.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    yield path


def test_an_endpoint_of_the_environment_gets_path_style(odd_server: OddServer, config: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    url = odd_server.endpoint_url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    odd_server.rows["bucket"] = [Row("k")]
    reader = open_reader(Connection())
    assert reader.endpoint_url == url and not reader.calls.aws
    assert list(reader.page("bucket").batch.keys) == ["k"]


def test_an_endpoint_and_a_region_of_a_profile(odd_server: OddServer, config: Path) -> None:
    config.write_text(f"[profile lab]\nregion = eu-central-1\nendpoint_url = {odd_server.endpoint_url}\n"
                      "aws_access_key_id = lab\naws_secret_access_key = lab-secret\n")
    odd_server.rows["bucket"] = [Row("k")]
    reader = open_reader(Connection(profile="lab"))
    assert list(reader.page("bucket").batch.keys) == ["k"]
    ((_, _, headers),) = odd_server.seen
    assert "Credential=lab/" in headers["authorization"] and "/eu-central-1/s3/" in headers["authorization"]


def test_aws_is_reached_by_region_and_its_own_style(config: Path) -> None:
    reader = open_reader(Connection(region="us-west-2"))
    assert reader.endpoint_url == "https://s3.us-west-2.amazonaws.com" and reader.calls.aws
    assert reader.calls.client.meta.config.s3 is None
    assert open_reader(Connection()).calls.client.meta.region_name == "us-east-1"


def test_bounds_and_repeats_of_the_client(config: Path) -> None:
    settings = open_reader(Connection()).calls.client.meta.config
    assert settings.connect_timeout == CONNECT_TIMEOUT == 10
    assert settings.read_timeout == READ_TIMEOUT > 60
    assert settings.retries["total_max_attempts"] == 1, "repeats are ours"


def test_the_bounds_stand_in_botocore_s_way(odd_server: OddServer, config: Path) -> None:
    """The bounded session hangs on a private name of botocore; this notices when it moves."""
    from s3console.s3.transport import BoundedSession

    calls = open_reader(Connection(endpoint_url=odd_server.endpoint_url)).calls
    assert isinstance(calls.client._endpoint.http_session, BoundedSession)


def test_services_are_found_without_reading_all_folders(config: Path) -> None:
    loader = _session(Connection()).get_component("data_loader")
    assert loader.load_service_model("sts", "service-2")["metadata"]["serviceId"] == "STS"
    with pytest.raises(DataNotFoundError):
        loader.load_service_model("no-such-service", "service-2")
