"""Deployments of processes, rolled and drained as Kubernetes would, by what the manifests say of each role."""

import functools
import math
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.local.ports import free_port
from services.local.warden import Warden
from tests.manifests import Workload, put_together, workloads
from tests.running_fleet import wait_until

FLEET = Path(sys.executable).with_name("fleet")
_LEARNING_S = 2.0
"""How long balancers send requests to a pod that was told to end: until its end is known on every node."""


@functools.cache
def in_production() -> dict[str, Workload]:
    return {work.role: work for work in workloads(put_together("overlays/production"))}


@dataclass(frozen=True)
class Pod:
    """One process of a role."""

    process: subprocess.Popen[bytes]
    port: int

    def wait_until_ready(self) -> None:
        wait_until(self._is_ready, what="the process is ready", patience_s=300)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def end(self, *, pause_s: float, grace_s: float) -> int:
        """Do to it what a kubelet does; its exit code, negative where it had to be killed.

        Args:
            pause_s: the pre-stop hook's.
            grace_s: from the hook's begin to the kill.
        """
        time.sleep(pause_s)
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=grace_s - pause_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once, with all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()


Start = Callable[[], Pod]


@dataclass
class Deployment:
    """The pods of one role.

    Attributes:
        start: starts one, as the newest version is.
        pods: those that shall be there.
        serving: those to which balancers send requests.
        codes: how each of the others ended.
    """

    role: str
    start: Start
    pods: list[Pod] = field(default_factory=list)
    serving: list[Pod] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def scale(self, replicas: int) -> None:
        """Start so many and wait for them."""
        self._add([self.start() for _ in range(replicas)])

    def roll(self, start: Start) -> None:
        """Replace every pod, never with more or with fewer of them than the Deployment's strategy allows."""
        self.start, old, wanted = start, list(self.pods), len(self.pods)
        strategy = self._says.resource["spec"]["strategy"]["rollingUpdate"]
        most = wanted + math.ceil(_of(strategy["maxSurge"], wanted))
        fewest = wanted - math.floor(_of(strategy["maxUnavailable"], wanted))
        while old:
            ending = old[: len(self.pods) - fewest]
            self._end(ending)
            old = old[len(ending) :]
            self._add([self.start() for _ in range(min(most - len(self.pods), wanted - len(self.pods) + len(old)))])

    def drain(self) -> None:
        """Have every pod leave its node: one at a time, as the disruption budget says, and another starts elsewhere."""
        for pod in list(self.pods):
            another = self.start()
            self._end([pod])
            self._add([another])

    @property
    def _says(self) -> Workload:
        return in_production()[self.role]

    def _add(self, pods: list[Pod]) -> None:
        for pod in pods:
            pod.wait_until_ready()
        self.pods += pods
        self.serving += pods

    def _end(self, pods: list[Pod]) -> None:
        for pod in pods:
            threading.Timer(_LEARNING_S, self.serving.remove, [pod]).start()
            self.pods.remove(pod)
            grace_s = self._says.pod["terminationGracePeriodSeconds"]
            self.codes.append(pod.end(pause_s=self._says.pause_s, grace_s=grace_s))


def _of(share: int | str, replicas: int) -> float:
    """What `25%` or `1` of so many replicas is."""
    return int(share[:-1]) / 100 * replicas if isinstance(share, str) else share


def start_process(role: str, settings: dict[str, Any], folder: Path, warden: Warden) -> Pod:
    """A process of a role with nothing of our environment's settings, and its probes on a port of its own.

    Should the test be killed, the warden ends it.
    """
    port = free_port()
    listening = {"FLEET_API_PORT": str(port), "FLEET_METRICS_PORT": "0" if role == "api" else str(port)}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
    with (folder / f"{role}-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [FLEET, role], env=inherited | settings | listening, cwd=folder, stderr=log, start_new_session=True
        )
    warden.watch(process.pid, signal.SIGTERM)
    return Pod(process, port)
