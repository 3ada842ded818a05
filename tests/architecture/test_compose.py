"""compose.yaml as Compose reads it: nothing in it is missing, too much or somewhere else; mistakes are noticed."""

import re

import pytest

from services.cli.configuration import _components
from tests.composing import FILE, Project, Unreadable, read, variables_in
from tests.composing.rules import faults
from tests.guide import GUIDE
from tests.images import ROLES
from tests.manifests import put_together, workloads

TEXT = FILE.read_text(encoding="utf-8")
PAGE = (GUIDE / "compose.md").read_text(encoding="utf-8")


def compose() -> Project:
    return read(TEXT)


def test_compose_starts_every_role_with_what_is_there() -> None:
    assert faults(compose()) == []
    assert set(ROLES) <= compose().services.keys()


def test_services_start_after_those_they_wait_for() -> None:
    order = [service.name for service in compose().in_order(profiles=frozenset({"watch"}))]

    assert set(order) == compose().services.keys()
    for earlier, later in (("secrets", "vault"), ("vault-set-up", "analyze"), ("migrate", "dispatch")):
        assert order.index(earlier) < order.index(later)
    assert "prometheus" not in {service.name for service in compose().in_order()}


def test_compose_tells_every_role_what_kubernetes_tells_it() -> None:
    told = {"DATABASE_URL_FILE", "BROKER_URL_FILE", "REDIS_URL_FILE", "TOKEN_SECRET_FILE", "VAULT_ADDR"}
    for work in workloads(put_together("overlays/plain")):
        here = compose().services[work.role].environment.keys()
        for name in told - {"VAULT_ADDR"} | ({"VAULT_ADDR"} if "FLEET_VAULT_ROLE" in work.environment() else set()):
            assert (f"FLEET_{name}" in here) == (f"FLEET_{name}" in work.environment()), (work.role, name)


def test_every_variable_is_a_setting_of_which_the_page_tells() -> None:
    settings = {f"FLEET_{name.upper()}" for component in _components() for name in component.model_fields}
    for name in variables_in(TEXT):
        assert name in settings, name
        assert f"{name}=" in PAGE, name


def test_a_setting_in_the_file_reaches_every_role() -> None:
    changed = read(TEXT, {"FLEET_RENDER": "false", "FLEET_GEMINI_MODEL": "gemini-x"})

    for role in set(ROLES) - {"migrate"}:
        environment = changed.services[role].environment
        assert (environment["FLEET_RENDER"], environment["FLEET_GEMINI_MODEL"]) == ("false", "gemini-x")
        assert compose().services[role].environment["FLEET_RENDER"] == "true"
    assert "FLEET_GEMINI_MODEL" not in changed.services["postgres"].environment


def test_whatever_is_shared_is_used() -> None:
    assert set(re.findall(r"&([\w-]+)", TEXT)) == set(re.findall(r"\*([\w-]+)", TEXT))


@pytest.mark.parametrize(
    ("right", "wrong", "noticed"),
    [
        # as Compose reads it
        (
            "    environment: *with-redis\n    volumes",
            "    enviroment: *with-redis\n    volumes",
            "knows no enviroment",
        ),
        ("${FLEET_RENDER:-true}", "${FLEET_RENDER}", "nobody gives $FLEET_RENDER"),
        ('"$$(cat /secrets', '"$(cat /secrets', "begins no variable"),
        ('    user: "100:1000"\n', '    user: "100:1000"\n    restart: always\n', "['restart'] twice"),
        # images
        ("postgres:18.6-bookworm", "postgres:latest", "is not pinned"),
        ("build: {<<: *build, target: scrape}", "build: {<<: *build, target: render}", "scrape is built from another"),
        ("image: bookmark-fleet/scrape:", "image: bookmark-fleet/render:", "scrape is called bookmark-fleet/render"),
        # who waits for whom
        ("{vault: {condition: service_started}}", "{bao: {condition: service_started}}", "vault-set-up waits for bao"),
        ("{vault: {condition: service_started}}", "{grafana: {condition: service_started}}", "is not started with it"),
        ("migrate: {condition: service_completed", "migrate: {condition: service_complete", "to be service_complete_"),
        (
            "migrate: {condition: service_completed_successfully}",
            "migrate: {condition: service_healthy}",
            "nobody asks",
        ),
        (
            "valkey: {condition: service_healthy}",
            "valkey: {condition: service_completed_successfully}",
            "which goes on",
        ),
        (
            "  migrate: {condition: service_completed_successfully}\n",
            "",
            "nobody that goes on waits for the end of migrate",
        ),
        (
            "{<<: *after-migration, vault-set-up: {condition: service_completed_successfully}}",
            "*after-migration",
            "wait for vault-set-up",
        ),
        (
            "depends_on: {postgres: {condition: service_healthy}}",
            "depends_on: {api: {condition: service_started}}",
            "wait for each other",
        ),
        # health
        ("healthcheck: # healthy", "x-check: # healthy", "vault has no healthcheck"),
        # what is mounted
        ("- analyzer:/analyzer\n", "- analyser:/analyzer\n", "mounts analyser"),
        ("  valkey: {}\n", "  valkey: {}\n  redis: {}\n", "nobody mounts the volume redis"),
        ("./deploy/prometheus/rules:", "./deploy/prometheus/alerts:", "mounts ./deploy/prometheus/alerts"),
        ("/front-door/token.secret", "/secrets/token.secret", "which is not mounted"),
        ("[valkey-server, /secrets/", "[valkey-server, /etc/", "/etc/valkey.conf, which is not mounted"),
        # secrets
        ("POSTGRES_PASSWORD_FILE: /secrets/postgres-superuser.password", "POSTGRES_PASSWORD: hunter2", "told a secret"),
        ("_FILE: /fleet-secrets/redis.url", ": redis://:hunter2@valkey/0", "told a secret"),
        (
            "[fleet-secrets:/fleet-secrets:ro, analyzer:",
            "[front-door:/x:ro, fleet-secrets:/fleet-secrets:ro, analyzer:",
            "analyze sees",
        ),
        (
            "[fleet-secrets:/fleet-secrets:ro, analyzer:",
            "[fleet-secrets:/fleet-secrets, analyzer:",
            "analyze may write",
        ),
        # settings
        ("FLEET_RENDER:", "FLEET_RENDERS:", "reads no setting FLEET_RENDERS"),
        ("      FLEET_TOKEN_SECRET_FILE: /front-door/token.secret\n", "", "api is not given FLEET_TOKEN_SECRET"),
        (
            "    environment: {FLEET_DATABASE_URL_FILE: /fleet-secrets/database.url}",
            "    environment: *with-redis",
            "migrate reads no",
        ),
        ("      ANALYZER: /analyzer\n", "", "nobody gives vault-set-up ANALYZER"),
        ("      ANALYZER: /analyzer\n", "      ANALYZER: /analyzer\n      RENDERER: /x\n", "asks for no RENDERER"),
        # names and networks
        (
            "FLEET_VAULT_ADDR: http://vault:8200",
            "FLEET_VAULT_ADDR: http://openbao:8200",
            "asks openbao, which is no service",
        ),
        ("BAO_ADDR: http://vault:8200", "BAO_ADDR: http://vault:8201", "asks vault on 8201"),
        ("  valkey:\n    image", "  redis:\n    image", "asks valkey, which is no service"),
        (
            "      - valkey:/data\n    networks: [servers]",
            "      - valkey:/data\n    networks: [internet]",
            "valkey has a way out",
        ),
        (
            "      - valkey:/data\n    networks: [servers]",
            "      - valkey:/data\n    networks: [backend]",
            "valkey is on backend",
        ),
        (
            "    networks: [servers]\n    depends_on: {vault:",
            "    networks: [internet]\n    depends_on: {vault:",
            "cannot reach vault",
        ),
        ("  networks: [servers, internet]\n  logging", "  networks: [servers]\n  logging", "scrape has no way out"),
        ("127.0.0.1:8080:8080", "0.0.0.0:8080:8080", "open to others"),
        ("127.0.0.1:9090:9090", "127.0.0.1:8080:9090", "is taken"),
        ("127.0.0.1:8080:8080", "127.0.0.1:8080:80", "api does not listen on 80"),
        # rights and ends
        ("read_only: true", "read_only: false", "has rights"),
        ("no-new-privileges:true, seccomp:", "seccomp:", "render may gain privileges"),
        ("docker/chromium.json", "docker/chrome.json", "which is not there"),
        ("  tmpfs: [/tmp]\n", "", "nowhere to write"),
        ("stop_grace_period: 120s", "stop_grace_period: 60s", "is killed before"),
        ("max_connections=200", "max_connections=100", "has 100 connections"),
    ],
)
def test_a_planted_mistake_in_compose_is_noticed(right: str, wrong: str, noticed: str) -> None:
    assert right in TEXT

    try:
        project = read(TEXT.replace(right, wrong))
        project.in_order()
        found = faults(project)
    except Unreadable as refused:
        found = [str(refused)]

    assert any(noticed in fault for fault in found), found
