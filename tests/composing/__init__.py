"""compose.yaml as Docker Compose reads it: variables put in, what is shared merged, each service on its image."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.images import ROOT, Image, image

FILE = ROOT / "compose.yaml"
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<named>[A-Za-z_]\w*)(?:(?P<how>:?[-?])(?P<other>[^}]*))?\})?"
)


class Unreadable(Exception):
    """Compose would refuse the file, or put nothing where something is meant."""


class _Loader(yaml.SafeLoader):
    """YAML as Compose takes it: a key twice in one mapping is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT002 - inherited
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Unreadable(f"{sorted(twice)} twice in one place")
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class Mount:
    """A volume, or a file or folder of the repository, as a container sees it."""

    source: str
    target: str
    writable: bool

    @property
    def is_volume(self) -> bool:
        return not self.source.startswith(".")


@dataclass(frozen=True)
class Service:
    """A service with what the file says of it; what it does not say is its image's."""

    name: str
    says: dict[str, Any]
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        return "build" in self.says

    @property
    def image(self) -> Image:
        return image(self.says["build"]["target"]) if self.is_ours else Image()

    @property
    def environment(self) -> dict[str, str]:
        """What the file gives it, over what the settings' file gives it, over what its image brings along."""
        return {**self.image.environment, **self.settings, **self.says.get("environment", {})}

    @property
    def argv(self) -> list[str]:
        """What it runs; others' images know that themselves where the file says nothing."""
        if "entrypoint" in self.says:
            return [*self.says["entrypoint"], *self.says.get("command", [])]
        return [*self.image.entrypoint, *self.says.get("command", self.image.command)]

    @property
    def healthcheck(self) -> list[str]:
        """The command that tells whether it is well; empty where there is none."""
        if "healthcheck" not in self.says:
            return self.image.healthcheck
        how, *command = self.says["healthcheck"]["test"]
        return command if how == "CMD" else ["sh", "-c", *command]

    @property
    def mounts(self) -> list[Mount]:
        parts = [[*volume.split(":"), "rw"] for volume in self.says.get("volumes", [])]
        return [Mount(source, target, writable=mode == "rw") for source, target, mode, *_ in parts]

    @property
    def ports(self) -> list[tuple[str, int, int]]:
        """Where each is published: the address and the port of the machine, and the port of the container."""
        parts = [port.split(":") for port in self.says.get("ports", [])]
        return [(address, int(outside), int(inside)) for address, outside, inside in parts]

    @property
    def networks(self) -> set[str]:
        return set(self.says.get("networks", [] if "network_mode" in self.says else ["default"]))

    @property
    def waits_for(self) -> dict[str, str]:
        """The services it is started after, and in which state each has to be."""
        return {name: until["condition"] for name, until in self.says.get("depends_on", {}).items()}

    @property
    def goes_on(self) -> bool:
        return self.says.get("restart", "no") != "no"

    @property
    def grace_s(self) -> int:
        return int(self.says.get("stop_grace_period", "10s").removesuffix("s"))


@dataclass(frozen=True)
class Project:
    """The whole file."""

    services: dict[str, Service]
    volumes: dict[str, Any]
    networks: dict[str, Any]

    def in_order(self, *, profiles: frozenset[str] = frozenset()) -> list[Service]:
        """The services of no profile and of these, each after those it waits for."""
        left = {
            name: service
            for name, service in self.services.items()
            if not (asked := set(service.says.get("profiles", []))) or asked & profiles
        }
        ordered: list[Service] = []
        while left:
            free = [service for service in left.values() if not service.waits_for.keys() & left.keys()]
            if not free:
                raise Unreadable(f"{sorted(left)} wait for each other")
            ordered += free
            left = {name: service for name, service in left.items() if service not in free}
        return ordered


def read(text: str, variables: Mapping[str, str] | None = None) -> Project:
    """The file with these variables, which are also what the services' `env_file` gives them.

    Raises:
        Unreadable: a variable is given by nobody, or Compose would refuse the file.
    """
    given = dict(variables or {})
    said = _put_in(yaml.load(text, _Loader), given)  # noqa: S506 - a safe loader with one rule more
    services = {
        name: Service(name, service, given if "env_file" in service else {})
        for name, service in said["services"].items()
    }
    return Project(services, said.get("volumes", {}), said.get("networks", {}))


def _put_in(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _put_in(inside, variables) for key, inside in value.items()}
    if isinstance(value, list):
        return [_put_in(inside, variables) for inside in value]
    return _VARIABLE.sub(lambda found: _meant(found, variables), value) if isinstance(value, str) else value


def _meant(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    name = found["plain"] or found["named"]
    if name is None:
        raise Unreadable(f"a dollar sign that begins no variable: {found.string!r}")
    value = variables.get(name)
    if value or (value is not None and ":" not in (found["how"] or "")):
        return value
    if found["how"] is None or "?" in found["how"]:
        raise Unreadable(f"nobody gives ${name}")
    return str(found["other"])


def variables_in(text: str) -> Iterator[str]:
    """The names of the variables that a file asks for."""
    for found in _VARIABLE.finditer(text):
        if name := found["plain"] or found["named"]:
            yield name
