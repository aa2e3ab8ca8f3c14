"""The word doctor: what works at a place, told check by check; --probe also tries which conditions hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from s3console.core.errors import S3ConsoleError, UsageError
from s3console.core.model import Place

from .call import DONE, Call

if TYPE_CHECKING:
    from s3console.s3.read import ReadStore

NOT_REACHABLE = 3


class Check(NamedTuple):
    """One line: what was tried, whether it works, and what was seen."""

    check: str
    ok: bool
    detail: str


def _tried(name: str, act: Callable[[], str]) -> Check:
    try:
        return Check(name, True, act())
    except S3ConsoleError as error:
        return Check(name, False, error.sentence)


def _bucket(store: ReadStore, place: Place) -> str:
    facts = store.bucket(place.bucket)
    etags = {True: "plain MD5", False: "not MD5 (encrypted with KMS)", None: "not known"}[facts.etag_is_md5]
    lock = {True: "on", False: "off", None: "not known"}[facts.object_lock]
    return f"region {facts.region}, versioning {facts.versioning}, object lock {lock}, ETags {etags}"


def _objects(store: ReadStore, place: Place) -> str:
    page = store.page(place.bucket, place.prefix, max_keys=10)
    return f"{len(page.batch)} objects and {len(page.prefixes)} prefixes on the first page of at most 10"


def _versions(store: ReadStore, place: Place) -> str:
    page = store.version_page(place.bucket, place.prefix, max_keys=10)
    return f"{len(page.batch)} versions on the first page of at most 10"


def _read(store: ReadStore, place: Place) -> str:
    page = store.page(place.bucket, place.prefix, delimiter="", max_keys=1)
    if not page.batch:
        return "nothing to read below the place"
    key = page.batch.keys[0]
    found = store.head(place.bucket, key)
    if found is None:
        return "the first object went away meanwhile"
    if found.size:
        store.get_range(place.bucket, key, found.version_id, 0, 1)
    return f"head and first byte of “{key}”"


def _checks(call: Call, place: Place) -> Iterator[Check]:
    opened: list[ReadStore] = []

    def connect() -> str:
        opened.append(call.reader(place.connection))
        return opened[0].endpoint_url or "AWS"

    reached = _tried("connection", connect)
    yield reached
    if not reached.ok:
        return
    store = opened[0]
    for name, act in (("bucket", _bucket), ("list objects", _objects), ("list versions", _versions),
                      ("read an object", _read)):
        check = _tried(name, lambda: act(store, place))  # noqa: B023 - called at once
        yield check
        if name == "bucket" and not check.ok:
            return
    yield _tried_guards(call, store, place)


def _tried_guards(call: Call, store: ReadStore, place: Place) -> Check:
    try:
        return _guards(call, store.bucket(place.bucket).versioning, store.endpoint_url, aws=store.calls.aws)
    except S3ConsoleError as error:
        return Check("guards", False, error.sentence)


def _guards(call: Call, versioning: str, endpoint: str, *, aws: bool) -> Check:
    """Which conditions jobs rely on here: those of the last probe, or what is assumed without one."""
    from s3console.core.abilities import assumed
    from s3console.store.probes import valid_abilities

    known = valid_abilities(call.desk.home, versioning).get(endpoint)
    told = known or assumed(endpoint, aws=aws)
    honoured = [name for name, verdict in told.verdicts.items() if verdict == "yes" and name not in _PLAIN]
    others = [name for name, verdict in told.verdicts.items() if verdict != "yes" and name not in _PLAIN]
    source = f"probed {known.at}" if known is not None else "never probed (--probe --scratch tries it)"
    detail = f"{source}; honoured: {', '.join(honoured) or 'none'}"
    if others:
        detail += f"; looked at right before instead: {', '.join(others)}"
    if versioning == "Suspended":
        detail += "; versioning is suspended: plain deletes are refused, deletes name their versions"
    return Check("guards", True, detail)


def doctor(call: Call) -> int:
    """Check a place. Ends with 0 when everything works and with 3 when something does not."""
    place = call.place(call.options.place)
    if call.options.probe:
        return _probe(call, place)
    if call.options.scratch is not None:
        raise UsageError("--scratch only makes sense with --probe", next_step="Give both or neither")
    found = []
    for check in _checks(call, place):
        found.append(check)
        if call.output.as_json:
            call.output.record(check._asdict())
    if not call.output.as_json:
        _table(call, found)
    return DONE if all(check.ok for check in found) else NOT_REACHABLE


def _table(call: Call, found: list[Check]) -> None:
    call.output.table(("", "CHECK", "DETAIL"),
                      (("ok" if one.ok else "NOT OK", one.check, one.detail) for one in found))


_MEANING = {
    "copy_source": "CopyObject checks the ETag of its source",
    "copy_absent": "CopyObject writes only where nothing stands",
    "copy_match": "CopyObject replaces only what was reviewed",
    "put_absent": "PutObject writes only where nothing stands",
    "put_match": "PutObject replaces only what was reviewed",
    "complete_absent": "multipart uploads end only where nothing stands",
    "delete_match": "DeleteObject removes only what was reviewed",
    "delete_each": "DeleteObjects checks an ETag per key",
    "attributes": "GetObjectAttributes",
    "ordered": "listings are in the order of UTF-8 bytes",
    "checksums": "checksums are kept and shown",
}
_INSTEAD = {"ignored": "ignored by the store: s3console looks right before instead",
            "refused": "refused by the store: s3console looks right before instead",
            "unknown": "not known: s3console looks right before instead"}
_PLAIN = ("attributes", "ordered", "checksums")


def _probe(call: Call, place: Place) -> int:
    """Try which conditions the endpoint honours, in a scratch prefix that the user names."""
    from s3console.workflow import probing

    call.need_writing()
    if call.options.scratch is None:
        raise UsageError("--probe writes, so it needs a place for that",
                         next_step="Name one with --scratch s3://bucket/prefix/")
    scratch = call.place(call.options.scratch, place.connection)
    token = probing.probe_token()
    call.output.say(probing.probe_sentence(scratch, token))
    found = probing.probe_endpoint(call.desk, scratch, token)
    checks = [Check("endpoint", True, found.endpoint), Check("versioning", True, found.versioning)]
    for name, verdict in found.verdicts.items():
        instead = verdict if name in _PLAIN else _INSTEAD.get(verdict, "")
        checks.append(Check(_MEANING[name], verdict == "yes", "honoured" if verdict == "yes" else instead))
    if call.output.as_json:
        call.output.record({"endpoint": found.endpoint, "at": found.at, "versioning": found.versioning,
                            **found.verdicts})
    else:
        _table(call, checks)
        call.output.say("Kept for the jobs that begin from now on.")
    return DONE
