"""One call of the command line: its options, its output, and the desk, opened when first needed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from s3console.core.errors import Refused, UsageError
from s3console.core.keys import printable, utf8_ok
from s3console.core.model import Connection, Place

from .output import Output

if TYPE_CHECKING:
    from s3console.config import Config
    from s3console.s3.read import ReadStore
    from s3console.workflow.desk import Desk

DONE, FOUND, INCOMPLETE, REFUSED, INTERRUPTED = 0, 1, 4, 5, 130


class Call:
    """What a word works with."""

    def __init__(self, options: argparse.Namespace, output: Output, environ: Mapping[str, str]) -> None:
        self.options = options
        self.output = output
        self.environ = environ
        self._readers: dict[Connection, ReadStore] = {}

    @cached_property
    def config(self) -> Config:
        """The settings of this call."""
        from s3console.config import load_config

        return load_config(vars(self.options), self.environ)

    @cached_property
    def desk(self) -> Desk:
        """The open state directory. Raises NotReachable, NewerState or DiskFull."""
        from s3console.workflow.desk import open_desk

        return open_desk(self.config)

    def reader(self, connection: Connection) -> ReadStore:
        """A store that can only read, for words that keep nothing: no state directory is opened."""
        if connection not in self._readers:
            from s3console.s3.connect import open_reader

            self._readers[connection] = open_reader(connection)
        return self._readers[connection]

    def place(self, text: str, connection: Connection | None = None, *, files: bool = False) -> Place:
        """A place of an S3 store, or with `files` one of `keys:`, `manifest:`, `dir:`. Raises UsageError."""
        from s3console.workflow.desk import parse_place

        place = parse_place(text, connection or self.config.connection)
        if place.scheme != "s3" and not (files and place.scheme in ("keys", "manifest", "dir")):
            raise UsageError(f"a place of the kind {place.scheme}: cannot be used here",
                             where=printable(text), next_step="Use s3://bucket/prefix/")
        if not utf8_ok(place.prefix):
            raise UsageError("the prefix is not UTF-8, so no S3 key can start with it", where=printable(text))
        return place

    def warn_open_prefix(self, place: Place) -> None:
        """Say that a prefix without a slash at its end takes in its neighbours."""
        if place.prefix and not place.prefix.endswith("/"):
            shown = printable(place.uri)
            self.output.say(f"Note: {shown} does not end in /, so it takes in every key that starts this "
                            f"way, {shown}2/ for one.")

    def need_writing(self) -> None:
        """Refuse under --read-only."""
        if self.config.read_only:
            raise Refused(f"{self.options.word} is not allowed in read-only mode",
                          next_step="Leave out --read-only to allow it")
