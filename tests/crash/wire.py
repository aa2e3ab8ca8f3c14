"""The worker as it runs in production, over the world in memory: loop, store, requests and lines are its own.

Slices come in as lines and outcomes go out as lines. What libcurl would carry is answered here as HTTP
says it: status, headers and bytes, broken where the network breaks them. What blocks is called here, too.
Only the clock, the sockets and the threads are ours, so that a test decides what is answered next.
"""

from __future__ import annotations

import html
import io
import json
import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote

from crash.strict_store import CopyOutcome, DeleteOutcome, Network, StrictStore

from s3console.core.abilities import Abilities, assumed
from s3console.core.errors import EndpointUnreachable, ServiceError
from s3console.core.model import Ref
from s3console.run import lane_loop
from s3console.run import loop as loop_module
from s3console.run import worker as worker_module
from s3console.run.engine import Manner
from s3console.run.pacing import Pacer
from s3console.run.transport import Transport
from s3console.s3.lean import Route
from s3console.s3.signer import Signer
from s3console.s3.steps import Act, Answer, Ready, Trouble
from s3console.s3.waiting import Ended
from s3console.s3.write import WriteStore

Pick = Callable[[int], int]
_KINDS = {"CopyObject": "copy", "HeadObject": "head", "DeleteObjects": "delete", "DeleteObject": "delete-one",
          "ListObjectsV2": "list", "ListObjectVersions": "list"}


_APIS = {("PUT", ""): "CopyObject", ("POST", "delete"): "DeleteObjects"}
SIGNER = Signer("us-east-1")


class _Keys(NamedTuple):
    access_key: str = "key"
    secret_key: str = "secret"
    token: str | None = None


def _never(act: Act, answer: Answer) -> None:
    raise AssertionError("the lane reads its answers itself")


def _asked(body: bytes) -> list[tuple[str, str, str]]:
    """Key, version and ETag of each object of a DeleteObjects, as they stand there."""
    found = re.findall(r"<Object><Key>(.*?)</Key>(?:<VersionId>(.*?)</VersionId>)?(?:<ETag>(.*?)</ETag>)?"
                       r"</Object>", body.decode())
    assert len(found) == body.count(b"<Object>")
    return found


def error_body(code: str, message: str = "") -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def answered(status: int, body: bytes = b"", **headers: str) -> Answer:
    head = "".join(f"\r\n{name.replace('_', '-')}: {value}" for name, value in headers.items())
    return Answer(status, f"\r\nHTTP/1.1 {status} x{head}\r\n\r\n".encode(), body)


class Served:
    """Answers the requests of one store as HTTP does."""

    def __init__(self, network: Network, store: StrictStore) -> None:
        self._network = network
        self._store = store

    def perform(self, act: Act) -> Any:
        """One act that somebody waits for."""
        return act.read(act, self.answer(act))

    # ---- what the lanes want of `LeanActs`

    def way(self, bucket: str, place: str = "") -> tuple[Route, _Keys]:
        return Route("http://memory", "memory", f"/{bucket}", "rig", "", SIGNER), _Keys()

    def counted(self, api: str, count: int) -> None:
        """The network counts what it gets."""

    def count(self) -> None:
        """One request of a lane."""
        self._network.on_lanes += 1

    @staticmethod
    def troubled(act: Act, trouble: Trouble) -> Exception:
        return trouble.error

    def sent(self, ready: Ready) -> Answer:
        """The answer to a request of a lane; raises Trouble where none comes."""
        path, _, query = ready.url.removeprefix(ready.route.base).partition("?")
        headers = {name.lower(): value for name, _, value in (line.partition(":") for line in ready.lines)}
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
        bucket, _, key = path[1:].partition("/")
        act = Act(_APIS[ready.method, query], ready.method, Ref("", unquote(bucket), unquote(key)), _never,
                  query=query, headers=tuple(headers.items()), body=ready.body)
        try:
            return self.answer(act)
        except EndpointUnreachable as error:
            raise Trouble(error) from None

    # ---- requests

    def answer(self, act: Act) -> Answer:
        """What comes back; raises EndpointUnreachable where nothing does, and Crash."""
        kind = _KINDS[act.api]
        source, target = self._about(kind, act)

        def effect() -> Answer:
            return self._without_faults(kind, act, source, target)

        # To a network a listing is a look as a HEAD is.
        answer = self._network.exchange("head" if kind == "list" else kind, effect, source=source,
                                        target=target)
        return answer._replace(body=b"") if kind == "head" else answer

    def _about(self, kind: str, act: Act) -> tuple[Ref | None, Ref]:
        """What a request reads and what it writes, as the faults name them."""
        target = act.target
        if kind == "copy":
            origin = dict(act.headers)["x-amz-copy-source"]
            path, _, query = origin.partition("?")
            bucket, _, key = unquote(path).partition("/")
            version = parse_qs(query).get("versionId", [""])[0]
            pin = dict(act.headers).get("x-amz-copy-source-if-match", "").strip('"')
            return Ref("", bucket, key, version, pin), target
        if kind == "head":
            return target, target
        if kind == "list":
            # Whoever writes beside a listing writes to something that it is about.
            after = [key for key in sorted(self._store.keys(target.bucket)) if key > self._after(act)]
            return (target._replace(key=after[0] if after else ""),) * 2
        if kind == "delete":
            key, version, _ = _asked(act.body)[0]
            return None, Ref("", target.bucket, html.unescape(key), html.unescape(version))
        return None, target

    def _without_faults(self, kind: str, act: Act, source: Ref | None, target: Ref) -> Answer:
        headers = dict(act.headers)
        try:
            if kind == "copy":
                assert source is not None
                expect = "absent" if headers.get("if-none-match") == "*" else "any"
                expect = f"etag:{headers['if-match'].strip(chr(34))}" if "if-match" in headers else expect
                made: CopyOutcome = self._store.copied(source, target, expect)
                body = (f"<?xml version='1.0'?><CopyObjectResult><ETag>&quot;{made.etag}&quot;</ETag>"
                        "</CopyObjectResult>")
                return answered(200, body.encode(), x_amz_version_id=made.version_id)
            if kind == "head":
                found = self._store.read.facts(target.bucket, target.key, self._version(act))
                self._network.shown[target[1:3]] = "" if found is None else found.etag
                if found is None:
                    return answered(404)
                return answered(200, content_length=str(found.size), etag=f'"{found.etag}"',
                                x_amz_version_id=found.version_id)
            if kind == "list":
                return self._listed(act, target.bucket)
            if kind == "delete":
                return self._many_deleted(act, target.bucket)
            ref = target._replace(etag=headers.get("if-match", "").strip('"'), version_id=self._version(act))
            return self._one_deleted(ref)
        except ServiceError as error:
            return answered(error.status, error_body(error.code))

    @staticmethod
    def _after(act: Act) -> str:
        query = parse_qs(act.query)
        return query.get("start-after", query.get("key-marker", [""]))[0]

    def _listed(self, act: Act, bucket: str) -> Answer:
        most, versions = int(parse_qs(act.query)["max-keys"][0]), act.api == "ListObjectVersions"
        rows = []
        for key in sorted(self._store.keys(bucket)):
            held = self._store.keys(bucket)[key] if key > self._after(act) else []
            if held:
                self._network.shown[bucket, key] = held[0].etag
            for one in held if versions else held[:1]:
                tag = "DeleteMarker" if one.marker else "Version" if versions else "Contents"
                if one.marker and not versions:
                    continue
                facts = f"<ETag>&quot;{one.etag}&quot;</ETag><Size>{len(one.body)}</Size>"
                facts = "" if one.marker else f"{facts}<StorageClass>STANDARD</StorageClass>"
                which = f"<VersionId>{one.version_id}</VersionId><IsLatest>{str(one is held[0]).lower()}" \
                    "</IsLatest>" if versions else ""
                rows.append(f"<{tag}><Key>{quote(key)}</Key>{which}<LastModified>2026-01-01T00:00:00.000Z"
                            f"</LastModified>{facts}</{tag}>")
        root = "ListVersionsResult" if versions else "ListBucketResult"
        return answered(200, (f"<{root}><Name>{bucket}</Name><EncodingType>url</EncodingType><IsTruncated>"
                              f"{str(len(rows) > most).lower()}</IsTruncated>{''.join(rows[:most])}</{root}>"
                              ).encode())

    @staticmethod
    def _version(act: Act) -> str:
        return parse_qs(act.query).get("versionId", [""])[0]

    def _many_deleted(self, act: Act, bucket: str) -> Answer:
        rows = []
        for key, version, etag in _asked(act.body):
            ref = Ref("", bucket, html.unescape(key), html.unescape(version), html.unescape(etag).strip('"'))
            if version:
                self._store.version_deleted(ref)
                rows.append(f"<Deleted><Key>{key}</Key><VersionId>{version}</VersionId></Deleted>")
                continue
            done = self._store.name_deleted(ref)
            rows.append(f"<Error><Key>{key}</Key><Code>{done.code}</Code></Error>" if done.code
                        else f"<Deleted><Key>{key}</Key></Deleted>")
        return answered(200, f"<DeleteResult>{''.join(rows)}</DeleteResult>".encode())

    def _one_deleted(self, ref: Ref) -> Answer:
        if ref.version_id:
            self._store.version_deleted(ref)
            return answered(204)
        done: DeleteOutcome = self._store.name_deleted(ref)
        if not done.deleted:
            return answered(412, error_body(done.code))
        if done.code:
            return answered(404, error_body(done.code))
        if done.marker_version_id:
            return answered(204, x_amz_delete_marker="true", x_amz_version_id=done.marker_version_id)
        return answered(204)


class _Calls(NamedTuple):
    aws: bool = False
    lean: None = None


class _Reads:
    """What a WriteStore wants of its reader."""

    endpoint_url = "http://memory"
    calls = _Calls()

    def __init__(self, store: StrictStore) -> None:
        self.head = store.read.head
        self.versions_of = store.read.versions_of
        self.get_range = store.read.get_range


class WireStore(WriteStore):
    """The store of production for what goes over libcurl; what botocore would ask is asked of the world."""

    def __init__(self, network: Network, *, honours: bool) -> None:
        strict = StrictStore(network, honours=honours)
        known = assumed(_Reads.endpoint_url, aws=True) if honours else Abilities(_Reads.endpoint_url)
        super().__init__(_Reads(strict), abilities=known)  # type: ignore[arg-type]
        self.lean = Served(network, strict)  # type: ignore[assignment]
        for name in ("copy_across", "carry_access", "carry_lock", "thaw", "abort_upload", "left_in",
                     "remove_bucket"):
            setattr(self, name, getattr(strict, name))


class Clock:
    """A time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Carried:
    """What stands in the place of libcurl and of the threads: one thing after the other is answered, as
    `pick` says."""

    def __init__(self, watched: Sequence[int], clock: Clock, pick: Pick) -> None:
        self._bell = watched[1]
        self._clock, self._pick = clock, pick
        self._open: list[Callable[[], tuple[list[Ended], list[int]]]] = []

    def begin(self, carrier: Served, act: Act, token: Any) -> None:
        self._open.append(lambda: ([Ended(token, _told(lambda: carrier.answer(act), act))], []))

    def submit(self, call: Callable[..., None], *arguments: Any) -> None:
        def blocking() -> tuple[list[Ended], list[int]]:
            call(*arguments)
            return [], [self._bell]

        self._open.append(blocking)

    def send(self, carrier: Served, ready: Ready, token: Any) -> None:
        carrier.count()
        self._open.append(lambda: ([Ended(token, _told(lambda: carrier.sent(ready)))], []))

    def wait(self, seconds: float) -> tuple[list[Ended], list[int]]:
        if not self._open:
            self._clock.now += max(seconds, 0.001)
            return [], []
        return self._open.pop(self._pick(len(self._open)) % len(self._open))()

    def watch(self, descriptor: int) -> None:
        """Nothing has to be watched."""

    def unwatch(self, descriptor: int) -> None:
        """Nothing is watched."""

    def shutdown(self, **_: Any) -> None:
        self._open.clear()

    def close(self) -> None:
        self._open.clear()


def _told(answered: Callable[[], Answer], act: Act | None = None) -> Callable[[], Any]:
    """The request is answered now; what is made of the answer is told when the loop asks."""
    try:
        answer = answered()
    except Exception as error:  # noqa: BLE001 - the loop knows what to make of it
        return lambda error=error: _raise(error)
    return lambda: answer if act is None else act.read(act, answer)


def _raise(error: Exception) -> None:
    raise error


class Worker:
    """One life of a worker process."""

    def __init__(self, network: Network, *, shared: bool, honours: bool, guarded: bool, unversioned: bool,
                 pick: Pick, clock: Clock) -> None:
        right = WireStore(network, honours=honours)
        left = right if shared else WireStore(network, honours=honours)
        manner = Manner(guarded=guarded, exact=guarded, tries=4, pause_base=0.0, rng=random.Random(0),
                        looks=not honours, alone=unversioned and not honours)
        carried: list[Carried] = []

        def carrying(watched: Sequence[int], *, connections: int) -> Carried:
            carried.append(Carried(watched, clock, pick))
            return carried[0]

        self.transport = Transport({"left": left, "right": right})
        with replaced(loop_module, open_many=carrying, ThreadPoolExecutor=lambda *_, **__: None):
            self.loop = loop_module.Loop(self.transport, -1, manner=manner, most=16, threads=1,
                                         pacer=Pacer(clock.now, start=1000.0))
        self.carried = carried[0]
        self.loop._pool = self.carried  # type: ignore[assignment]
        self._out = io.BytesIO()
        self.reports = worker_module.Reports(self._out, dict)
        self.hands = worker_module.Hands(self.loop, self.reports, manner, unversioned=unversioned)

    def give(self, line: bytes) -> None:
        """A line of the runner."""
        self.hands.take_rows(json.loads(line)["slice"], self.transport)

    def turn(self) -> list[dict[str, Any]]:
        """Go on until something is to be reported; returns the lines about slices."""
        for _ in range(10_000):
            self.loop.turn(0.01)
            if self.reports._open:
                self.reports.flush()
                lines = [json.loads(line) for line in self._out.getvalue().splitlines()]
                self._out.seek(0)
                self._out.truncate()
                return [line for line in lines if "slice" in line]
        raise AssertionError("the worker hangs")

    def close(self) -> None:
        self.loop.close()
        os.close(self.loop._bell)


@contextmanager
def replaced(module: Any, **values: Any) -> Iterator[None]:
    """Other values for names of a module, for a while."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


@contextmanager
def working(network: Network, *, pick: Pick, **facts: bool) -> Iterator[Worker]:
    """A worker whose clock stands still while nobody waits."""
    clock = Clock()
    with replaced(loop_module, time=clock), replaced(lane_loop, time=clock), \
            replaced(worker_module, time=clock):
        worker = Worker(network, pick=pick, clock=clock, **facts)
        try:
            yield worker
        finally:
            worker.close()


__all__ = ["Worker", "working"]
