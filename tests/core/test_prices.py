"""Prices: the figures of the public price list, tiers, and an operator's own table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3console.core.errors import UsageError
from s3console.core.prices import GIB, LISTED, request_cost, storage_monthly, transfer_cost

TIB = 1024 ** 4
REGIONS = ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-central-1")


def test_the_two_buckets_of_the_story() -> None:
    assert round(storage_monthly(int(419.85 * TIB), "us-west-1", "STANDARD"), 2) == 10_799.36
    assert round(storage_monthly(int(696.26 * TIB), "us-west-2", "STANDARD"), 2) == 15_535.58
    assert round(transfer_cost(int(419.85 * TIB), "us-west-1", "us-west-2"), 2) == 8_598.53
    assert round(request_cost({"CopyObject": 1_052_476_781}, "us-west-2"), 2) == 5_262.38
    assert round(request_cost({"ListObjectsV2": 1_052_477}, "us-west-1"), 2) == 5.79
    assert round(request_cost({"ListObjectVersions": 1_783_465}, "us-west-2"), 2) == 8.92


def test_tiers_by_hand() -> None:
    at_border = 50 * TIB
    assert storage_monthly(at_border, "us-east-1") == pytest.approx(50 * 1024 * 0.023)
    assert storage_monthly(at_border + GIB, "us-east-1") == pytest.approx(50 * 1024 * 0.023 + 0.022)
    assert storage_monthly(500 * TIB + GIB, "us-east-1") == pytest.approx(
        50 * 1024 * 0.023 + 450 * 1024 * 0.022 + 0.021)
    assert storage_monthly(0, "us-east-1") == 0
    assert storage_monthly(GIB, "us-east-1", already=600 * TIB) == pytest.approx(0.021, abs=1e-6)


@given(st.integers(0, 10 ** 16), st.integers(0, 10 ** 16), st.sampled_from(REGIONS))
def test_storage_adds_up_and_grows(one: int, two: int, region: str) -> None:
    both = storage_monthly(one + two, region)
    assert both == pytest.approx(storage_monthly(one, region) + storage_monthly(two, region, already=one))
    assert both >= storage_monthly(one, region)


def test_requests_by_kind() -> None:
    free = {"DeleteObjects": 10 ** 6, "DeleteObject": 5, "AbortMultipartUpload": 9}
    assert request_cost(free, "us-east-1") == 0
    assert request_cost({"HeadObject": 1000, "GetObject": 1000}, "us-west-1") == pytest.approx(0.00088)
    writes = {"ListObjectsV2": 1, "CopyObject": 1, "UploadPartCopy": 1, "PutObjectTagging": 1,
              "ListBuckets": 1, "CreateMultipartUpload": 1, "CompleteMultipartUpload": 1}
    assert request_cost(writes, "us-east-1") == pytest.approx(7 * 0.000005)
    assert request_cost({}, "us-east-1") == 0


def test_transfer() -> None:
    assert transfer_cost(TIB, "us-west-2", "us-west-2") == 0
    assert transfer_cost(GIB, "us-east-1", "us-east-2") == pytest.approx(0.01)
    assert transfer_cost(GIB, "us-east-1", "eu-west-1") == pytest.approx(0.02)
    assert transfer_cost(GIB, "us-east-1", "") == pytest.approx(0.09)
    assert transfer_cost(GIB, "", "us-east-1") == 0


def test_classes_and_unknown_names() -> None:
    assert storage_monthly(GIB, "us-west-1", "STANDARD_IA") == pytest.approx(0.019)
    assert storage_monthly(GIB, "us-east-1", "DEEP_ARCHIVE") == pytest.approx(0.00099)
    assert storage_monthly(GIB, "us-east-1", "") == storage_monthly(GIB, "us-east-1", "NEW_CLASS") == 0.023
    assert not LISTED.knows("default") and all(LISTED.knows(region) for region in REGIONS)
    assert storage_monthly(GIB, "default") == storage_monthly(GIB, "us-east-1")
    assert "estimate" in LISTED.described and LISTED.as_of in LISTED.described


def test_own_prices_replace_the_listed_ones() -> None:
    table = LISTED.with_overrides({"as_of": "2031-01-01", "default_region": "default", "regions": {
        "default": {"storage": {"STANDARD": 0.01}, "write": 0, "transfer": {"*": 0.5}},
        "us-east-1": {"storage": {"STANDARD": [0.05, 0.04]}, "read": 1}}})
    assert storage_monthly(100 * TIB, "anything", table=table) == pytest.approx(100 * 1024 * 0.01)
    assert storage_monthly(100 * TIB, "us-east-1", table=table) == pytest.approx(50 * 1024 * 0.09)
    mixed = {"CopyObject": 10 ** 6, "HeadObject": 1000}
    assert request_cost(mixed, "default", table=table) == pytest.approx(0.0004)
    assert request_cost({"HeadObject": 1000}, "us-east-1", table=table) == 1
    assert transfer_cost(GIB, "default", "us-east-1", table=table) == 0.5
    assert transfer_cost(GIB, "us-east-1", "us-east-2", table=table) == pytest.approx(0.01)
    assert "2031-01-01" in table.described and "your" in table.described
    assert storage_monthly(GIB, "us-east-1") == 0.023


@pytest.mark.parametrize("overrides", [
    {"regions": 3}, {"regions": {"x": 3}}, {"regions": {"x": {"write": "a"}}},
    {"regions": {"x": {"write": -1}}}, {"regions": {"x": {"write": True}}},
    {"regions": {"x": {"write": float("nan")}}}, {"regions": {"x": {"storage": {"STANDARD": [1, 2, 3, 4]}}}},
    {"regions": {"x": {"storage": {"STANDARD": []}}}}, {"regions": {"x": {"colour": 1}}}, {"colour": 1},
    {"default_region": "nowhere"}, {"regions": {"x\x1b": 3}}])
def test_a_wrong_price_file_is_refused(overrides: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        LISTED.with_overrides(overrides)
    assert caught.value.sentence.isprintable() and caught.value.exit_code == 2
