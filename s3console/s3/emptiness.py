"""What is left in a bucket or below a prefix: objects, versions, delete markers, unfinished uploads."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import S3ConsoleError, ServiceError
from .failures import code_of
from .pages import decode_url
from .read import ReadStore, where

LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class Left:
    """What the first page of each listing shows; `more` says that there are further ones."""

    versions: int
    markers: int
    uploads: int
    more: bool
    example: str = ""

    @property
    def nothing(self) -> bool:
        return not (self.versions or self.markers or self.uploads or self.more)

    @property
    def sentence(self) -> str:
        """For a person: "12 objects or versions, 1 delete marker"."""
        told = [f"{count:,} {noun}{'s' if count != 1 else ''}" for count, noun in (
            (self.versions, "version"), (self.markers, "delete marker"), (self.uploads, "unfinished upload"))
            if count]
        return ("at least " if self.more else "") + (", ".join(told) or "nothing")


def standing(store: ReadStore, bucket: str, prefix: str = "") -> tuple[list[tuple[str, str, bool]], bool]:
    """Key, version id and whether it is a marker, of the first page; and whether there are more.

    A store without versions is listed without them. Raises what every read raises.
    """
    try:
        page = store.version_page(bucket, prefix, max_keys=LOOKED_AT)
        rows = [(e.key, e.version_id, e.is_delete_marker) for e in page.batch.entries()]
        return rows, page.more
    except S3ConsoleError as error:
        if not _unknown_call(error):
            raise
    plain = store.page(bucket, prefix, delimiter="", max_keys=LOOKED_AT)
    return [(key, "", False) for key in plain.batch.keys], bool(plain.next_token)


def what_is_left(store: ReadStore, bucket: str, prefix: str = "") -> Left:
    """What stands below a prefix, uploads in progress included. Raises what every read raises."""
    rows, more = standing(store, bucket, prefix)
    uploads = _uploads(store, bucket, prefix)
    markers = sum(marker for _, _, marker in rows)
    example = rows[0][0] if rows else uploads[0] if uploads else ""
    return Left(len(rows) - markers, markers, len(uploads), more, example)


def _uploads(store: ReadStore, bucket: str, prefix: str) -> list[str]:
    try:
        answer = store.calls.call("list_multipart_uploads", where(bucket, prefix), Bucket=bucket,
                                  Prefix=prefix, EncodingType="url")
    except S3ConsoleError as error:
        if not _unknown_call(error):
            raise
        return []
    encoded = answer.get("EncodingType") == "url"
    return [decode_url(one["Key"]) if encoded else one["Key"] for one in answer.get("Uploads", [])]


def _unknown_call(error: S3ConsoleError) -> bool:
    if code_of(error) in ("NotImplemented", "501", "MethodNotAllowed"):
        return True
    cause = error if isinstance(error, ServiceError) else error.__cause__
    return isinstance(cause, ServiceError) and cause.status == 501
