"""A program for tests: `python tests/supervised.py FOLDER SERVERS ROLES` supervises until SIGTERM, and says `ready`.

SERVERS is a comma-separated list of names; ROLES is JSON: `{"name": ["program", "argument"]}`.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path

from services.local.folder_lock import FolderLock
from services.local.ports import free_port
from services.local.register import Register, end_leftovers
from services.local.servers.openbao import OpenBao
from services.local.servers.postgres import Postgres
from services.local.servers.rabbitmq import Epmd, RabbitMQ
from services.local.servers.valkey import Valkey
from services.local.supervisor import Role, Supervisor
from services.local.warden import Warden


def main(folder: Path, names: list[str], roles: dict[str, list[str]]) -> None:
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    lock = FolderLock.take(folder)
    left = end_leftovers(folder / "run")
    warden = Warden(hold=lock)
    with Supervisor(logs=folder, watch=Register(folder / "run", warden)) as supervisor:
        if "valkey" in names:
            supervisor.start_servers(Valkey(folder / "valkey", port=free_port()))
        if "postgres" in names:
            supervisor.start_servers(Postgres(folder / "postgres", port=free_port(), durable=False))
        if "openbao" in names:
            supervisor.start_servers(OpenBao(folder / "openbao", port=free_port(), cluster_port=free_port()))
        if "rabbitmq" in names:
            epmd = Epmd(port=free_port())
            supervisor.start_servers(epmd)
            supervisor.start_servers(RabbitMQ(folder / "rabbitmq", port=free_port(), node_port=free_port(), epmd=epmd))
        supervisor.start_roles([Role(name, tuple(argv), dict(os.environ)) for name, argv in roles.items()])
        sys.stdout.write(f"ready, {left} ended\n")
        sys.stdout.flush()
        told.wait()
    warden.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2].split(","), json.loads(sys.argv[3]))
