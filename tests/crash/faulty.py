"""The faults of a network, put by a script at any request to a world in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from s3console.core.errors import EndpointUnreachable, LoginExpired, ServiceError, UntrustedAnswer
from s3console.core.model import Ref
from s3console.s3.steps import Answer

if TYPE_CHECKING:
    from crash.strict_store import World


class Crash(BaseException):
    """The process is gone; nothing of it may be caught."""


BROKEN = ("reset", "cut", "truncated", "empty", "error-200", "html")
"""Answers that are none: no connection, half a body, half an XML, nothing, an error or a page with 200."""
PASSING = ("503", "500-applied", "timeout-before", "timeout-after", *BROKEN, "404")
REFUSING = ("403", "403-one")
LOGIN = ("expired", "skew")
CRASHES = ("crash-before", "crash-after")
FOREIGN = ("foreign-source", "foreign-target", "foreign-later")
NETWORK = ("duplicate", "late")
HARMLESS = frozenset(("", *PASSING, *REFUSING, *LOGIN, *CRASHES, *NETWORK, "full"))
FAULTS = (*PASSING, *REFUSING, *LOGIN, *CRASHES, *FOREIGN, *NETWORK, "stale", "full")


REFUSED = {"503": (503, "SlowDown"), "403": (403, "AccessDenied"), "expired": (400, "ExpiredToken"),
           "skew": (403, "RequestTimeTooSkewed"), "error-200": (200, "InternalError"),
           "404": (404, "NoSuchKey")}
"""What the store refuses to do, as status and code."""


class Network:
    """Stands before a world. `script` holds one fault name per request to come, "" for none; `shown` the ETag
    that the last look showed under each name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.script: list[str] = []
        self.requests = 0
        self.on_lanes = 0
        self.met: list[tuple[str, str]] = []
        self.shown: dict[tuple[str, str], str] = {}
        self.foreign: Callable[[str, Ref], None] = lambda where, ref: None
        self.untold = ""
        self._late: list[tuple[int, Callable[[], Any]]] = []

    def settle(self) -> None:
        """Whatever is still under way arrives now."""
        late, self._late = self._late, []
        for _, act in late:
            self._quietly(act)

    @staticmethod
    def _quietly(act: Callable[[], Any]) -> None:
        with contextlib.suppress(ServiceError):
            act()

    def _arrives(self, kind: str, source: Ref | None, target: Ref | None) -> str:
        """A request gets to the store; what goes wrong with it, "" for nothing."""
        self.requests += 1
        for item in [one for one in self._late if one[0] <= self.requests]:
            self._late.remove(item)
            self._quietly(item[1])
        fault = self.script.pop(0) if self.script else ""
        if fault:
            self.met.append((fault, kind))
        if fault == "crash-before":
            raise Crash
        if fault == "foreign-source" and source is not None:
            self.foreign("source", source)
        if fault == "foreign-target" and target is not None:
            self.foreign("target", target)
        if fault == "foreign-later" and target is not None:
            self.foreign("later", target)
        return fault

    def _acts(self, fault: str, kind: str, act: Callable[[], Any], target: Ref | None) -> Any:
        if fault == "late" and kind != "head":
            self._late.append((self.requests + 4, act))
            raise EndpointUnreachable("no answer in time")
        answer = self._long_ago(act, target) if fault == "stale" and kind == "head" and target else act()
        if fault == "duplicate" and kind != "head":
            self._quietly(act)
        return answer

    def send(self, kind: str, act: Callable[[], Any], *, source: Ref | None, target: Ref | None) -> Any:
        """A request that botocore would make: its answer is a value or an error."""
        fault = self._arrives(kind, source, target)
        self._before(fault, kind)
        answer = self._acts(fault, kind, act, target)
        self._after(fault, kind)
        return answer

    def exchange(self, kind: str, act: Callable[[], Answer], *, source: Ref | None,
                 target: Ref | None) -> Answer:
        """A request that libcurl would carry: its answer is what HTTP says."""
        fault = self._arrives(kind, source, target)
        if fault == "timeout-before":
            raise EndpointUnreachable("no answer in time")
        if fault in REFUSED and not (fault == "404" and kind != "copy"):
            # A HEAD has no body to tell the code in; whoever asks for one byte is told.
            self.untold = REFUSED[fault][1] if kind == "head" and fault in ("403", *LOGIN) else ""
            status, code = REFUSED[fault]
            return Answer(status, b"\r\n", f"<Error><Code>{code}</Code></Error>".encode())
        if fault == "html":
            return Answer(200, b"\r\n", b"<html><body>Welcome</body></html>")
        answer = self._acts(fault, kind, act, target)
        if fault == "crash-after":
            raise Crash
        if fault in ("timeout-after", "reset", "cut"):
            raise EndpointUnreachable("the connection broke")
        if fault == "500-applied":
            return Answer(500, b"\r\n", b"<Error><Code>InternalError</Code></Error>")
        if fault == "empty":
            return Answer(200, b"\r\n", b"")
        if fault == "truncated":
            return answer._replace(head=answer.head[:2], body=answer.body[:len(answer.body) // 2])
        if fault == "403-one" and kind == "delete":
            whole = answer.body.partition(b"<Deleted>")[2].partition(b"</Deleted>")[0]
            one = b"<Error>" + whole + b"<Code>InternalError</Code></Error>"
            return answer._replace(body=b"<DeleteResult>" + one + b"</DeleteResult>")
        return answer

    def _long_ago(self, act: Callable[[], Any], ref: Ref) -> Any:
        """The answer as it was before the last change of this name."""
        keys = self.world.buckets.get(ref.bucket, {})
        now = keys.get(ref.key)
        then = self.world.past.get((ref.bucket, ref.key), now)
        if then is None:
            return act()
        keys[ref.key] = then
        try:
            return act()
        finally:
            keys.pop(ref.key)
            if now is not None:
                keys[ref.key] = now

    @staticmethod
    def _before(fault: str, kind: str) -> None:
        if fault == "503":
            raise ServiceError("SlowDown", 503, "reduce your request rate")
        if fault == "timeout-before":
            raise EndpointUnreachable("no answer in time")
        if fault == "403":
            raise ServiceError("AccessDenied", 403, "access denied")
        if fault == "expired" and kind == "head":
            raise LoginExpired("the login has expired")
        if fault == "expired":
            raise ServiceError("ExpiredToken", 400, "the token has expired")
        if fault == "skew":
            raise ServiceError("RequestTimeTooSkewed", 403, "the clocks differ")
        if fault == "error-200":
            raise ServiceError("InternalError", 200, "we encountered an internal error")
        if fault == "html":
            raise UntrustedAnswer("the answer was a page for people")
        if fault == "404" and kind == "copy":
            raise ServiceError("NoSuchKey", 404, "the key does not exist")

    @staticmethod
    def _after(fault: str, kind: str) -> None:
        if fault == "crash-after":
            raise Crash
        if fault == "500-applied":
            raise ServiceError("InternalError", 500, "we encountered an internal error")
        if fault in ("timeout-after", "reset", "cut"):
            raise EndpointUnreachable("the connection broke")
        if fault in ("empty", "truncated"):
            raise UntrustedAnswer("the answer was empty or ended in the middle")
