"""Copies and deletes as requests that are ready to be sent: made from columns, not from objects.

What is the same for all requests of a slice is put together once a second, with the credentials of that
second; for each copy only path, source, condition and signature are filled in. The tests hold every
request against what `lean_acts` would send.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.keys import xml_safe
from .lean_writes import NAMESPACE, escaped
from .signer import EMPTY, quoted, quoted_path
from .steps import UNWANTED, Answer, Ready

if TYPE_CHECKING:
    from .lean_acts import LeanActs

_sha256 = hashlib.sha256
_KEPT = 1.0
"""Seconds for which a signature of the same moment, and the credentials, are used."""
_FORMS = 256
_PLAIN_ETAG = re.compile(r"[A-Za-z0-9-]{1,128}")
_PLAIN_GUARD = re.compile(r'"[A-Za-z0-9-]{1,128}"')
_PLAIN_CLASS = re.compile(r"[A-Z0-9_]{1,64}")
_MADE = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?<CopyObjectResult[^>]*>(?:\s*<(?!ETag|Error)\w+>[^<]*</\w+>)*\s*"
    rb"<ETag>(?:&quot;|&#34;|\")?([^<&\"]{1,128})(?:&quot;|&#34;|\")?</ETag>")
_VERSION = re.compile(rb"\r\nx-amz-version-id:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_OPENING = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?<DeleteResult(?:\s[^>]*)?>\s*")
_CLOSING = b"</DeleteResult>"


class _Form(NamedTuple):
    """What is the same in all copies to one bucket with one kind of guard, for a second: what is signed
    before the path, between path and guard, between guard and source, and behind; the URL before the path;
    the headers, and the last of them before the signature."""

    signed: tuple[str, str, str, str]
    route: Any
    base: str
    lines: tuple[str, ...]
    authorization: str
    inner: Any
    outer: Any


class Straight:
    """Requests to one store. Belongs to one thread."""

    def __init__(self, acts: LeanActs) -> None:
        self.acts = acts
        self._forms: dict[tuple[str, str, str, bool], tuple[float, _Form | None]] = {}
        self._origins: dict[str, str] = {}

    # ---- copies

    def copy(self, source: Sequence[Any], bucket: str, key: str, guard: tuple[str, str], *,
             pin: bool = True) -> Ready | None:
        """The request that copies `source` (the fields of a Ref) to a key; None where this is not for here.

        `guard` is the condition on the target, a header and its value, "" for none; `pin` says whether the
        ETag of the source is a condition. Raises what is wrong with the credentials.
        """
        _, from_bucket, from_key, version_id, etag, _, storage_class = source
        pin = pin and etag != ""
        name, value = guard
        form = self._form(bucket, name, storage_class, pin)
        if form is None or (pin and not _PLAIN_ETAG.fullmatch(etag)):
            return None
        try:
            path = quoted_path(key)
            origin = f"{self._origin(from_bucket)}{path if from_key == key else quoted_path(from_key)}"
            if version_id:
                origin += f"?versionId={quoted(version_id)}"
        except UnicodeEncodeError:
            return None
        if not path or (name and value != "*" and not _PLAIN_GUARD.fullmatch(value)):
            return None
        one, two, three, four = form.signed
        held = f"{name}:{value}\n" if name else ""
        pinned = f'\nx-amz-copy-source-if-match:"{etag}"' if pin else ""
        inner = form.inner.copy()
        inner.update(_sha256(f"{one}{path}{two}{held}{three}{origin}{pinned}{four}".encode("ascii"))
                     .hexdigest().encode("ascii"))
        outer = form.outer.copy()
        outer.update(inner.digest())
        lines = [*form.lines, f"x-amz-copy-source:{origin}", f"{form.authorization}{outer.hexdigest()}"]
        if held:
            lines.append(held[:-1])
        if pinned:
            lines.append(pinned[1:])
        return Ready(form.route, "PUT", f"{form.base}{path}", lines)

    def _origin(self, bucket: str) -> str:
        found = self._origins.get(bucket)
        if found is None:
            found = self._origins[bucket] = f"{quoted_path(bucket)}/"
        return found

    def _form(self, bucket: str, guard: str, storage_class: str, pin: bool) -> _Form | None:
        name = (bucket, guard, storage_class, pin)
        since, form = self._forms.get(name, (0.0, None))
        clock = time.monotonic()
        if clock - since > _KEPT:
            if len(self._forms) > _FORMS:
                self._forms.clear()
            form = self._new_form(*name)
            self._forms[name] = (clock, form)
        return form

    def _new_form(self, bucket: str, guard: str, storage_class: str, pin: bool) -> _Form | None:
        found = self.acts.way(bucket)
        if found is None or not _PLAIN_CLASS.fullmatch(storage_class):
            return None
        route, keys = found
        stamp, base = route.signer.stamp(), route.path.rstrip("/")
        if not f"{route.base}{base}{route.host}{keys.token or ''}{route.agent}".isascii():
            return None
        back = [f"x-amz-date:{stamp}"]
        if keys.token:
            back.append(f"x-amz-security-token:{keys.token}")
        if storage_class != "STANDARD":
            back.append(f"x-amz-storage-class:{storage_class}")
        names = ["host", *([guard] if guard else []), "x-amz-content-sha256", "x-amz-copy-source",
                 *(["x-amz-copy-source-if-match"] if pin else []), *(line.partition(":")[0] for line in back)]
        listed = ";".join(names)
        scope, inner, outer = route.signer.prepared(keys, stamp)
        host, digest = f"host:{route.host}", f"x-amz-content-sha256:{EMPTY}"
        return _Form(
            (f"PUT\n{base}/", f"\n\n{host}\n", f"{digest}\nx-amz-copy-source:",
             "\n" + "\n".join([*back, "", listed, EMPTY])),
            route, f"{route.base}{base}/", (host, digest, *back, *UNWANTED),
            f"authorization:AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, "
            f"SignedHeaders={listed}, Signature=", inner, outer)

    # ---- deletes

    def delete_named(self, bucket: str, keys: Sequence[str], etags: Sequence[str],
                     ) -> tuple[Ready, bytes] | None:
        """The same for what stands under these names, if it still has these ETags."""
        if not all(map(_PLAIN_ETAG.fullmatch, etags)):
            return None
        return self.delete(bucket, keys, [f'"{etag}"' for etag in etags], what="ETag")

    def delete(self, bucket: str, keys: Sequence[str], ids: Sequence[str], *, what: str = "VersionId",
               ) -> tuple[Ready, bytes] | None:
        """The request that deletes these versions, at most 1,000, and the answer that says that it was done
        in this order; None where this is not for here."""
        together = "\0".join(keys)
        if not (together.replace("\0", "").isprintable() and together.isascii()) \
                and not all(map(xml_safe, keys)):
            return None
        found = self.acts.way(bucket)
        if found is None:
            return None
        route, secret = found
        asked = escaped(together).split("\0")
        versions = escaped("\0".join(ids)).split("\0")
        if len(asked) != len(keys) or len(versions) != len(keys):
            return None
        inner = f"</{what}>\0<Key>".join(map(f"</Key><{what}>".join, zip(asked, versions, strict=True)))
        inner = named = f"<Key>{inner}</{what}>"
        if what == "ETag":
            named = "\0".join([f"<Key>{key}</Key>" for key in asked])
        try:
            body = (f'<Delete xmlns="{NAMESPACE}"><Object>{inner.replace(chr(0), "</Object><Object>")}'
                    "</Object><Quiet>false</Quiet></Delete>").encode()
            expected = f"<Deleted>{named.replace(chr(0), '</Deleted><Deleted>')}</Deleted>".encode()
        except UnicodeEncodeError:
            return None
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")
        lines = route.signer.lines(secret, "POST", route.host, route.path, "delete=",
                                   (("content-md5", digest),), payload=_sha256(body).hexdigest())
        url = f"{route.base}{route.path}?delete"
        return Ready(route, "POST", url, [*lines, *UNWANTED], body), expected

    def counted(self, api: str, count: int) -> None:
        """Count requests that were sent."""
        self.acts.counted(api, count)


def made_copy(answer: Answer, etag: str) -> str | None:
    """The version id that a copy made, "" for none; None unless the answer proves it by the source's ETag."""
    if answer.status != 200:
        return None
    found = _MADE.match(answer.body)
    if found is None or found[1].decode("latin-1") != etag:
        return None
    version = _VERSION.search(answer.head)
    return version[1].decode("latin-1") if version is not None else ""


def all_deleted(answer: Answer, expected: bytes) -> bool:
    """Whether the answer names exactly what was asked for as deleted, and nothing else."""
    body = answer.body.rstrip()
    opening = _OPENING.match(body)
    if answer.status != 200 or opening is None or not body.endswith(_CLOSING):
        return False
    at = opening.end()
    return len(body) - at - len(_CLOSING) == len(expected) and body.startswith(expected, at)

