"""What our house asks of compose.yaml: each rule takes the project and yields a sentence for everything it refuses."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain

import yaml

from services.analyzer.settings import AnalyzerSettings
from services.cli.configuration import _components
from services.scraper.settings import RendererSettings, ScraperSettings
from shared.settings import DatabaseSettings, Settings
from tests.composing import Project, Service
from tests.images import ROOT

Rule = Callable[[Project], Iterator[str]]
components = cache(lambda: list(_components()))

PINNED = re.compile(r":v?\d+\.\d+[\w.-]*$")
_KEYS = {
    *("build", "image", "entrypoint", "command", "environment", "env_file", "user", "hostname", "profiles"),
    *("restart", "depends_on", "healthcheck", "stop_grace_period", "logging"),
    *("networks", "network_mode", "ports", "volumes", "tmpfs", "read_only", "cap_drop", "security_opt"),
}
_STATES = {"service_started", "service_healthy", "service_completed_successfully"}
LISTEN_ON = {"postgres": 5432, "rabbitmq": 5672, "valkey": 6379, "vault": 8200, "prometheus": 9090, "grafana": 3000}
_ADDRESS = re.compile(r"(?://|@)(?:[^/@\s\"]*@)?([a-z][\w.-]*):(\d+)")
_MAKERS = {"secrets", "vault-set-up"}
_SEEN_BY = {  # secrets, and who beside their makers may read them
    "servers-secrets": {"postgres", "rabbitmq", "valkey", "vault"},
    "fleet-secrets": {"migrate", "api", "intake", "dispatch", "scrape", "render", "analyze"},
    "front-door": {"api", "intake"},
    "analyzer": {"analyze"},
}
_GO_OUT = {"api", "scrape", "render", "analyze"}  # to the provider and to pages
_READS = {  # where the settings of each role are read; people run `fleet doctor` beside the API
    "migrate": ["services/cli/migrate.py"],
    "api": ["services/producer/api/main.py", "services/producer/front_door.py", "services/cli/checkup.py"],
    "intake": ["services/producer/intake_main.py", "services/producer/front_door.py"],
    "dispatch": ["services/producer/dispatch_main.py"],
    "scrape": ["services/scraper/main.py"],
    "render": ["services/scraper/render_main.py"],
    "analyze": ["services/analyzer/main.py"],
}


def words_are_composes(project: Project) -> Iterator[str]:
    for service in project.services.values():
        yield from (f"{service.name}: Compose knows no {word}" for word in sorted(service.says.keys() - _KEYS))


def images_are_pinned(project: Project) -> Iterator[str]:
    for service in project.services.values():
        if not PINNED.search(service.says["image"]):
            yield f"{service.name}: {service.says['image']} is not pinned"


def who_is_waited_for_comes(project: Project) -> Iterator[str]:
    for service in project.services.values():
        for name, state in service.waits_for.items():
            other = project.services.get(name)
            if other is None or not _profiles(other) <= _profiles(service):
                yield f"{service.name} waits for {name}, which is not started with it"
            elif state not in _STATES:
                yield f"{service.name} waits for {name} to be {state}"
            elif state == "service_healthy" and not other.healthcheck:
                yield f"{service.name} waits for {name}, whose health nobody asks for"
            elif (state == "service_completed_successfully") == other.goes_on:
                yield f"{service.name} waits for {name}, which {'goes on' if other.goes_on else 'ends'}"


def _profiles(service: Service) -> set[str]:
    return set(service.says.get("profiles", []))


def nobody_ends_unnoticed(project: Project) -> Iterator[str]:
    """`up --wait` takes a service that ends for a failure, unless one that goes on waits for its end."""
    awaited = {name for service in project.services.values() if service.goes_on for name in service.waits_for}
    for service in project.services.values():
        if not service.goes_on and service.name not in awaited:
            yield f"nobody that goes on waits for the end of {service.name}"


def what_goes_on_is_asked_whether_it_is_well(project: Project) -> Iterator[str]:
    yield from (f"{s.name} has no healthcheck" for s in project.services.values() if s.goes_on and not s.healthcheck)


def what_is_mounted_is_there(project: Project) -> Iterator[str]:
    used = set()
    for service in project.services.values():
        for mount in service.mounts:
            used.add(mount.source)
            if mount.source not in project.volumes and not (not mount.is_volume and (ROOT / mount.source).exists()):
                yield f"{service.name} mounts {mount.source}"
            if not mount.is_volume and mount.writable:
                yield f"{service.name} may write to {mount.source}"
    yield from (f"nobody mounts the volume {name}" for name in sorted(project.volumes.keys() - used))


def secrets_are_seen_where_they_are_needed(project: Project) -> Iterator[str]:
    for service in project.services.values():
        for mount in service.mounts:
            seen_by = _SEEN_BY.get(mount.source, {service.name}) | _MAKERS
            if service.name not in seen_by:
                yield f"{service.name} sees the secrets in {mount.source}"
            if mount.writable and mount.source in _SEEN_BY and service.name not in _MAKERS:
                yield f"{service.name} may write to the secrets in {mount.source}"


def secrets_are_made_before(project: Project) -> Iterator[str]:
    for service in project.services.values():
        makers = {"secrets"} | ({"vault-set-up"} if "FLEET_VAULT_ADDR" in service.environment else set())
        reads = any(mount.source in _SEEN_BY for mount in service.mounts) and service.name != "secrets"
        if reads and (late := makers - set(_before(project, service))):
            yield f"{service.name} does not wait for {', '.join(sorted(late))}"


def _before(project: Project, service: Service) -> Iterator[str]:
    for name in service.waits_for:
        yield name
        if name in project.services:
            yield from _before(project, project.services[name])


def settings_are_those_the_role_reads(project: Project) -> Iterator[str]:
    for role, files in _READS.items():
        service = project.services[role]
        fields = {name: field for settings in _read_in(files) for name, field in settings.model_fields.items()}
        known = {f"FLEET_{name.upper()}" for name in fields}
        given = {name for name in service.says.get("environment", {}) if name.startswith("FLEET_")}
        for name in sorted(given):
            if name.removesuffix("_FILE") not in known:
                yield f"{role} reads no setting {name}"
        needed = {f"FLEET_{name.upper()}" for name, field in fields.items() if field.is_required()}
        missing = needed - {name.removesuffix("_FILE") for name in given}
        yield from (f"{role} is not given {name}" for name in sorted(missing))


def _read_in(files: list[str]) -> list[type[Settings]]:
    text = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    named = set(re.findall(r"(\w+Settings)\.read\(", text)) | set(
        re.findall(r"^    (\w+Settings),$", text, re.MULTILINE)
    )
    return [component for component in components() if component.__name__ in named]


def scripts_are_given_their_variables(project: Project) -> Iterator[str]:
    for service in project.services.values():
        scripts = [
            mount.source for mount in service.mounts if mount.target in service.argv and mount.target.endswith(".sh")
        ]
        for script in scripts:
            text = (ROOT / script).read_text(encoding="utf-8")
            asked = set(re.findall(r"\$\{?([A-Z][A-Z_]*)", text)) - set(re.findall(r"^(\w+)=", text, re.MULTILINE))
            given = service.environment.keys() - {"BAO_ADDR"}  # which the vault's own program reads
            yield from (f"nobody gives {service.name} {name}" for name in sorted(asked - given))
            yield from (f"{service.name} asks for no {name}" for name in sorted(given - asked))


def files_named_are_mounted(project: Project) -> Iterator[str]:
    for service in project.services.values():
        places = [mount.target for mount in service.mounts]
        named = {name: value for name, value in service.environment.items() if name.endswith("_FILE")}
        named |= {word: word for word in service.argv if word.startswith("/")}
        for name, value in named.items():
            if not any(value == place or value.startswith(f"{place}/") for place in places):
                yield f"{service.name}: {name} names {value}, which is not mounted"


def nobody_is_told_a_secret(project: Project) -> Iterator[str]:
    for service in project.services.values():
        for name, value in service.environment.items():
            secret = re.search(r"(PASS|PASSWORD|SECRET|SECRET_ID|TOKEN|KEY)$", name)
            if secret or re.search("//[^/]*:[^/]*@", str(value)):
                yield f"{service.name} is told a secret: {name}"


def addresses_lead_to_services(project: Project) -> Iterator[str]:
    """Those in what a service is told, in the files of ours that it mounts, and in the secrets that are made for it."""
    for service in project.services.values():
        for host, port in sorted(set(_addresses(project, service))):
            other = project.services.get(host)
            if other is None:
                yield f"{service.name} asks {host}, which is no service"
            elif other is not service and not other.networks & service.networks:
                yield f"{service.name} cannot reach {host}"
            elif port not in other.image.ports | {LISTEN_ON.get(host)} and other is not service:
                yield f"{service.name} asks {host} on {port}, where it does not listen"


def _addresses(project: Project, service: Service) -> Iterator[tuple[str, int]]:
    texts = [*map(str, service.environment.values()), *service.argv, *service.healthcheck, *_own_texts(service)]
    texts += [line for line in _made_secrets(project) if _reads(service, line)]
    for text in texts:
        yield from ((host, int(port)) for host, port in _ADDRESS.findall(text) if host[0].isalpha())
    yield from _discovered(service)


def _own_texts(service: Service) -> Iterator[str]:
    for mount in service.mounts:
        path = ROOT / mount.source
        if service.name != "secrets" and not mount.is_volume and "dashboards" not in mount.source:
            files = path.rglob("*") if path.is_dir() else [path]
            yield from (file.read_text(encoding="utf-8") for file in files if file.is_file())


def _made_secrets(project: Project) -> list[str]:
    (script,) = (m.source for m in project.services["secrets"].mounts if m.source.endswith(".sh"))
    return (ROOT / script).read_text(encoding="utf-8").splitlines()


def _reads(service: Service, line: str) -> bool:
    """Whether the line makes a file that a setting of the service names."""
    made = re.search(r'> "\$FLEET/(.*)"', line)
    return made is not None and f"/fleet-secrets/{made[1]}" in service.environment.values()


def _discovered(service: Service) -> Iterator[tuple[str, int]]:
    """What a Prometheus among the services looks for by name."""
    for mount in service.mounts:
        if mount.source.endswith("prometheus.yml"):
            for job in yaml.safe_load((ROOT / mount.source).read_text(encoding="utf-8"))["scrape_configs"]:
                yield from ((name, found["port"]) for found in job["dns_sd_configs"] for name in found["names"])


def networks_keep_the_servers_in(project: Project) -> Iterator[str]:
    closed = {name for name, net in project.networks.items() if net.get("internal")}
    used = set()
    for service in project.services.values():
        used |= service.networks
        yield from (f"{service.name} is on {net}" for net in sorted(service.networks - project.networks.keys()))
        if service.name in {"postgres", "rabbitmq", "valkey", "vault"} and not service.networks <= closed:
            yield f"{service.name} has a way out"
        if (service.name in _GO_OUT or service.ports) and service.networks <= closed:
            yield f"{service.name} has no way out"
    yield from (f"nobody is on the network {name}" for name in sorted(project.networks.keys() - used))


def ports_are_this_machines_own(project: Project) -> Iterator[str]:
    taken = set()
    for service in project.services.values():
        for address, outside, inside in service.ports:
            if address != "127.0.0.1":
                yield f"{service.name} is open to others on {outside}"
            if outside in taken:
                yield f"{service.name} wants {outside}, which is taken"
            if inside not in service.image.ports | {LISTEN_ON.get(service.name)}:
                yield f"{service.name} does not listen on {inside}"
            taken.add(outside)


def our_own_have_no_rights(project: Project) -> Iterator[str]:
    for service in filter(lambda service: service.is_ours, project.services.values()):
        built = service.says["build"]
        if (built["target"], built["dockerfile"]) != (service.name, "deploy/docker/Dockerfile"):
            yield f"{service.name} is built from another target"
        if f"/{service.name}:" not in service.says["image"]:
            yield f"{service.name} is called {service.says['image']}"
        if not service.says.get("read_only") or service.says.get("cap_drop") != ["ALL"] or "user" in service.says:
            yield f"{service.name} has rights"
        if "no-new-privileges:true" not in service.says.get("security_opt", []):
            yield f"{service.name} may gain privileges"
        if service.says.get("tmpfs") != ["/tmp"]:  # noqa: S108 - the container's own
            yield f"{service.name} has nowhere to write"
        for option in service.says.get("security_opt", []):
            kind, _, value = option.partition(":")
            if kind == "seccomp" and not (ROOT / value).exists():
                yield f"{service.name} is held by {value}, which is not there"


def stops_are_long_enough(project: Project) -> Iterator[str]:
    scraper = ScraperSettings()
    longest = max(
        scraper.fetch_total_s + scraper.parse_cpu_s,
        RendererSettings().render_total_s + scraper.parse_cpu_s,
        AnalyzerSettings().provider_timeout_s,
    )
    for service in project.services.values():
        if service.is_ours and service.grace_s <= longest:
            yield f"{service.name} is killed before its longest job can end"


def the_database_has_connections_for_all(project: Project) -> Iterator[str]:
    """Twice over: the guide starts more workers, and a command beside them needs some of its own."""
    pool = DatabaseSettings.model_fields["database_pool"].default
    roles = sum(service.is_ours and service.goes_on for service in project.services.values())
    found = re.findall(r"max_connections=(\d+)", " ".join(project.services["postgres"].argv)) or ["100"]
    if int(found[0]) <= 2 * roles * pool:
        yield f"postgres has {found[0]} connections for {roles} roles that hold {pool} each"


RULES: tuple[Rule, ...] = (
    words_are_composes,
    images_are_pinned,
    who_is_waited_for_comes,
    nobody_ends_unnoticed,
    what_goes_on_is_asked_whether_it_is_well,
    what_is_mounted_is_there,
    secrets_are_seen_where_they_are_needed,
    secrets_are_made_before,
    settings_are_those_the_role_reads,
    scripts_are_given_their_variables,
    files_named_are_mounted,
    nobody_is_told_a_secret,
    addresses_lead_to_services,
    networks_keep_the_servers_in,
    ports_are_this_machines_own,
    our_own_have_no_rights,
    stops_are_long_enough,
    the_database_has_connections_for_all,
)


def faults(project: Project) -> list[str]:
    """Everything that a rule refuses."""
    return list(chain.from_iterable(rule(project) for rule in RULES))
