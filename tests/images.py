"""The targets of deploy/docker/Dockerfile, each with what an engine would read of it."""

import json
import re
import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "deploy" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
ROLES = ("migrate", "api", "intake", "dispatch", "scrape", "render", "analyze")


def stage(name: str, dockerfile: str = DOCKERFILE) -> str:
    """What the Dockerfile says of a stage, with what the stages under it say, a line for each instruction."""
    (found,) = re.findall(rf"^FROM (\S+) AS {name}$\n(.*?)(?=^FROM |\Z)", dockerfile, re.DOTALL | re.MULTILINE)
    below, own = found
    return own if below.startswith("$") else stage(below, dockerfile) + own


@dataclass(frozen=True)
class Image:
    """What a container of an image begins with; of others' images nothing is known.

    Attributes:
        healthcheck: the command that tells whether it is well; empty where there is none.
        ports: those it says it listens on.
        libraries: the lock file whose libraries it has.
    """

    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    ports: set[int] = field(default_factory=set)
    libraries: str = ""


@cache
def image(target: str, dockerfile: str = DOCKERFILE) -> Image:
    """The image of a role."""
    lines = stage(target, dockerfile).replace("\\\n", " ").splitlines()
    said = [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]
    last = dict(said)
    _, _, check = last["HEALTHCHECK"].partition("CMD ")
    return Image(
        entrypoint=json.loads(last["ENTRYPOINT"]),
        command=json.loads(last["CMD"]),
        healthcheck=json.loads(check or "[]"),
        environment=dict(pair.split("=", 1) for word, rest in said if word == "ENV" for pair in shlex.split(rest)),
        libraries="".join(re.findall(r"--from=build-(\w+) /fleet /fleet", last.get("COPY", ""))),
        ports={int(port) for word, rest in said if word == "EXPOSE" for port in rest.split()},
    )
