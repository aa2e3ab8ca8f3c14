"""The stock botocore client with four changes: listings come as bytes, answers are bounded in size and
time, retries are ours, and every request is counted.

Credentials, SSO, endpoints and region redirects stay botocore's; so do signing, proxies and TLS of
all requests but listings, which go through libcurl where it is installed (`lean`).
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import botocore.session
from botocore import handlers
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError
from botocore.loaders import JSONFileLoader
from botocore.parsers import ResponseParserFactory, RestXMLParser

from ..core.errors import (
    EndpointUnreachable,
    Reaction,
    S3ConsoleError,
    ServiceError,
    UntrustedAnswer,
    UsageError,
)
from ..core.model import Connection
from .call_log import CallLog
from .failures import answered, host_of, reaction_of, service_error, unanswered

if TYPE_CHECKING:
    from .lean import Lean

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 75.0
"""Seconds between two packets. A real gateway takes up to 13 s for a DeleteObjects of 1,000 versions
on a loaded machine, and a copy of 5 GiB up to a minute."""
WHOLE_ANSWER = 300.0
"""Seconds for a whole answer that is read into memory."""
LARGEST_ANSWER = 16 * 1024 * 1024
_LISTINGS = {"ListObjectsV2Output", "ListObjectVersionsOutput"}
_LISTING_CALLS = ("list_objects_v2", "list_object_versions")
_MAY_FAIL_IN_200 = ("CopyObject", "UploadPartCopy", "CompleteMultipartUpload", "DeleteObjects")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a reader tries again: full jitter below a doubling bound, in seconds."""

    attempts: int = 5
    untrusted_attempts: int = 3
    first: float = 0.2
    longest: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def wait(self, attempt: int) -> None:
        self.sleep(self.random() * min(self.longest, self.first * 2.0 ** min(attempt, 20)))


class _Parser(RestXMLParser):  # type: ignore[misc, unused-ignore]
    """Hands the body of a listing through unparsed, as `Body`."""

    def parse(self, response: Any, shape: Any) -> Any:
        if shape is not None and shape.name in _LISTINGS and response["status_code"] == 200:
            return {"Body": response["body"], "ResponseMetadata": {
                "HTTPStatusCode": 200, "HTTPHeaders": dict(response["headers"])}}
        return super().parse(response, shape)


class _ParserFactory(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        if protocol_name == "rest-xml":
            return _Parser(**getattr(self, "_defaults", {}))
        return super().create_parser(protocol_name)


class _Files(JSONFileLoader):  # type: ignore[misc, unused-ignore]
    """Reads botocore's data into plain dictionaries, whose order is kept too: in a third of the time."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
        if not Path(full_path).is_file():
            return None
        with open_method(full_path, "rb") as file:
            return json.loads(file.read())


class _AnyService(tuple[str, ...]):
    """The services that botocore knows, where it only looks whether there is data for one."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return True


class _Whole:
    """A body that was read already, in the shape in which botocore reads one."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body


@dataclass(slots=True)
class BoundedSession:
    """Botocore's HTTP session, with a bound on the size and the duration of every answer read whole.

    Raises `UntrustedAnswer` above the bounds and `EndpointUnreachable` for a body shorter than its
    Content-Length, which botocore does not notice.
    """

    inner: Any
    largest: int = LARGEST_ANSWER
    seconds: float = WHOLE_ANSWER
    clock: Callable[[], float] = field(default=time.monotonic)

    def send(self, request: Any) -> Any:
        if request.stream_output:
            return self.inner.send(request)
        request.stream_output = True
        answer = self.inner.send(request)
        body = self._read(answer, has_body=request.method != "HEAD")
        if answer.status_code < 300 and body[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
            # Botocore takes any 200 for success where it expects no body, as after a delete.
            raise UntrustedAnswer("The answer is a web page and not one of S3",
                                  next_step="Check the endpoint: a proxy or a login stands before it")
        return AWSResponse(answer.url, answer.status_code, answer.headers, _Whole(body))

    def close(self) -> None:
        self.inner.close()

    def _read(self, answer: Any, *, has_body: bool) -> bytes:
        raw, chunks, size, end = answer.raw, [], 0, self.clock() + self.seconds
        read = getattr(raw, "read1", raw.read)
        while chunk := read(256 * 1024):
            size += len(chunk)
            if size > self.largest or self.clock() > end:
                raw.close()
                what = "too large" if size > self.largest else "too slow"
                raise UntrustedAnswer(f"The answer is {what} to be an S3 answer")
            chunks.append(chunk)
        expected = answer.headers.get("content-length", "")
        if has_body and expected.isdigit() and int(expected) != size and answer.status_code not in (204, 304):
            raw.close()
            raise EndpointUnreachable("The connection broke in the middle of an answer",
                                      next_step="Try again later")
        raw.release_conn()
        return b"".join(chunks)


def _session(connection: Connection) -> botocore.session.Session:
    session = botocore.session.Session(profile=connection.profile)
    session.register_component("response_parser_factory", _ParserFactory())
    loader = session.get_component("data_loader")
    if hasattr(loader, "file_loader"):
        loader.file_loader = _Files()
    if hasattr(loader, "list_available_services"):
        # Botocore reads 450 folders to learn that there is S3; a service without data is told apart later.
        loader.list_available_services = lambda type_name: _AnyService()
    return session


def _config(*, path_style: bool, connections: int) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT, max_pool_connections=connections,
        retries={"total_max_attempts": 1, "mode": "standard"}, tcp_keepalive=True,
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
        s3={"addressing_style": "path"} if path_style else None, user_agent_extra="s3console",
    )


def _is_aws(endpoint: str) -> bool:
    host = host_of(endpoint).split(":")[0]
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _client(connection: Connection, connections: int) -> tuple[botocore.session.Session, Any]:
    """A session and its S3 client: path style for every endpoint that is not AWS's, unless the profile
    says otherwise."""
    if connection.endpoint_url and "@" in connection.endpoint_url:
        raise UsageError("An endpoint URL must not hold a user name or password",
                         next_step="Put credentials into a profile or the environment")
    core = _session(connection)
    chosen = (core.get_scoped_config().get("s3") or {})
    styled = isinstance(chosen, dict) and "addressing_style" in chosen
    region = connection.region or core.get_config_variable("region") or "us-east-1"
    path_style = bool(connection.endpoint_url) and not styled and not _is_aws(connection.endpoint_url or "")
    client = core.create_client("s3", region_name=region, endpoint_url=connection.endpoint_url,
                                config=_config(path_style=path_style, connections=connections))
    if not path_style and not styled and not _is_aws(client.meta.endpoint_url):
        client = core.create_client("s3", region_name=region,
                                    config=_config(path_style=True, connections=connections))
    return core, client


def _lean(session: botocore.session.Session, client: Any, count: Callable[..., None]) -> Lean | None:
    """The transport for listings over libcurl; None where it is not installed."""
    try:
        from .lean import Bounds, Lean
    except ImportError:
        return None
    bundle = str(session.get_config_variable("ca_bundle") or "")
    bounds = Bounds(CONNECT_TIMEOUT, READ_TIMEOUT, WHOLE_ANSWER, LARGEST_ANSWER)
    return Lean(client, session.get_credentials, bounds=bounds, bundle=bundle, count=count)


def _keep_error_check_where_it_matters(client: Any) -> None:
    """Botocore parses every 200 a second time to find an error in it: dear for listings, vital for copies."""
    check = getattr(handlers, "_handle_200_error", None)
    if check is not None:
        client.meta.events.unregister("before-parse.s3.*", check)
        for operation in _MAY_FAIL_IN_200:
            client.meta.events.register(f"before-parse.s3.{operation}", check)


class Calls:
    """One client and what all calls through it share. Safe to use from several threads.

    With `libcurl` False listings go through botocore as everything else does.
    """

    def __init__(self, connection: Connection, *, patience: Patience, connections: int = 64,
                 libcurl: bool = True) -> None:
        self.connection = connection
        self.patience = patience
        self.lean: Lean | None = None
        try:
            session, self.client = _client(connection, connections)
        except S3ConsoleError:
            raise
        except Exception as error:  # noqa: BLE001  every failure of botocore becomes one of the house
            raise self._unanswered(error, "") from None
        self.aws = _is_aws(self.client.meta.endpoint_url)
        _keep_error_check_where_it_matters(self.client)
        endpoint = getattr(self.client, "_endpoint", None)
        if endpoint is not None:
            endpoint.http_session = BoundedSession(endpoint.http_session)
        self._count: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._met = False
        self.log = CallLog()
        self.lean = _lean(session, self.client, self._counted) if libcurl else None
        self.client.meta.events.register("before-send.s3", self._sent)

    @property
    def requests(self) -> Mapping[str, int]:
        """How many requests were sent, by API name; repeats and redirects count."""
        with self._lock:
            return MappingProxyType(dict(self._count))

    def _counted(self, name: str, many: int = 1) -> None:
        with self._lock:
            self._count[name] += many

    def _sent(self, event_name: str, request: Any, **_: object) -> AWSResponse | None:
        """Count a request that goes out; an answer returned here keeps it from going out."""
        if self.lean is not None and self.lean.see(request):
            return AWSResponse(request.url, 200, HTTPHeaders(), _Whole(b""))
        self._counted(event_name.rsplit(".", 1)[-1])
        return None

    def _ask(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        send: Callable[..., dict[str, Any]] = getattr(self.client, operation)
        if self.lean is None or operation not in _LISTING_CALLS:
            return send(**parameters)
        body = self.lean.listing(operation, parameters)
        if body is not None:
            return {"Body": body}
        with self.lean.watching(parameters["Bucket"]):
            return send(**parameters)

    def explain(self, error: Exception, where: str) -> S3ConsoleError:
        """The error of the house for one of botocore or the network; an answered one stays answered."""
        if isinstance(error, ClientError):
            return service_error(error, where=where)
        if isinstance(error, S3ConsoleError):
            return type(error)(error.what, where=where, next_step=error.next_step)
        return self._unanswered(error, where)

    def _unanswered(self, error: Exception, where: str) -> S3ConsoleError:
        client = getattr(self, "client", None)
        endpoint = client.meta.endpoint_url if client is not None else self.connection.endpoint_url or ""
        return unanswered(error, where=where, endpoint=endpoint, profile=self.connection.profile)

    def once(self, operation: str, where: str, **parameters: Any) -> dict[str, Any]:
        """One request. Raises `ServiceError` for an answered error, else the error of the house."""
        with self.log.timed(api_name(operation), where):
            return self._once(operation, where, parameters)

    def _once(self, operation: str, where: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = self._ask(operation, parameters)
        except ClientError as error:
            self._met = True
            raise service_error(error, where=where) from None
        except S3ConsoleError as error:
            raise type(error)(error.what, where=where, next_step=error.next_step) from None
        except Exception as error:  # noqa: BLE001  every failure of botocore becomes one of the house
            if isinstance(error, ConnectTimeoutError | EndpointConnectionError) and not self._met:
                raise NeverMet.of(self._unanswered(error, where)) from None
            raise self._unanswered(error, where) from None
        self._met = True
        return answer

    def friendly(self, operation: str, error: ServiceError) -> S3ConsoleError:
        return answered(error, operation=api_name(operation), profile=self.connection.profile)

    def call(self, operation: str, where: str, **parameters: Any) -> dict[str, Any]:
        """A request that may be repeated without harm: tries again with jitter, then raises for a person.

        An answered error that is a client's fault is raised at once; so is a store that was never
        reached, because a wrong endpoint should not take seconds to say so.
        """
        attempt = 0
        while True:
            try:
                return self.once(operation, where, **parameters)
            except S3ConsoleError as error:
                attempt += 1
                if not self.worth_repeating(error, attempt):
                    self.give_up(operation, error)
            self.patience.wait(attempt)

    def worth_repeating(self, error: S3ConsoleError, attempt: int) -> bool:
        """Whether to try again after `attempt` failures."""
        if isinstance(error, NeverMet):
            return False
        if isinstance(error, UntrustedAnswer):
            return attempt < self.patience.untrusted_attempts
        return reaction_of(error) in (Reaction.RETRY, Reaction.SLOW_DOWN) and attempt < self.patience.attempts

    def give_up(self, operation: str, error: S3ConsoleError) -> NoReturn:
        """Raise what a person acts on; an answered error stays its cause."""
        raise self.friendly(operation, error) if isinstance(error, ServiceError) else error


class NeverMet(EndpointUnreachable):
    """The store was never reached at all."""

    @classmethod
    def of(cls, error: S3ConsoleError) -> NeverMet:
        return cls(error.what, where=error.where, next_step=error.next_step)


def api_name(operation: str) -> str:
    """`list_objects_v2` is `ListObjectsV2`."""
    return "".join(part.capitalize() for part in operation.split("_"))
