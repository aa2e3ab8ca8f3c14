"""Two buckets with every kind of finding in them, as rows of the odd server."""

from __future__ import annotations

from servers.odd_server import Row


def etag(number: int) -> str:
    return f"{number:032x}"


def sides(*, versions: bool, count: int = 137) -> tuple[list[Row], list[Row]]:
    """Left keys in documents of 70; some missing, some different, some under wrong names, some strange."""
    left, right = [], []
    for number in range(count):
        key = f"d{number // 70:02d}/{number:04d}" + ("::png" if number % 9 == 4 else ".jpg")
        left.append(Row(key, 10 + number % 3, etag(number)))
        copied = Row(key, 10 + number % 3, etag(number), f"v{number}")
        if number % 9 == 4:
            wrong = copied._replace(key=key.split("::")[0])
            right += [wrong, wrong._replace(version=f"w{number}", latest=False)] if versions else [wrong]
        elif number % 13 == 5:
            right.append(copied._replace(etag=etag(1000 + number)))
        elif number % 11 != 7:
            right.append(copied)
            if versions and number % 10 == 0:
                right += [copied._replace(version=f"o{number}", etag=etag(3000), latest=False),
                          Row(key, version=f"m{number}", marker=True, latest=False)]
    for number in range(count // 15):
        right.append(Row(f"d00/{number * 7:04d}-live", 4, etag(2000 + number), f"x{number}"))
        right.append(Row(f"d01/.distcp.tmp.attempt_1_m_{number:04d}_0", 4, etag(2100 + number), f"j{number}"))
    return left, sorted(right, key=lambda row: row.key)
