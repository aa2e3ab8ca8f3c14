"""Starting a runner that outlives the console."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from ..store.jobs import JobFolder, read_control

PACKAGE = Path(__file__).resolve().parents[2]


def module_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which `python -P -m s3console...` finds this package, wherever it is started."""
    environ = {**os.environ, **(extra or {})}
    paths = [str(PACKAGE), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def launch(
    home_path: Path, job_id: str, *, workers: int = 2, rate: float = 0.0, bandwidth: float = 0.0,
    thaw_look: float | None = None, extra_env: Mapping[str, str] | None = None,
) -> int:
    """Start the runner of a job in a session of its own and return its process id.

    The runner lowers its own priority, reads nothing and writes what goes wrong to `runner.log` in the
    folder of the job. Whether it took the job shows in the job's lock and status. Raises OSError.
    """
    # What is asked from now on is meant for this runner, also before it holds the job.
    asked = read_control(JobFolder(Path(home_path) / "jobs" / job_id))
    # -P keeps the working directory off the module path: a file there must not be able to run.
    command = [sys.executable, "-P", "-m", "s3console.run.runner", str(Path(home_path).absolute()), job_id,
               "--workers", str(workers), "--rate", str(rate), "--bandwidth", str(bandwidth),
               "--asked", str(asked[-1].number if asked else 0),
               *(["--thaw-look", str(thaw_look)] if thaw_look is not None else [])]
    log = os.open(Path(home_path) / "jobs" / job_id / "runner.log",
                  os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True, close_fds=True, env=module_environment(extra_env))
    finally:
        os.close(log)
    # Somebody has to collect the exit status, or the runner stays a zombie as long as the console lives.
    threading.Thread(target=process.wait, name=f"runner of {job_id}", daemon=True).start()
    return process.pid
