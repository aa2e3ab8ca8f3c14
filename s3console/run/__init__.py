"""Carrying out approved plans: the runner, its workers, and the engine they share."""

from .launch import launch

__all__ = ["launch"]
