"""A Parquet footer as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from s3console.core.model import Entry
from s3console.ui.browsing.preview import Preview
from s3console.ui.browsing.tables import columns_of
from s3console.ui.desk_protocol import Reader
from s3console.ui.display import Run, Runs, exact, key_runs, plural, size_text

if TYPE_CHECKING:
    from s3console.s3.read import ReadStore


def footer_preview(reader: Reader, bucket: str, entry: Entry, width: int) -> Preview:
    """Rows, row groups and columns of a Parquet object. Blocking; raises UntrustedAnswer when it has none."""
    from s3console.workflow.footers import read_footer

    footer = read_footer(cast("ReadStore", reader), bucket, entry.key, entry.version_id, size=entry.size,
                         etag=entry.etag)
    head: list[Run] = [(f"{exact(footer.rows)} rows", "bold foreground"),
                       (f"  in {plural(footer.groups, 'row group')}, {plural(len(footer.columns), 'column')}",
                        "foreground"), ("  written by ", "faint"), *key_runs(footer.created_by, "muted")]
    lines: list[Runs] = [head, []]
    lines += columns_of(
        ("column", "type", "meaning", "compression", "bytes", "unpacked"),
        [(one.path, one.physical, one.logical, one.compression, size_text(one.packed),
          size_text(one.unpacked)) for one in footer.columns])
    return Preview("Parquet footer", "only the footer was read", lines)
