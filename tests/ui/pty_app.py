"""A program on a pseudo terminal: keys in, raw bytes out."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time


class PtyApp:
    """Starts `argv` on a pty of a fixed size and keeps every byte it writes."""

    def __init__(self, argv: list[str], *, cols: int = 120, rows: int = 36,
                 env: dict[str, str] | None = None) -> None:
        self.buf = bytearray()
        self.code: int | None = None
        size = struct.pack("HHHH", rows, cols, 0, 0)
        pid, fd = pty.fork()
        if pid == 0:
            child = dict(os.environ, TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8",
                         TEXTUAL_ANIMATIONS="none")
            # The size is that of the pty: variables of the caller would win over it.
            for name in ("NO_COLOR", "COLUMNS", "LINES"):
                child.pop(name, None)
            child.update(env or {})
            fcntl.ioctl(1, termios.TIOCSWINSZ, size)
            os.execvpe(argv[0], argv, child)
        self.pid, self.fd = pid, fd
        fcntl.ioctl(fd, termios.TIOCSWINSZ, size)

    def read(self, timeout: float) -> bytes | None:
        """What arrives within the time; None at the end."""
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return b""
        try:
            data = os.read(self.fd, 1 << 20)
        except OSError:
            return None
        self.buf += data
        return data or None

    def until(self, text: str, *, start: int = 0, timeout: float = 120.0) -> None:
        """Read until the text was written after the offset."""
        end = time.monotonic() + timeout
        while self.buf.find(text.encode(), start) < 0:
            if time.monotonic() > end or self.read(0.2) is None:
                raise AssertionError(f"{text!r} never came; the end is {bytes(self.buf[-600:])!r}")

    def quiet(self, idle: float = 0.15, timeout: float = 10.0) -> None:
        """Read until nothing has come for a moment."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and self.read(idle):
            pass

    def send(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def rss_mib(self) -> float:
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))

    def cpu_seconds(self) -> float:
        with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def alive(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is None

    def wait(self, timeout: float = 60.0) -> int:
        """The exit code; everything written until the end is kept."""
        end = time.monotonic() + timeout
        while self.alive() and time.monotonic() < end:
            self.read(0.05)
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.code = -9
        os.close(self.fd)
        assert self.code is not None
        return self.code
