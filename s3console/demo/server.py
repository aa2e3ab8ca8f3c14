"""The embedded S3 of the demo: an emulator in a child process on a loopback port, filled with the stories."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from s3console.core.errors import NotReachable, UsageError

_PROBE = b"GET /_localstack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
START_SECONDS = 60.0
STOP_SECONDS = 3.0


def _listening_socket(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise NotReachable(f"The demo cannot listen on port {port}: {error.strerror}", where="127.0.0.1",
                           next_step="Choose another port, or none for a free one") from error
    listener.listen(512)
    return listener


class DemoServer:
    """An S3 endpoint that lives as long as its owner.

    Start it with `start()` or as a context manager; it answers when `start` returns. It listens on
    127.0.0.1 only, keeps everything in memory, and ends with this process however that ends.
    `port` 0 takes a free one. With `filled` False there are no buckets. `objects` is the number of
    objects and versions written.
    """

    access_key = "demo"
    secret_key = "demo-secret"
    region = "us-west-2"

    def __init__(self, *, port: int = 0, filled: bool = True) -> None:
        self._wanted_port = port
        self._filled = filled
        self._child: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self.port = 0
        self.objects = 0

    @property
    def endpoint_url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the emulator, 0 when it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else 0

    def environment(self) -> dict[str, str]:
        """The AWS variables that lead every S3 client here."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region, "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url, "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> DemoServer:
        """Start and fill the emulator.

        Raises UsageError when the `demo` extra is not installed, NotReachable when the port is taken
        or the emulator does not come up.
        """
        for package in ("ministack", "hypercorn"):
            if importlib.util.find_spec(package) is None:
                raise UsageError(f"The demo needs the package {package}, which is not installed",
                                 next_step="Install it with: pip install 's3console[demo]'")
        self._directory = tempfile.TemporaryDirectory(prefix="s3console-demo-")
        log = Path(self._directory.name) / "log"
        self._log = log.open("w+b")
        listener = _listening_socket(self._wanted_port)
        with listener:
            self.port = listener.getsockname()[1]
            self._child = subprocess.Popen(
                [sys.executable, "-m", "s3console.demo.emulator", str(listener.fileno()),
                 "filled" if self._filled else "empty", str(log)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, cwd=self._directory.name,
                env=self._child_environment(), pass_fds=(listener.fileno(),), start_new_session=True)
        atexit.register(self.stop)
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _child_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("AWS_", "MINISTACK_", "S3_", "LOCALSTACK_"))}
        # The package is found from where this one was found, also in a checkout that is not installed.
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [kept.get("PYTHONPATH")])]
        return kept | {
            "PYTHONPATH": os.pathsep.join(paths), "SERVICES": "s3,sts", "LOG_LEVEL": "ERROR",
            "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "MINISTACK_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "PERSIST_STATE": "0", "S3_PERSIST": "0", "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0",
        }

    def _await_ready(self) -> None:
        assert self._child is not None and self._child.stdout is not None
        ready, _, _ = select.select([self._child.stdout], [], [], START_SECONDS)
        line = self._child.stdout.readline() if ready else b""
        if not line:
            raise NotReachable(f"The embedded S3 did not start{self._last_words()}",
                               where=self.endpoint_url,
                               next_step="Install it again with: pip install 's3console[demo]'")
        self.objects = json.loads(line)["objects"]
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as probe:
                probe.sendall(_PROBE)
                if probe.recv(64).startswith(b"HTTP/1.1 200"):
                    return
            time.sleep(0.02)
        raise NotReachable("The embedded S3 started and does not answer", where=self.endpoint_url,
                           next_step="Stop what else keeps this machine busy and try again")

    def _last_words(self) -> str:
        """The last line the emulator wrote, for the error sentence."""
        if self._log is None:
            return ""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {last[:200]}" if last.isprintable() and last else ""

    def wait(self) -> int:
        """Wait for the emulator to end by itself; returns its exit status."""
        return self._child.wait() if self._child is not None else 0

    def stop(self) -> None:
        """Stop the emulator; harmless when it does not run."""
        child, self._child = self._child, None
        if child is not None:
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None
        atexit.unregister(self.stop)

    def __enter__(self) -> DemoServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()
