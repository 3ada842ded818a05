"""Which fleet a command talks to: the one in the environment, or the one on this machine in `--data DIR`."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Misconfigured

DEFAULT_DATA = Path(".fleet")
_SAYS_WHERE = ("FLEET_DATABASE_URL", "FLEET_DATABASE_URL_FILE", "FLEET_TOKEN_SECRET", "FLEET_TOKEN_SECRET_FILE")
_LINE = re.compile(r"(?P<name>FLEET_[A-Z0-9_]+)=(?P<value>.*)")


class NoFleetHere(Misconfigured):
    """Neither the environment nor the data folder says where the fleet is."""

    code = "no_fleet_here"
    advice = (
        "Start one with `fleet up`, name the folder of a running one with --data, or set FLEET_DATABASE_URL and the "
        "others in docs/configuration.md."
    )

    def __init__(self, data: Path) -> None:
        super().__init__(f"There is no fleet in {data}/ and none in the environment.")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every command is told: the fleet's folder on this machine, and how to speak."""

    data: Path = DEFAULT_DATA
    as_json: bool = False

    def enter(self) -> None:
        """Put the settings of the fleet in `data`, if there is one, beside those of the real environment.

        Raises:
            NoFleetHere: neither has any.
        """
        file = self.data / "fleet.env"
        if file.is_file():
            for name, value in read_settings(file).items():
                if name not in os.environ and f"{name}_FILE" not in os.environ:
                    os.environ[name] = value
        elif not any(name in os.environ for name in _SAYS_WHERE):
            raise NoFleetHere(self.data)


def read_settings(file: Path) -> dict[str, str]:
    """The `FLEET_NAME=value` lines of a file; empty lines and comments are passed over.

    Raises:
        Misconfigured: the file cannot be read, or a line is neither; the sentence names the line, not its text.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{file} cannot be read ({type(error).__name__}).") from error
    settings = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        setting = _LINE.fullmatch(line.strip())
        if setting is None:
            raise Misconfigured(f"Line {number} of {file} is not FLEET_NAME=value.")
        settings[setting["name"]] = setting["value"]
    return settings
