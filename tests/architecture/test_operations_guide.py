"""docs/operations, step by step: every command, path, name, secret and variable that its pages use is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import click
import pytest
import yaml

from services.cli.main import main
from shared.ledger.views import Overview
from tests.guide import GUIDE, NOT_RUN, PAGES, RUN, all_commands, blocks, commands, of_the_fleet
from tests.manifests import FOLDERS, ROOT, Resource, put_together, workloads

INSTALLED = ("overlays/production/migration", "overlays/production", "overlays/plain", "vault-set-up")
TOLD = {"SUPERUSER_URL"}  # what a page asks the reader to know
DOCKERFILE = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")


def resources() -> list[Resource]:
    return [resource for folder in INSTALLED for resource in put_together(folder)]


def after(command: list[str], option: str) -> str | None:
    return next((command[n + 1] for n, word in enumerate(command[:-1]) if word == option), None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_uses_programs_it_may_and_variables_it_sets(page: Path) -> None:
    for block in blocks(page):
        assert {command[0] for command in commands(block)} <= RUN | NOT_RUN.keys()
        used = set(re.findall(r"(?<!\\)\$\{?([A-Za-z_]\w*)", block))
        assert used - set(re.findall(r"(?:for |^)(\w+)(?: in|=)", block, re.MULTILINE)) <= TOLD


def test_every_block_that_can_run_here_is_run_by_a_test() -> None:
    tests = [file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "integration").glob("test_*.py")]
    run = [about for test in tests for about in re.findall(r'block\(\s*"[\w.]+", about="([^"]+)"', test)]
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        of_servers = [block for block in blocks(page) if {each[0] for each in commands(block)} & (RUN - {"fleet"})]
        for block in [*of_servers, *re.findall(r"```sql\n(.*?)```", text, re.DOTALL)]:
            assert any(about in block for about in run), block


def test_what_is_said_to_run_nowhere_is_on_a_page() -> None:
    assert {command[0] for command in all_commands()} >= NOT_RUN.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_pages_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)h][^)]*)\)", text)]
    named = re.findall(r"(?<![\w/.])((?:deploy|docs|requirements|tests|shared)/[\w./-]+\w)", text)

    assert [link for link in links if link and not (page.parent / link).exists()] == []
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_what_kubectl_is_given_is_there() -> None:
    there = {f"{resource['kind'].lower()}/{resource['metadata']['name']}" for resource in resources()}
    for command in all_commands():
        folder = after(command, "-k")
        assert folder is None or folder.removeprefix("deploy/k8s/") in FOLDERS, command
        named = {word for word in command if re.match(r"(deployment|job)/", word)}
        assert named <= there, command


def test_every_secret_and_map_that_pods_mount_is_made_on_the_way() -> None:
    made = {
        (command[2], command[4] if command[2] == "secret" else command[3], word.split("=")[1])
        for command in all_commands(GUIDE / "kubernetes.md")
        if command[:2] == ["kubectl", "create"]
        for word in command
        if word.startswith("--from-file=")
    }
    found = resources()
    given = {r["metadata"]["name"] for r in found if r["kind"] == "ConfigMap"} | {"rabbitmq-default-user"}
    needed = {need for work in workloads(found) for need in _mounted(work) if need[1] not in given}

    assert needed <= made
    assert made <= needed


def _mounted(work: object) -> Iterator[tuple[str, str, str]]:
    """The kind, the name and the key of every file in a secret or a map that a setting names."""
    folders = {mount["name"]: mount["mountPath"] for mount in work.container["volumeMounts"]}
    for volume in work.pod["volumes"]:
        kind = next((kind for kind in ("secret", "configMap") if kind in volume), None)
        if kind is None:
            continue
        name = volume[kind].get("secretName") or volume[kind]["name"]
        under = folders[volume["name"]] + "/"
        keys = [value.removeprefix(under) for value in work.environment().values() if value.startswith(under)]
        yield from ((kind.lower(), name, key) for key in keys)


def test_every_command_of_the_fleet_is_one_with_options_it_knows() -> None:
    seen = 0
    for command in of_the_fleet():
        _parse(main, command)
        seen += 1
    assert seen > 10


def _parse(command: click.Command, words: list[str]) -> None:
    context = command.make_context(words[0], words[1:], resilient_parsing=False)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        found = command.get_command(context, rest[0])
        assert found is not None, rest
        _parse(found, rest)


def test_what_docker_is_told_is_in_its_files() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    profiles = {name for service in compose["services"].values() for name in service.get("profiles", [])}
    for command in all_commands():
        if command[:2] == ["docker", "compose"]:
            named = [
                after(command, "exec"),
                *(word.split("=")[0] for word in command if re.fullmatch(r"\w+=\d+", word)),
            ]
            assert {name for name in named if name} <= compose["services"].keys(), command
            assert after(command, "--profile") in {None, *profiles}, command
        if command[:2] == ["docker", "build"]:
            target, arguments = (
                after(command, "--target"),
                [w for n, w in enumerate(command) if command[n - 1] == "--build-arg"],
            )
            assert f" AS {target}\n" in DOCKERFILE, command
            assert all(f"ARG {argument.split('=')[0]}=" in DOCKERFILE for argument in arguments), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_loops_over_roles_name_every_target(page: Path) -> None:
    targets = set(re.findall(r"^FROM (?:role|producer) AS (\w+)$", DOCKERFILE, re.MULTILINE)) - {"producer"}
    for roles in re.findall(r"for role in ([^;]*); do", page.read_text(encoding="utf-8")):
        assert set(roles.split()) == targets


def test_every_setting_that_is_a_secret_has_its_rotation() -> None:
    configuration = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    secrets = set(re.findall(r"^\| `(FLEET_\w+)` \| [^|]*\*\*secret\*\*", configuration, re.MULTILINE))
    rotation = (GUIDE / "keeping.md").read_text(encoding="utf-8").split("## Rotate")[1]

    assert "FLEET_TOKEN_SECRET" in secrets
    assert {name for name in secrets if f"`{name}`" not in rotation} == set()


def test_the_figures_that_the_page_on_watching_names_are_in_the_overview() -> None:
    rows = re.findall(r"^\|[^|]+\|([^|]+)\|[^|]+\|$", (GUIDE / "watching.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = [re.findall(r"`(\.?[a-z][\w.\[\]]*)`", row) for row in rows]
    assert sum(map(len, named)) > 10
    for places in named:
        beside = places[0].rpartition(".")[0] if places else ""
        for place in places:
            field_of(Overview, f"{beside}{place}" if place.startswith(".") else place)


def field_of(view: type, place: str) -> object:
    """The type of a view's field, however deep: `health.stages[].success`."""
    name, _, rest = place.partition(".")
    field = get_type_hints(view)[name.removesuffix("[]")]
    inner = get_args(field)[0] if name.endswith("[]") else field
    return field_of(inner, rest) if rest else inner
