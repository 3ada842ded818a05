"""A cluster and a registry that remember what they were told, for a guide to be followed without either.

Run as `kubectl …` or `docker …`: a command that names what is not there fails, as the real one would.
"""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_GIVEN = {"rabbitmq-default-user": "rabbitmqcluster/rabbitmq"}  # secrets that an operator makes, and of what


class Missing(Exception):
    """Something a command names is not there."""


class Rehearsal:
    """What is there so far, kept in a file between commands."""

    def __init__(self, file: Path, overlays: dict[str, list[dict[str, Any]]]) -> None:
        self._file, self._overlays = file, overlays
        self.there: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}

    def keep(self) -> None:
        """For the next command."""
        self._file.write_text(json.dumps(self.there))

    def require(self, name: str) -> dict[str, Any]:
        """What is there under a name like `secret/fleet-redis`."""
        if name not in self.there:
            raise Missing(name)
        return self.there[name]

    def docker(self, words: list[str]) -> None:
        """Images are built, then pushed."""
        if words[0] == "build":
            self.there[f"built/{_after(words, '--tag')}"] = {}
        elif words[0] == "push":
            self.require(f"built/{words[1]}")
            self.there[f"image/{words[1]}"] = {}

    def kubectl(self, words: list[str]) -> None:
        """Resources come and go; what waits for a pod needs all that the pod mounts."""
        verb, folder = words[0], _after(words, "-k")
        if _after(words, "--namespace") == "fleet":
            self.require("namespace/fleet")
        if verb == "apply" and folder:
            self._apply(self._overlay(folder))
        elif verb == "create":
            self._create(words)
        elif verb == "delete":
            self._delete(
                [_name(each) for each in self._overlay(folder)] if folder else [f"{words[1]}/{words[2]}"], words
            )
        elif verb in {"scale", "annotate"}:
            self._all_of(words[1], words)
        for word in words if verb in {"wait", "rollout", "exec", "set"} else ():
            if word.startswith(("job/", "deployment/")):
                self._runs(word, self.require(word))

    def _overlay(self, folder: str) -> list[dict[str, Any]]:
        try:
            return self._overlays[folder.removeprefix("deploy/k8s/")]
        except KeyError:
            raise Missing(folder) from None

    def _apply(self, resources: list[dict[str, Any]]) -> None:
        for each in resources:
            before = self.there.get(_name(each), {}).get("spec", {})
            if "replicas" in before:  # where a manifest does not say how many, they stay as many as they are
                each["spec"].setdefault("replicas", before["replicas"])
            self.there[_name(each)] = each
        self.require("namespace/fleet")

    def _create(self, words: list[str]) -> None:
        for word in words:
            if word.startswith("--from-file=") and not Path(word.split("=")[2]).exists():
                raise Missing(word.split("=")[2])
        self.there[f"{words[1]}/{words[3] if words[1] == 'secret' else words[2]}"] = {}

    def _delete(self, names: list[str], words: list[str]) -> None:
        for name in names:
            if "--ignore-not-found" not in words:
                self.require(name)
            self.there.pop(name, None)

    def _all_of(self, kind: str, words: list[str]) -> None:
        found = [each for name, each in self.there.items() if name.startswith(f"{kind}/")]
        if not found or "--all" not in words:
            raise Missing(kind)
        for each in found:
            for word in words:
                if word.startswith("--replicas="):
                    each["spec"]["replicas"] = int(word.removeprefix("--replicas="))

    def _runs(self, name: str, workload: dict[str, Any]) -> None:
        if workload["spec"].get("replicas") == 0:
            raise Missing(f"a pod of {name}")
        pod = workload["spec"]["template"]["spec"]
        for volume in pod["volumes"]:
            for kind, key in (("secret", "secretName"), ("configMap", "name")):
                if kind in volume:
                    name = volume[kind][key]
                    self.require(_GIVEN.get(name, f"{kind.lower()}/{name}"))
        for image in (container["image"] for container in pod["containers"]):
            if image.startswith("registry.example/"):
                self.require(f"image/{image}")


def _name(resource: dict[str, Any]) -> str:
    return f"{resource['kind'].lower()}/{resource['metadata']['name']}"


def _after(words: list[str], option: str) -> str | None:
    return next(_values(words, option), None)


def _values(words: list[str], option: str) -> Iterator[str]:
    return (words[n + 1] for n, word in enumerate(words[:-1]) if word == option)


if __name__ == "__main__":
    with Path("rehearsed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two commands with a pipe between them, one at a time
        rehearsal = Rehearsal(Path("rehearsed.json"), json.loads(Path(os.environ["OVERLAYS"]).read_text()))
        try:
            getattr(rehearsal, sys.argv[1])(sys.argv[2:])
        except Missing as missing:
            sys.exit(f"{' '.join(sys.argv[1:])}: {missing} is not there")
        rehearsal.keep()
