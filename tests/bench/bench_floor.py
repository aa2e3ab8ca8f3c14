"""The least that a serial client in this Python can do: fetch pages, find the token, throw them away."""

from __future__ import annotations

import http.client
import re
import sys

TOKEN = re.compile(rb"<NextContinuationToken>([^<]*)<")
MARKERS = re.compile(rb"<NextKeyMarker>([^<]*)</NextKeyMarker><NextVersionIdMarker>([^<]*)<")


def main(host: str, bucket: str, what: str) -> None:
    connection = http.client.HTTPConnection(host)
    first = "versions&" if what == "versions" else "list-type=2&"
    onward, pages = "", 0
    while True:
        connection.request("GET", f"/{bucket}?{first}encoding-type=url&max-keys=1000{onward}")
        page = connection.getresponse().read()
        pages += 1
        found = (MARKERS if what == "versions" else TOKEN).search(page, 0, 4096)
        if not found:
            break
        values = [value.decode() for value in found.groups()]
        onward = f"&key-marker={values[0]}&version-id-marker={values[1]}" if len(values) == 2 else (
            f"&continuation-token={values[0]}")
    print(pages)


if __name__ == "__main__":
    main(*sys.argv[1:])
