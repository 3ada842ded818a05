"""Whole fleets on this machine, and a small web site for them to read."""

from tests.running_fleet import site, start_fleet

__all__ = ["site", "start_fleet"]
