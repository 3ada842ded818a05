"""Tells a Prometheus on this machine where processes show their metrics: a file for its `file_sd_configs`."""

import json
from collections.abc import Sequence
from pathlib import Path

from services.local.kept import write_private
from services.local.ports import LOOPBACK
from services.local.supervisor import Role


def write_targets(path: Path, roles: Sequence[Role], *, api_port: int) -> None:
    """List the API's port and those of the roles that have one, each with the label `role`."""
    ports = {"api": str(api_port)} | {
        role.name: role.environment["FLEET_METRICS_PORT"] for role in roles if "FLEET_METRICS_PORT" in role.environment
    }
    listed = [{"targets": [f"{LOOPBACK}:{port}"], "labels": {"role": name}} for name, port in ports.items()]
    write_private(path, json.dumps(listed, indent=2) + "\n")
