"""Every exception of botocore, urllib3 and the socket, as one error of the house.

An answer of the store becomes a `ServiceError` with its code and status. Readers turn it further
into the error a person acts on, with the `ServiceError` as its cause; writers raise it as it is,
because a job decides by its reaction.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as boto

from ..core.errors import (
    AccessRefused,
    CredentialsMissing,
    EndpointUnreachable,
    LoginExpired,
    NoSuchPlace,
    NotReachable,
    Reaction,
    S3ConsoleError,
    ServiceError,
    UntrustedAnswer,
    UsageError,
    classify,
)
from .telling import shown as shown

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken",
            "RequestExpired", "UnauthorizedSSOToken"}
_UNKNOWN_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "NotSignedUp", "AuthFailure",
                 "InvalidClientTokenId"}
_REFUSED = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidSecurity", "403", "Forbidden",
            "UnauthorizedAccess", "AccessForbidden"}
_NOWHERE = {"NoSuchBucket"}
_PERMISSIONS = {
    "ListBuckets": "s3:ListAllMyBuckets",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject and s3:GetObjectVersion",
    "GetObject": "s3:GetObject and s3:GetObjectVersion",
    "GetObjectTagging": "s3:GetObjectTagging",
    "CopyObject": "s3:GetObject on the source and s3:PutObject on the target",
    "UploadPartCopy": "s3:GetObject on the source and s3:PutObject on the target",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject or s3:DeleteObjectVersion",
    "DeleteObjects": "s3:DeleteObject or s3:DeleteObjectVersion",
}
_SSO = (boto.SSOError, boto.TokenRetrievalError, boto.NoAuthTokenError, boto.UnknownTokenProviderError,
        getattr(boto, "LoginError", boto.SSOError))
_BROKEN = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError, OSError)


def host_of(endpoint: str) -> str:
    """Host and port of an endpoint, for a sentence: never its user information or query."""
    try:
        parts = urlsplit(endpoint)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname}{port}" if parts.hostname else "the store"
    except ValueError:
        return "the store"


def service_error(error: boto.ClientError, *, where: str = "") -> ServiceError:
    """The code, HTTP status and message of an answered error."""
    answer: Any = error.response
    head = answer.get("ResponseMetadata", {})
    details = answer.get("Error", {})
    status = int(head.get("HTTPStatusCode", 0) or 0)
    code = str(details.get("Code") or status or "Unknown")
    return ServiceError(shown(code, 80), status, shown(details.get("Message") or ""), where=where,
                        request_id=shown(head.get("RequestId", ""), 80))


def answered(error: ServiceError, *, operation: str = "", profile: str | None = None) -> S3ConsoleError:
    """The error a person acts on, for an answered error; `reaction_of` still sees the answer."""
    friendly: S3ConsoleError = error
    code, where = error.code, error.where
    if code in _EXPIRED:
        friendly = LoginExpired(f"The login has expired ({code})", where=where, next_step=_login(profile))
    elif code in _UNKNOWN_KEYS:
        friendly = LoginExpired(f"The store does not accept these credentials ({code})", where=where,
                                next_step="Check the profile, the keys and the endpoint")
    elif code == "RequestTimeTooSkewed":
        friendly = NotReachable("The clock of this machine differs too much from the store's", where=where,
                                next_step="Set the clock and try again")
    elif code in _NOWHERE:
        friendly = NoSuchPlace("There is no such bucket", where=where,
                               next_step="Check its name, the endpoint and the profile")
    elif code in _REFUSED or error.status == 403:
        need = _PERMISSIONS.get(operation, "this permission")
        friendly = AccessRefused(f"Access was refused to {operation or 'the request'} ({code})", where=where,
                                 next_step=f"Ask for {need}, or use another profile")
    elif error.status in (301, 307, 308) or code in ("PermanentRedirect", "AuthorizationHeaderMalformed"):
        friendly = NotReachable(f"The bucket lives in another region ({code})", where=where,
                                next_step="Give --region, or an endpoint of that region")
    elif error.reaction in (Reaction.SLOW_DOWN, Reaction.RETRY):
        friendly = NotReachable(f"The store could not answer ({code}, {error.status})", where=where,
                                next_step="Try again later")
    if friendly is not error:
        friendly.__cause__ = error
        friendly.__suppress_context__ = True
    return friendly


def _login(profile: str | None) -> str:
    named = f" --profile {profile}" if profile else ""
    return f"Log in again (for SSO: aws sso login{named}), then repeat"


def unanswered(error: BaseException, *, where: str = "", endpoint: str = "",  # noqa: C901
               profile: str | None = None) -> S3ConsoleError:
    """The error for an exception that is not an answer of the store: credentials, network, bad call."""
    host = host_of(endpoint)
    if isinstance(error, S3ConsoleError):
        return error
    if isinstance(error, boto.ProfileNotFound):
        return CredentialsMissing(f"The profile “{shown(profile or '')}” is not in the AWS configuration",
                                  next_step="See `aws configure list-profiles`, or give another --profile")
    if isinstance(error, _SSO):
        return LoginExpired("The login has expired or was never made", next_step=_login(profile))
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError):
        return CredentialsMissing("No credentials were found", where=where, next_step=(
            "Give --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"))
    if isinstance(error, boto.CredentialRetrievalError | boto.UnknownCredentialError):
        return CredentialsMissing("The credentials could not be fetched", where=where,
                                  next_step="Check credential_process, role or instance profile")
    if isinstance(error, boto.SSLError):
        return EndpointUnreachable(f"{host} could not prove who it is (TLS)",
                                   where=where, next_step="Check the endpoint URL and AWS_CA_BUNDLE")
    if isinstance(error, boto.ProxyConnectionError):
        return EndpointUnreachable("The proxy does not answer", where=where,
                                   next_step="Check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, boto.ConnectTimeoutError | boto.EndpointConnectionError):
        return EndpointUnreachable(f"No connection to {host}", where=where,
                                   next_step="Check the endpoint URL and the network")
    if isinstance(error, boto.ReadTimeoutError | TimeoutError):
        return EndpointUnreachable(f"{host} did not answer in time", where=where, next_step="Try again later")
    if isinstance(error, RecursionError):
        return UntrustedAnswer(f"{host} redirects in a circle", where=where,
                               next_step="Check the endpoint URL and the region")
    if isinstance(error, boto.ParamValidationError | boto.InvalidRegionError | UnicodeError):
        return UsageError("The store's rules do not allow this name", where=where,
                          next_step="Check the bucket, the key and the region")
    if isinstance(error, _BROKEN) or _of_urllib3(error):
        return EndpointUnreachable(f"The connection to {host} broke", where=where,
                                   next_step="Try again later")
    if isinstance(error, boto.BotoCoreError):
        return NotReachable(f"The AWS configuration cannot be used ({type(error).__name__})", where=where,
                            next_step="Check ~/.aws/config and the environment")
    if isinstance(error, ValueError):
        return UsageError("The endpoint URL or the configuration cannot be read", where=where,
                          next_step="Write the endpoint as https://host:port")
    return UntrustedAnswer(f"{host} answered what cannot be read ({type(error).__name__})", where=where,
                           next_step="Check that the endpoint is an S3 store")


def _of_urllib3(error: BaseException) -> bool:
    return type(error).__module__.startswith(("urllib3", "http.client"))


def code_of(error: S3ConsoleError) -> str:
    """The S3 error code behind an error, or the name of its kind ("EndpointUnreachable")."""
    for one in (error, error.__cause__):
        if isinstance(one, ServiceError):
            return one.code
    return type(error).__name__


def reaction_of(error: S3ConsoleError) -> Reaction:
    """What a job does about any error of this room."""
    for one in (error, error.__cause__):
        if isinstance(one, ServiceError):
            return one.reaction
    if isinstance(error, LoginExpired | CredentialsMissing):
        return Reaction.PAUSE
    if isinstance(error, EndpointUnreachable | UntrustedAnswer):
        return Reaction.RETRY
    if isinstance(error, NoSuchPlace | NotReachable):
        return Reaction.STOP_JOB
    return classify(type(error).__name__, 400)
