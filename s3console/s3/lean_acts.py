"""CopyObject and HeadObject over libcurl, for the workers of a job: a small part of what botocore costs.

Only the plain case is taken: a bucket whose route `lean` has proved, a key of plain text. Everything
else, and every answer that needs botocore's help, is left to botocore by answering None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import pycurl

from ..core.errors import S3ConsoleError, ServiceError, UntrustedAnswer
from ..core.model import Ref
from .facts import CopyOutcome, Glance
from .failures import shown
from .lean import Lean, _Line
from .pages import clean_etag, unescape
from .read import where
from .records import element
from .signer import Header, quoted, quoted_path

_ETAG = re.compile(rb"<ETag>(?:&quot;|&#34;|\")?([^<&\"]{1,128})(?:&quot;|&#34;|\")?</ETag>")
_ELSEWHERE = {"PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
              "IllegalLocationConstraintException"}
_IDLE = 64
USABLE = hasattr(pycurl, "PREREQFUNCTION")
"""Whether libcurl can be kept from repeating a request by itself (7.80 and later)."""


class _Answer(NamedTuple):
    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> str:
        """A header by its lower-case name; "" when it is not there."""
        at = self.head.lower().rfind(b"\r\n" + name + b":")
        if at < 0:
            return ""
        line = self.head[at + len(name) + 3:].partition(b"\r\n")[0]
        return line.strip().decode("latin-1")


class _OneTry(_Line):
    """A line that sends a request at most once: libcurl repeats one by itself when the store closes a
    connection that was kept open, and nobody would know of the first."""

    def __init__(self, options: Mapping[int, Any], method: str) -> None:
        super().__init__(options)
        self.tries = 0
        self.easy.setopt(pycurl.PREREQFUNCTION, self._before)
        if method == "HEAD":
            self.easy.setopt(pycurl.NOBODY, 1)
        else:
            self.easy.setopt(pycurl.POSTFIELDS, b"")
            self.easy.setopt(pycurl.CUSTOMREQUEST, method)

    def fetch(self, url: str, headers: list[str], keep: Callable[[bytes], int | None]) -> tuple[int, str]:
        """The result of libcurl, 0 for an answer. Workers leave signals to the runner, so it may block."""
        easy = self.easy
        easy.setopt(pycurl.URL, url)
        easy.setopt(pycurl.HTTPHEADER, headers)
        easy.setopt(pycurl.WRITEFUNCTION, keep)
        try:
            easy.perform()
        except pycurl.error as error:
            code, said = error.args[:2]
            return int(code), str(said)
        return 0, ""

    def _before(self, *_connection: object) -> int:
        self.tries += 1
        answer: int = pycurl.PREREQFUNC_OK if self.tries == 1 else pycurl.PREREQFUNC_ABORT
        return answer


class LeanActs:
    """Copies and looks of one client. Safe to use from several threads."""

    def __init__(self, lean: Lean, explain: Callable[[Exception, str], S3ConsoleError]) -> None:
        self._lean = lean
        self._explain = explain
        self._idle: dict[str, list[_OneTry]] = {"PUT": [], "HEAD": []}

    def copy(self, source: Ref, target: Ref, *, storage_class: str, conditions: dict[str, str]) -> (
            CopyOutcome | None):
        """One CopyObject; None where botocore has to ask. Raises as `WriteStore.copy`."""
        try:
            origin = f"{quote(source.bucket, safe='')}/{quote(source.key, safe='/~')}"
            if source.version_id:
                origin += f"?versionId={quoted(source.version_id)}"
        except UnicodeEncodeError:
            return None
        headers: list[Header] = [("x-amz-copy-source", origin)]
        if source.etag:
            headers.append(("x-amz-copy-source-if-match", f'"{source.etag}"'))
        if storage_class != "STANDARD":
            headers.append(("x-amz-storage-class", storage_class))
        for name, value in conditions.items():
            headers.append(("if-match" if name == "IfMatch" else "if-none-match", value))
        place = where(target.bucket, target.key)
        answer = self._ask("PUT", target, "", headers, "CopyObject", place)
        if answer is None:
            return None
        if answer.status == 200 and b"<Error>" not in answer.body[:512]:
            found = _ETAG.search(answer.body)
            if found is None or b"CopyObjectResult" not in answer.body[:512]:
                raise UntrustedAnswer("The copy was answered without a result", where=place,
                                      next_step="Look at the target before trying again")
            return CopyOutcome(clean_etag(found[1].decode("latin-1")), answer.header(b"x-amz-version-id"))
        self._refused(answer, place)
        return None

    def glance(self, ref: Ref) -> tuple[Glance | None] | None:
        """One HeadObject: a tuple of the facts, or of None when nothing stands there; None where botocore
        has to ask."""
        place = where(ref.bucket, ref.key)
        query = f"versionId={quoted(ref.version_id)}" if ref.version_id else ""
        answer = self._ask("HEAD", ref, query, [], "HeadObject", place)
        if answer is None:
            return None
        if answer.status in (404, 405):
            return (None,)
        if answer.status == 200:
            size, etag = answer.header(b"content-length"), answer.header(b"etag")
            if not size.isdigit() or not etag:
                raise UntrustedAnswer("The answer about an object has no ETag or size", where=place)
            return (Glance(int(size), clean_etag(etag), answer.header(b"x-amz-version-id")),)
        if answer.status in (301, 307, 308):
            return None
        raise ServiceError(str(answer.status), answer.status, "", where=place)

    def _refused(self, answer: _Answer, place: str) -> None:
        """Raise the error of an answer; what another region or endpoint has to answer is left to botocore."""
        if answer.status in (301, 302, 307, 308):
            return
        text = answer.body[:100_000].decode("utf-8", "replace")
        code = unescape(element(text, "Code") or "") if "<Error" in text[:300] else ""
        if code in _ELSEWHERE:
            return
        # S3 begins its answer before a copy is done, so an error can come in a 200; it is one of the server.
        status = 500 if answer.status == 200 else answer.status
        message = unescape(element(text, "Message") or "") if code else ""
        raise ServiceError(shown(code or str(status), 80), status, shown(message), where=place,
                           request_id=shown(answer.header(b"x-amz-request-id"), 80))

    def _ask(self, method: str, ref: Ref, query: str, headers: list[Header], api: str,
             place: str) -> _Answer | None:
        try:
            path = quoted_path(ref.key)
        except UnicodeEncodeError:
            return None
        try:
            route = self._lean._find(ref.bucket, "list_objects_v2", {"Bucket": ref.bucket, "MaxKeys": 1})
            keys = self._lean._keys() if route is not None else None
        except Exception as error:  # noqa: BLE001  every failure of botocore becomes one of the house
            raise self._explain(error, place) from None
        if route is None or keys is None or not ref.key:
            return None
        path = f"{route.path.rstrip('/')}/{path}"
        signed = route.signer.sign(keys, method, route.host, path, query, headers)
        lines = [f"{name}: {value}" for name, value in signed]
        lines += [f"User-Agent: {route.agent}", "Accept:", "Content-Type:", "Expect:"]
        url = f"{route.base}{path}" + (f"?{query}" if query else "")
        head: list[bytes] = []
        body: list[bytes] = []
        size, largest = 0, self._lean._bounds.largest

        def keep(chunk: bytes) -> int | None:
            nonlocal size
            size += len(chunk)
            body.append(chunk)
            return 0 if size > largest else None

        line = self._take(method)
        line.easy.setopt(pycurl.PROXY, route.proxy)
        line.easy.setopt(pycurl.HEADERFUNCTION, head.append)
        try:
            self._lean._count(api)
            code, said = line.fetch(url, lines, keep)
            if code:
                failed = self._lean._failure(line.easy, code, said, route.base)
                raise self._explain(failed, place) from None
            status = line.easy.getinfo(pycurl.RESPONSE_CODE)
        except BaseException:
            line.close()
            raise
        if len(self._idle[method]) < _IDLE:
            self._idle[method].append(line)
        else:
            line.close()
        return _Answer(status, b"\r\n" + b"".join(head), b"".join(body))

    def _take(self, method: str) -> _OneTry:
        try:
            line = self._idle[method].pop()
        except IndexError:
            line = _OneTry(self._lean._options, method)
        line.tries = 0
        return line
