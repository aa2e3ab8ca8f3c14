"""What an operator may paste to go somewhere: an S3 URI, an ARN, or an https URL."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from s3console.core.errors import UsageError
from s3console.core.keys import printable

_HOSTED = re.compile(r"^(?P<bucket>.+?)\.s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$")
_SERVICE = re.compile(r"^s3(?:[.-][a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$")


class Location(NamedTuple):
    """A bucket and a prefix in it; both empty is the list of buckets."""

    bucket: str = ""
    prefix: str = ""

    @property
    def uri(self) -> str:
        """Raw text: show it through `printable()`."""
        return f"s3://{self.bucket}/{self.prefix}" if self.bucket else "s3://"

    @property
    def base(self) -> str:
        """The directory the names are in: a prefix asked for by its first letters is not cut off them."""
        return self.prefix[:self.prefix.rfind("/") + 1]

    def parent(self) -> Location:
        """One directory up; above a bucket is the list of buckets."""
        if not self.prefix:
            return Location()
        head, slash, _ = self.prefix.rstrip("/").rpartition("/")
        return Location(self.bucket, head + slash)


def _split(path: str) -> Location:
    bucket, _, prefix = path.lstrip("/").partition("/")
    return Location(bucket, prefix)


def _from_url(text: str) -> Location:
    parts = urlsplit(text)
    host, path = parts.hostname or "", unquote(parts.path, errors="surrogateescape")
    if host.endswith("console.aws.amazon.com"):
        bucket = path.rpartition("/")[2]
        return Location(bucket, parse_qs(parts.query).get("prefix", [""])[0])
    if _SERVICE.match(host):
        return _split(path)
    if hosted := _HOSTED.match(host):
        return Location(hosted["bucket"], path.removeprefix("/"))
    return _split(path)


def parse_address(text: str) -> Location:
    """Read `s3://bucket/prefix`, `arn:aws:s3:::bucket/prefix`, an S3 or console URL, or `bucket/prefix`.

    Raises UsageError when no bucket is named.
    """
    text = text.strip()
    if text.startswith(("s3://", "s3a://", "s3n://")):
        found = _split(text.partition("://")[2])
    elif text.startswith("arn:"):
        found = _split(text.split(":", 5)[5] if text.count(":") >= 5 else "")
    elif text.startswith(("http://", "https://")):
        found = _from_url(text)
    else:
        found = _split(text)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", found.bucket):
        raise UsageError("this names no bucket", where=printable(text),
                         next_step="Write s3://bucket/prefix/, an ARN, or an https URL")
    return found
