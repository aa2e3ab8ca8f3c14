"""The texts by which an object is known elsewhere: URI, ARN, URL, the command of the AWS CLI."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from s3console.core.model import Connection, Entry
from s3console.ui.dialogs.copy_menu import Choice

if TYPE_CHECKING:
    from s3console.s3.read import ReadStore
    from s3console.ui.desk_protocol import DeskLike

MINUTES = 60


def arn(bucket: str, key: str, region: str = "") -> str:
    """The ARN in the partition of the region (AWS General Reference, "ARN format")."""
    special = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
    partition = next((name for start, name in special.items() if region.startswith(f"{start}-")), "aws")
    return f"arn:{partition}:s3:::{bucket}/{key}"


def aws_command(connection: Connection, bucket: str, key: str, entry: Entry | None) -> str:
    """What reads this with the AWS CLI: `ls` for a prefix, `cp` for an object, `get-object` for a version."""
    words = ["aws"]
    for option, value in (("--profile", connection.profile), ("--endpoint-url", connection.endpoint_url),
                          ("--region", connection.region)):
        words += [option, value] if value else []
    if entry is None:
        words += ["s3", "ls", f"s3://{bucket}/{key}"]
    elif entry.version_id:
        words += ["s3api", "get-object", "--bucket", bucket, "--key", key, "--version-id", entry.version_id,
                  "FILE"]
    else:
        words += ["s3", "cp", f"s3://{bucket}/{key}", "."]
    return " ".join(shlex.quote(word) for word in words)


def choices(desk: DeskLike, bucket: str, key: str, entry: Entry | None, region: str) -> list[Choice]:
    """Everything that can be copied about a row, by letter."""
    connection = desk.config.connection
    there = connection if region in ("", "?") else replace(connection, region=region)
    version = entry.version_id if entry is not None else ""

    def store() -> ReadStore:
        return cast("ReadStore", desk.reader(connection))

    def url() -> str:
        from s3console.s3.looks import object_url

        return object_url(store(), bucket, key)

    def presigned() -> str:
        from s3console.s3.looks import presigned_url

        return presigned_url(store(), bucket, key, version, seconds=MINUTES * 60)

    out = [Choice("y", "URI", f"s3://{bucket}/{key}"), Choice("k", "key", key)]
    if version:
        out.append(Choice("v", "version id", version))
    out.append(Choice("a", "ARN", arn(bucket, key, region)))
    if entry is not None and not entry.is_delete_marker:
        out += [Choice("u", "URL", make=url, note="the plain address at this endpoint"),
                Choice("p", "presigned", make=presigned,
                       note=f"anyone who has it can read the object for {MINUTES} minutes")]
    out.append(Choice("c", "aws CLI", aws_command(there, bucket, key, entry)))
    return out
