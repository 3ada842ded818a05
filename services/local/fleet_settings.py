"""The settings of a fleet on this machine: those of the environment, completed, and written down for other commands."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from services.local.kept import kept_secret, write_private
from services.local.options import UpOptions
from services.local.ports import LOOPBACK, claimed, free_port
from shared.chromium import find_chromium
from shared.errors import Misconfigured

USUAL_PORT = 8080
_SAMPLE_NETWORK = f"{LOOPBACK}/32"


class PortTaken(Misconfigured):
    """Somebody else listens on the port that was asked for."""

    code = "port_taken"
    advice = "End what listens there, or name another port with --port; without --port a free one is taken."

    def __init__(self, port: int) -> None:
        super().__init__(f"The port {port} on {LOOPBACK} is taken.")


def given() -> dict[str, str]:
    """What the environment says."""
    return {name: value for name, value in os.environ.items() if name.startswith("FLEET_")}


def complete(settings: dict[str, str], options: UpOptions, data: Path, *, port: int) -> None:
    """Add what is no server's matter: the tokens' secret, the API's address, the browser, the sample site's leave."""
    if "FLEET_TOKEN_SECRET" not in settings and "FLEET_TOKEN_SECRET_FILE" not in settings:
        settings["FLEET_TOKEN_SECRET"] = kept_secret(data / "token.secret")
    if options.sample:
        allowed = [part for part in settings.get("FLEET_EGRESS_ALLOW", "").split(",") if part]
        settings["FLEET_EGRESS_ALLOW"] = ",".join(dict.fromkeys([*allowed, _SAMPLE_NETWORK]))
    if "FLEET_RENDER" not in settings:
        settings["FLEET_RENDER"] = "true" if find_chromium(settings.get("FLEET_BROWSER_PATH")) else "false"
    settings["FLEET_API_HOST"], settings["FLEET_API_PORT"] = LOOPBACK, str(port)


def publish(settings: Mapping[str, str], data: Path) -> None:
    """Make them this process' environment, and leave them in `fleet.env` for commands that name the data folder."""
    lines = (f"{name}={value}\n" for name, value in sorted(settings.items()))
    write_private(data / "fleet.env", "".join(lines))
    os.environ.update(settings)


@contextmanager
def api_port(wanted: int | None) -> Iterator[int]:
    """The port the API will listen on, kept from other fleets while the block runs.

    Raises:
        PortTaken: somebody else listens on the one that was asked for.
    """
    with claimed(wanted or USUAL_PORT) as ours:
        if wanted and not ours:
            raise PortTaken(wanted)
        yield wanted or (USUAL_PORT if ours else free_port())
