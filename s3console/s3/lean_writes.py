"""The acts of a job over libcurl: copy, look, delete versions, delete what stands under a name."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..core.errors import ServiceError, UntrustedAnswer
from ..core.model import Ref
from .facts import CopyOutcome, DeleteOutcome, Glance
from .pages import clean_etag, unescape
from .records import element
from .signer import Header, quoted, quoted_path
from .steps import Act, Answer, LeftToBotocore, refused

_ETAG = re.compile(rb"<ETag>(?:&quot;|&#34;|\")?([^<&\"]{1,128})(?:&quot;|&#34;|\")?</ETag>")
_CONDITION = {"IfMatch": "if-match", "IfNoneMatch": "if-none-match"}
_RECORD = re.compile(r"\s*<(Deleted|Error)>(.*?)</\1>\s*", re.DOTALL)
_ELEMENTS = re.compile(r"(?:\s*<(\w+)(?:\s[^<>]*)?(?:/>|>[^<]*</\1>))*\s*")
_RESULT = re.compile(r"(?:\ufeff)?\s*(?:<\?xml[^>]*\?>\s*)?<DeleteResult(?:\s[^>]*)?(/?)>")
_END = "</DeleteResult>"
_ONE = "<Deleted><Key>{}</Key><VersionId>{}</VersionId>"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def copying(source: Ref, target: Ref, *, storage_class: str, conditions: Mapping[str, str]) -> Act:
    """One CopyObject, pinned to the version and ETag of its source. Its value is a CopyOutcome."""
    try:
        origin = f"{quoted_path(source.bucket)}/{quoted_path(source.key)}"
        if source.version_id:
            origin += f"?versionId={quoted(source.version_id)}"
    except UnicodeEncodeError:
        raise LeftToBotocore from None
    headers: list[Header] = [("x-amz-copy-source", origin)]
    if source.etag:
        headers.append(("x-amz-copy-source-if-match", f'"{source.etag}"'))
    if storage_class != "STANDARD":
        headers.append(("x-amz-storage-class", storage_class))
    for name, value in conditions.items():
        headers.append((_CONDITION[name], value))
    return Act("CopyObject", "PUT", target, _copied, headers=tuple(headers))


def _copied(act: Act, answer: Answer) -> CopyOutcome:
    if answer.status == 200 and b"<Error>" not in answer.body[:512]:
        found = _ETAG.search(answer.body)
        if found is None or b"CopyObjectResult" not in answer.body[:512]:
            raise UntrustedAnswer("The copy was answered without a result", where=act.place,
                                  next_step="Look at the target before trying again")
        return CopyOutcome(clean_etag(found[1].decode("latin-1")), answer.header(b"x-amz-version-id"))
    raise refused(act, answer)


def glancing(ref: Ref) -> Act:
    """One HeadObject. Its value is a Glance, or None where nothing stands or a marker does."""
    try:
        query = f"versionId={quoted(ref.version_id)}" if ref.version_id else ""
    except UnicodeEncodeError:
        raise LeftToBotocore from None
    return Act("HeadObject", "HEAD", ref, _glanced, query=query)


def _glanced(act: Act, answer: Answer) -> Glance | None:
    if answer.status == 200:
        size, etag = answer.header(b"content-length"), answer.header(b"etag")
        if not size.isdigit() or not etag:
            raise UntrustedAnswer("The answer about an object has no ETag or size", where=act.place)
        return Glance(int(size), clean_etag(etag), answer.header(b"x-amz-version-id"))
    if answer.status in (404, 405):
        return None
    if answer.status in (301, 302, 307, 308):
        raise LeftToBotocore
    raise ServiceError(str(answer.status), answer.status, "", where=act.place)


class Verdicts(NamedTuple):
    """What a DeleteObjects answered. `everything`: it named each ref as deleted, and nothing else.

    Else `deleted` and `failed` hold what it named, by key and version; a key that it refused without a
    version has "" there. `failed` gives code and message.
    """

    everything: bool
    deleted: frozenset[tuple[str, str]] = frozenset()
    failed: Mapping[tuple[str, str], tuple[str, str]] = {}


def deleting(refs: Sequence[Ref]) -> Act:
    """One DeleteObjects of at most 1,000 versions of one bucket, or names with their ETags, whose keys XML
    1.0 can hold.

    Its value is a Verdicts. The body is held by its MD5, which every store knows (S3 API reference:
    any checksum will do on AWS).
    """
    keys = "\0".join([ref.key for ref in refs])
    ids = "\0".join([ref.version_id for ref in refs])
    named = [f"<Key>{key}</Key><VersionId>{version}</VersionId>" if version else f"<Key>{key}</Key>"
             for key, version in zip(escaped(keys).split("\0"), escaped(ids).split("\0"), strict=True)]
    asked = [one if ref.version_id else f'{one}<ETag>"{escaped(ref.etag)}"</ETag>'
             for one, ref in zip(named, refs, strict=True)]
    text = "</Object><Object>".join(asked)
    try:
        body = (f'<Delete xmlns="{NAMESPACE}"><Object>{text}</Object><Quiet>false</Quiet></Delete>').encode()
    except UnicodeEncodeError:
        raise LeftToBotocore from None
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")
    expected = {f"<Deleted>{one}" for one in named}

    def read(act: Act, answer: Answer) -> Verdicts:
        return _deleted(act, answer, expected)

    return Act("DeleteObjects", "POST", refs[0]._replace(key="", version_id=""), read, query="delete=",
               sent="delete", headers=(("content-md5", digest),), body=body,
               payload=hashlib.sha256(body).hexdigest())


def escaped(text: str) -> str:
    """Text as XML that is read back as it was; a bare carriage return would be read as a line feed."""
    if "&" in text or "<" in text or ">" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;") if "\r" in text else text


def _deleted(act: Act, answer: Answer, expected: set[str]) -> Verdicts:
    """Read the answer key by key. Raises UntrustedAnswer unless it is one whole DeleteResult."""
    if answer.status != 200:
        raise refused(act, answer)
    text = answer.body.decode("utf-8", "surrogateescape").rstrip()
    opening = _RESULT.match(text)
    if opening is None:
        if "<Error" in text[:300]:
            raise refused(act, answer)
        raise UntrustedAnswer("The delete was answered without a result", where=act.place,
                              next_step="Look at the keys before trying again")
    if opening[1]:
        inner = ""
    elif text.endswith(_END):
        inner = text[opening.end():-len(_END)]
    else:
        raise UntrustedAnswer("The answer to the delete breaks off in the middle", where=act.place,
                              next_step="Look at the keys before trying again")
    pieces = inner.split("</Deleted>")
    if not pieces.pop() and len(pieces) == len(expected) and expected.issuperset(pieces) \
            and len(set(pieces)) == len(expected):
        return Verdicts(everything=True)
    return _one_by_one(act, inner)


def _one_by_one(act: Act, inner: str) -> Verdicts:
    deleted: set[tuple[str, str]] = set()
    failed: dict[tuple[str, str], tuple[str, str]] = {}
    at = 0
    for match in _RECORD.finditer(inner):
        if match.start() != at:
            break
        at = match.end()
        key, version = element(match[2], "Key"), unescape(element(match[2], "VersionId") or "")
        if key is None or not _ELEMENTS.fullmatch(match[2]):
            at = -1
            break
        name = (unescape(key), version)
        if match[1] == "Deleted":
            deleted.add(name)
        else:
            failed[name] = (unescape(element(match[2], "Code") or "Unknown"),
                            unescape(element(match[2], "Message") or ""))
    if inner[at:].strip() if at >= 0 else True:
        raise UntrustedAnswer("The answer to the delete cannot be read", where=act.place,
                              next_step="Look at the keys before trying again")
    return Verdicts(False, frozenset(deleted), failed)


def deleting_one(ref: Ref, *, if_match: str = "") -> Act:
    """One DeleteObject, of a version or of what stands under a name. Its value is a DeleteOutcome.

    `if_match` is the ETag that must stand there. Errors are raised, those of this object alike.
    """
    try:
        query = f"versionId={quoted(ref.version_id)}" if ref.version_id else ""
    except UnicodeEncodeError:
        raise LeftToBotocore from None
    headers: tuple[Header, ...] = (("if-match", f'"{if_match}"'),) if if_match else ()
    return Act("DeleteObject", "DELETE", ref, _deleted_one, query=query, headers=headers)


def _deleted_one(act: Act, answer: Answer) -> DeleteOutcome:
    if answer.status not in (200, 204) or b"<Error" in answer.body[:300]:
        raise refused(act, answer)
    if answer.body.strip():
        # S3 answers a delete without a body; a page of a proxy or of a login says nothing about the object.
        raise UntrustedAnswer("The delete was answered with something else than a result", where=act.place,
                              next_step="Look at the key before trying again")
    marker = not act.target.version_id and answer.header(b"x-amz-delete-marker").lower() == "true"
    return DeleteOutcome(act.target, True, "", "", answer.header(b"x-amz-version-id") if marker else "")
