"""One change or look of a job as steps: requests that somebody else carries, and how answers are read.

A function of this room that changes a store is a generator. It yields an `Act`, which libcurl can carry,
or a call without arguments, which blocks (botocore asks). It is sent the value of what it yielded, or
the error is thrown into it. `perform` carries one such generator through and blocks; a worker carries
many of them at once (`many.Many`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from ..core.errors import ServiceError
from ..core.model import Ref
from .failures import shown
from .pages import unescape
from .read import where
from .records import element
from .signer import EMPTY, Header

if TYPE_CHECKING:
    from .lean import Route

ELSEWHERE = frozenset({"PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
                       "IllegalLocationConstraintException"})
UNWANTED = ("Accept:", "Content-Type:", "Expect:")
"""Headers that libcurl would add."""
_SHOWN_ERROR = 100_000
_CLEARLY = 60.0

T = TypeVar("T")


class LeftToBotocore(Exception):
    """This act, or what its answer asks for, is not for libcurl: nothing was done yet."""


class Answer(NamedTuple):
    """What came back. `body` holds the first bytes only, or none, where the act has a sink."""

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


class Act(NamedTuple):
    """One request. `target` names bucket and key (an empty key is the bucket itself).

    `query` is canonical (signer.canonical_query), `sent` what stands in the URL where that differs;
    `headers` have lower-case names. `payload` is the hex
    SHA-256 of `body`. `read` gets the act and the answer, whatever its status. `sink` takes the body of a
    2xx answer as it comes, returning None for each chunk it took; 0 breaks the transfer off.
    """

    api: str
    method: str
    target: Ref
    read: Callable[[Act, Answer], Any]
    query: str = ""
    sent: str = ""
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    payload: str = EMPTY
    sink: Callable[[bytes], int | None] | None = None

    @property
    def place(self) -> str:
        """What it is about, for a person."""
        return where(self.target.bucket, self.target.key)


class Ready(NamedTuple):
    """A signed request; `lines` are its headers."""

    route: Route
    method: str
    url: str
    lines: list[str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Ready({self.method!r}, {self.route.base!r})"


class Trouble(Exception):
    """No usable answer came to a `Ready` request: `error` is what botocore would raise for it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


Step = Act | Callable[[], Any]
Steps = Generator[Step, Any, T]


class Carrier(Protocol):
    """Who carries one act and waits for it."""

    def perform(self, act: Act) -> Any: ...


def perform(carrier: Carrier | None, steps: Steps[T]) -> T:
    """Carry steps through, one after the other; without a carrier botocore asks everything."""
    try:
        step = next(steps)
        while True:
            try:
                if not isinstance(step, Act):
                    value = step()
                elif carrier is None:
                    raise LeftToBotocore
                else:
                    value = carrier.perform(step)
            except Exception as error:  # noqa: BLE001 - whatever went wrong belongs to the steps
                step = steps.throw(error)
            else:
                step = steps.send(value)
    except StopIteration as end:
        done: T = end.value
        return done


def refused(act: Act, answer: Answer) -> ServiceError:
    """The error of an answer; what another region or endpoint has to answer raises LeftToBotocore."""
    if answer.status in (301, 302, 307, 308):
        raise LeftToBotocore
    text = answer.body[:_SHOWN_ERROR].decode("utf-8", "replace")
    code = unescape(element(text, "Code") or "") if "<Error" in text[:300] else ""
    if code in ELSEWHERE:
        raise LeftToBotocore
    # S3 begins its answer before a copy is done, so an error can come in a 200; it is one of the server.
    status = 500 if answer.status < 300 else answer.status
    message = unescape(element(text, "Message") or "") if code else ""
    if code == "RequestTimeTooSkewed":
        message = _skew(answer.header(b"date")) or message
    return ServiceError(shown(code or str(status), 80), status, shown(message), where=act.place,
                        request_id=shown(answer.header(b"x-amz-request-id"), 80))


def _skew(date: str) -> str:
    """How far the clock of this machine is from that of the store, by the Date of its answer (RFC 9110)."""
    try:
        seconds = time.time() - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return ""
    if abs(seconds) < _CLEARLY:
        return ""
    told = "ahead of" if seconds > 0 else "behind"
    return f"the clock of this machine is {abs(seconds):,.0f} s {told} that of the store; set it and resume"
