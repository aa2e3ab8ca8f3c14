"""`python -m s3console` is the same as the command `s3console`."""

from __future__ import annotations

import sys

from s3console.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
