"""The synthetic S3 (nginx with LuaJIT) for the tests: any number of keys, known answers, faults by name.

tests/servers/synth/names.lua tells what a bucket holds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest_servers import SCRIPTS, S3Server, _free_port, _read_env, _run, _shared, _shared_root

LUA = Path(os.environ.get("MODULES", "/usr/lib/nginx/modules")) / "ngx_http_lua_module.so"


def lacking() -> str:
    """Why the synthetic server cannot run here; "" when it can."""
    if not shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return "nginx is not installed: apt-get install nginx-light libnginx-mod-http-lua"
    if not LUA.exists():
        return "nginx has no Lua: apt-get install libnginx-mod-http-lua"
    return ""


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A bottomless S3 whose bucket names say what they hold, such as `syn-1000000-d1-miss7`."""
    if reason := lacking():
        print(reason)
        pytest.skip(reason)
    yield from _shared(
        "synthetic", _shared_root(tmp_path_factory),
        lambda folder: _run(SCRIPTS / "start-synth-s3.sh", folder, _free_port()),
        "stop-pid.sh")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A synthetic server whose requests nobody else adds to."""
    if reason := lacking():
        print(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("synthetic")
    _run(SCRIPTS / "start-synth-s3.sh", folder, _free_port())
    env = _read_env(folder / "env")
    try:
        yield S3Server("synthetic", env["S3_ENDPOINT"], env["AWS_ACCESS_KEY_ID"],
                       env["AWS_SECRET_ACCESS_KEY"])
    finally:
        _run(SCRIPTS / "stop-pid.sh", folder)


__all__ = ["alone", "lacking", "synthetic"]
