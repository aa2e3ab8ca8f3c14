"""`du` as a user has it: rows by prefix and class, the operator's prices, what is said about them."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest_cli import Cli
from conftest_servers import S3Server


@pytest.fixture(scope="module")
def bucket(ministack: S3Server) -> str:
    name = ministack.bucket(versioning=True)
    client = ministack.client()
    for key, kind in (("a/1", "STANDARD"), ("a/2", "GLACIER"), ("b/1", "STANDARD"), ("top", "STANDARD")):
        client.put_object(Bucket=name, Key=key, Body=b"x" * 1000, StorageClass=kind)
    client.put_object(Bucket=name, Key="b/1", Body=b"y" * 10)
    client.delete_object(Bucket=name, Key="top")
    return name


def test_rows_by_prefix_and_class(cli: Cli, bucket: str) -> None:
    lines = cli("--json", "du", f"s3://{bucket}/", "--versions", "--by-class", code=0).lines
    rows = {line["prefix"]: line for line in lines if not line.get("total")}
    total = lines[-1]
    assert total["total"] and len(lines) == len(rows) + 1
    assert (total["objects"], total["bytes"], total["versions"], total["version_bytes"],
            total["delete_markers"]) == (3, 2010, 2, 2000, 1)
    assert set(rows["a/"]["classes"]) == {"STANDARD", "GLACIER"}
    assert rows["a/"]["classes"]["GLACIER"] == {
        "objects": 1, "bytes": 1000, "versions": 0, "version_bytes": 0,
        "cost_usd_month": rows["a/"]["classes"]["GLACIER"]["cost_usd_month"]}
    text = cli("du", f"s3://{bucket}/", "--by-class", code=0)
    assert "GLACIER" in text.out and "TOTAL" in text.out
    assert "public list prices of 2" in text.err


def test_prices_of_the_operator(cli: Cli, bucket: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('as_of = "2030-01-02"\n[regions.us-east-1.storage]\nSTANDARD = 1e6\n')
    dear = cli("--json", "du", f"s3://{bucket}/", "--prices", str(file), code=0).lines[-1]
    usual = cli("--json", "du", f"s3://{bucket}/", code=0).lines[-1]
    assert dear["cost_usd_month"] > 0.9 > usual["cost_usd_month"]
    assert "your price file of 2030-01-02" in cli("du", f"s3://{bucket}/", "--prices", str(file), code=0).err
    cli("reviews", code=0)
    (cli.state / "prices.toml").write_text(file.read_text())
    try:
        assert cli("--json", "du", f"s3://{bucket}/", code=0).lines[-1] == dear
    finally:
        (cli.state / "prices.toml").unlink()
    for text in ("regions = 3", "= 1", "[regions.us-east-1.storage]\nSTANDARD = -1"):
        file.write_text(text)
        refused = cli("du", f"s3://{bucket}/", "--prices", str(file), code=2)
        assert refused.err.count("\n") == 1
    cli("du", f"s3://{bucket}/", "--prices", str(tmp_path / "absent"), code=3)
