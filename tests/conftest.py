"""Fixtures for all tests."""

from conftest_servers import aws_env, ceph, ministack, odd_server, running_odd_server, s3_server
from conftest_synth import synthetic

__all__ = ["aws_env", "ceph", "ministack", "odd_server", "running_odd_server", "s3_server", "synthetic"]
