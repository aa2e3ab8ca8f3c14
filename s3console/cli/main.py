"""The entry point: finds the word, runs it, and turns every end into a sentence and an exit code."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from s3console.core.errors import ListingIncomplete, S3ConsoleError

from .parser import parse

if TYPE_CHECKING:
    from .call import Call

FAULT, INTERRUPTED, READER_GONE = 70, 130, 141

# Modules are imported by name when their word is called: help and version stay free of heavy imports.
WORDS: Mapping[str, tuple[str, str]] = {
    "open": ("console", "open_console"), "demo": ("console", "demo"),
    "ls": ("looking", "ls"), "du": ("looking", "du"), "doctor": ("doctor", "doctor"),
    "compare": ("comparing", "compare"), "reviews": ("comparing", "reviews"),
    "review": ("comparing", "review"),
    "plan": ("planning", "plan"), "plans": ("planning", "plans"), "show": ("planning", "show"),
    "undo": ("planning", "undo"),
    "approve": ("planning", "approve"),
    "run": ("running", "run"), "jobs": ("running", "jobs"), "job": ("running", "job"),
    "pause": ("running", "pause"), "resume": ("running", "resume"), "cancel": ("running", "cancel"),
    "retry": ("running", "retry"), "journal": ("journal", "journal"),
    "completion": ("completion", "completion"),
    "manifest": ("timing", "manifest"), "diff": ("timing", "diff"),
    "download": ("downloading", "download"),
}


def _say(sentence: str) -> None:
    from .output import sentence_text

    if not sentence.startswith("s3console"):
        sentence = sentence[:1].upper() + sentence[1:]
    print(sentence_text(sentence), file=sys.stderr)


def _sentence(error: S3ConsoleError) -> tuple[str, int]:
    """What is said about an error, and the exit code. A listing that never began is not reachable."""
    if isinstance(error, ListingIncomplete) and error.known_through is None and error.cause is not None:
        return error.cause.sentence, error.cause.exit_code
    return error.sentence, error.exit_code


def _crash_file(error: BaseException, state_dir: str | None) -> str:
    """Record the way to a fault: type, files, lines and functions; no values, no messages."""
    from s3console.config import state_directory
    from s3console.store.home import Home

    now = datetime.now(UTC)
    lines = [f"{now:%Y-%m-%dT%H:%M:%SZ} python {sys.version.split()[0]}"]
    link: BaseException | None = error
    while link is not None:
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}")
        lines += [f"  {Path(frame.filename).name}:{frame.lineno} {frame.name}"
                  for frame in traceback.extract_tb(link.__traceback__)]
        link = link.__cause__ or link.__context__
    try:
        folder = Home.create(state_directory(os.environ, state_dir)).path / "crashes"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except (OSError, S3ConsoleError):
        return ""
    return str(path)


def _run(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    from .call import Call
    from .output import open_output

    output = open_output(as_json=options.json, no_color=options.no_color or bool(os.environ.get("NO_COLOR")),
                         verbose=options.verbose)
    module, name = WORDS[options.word]
    word: Callable[[Call], int] = getattr(importlib.import_module(f"s3console.cli.{module}"), name)
    try:
        return word(Call(options, output, os.environ))
    finally:
        output.flush()


def _state_dir_of(arguments: Sequence[str]) -> str | None:
    for number, argument in enumerate(arguments):
        if argument == "--state-dir" and number + 1 < len(arguments):
            return arguments[number + 1]
        if argument.startswith("--state-dir="):
            return argument.partition("=")[2]
    return None


def _silence(stream: TextIO) -> None:
    """The stream cannot take what is left: let the flush at exit go nowhere instead of failing again."""
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
        return
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one word and return its exit code (see `s3console --help`). Never raises."""
    arguments = sys.argv[1:] if argv is None else argv
    # Arrow's own allocator keeps tens of MiB that nothing uses; read when pyarrow is first imported.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # Modules and botocore's data are most of the heap and stay; at Python's own pace, walking through them
    # is a seventh of a short word.
    gc.set_threshold(20_000, 50, 50)
    try:
        return _run(arguments)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except BrokenPipeError:
        _silence(sys.stdout)
        return READER_GONE
    except KeyboardInterrupt:
        _say("Interrupted.")
        return INTERRUPTED
    except S3ConsoleError as error:
        sentence, code = _sentence(error)
        _say(sentence)
        _silence(sys.stdout)
        return code
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person never sees a traceback
        path = _crash_file(error, _state_dir_of(arguments))
        told = f"Where, without any values, is written in {path}" if path else "It could not be recorded"
        _say(f"s3console failed on a fault of its own ({type(error).__name__}). {told}. "
             "Jobs in their own runner go on.")
        return FAULT


if __name__ == "__main__":
    sys.exit(main())
