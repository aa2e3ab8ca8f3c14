"""From any widget to the app, with its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.message_pump import MessagePump

if TYPE_CHECKING:
    from s3console.ui.app import S3ConsoleApp


def console_of(node: MessagePump) -> S3ConsoleApp:
    """The console a widget or screen lives in."""
    return cast("S3ConsoleApp", node.app)
