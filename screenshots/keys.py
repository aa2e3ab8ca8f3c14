"""Writes the key table of the README from the registry of actions."""

from __future__ import annotations

import re
from pathlib import Path

from s3console.ui.actions import markdown_table

README = Path(__file__).resolve().parent.parent / "README.md"
_BETWEEN = re.compile(r"(<!-- keys: .*? -->\n).*?(<!-- end of keys -->)", re.DOTALL)


def write_keys() -> None:
    """Put the table between its two marks."""
    text = README.read_text(encoding="utf-8")
    table = "\n".join(markdown_table())
    README.write_text(_BETWEEN.sub(lambda m: f"{m[1]}{table}\n{m[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    write_keys()
