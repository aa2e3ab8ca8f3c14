"""The one tree of errors, and what a job does about each S3, HTTP, socket or disk error.

Every error says what happened, where, and what to do next, in one sentence that can be shown to
a person as it is, and carries the exit code of the command line.
"""

from __future__ import annotations

from enum import Enum

RANGE_IGNORED = "RangeIgnored"
"""The code of an answer that begins at the first byte where it should begin later."""


class S3ConsoleError(Exception):
    """Base of everything s3console raises on purpose.

    `what` states the fact, `where` names the place (already printable), `next_step` says what the
    operator can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """One line for a person: what, where, what to do next."""
        head = f"{self.what} ({self.where})" if self.where else self.what
        head = head.rstrip(".") + "."
        return f"{head} {self.next_step.rstrip('.')}." if self.next_step else head


class UsageError(S3ConsoleError):
    """The call itself is wrong: an unknown word, a place that cannot be read, a bad option."""

    exit_code = 2


class NotReachable(S3ConsoleError):
    """The store, the file or the state directory cannot be reached or may not be used."""

    exit_code = 3


class CredentialsMissing(NotReachable):
    """No credentials were found for the profile or the environment."""


class LoginExpired(NotReachable):
    """The credentials were valid once; a new login continues where the work stopped."""


class AccessRefused(NotReachable):
    """The credentials are valid and lack a permission."""


class NoSuchPlace(NotReachable):
    """The bucket, file or folder does not exist."""


class EndpointUnreachable(NotReachable):
    """No connection: name resolution, refused, reset, timeout, TLS."""


class Incomplete(S3ConsoleError):
    """Work stopped before its end and can be taken up again."""

    exit_code = 4


class ListingIncomplete(Incomplete):
    """A listing ended without its proof of completeness.

    Everything up to and including `known_through` was proved; every key after it is unknown.
    None means that not even the first page was proved.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        next_step: str = "",
        known_through: str | None = None,
        cause: S3ConsoleError | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.known_through = known_through
        self.cause = cause


class DiskFull(Incomplete):
    """The state directory has no room; nothing acknowledged was lost."""


class Refused(S3ConsoleError):
    """A safety rule says no."""

    exit_code = 5


class NewerState(Refused):
    """The state directory was written by a newer s3console."""


class DamagedState(Refused):
    """A file of the state directory is damaged or was not written by s3console."""


class Busy(Refused):
    """Another process owns the job or the file."""


class UntrustedAnswer(NotReachable):
    """The endpoint answered 200 with something that is not the S3 answer to this question."""


class Reaction(Enum):
    """What a job does about an error."""

    RETRY = "retry"
    SLOW_DOWN = "slow down"
    PAUSE = "pause for login"
    LOOK = "look before anything else"
    FAIL_ITEM = "fail this item"
    STOP_JOB = "stop this job"


class ServiceError(S3ConsoleError):
    """An answer of the store that is an error: S3 error code, HTTP status, and the reaction to it."""

    def __init__(
        self, code: str, status: int, message: str = "", *, where: str = "", request_id: str = ""
    ) -> None:
        self.code = code
        self.status = status
        self.message = message
        self.request_id = request_id
        self.reaction = classify(code, status)
        super().__init__(f"{code} ({status}) {message}".strip(), where=where)


_SLOW = {
    "SlowDown",
    "503",
    "ServiceUnavailable",
    "TooManyRequests",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
}
_RETRY = {
    "InternalError",
    "RequestTimeout",
    "RequestTimeoutException",
    "500",
    "502",
    "504",
    "PriorRequestNotComplete",
    "OperationAborted",
    "Timeout",
    "ConnectionError",
    "IncompleteBody",
    "UntrustedAnswer",
    "Unknown",
}
_PAUSE = {
    "ExpiredToken",
    "ExpiredTokenException",
    "TokenRefreshRequired",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "UnauthorizedSSOToken",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "NotSignedUp",
    "AccountProblem",
    "CredentialsMissing",
}
_LOOK = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
_STOP = {
    "NoSuchBucket",
    "AllAccessDisabled",
    "InvalidBucketName",
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "MethodNotAllowed",
    "NotImplemented",
    "501",
    "InvalidSecurity",
    "DiskFull",
}


def classify(code: str, status: int = 0) -> Reaction:
    """Map an S3 error code or HTTP status to the reaction of a job.

    Codes are those of the S3 API reference ("Error responses"); anything unknown is judged by its
    HTTP status, and a plain client error fails its item only.
    """
    for codes, reaction in (
        (_SLOW, Reaction.SLOW_DOWN),
        (_RETRY, Reaction.RETRY),
        (_PAUSE, Reaction.PAUSE),
        (_LOOK, Reaction.LOOK),
        (_STOP, Reaction.STOP_JOB),
    ):
        if code in codes:
            return reaction
    if status in (412, 409):
        return Reaction.LOOK
    if status in (429, 503):
        return Reaction.SLOW_DOWN
    if status >= 500 or status == 0 or status == 408:
        return Reaction.RETRY
    if status == 401:
        return Reaction.PAUSE
    return Reaction.FAIL_ITEM
