"""Requests of a job over libcurl: a small part of what they cost through botocore.

An act is one request and the function that reads its answer. `LeanActs.prepare` fills a handle with
it, `LeanActs.finish` turns what came back into the value of the act or raises the error that a job
judges. In between somebody has to carry it: `LeanActs.perform` does so for one act and blocks,
`many.Many` carries as many as one likes in one thread.

`Act` and `LeftToBotocore` are in `steps`, the acts themselves in `lean_writes`.

Only the plain case is taken: a bucket whose route `lean` has proved, a key of plain text. Everything
else, and every answer that needs botocore's help, raises `LeftToBotocore`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import pycurl

from ..core.errors import S3ConsoleError, UntrustedAnswer
from .lean import Lean, Route
from .signer import Keys, quoted_path
from .steps import UNWANTED, Act, Answer, LeftToBotocore, Ready, Trouble, refused

__all__ = ["USABLE", "Act", "Answer", "LeanActs", "LeftToBotocore", "Line", "refused"]

_IDLE = 512
_GOOD = (b"HTTP/1.1 2", b"HTTP/1.0 2")
_KEYS_KEPT = 1.0
"""Seconds for which credentials are used before botocore is asked for them again."""
USABLE = hasattr(pycurl, "PREREQFUNCTION")
"""Whether libcurl can be kept from repeating a request by itself (7.80 and later)."""


class Line:
    """One libcurl handle, used for one act at a time.

    It sends a request at most once: libcurl repeats one by itself when the store closes a connection
    that was kept open, and nobody would know of the first.
    """

    def __init__(self, options: Mapping[int, Any], form: str, largest: int) -> None:
        self.easy = pycurl.Curl()
        self.form = form
        self.act: Act | None = None
        self.base = ""
        self._largest = largest
        self._head: list[bytes] = []
        self._body: list[bytes] = []
        self._size = self._tries = 0
        for option, value in options.items():
            self.easy.setopt(option, value)
        if form == "HEAD":
            self.easy.setopt(pycurl.NOBODY, 1)
        elif form != "GET":
            self.easy.setopt(pycurl.POSTFIELDS, b"")
            self.easy.setopt(pycurl.CUSTOMREQUEST, form)
        self.easy.setopt(pycurl.HEADERFUNCTION, self._head.append)
        self.easy.setopt(pycurl.WRITEFUNCTION, self._take)
        self.easy.setopt(pycurl.PREREQFUNCTION, self._before)
        self._proxy: str | None = None
        self._agent = ""
        self._sends_body = False

    def fill(self, act: Act | None, route: Route, url: str, headers: list[str], body: bytes = b"") -> None:
        """Make the handle ready for an act, or for a request that is none."""
        easy = self.easy
        self.act, self.base = act, route.base
        self._head.clear()
        self._body.clear()
        self._size = self._tries = 0
        easy.setopt(pycurl.URL, url)
        easy.setopt(pycurl.HTTPHEADER, headers)
        if body or self._sends_body:
            easy.setopt(pycurl.POSTFIELDS, body)
            self._sends_body = bool(body)
        if route.agent != self._agent:
            easy.setopt(pycurl.USERAGENT, route.agent)
            self._agent = route.agent
        if route.proxy != self._proxy:
            # An empty proxy also keeps libcurl from reading the environment in its own way.
            easy.setopt(pycurl.PROXY, route.proxy)
            self._proxy = route.proxy

    @property
    def answer(self) -> Answer:
        """What came back."""
        status: int = self.easy.getinfo(pycurl.RESPONSE_CODE)
        return Answer(status, b"\r\n" + b"".join(self._head), b"".join(self._body))

    @property
    def overflown(self) -> bool:
        """Whether the answer was larger than any answer of S3."""
        return self._size > self._largest

    @property
    def _good(self) -> bool:
        """Whether the answer under way is a 2xx one; libcurl itself cannot be asked from a callback."""
        head = self._head
        if head and head[0].startswith(_GOOD):
            return True
        status = next((line for line in reversed(head) if line.startswith(b"HTTP/")), b"")
        return status.partition(b" ")[2].startswith(b"2")

    def _take(self, chunk: bytes) -> int | None:
        act = self.act
        if act is not None and act.sink is not None and self._good:
            taken = act.sink(chunk)
            if taken == 0:
                self._size = self._largest + 1
            return taken
        self._size += len(chunk)
        self._body.append(chunk)
        return 0 if self._size > self._largest else None

    def _before(self, *_connection: object) -> int:
        self._tries += 1
        answer: int = pycurl.PREREQFUNC_OK if self._tries == 1 else pycurl.PREREQFUNC_ABORT
        return answer


class LeanActs:
    """The acts of one client. A line belongs to whoever prepared it until `finish`; safe for threads."""

    def __init__(self, lean: Lean, explain: Callable[[Exception, str], S3ConsoleError]) -> None:
        self._lean = lean
        self._explain = explain
        self._idle: defaultdict[str, list[Line]] = defaultdict(list)
        self._keys: tuple[float, Keys | None] = (0.0, None)

    def prepare(self, act: Act) -> Line:
        """A line that is ready to send the act; it is counted as sent.

        Raises LeftToBotocore, and what is wrong with the credentials.
        """
        target = act.target
        try:
            path = quoted_path(target.key)
        except UnicodeEncodeError:
            raise LeftToBotocore from None
        route, keys = self._way(act)
        path = f"{route.path.rstrip('/')}/{path}" if path else route.path
        lines = route.signer.lines(keys, act.method, route.host, path, act.query, act.headers,
                                   payload=act.payload)
        lines += UNWANTED
        line = self._take(act.method)
        url = f"{route.base}{path}?{act.sent or act.query}" if act.query else f"{route.base}{path}"
        try:
            line.fill(act, route, url, lines, act.body)
        except UnicodeEncodeError:
            self._give_back(line)
            raise LeftToBotocore from None
        self._lean._count(act.api)
        return line

    def take(self, ready: Ready) -> Line:
        """A line that is ready to send a request; who sends it counts it."""
        line = self._take(ready.method)
        line.fill(None, ready.route, ready.url, ready.lines, ready.body)
        return line

    def _way(self, act: Act) -> tuple[Route, Keys]:
        found = self.way(act.target.bucket, act.place)
        if found is None:
            raise LeftToBotocore
        return found

    def way(self, bucket: str, place: str = "") -> tuple[Route, Keys] | None:
        """The route to a bucket and the credentials of this moment; None where botocore has to ask.

        Raises what is wrong with the credentials.
        """
        try:
            route = self._lean._routes.get(bucket)
            if route is None:
                route = self._lean._find(bucket, "list_objects_v2", {"Bucket": bucket, "MaxKeys": 1})
            since, keys = self._keys
            clock = time.monotonic()
            if route is not None and (keys is None or clock - since > _KEYS_KEPT):
                keys = self._lean._keys()
                self._keys = (clock, keys)
        except Exception as error:  # noqa: BLE001  every failure of botocore becomes one of the house
            raise self._explain(error, place or f"s3://{bucket}") from None
        return None if route is None or keys is None else (route, keys)

    def counted(self, api: str, count: int) -> None:
        """Count requests that somebody else sent."""
        if count:
            self._lean._count(api, count)

    def troubled(self, act: Act, trouble: Trouble) -> S3ConsoleError:
        """The error of an act that was sent as a `Ready` request and got no usable answer."""
        return self._explain(trouble.error, act.place)

    def finish(self, line: Line, code: int = 0, said: str = "") -> Any:
        """The value of the act of a line that has been carried, or the answer to a request that is no act;
        `code` and `said` are libcurl's result.

        Raises LeftToBotocore, `ServiceError` for an answered error, and what `explain` makes of no answer.
        Without an act it raises Trouble alone.
        """
        act = line.act
        if code:
            if line.overflown:
                error: Exception = UntrustedAnswer("The answer is too large to be an S3 answer")
            else:
                error = self._lean._failure(line.easy, code, said, line.base)
            line.easy.close()
            raise (Trouble(error) if act is None else self._explain(error, act.place)) from None
        answer = line.answer
        self._give_back(line)
        return answer if act is None else act.read(act, answer)

    def perform(self, act: Act) -> Any:
        """Carry one act and wait for it. Raises as `prepare` and `finish`.

        Workers leave signals to the runner, so it may block.
        """
        line = self.prepare(act)
        try:
            line.easy.perform()
        except pycurl.error as error:
            code, said = error.args[:2]
            return self.finish(line, int(code), str(said))
        return self.finish(line)

    def _take(self, form: str) -> Line:
        idle = self._idle[form]
        try:
            return idle.pop()
        except IndexError:
            return Line(self._lean._options, form, self._lean._bounds.largest)

    def _give_back(self, line: Line) -> None:
        line.act = None
        idle = self._idle[line.form]
        if len(idle) < _IDLE:
            idle.append(line)
        else:
            line.easy.close()
