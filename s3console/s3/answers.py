"""One page of a listing: the call that asks for it, and what its answer says once it is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..core.model import Batch
from .facts import Page, VersionPage, behind
from .interleave import interleaved
from .pages import RawPage, parse_page
from .proof import Question, check_page

_LAST = "\U0010ffff"


def call_for(asked: Question) -> tuple[str, dict[str, Any]]:
    """The name of the call in botocore, and its parameters."""
    options = {"Delimiter": asked.delimiter}
    if asked.versions:
        options |= {"KeyMarker": asked.after, "VersionIdMarker": asked.after_version}
    else:
        options |= {"ContinuationToken": asked.token, "StartAfter": "" if asked.token else asked.after}
    parameters: dict[str, Any] = {name: value for name, value in options.items() if value}
    parameters |= {"Bucket": asked.bucket, "Prefix": asked.prefix, "MaxKeys": asked.max_keys,
                   "EncodingType": "url"}
    return "list_object_versions" if asked.versions else "list_objects_v2", parameters


def read_answer(body: bytes, asked: Question) -> RawPage:
    """A page that was read and checked against its question.

    Raises `UntrustedAnswer` for anything else, and `ServiceError` for an error that came with status 200.
    """
    page = parse_page(body, versions=asked.versions)
    if asked.versions:
        page = replace(page, batch=interleaved(page.batch))
    check_page(page, asked)
    return page


def object_page(raw: RawPage) -> Page:
    """What a checked page of current objects says."""
    return Page(raw.batch, raw.prefixes, raw.next_token if raw.truncated == "true" else "")


def version_page(raw: RawPage, asked: Question) -> VersionPage:
    """What a checked page of versions says, whatever the store makes of markers and delimiters."""
    batch, prefixes = raw.batch, raw.prefixes
    key_marker, version_marker = "", ""
    if raw.truncated == "true":
        # The last row is the same key as the marker of the answer, and surely decoded right.
        key_marker, version_marker = raw.next_key_marker[0], raw.next_version_marker
        if len(batch) and not prefixes:
            ids = batch.version_ids or ("",)
            key_marker, version_marker = batch.keys[-1], version_marker or ids[-1]
    if asked.after and not asked.after_version:
        batch = behind(batch, asked.after)
    if asked.delimiter and not raw.delimiter:
        batch, prefixes, key_marker, version_marker = _group(
            batch, asked.prefix, asked.delimiter, key_marker, version_marker)
    return VersionPage(batch, prefixes, key_marker, version_marker)


def _group(batch: Batch, prefix: str, delimiter: str, key_marker: str,
           version_marker: str) -> tuple[Batch, tuple[str, ...], str, str]:
    """Common prefixes for a store that lists versions without grouping them.

    A page that ends inside a group goes on behind the whole group, since nothing of it is shown.
    """
    start = len(prefix)
    cuts = [key.find(delimiter, start) for key in batch.keys]
    found = zip(batch.keys, cuts, strict=True)
    groups = sorted({key[:cut + len(delimiter)] for key, cut in found if cut >= 0})
    keep = [index for index, cut in enumerate(cuts) if cut < 0]

    def pick(column: Any) -> Any:
        return None if column is None else [column[index] for index in keep]

    kept = Batch(pick(batch.keys), pick(batch.sizes), pick(batch.etags), pick(batch.modified),
                 pick(batch.storage_classes), pick(batch.version_ids), pick(batch.latest),
                 pick(batch.markers), pick(batch.checksums))
    if key_marker and groups and key_marker.startswith(groups[-1]):
        return kept, tuple(groups), groups[-1] + _LAST, ""
    return kept, tuple(groups), key_marker, version_marker
