"""docs/operations/network.md agrees with what each role's settings name; tests/manifests holds the policies to it."""

import functools
import inspect
import re
from importlib import import_module

import pytest

from services.cli.configuration import _components
from services.producer.front_door import FrontDoorSettings
from shared.settings import EgressSettings
from tests.guide import GUIDE, all_commands
from tests.manifests import of_kind, put_together
from tests.manifests.network import tables

READS = {  # where a role's settings are read
    "api": "services.producer.api.main",
    "intake": "services.producer.intake_main",
    "dispatch": "services.producer.dispatch_main",
    "scrape": "services.scraper.main",
    "render": "services.scraper.render_main",
    "analyze": "services.analyzer.main",
    "migrate": "services.cli.migrate",
}
EXCUSED = {("api", "RabbitMQ"): "doctor", ("intake", "Gemini"): "asks nothing"}
CLASSES = {settings.__name__: settings for settings in _components()}
OUT, INTO = tables()
NAMED_BY = {column: setting for column, setting in OUT["named by"].items() if setting}


@pytest.mark.parametrize("role", READS)
@pytest.mark.parametrize("column", NAMED_BY)
def test_a_role_reaches_a_server_if_and_only_if_its_settings_name_it(role: str, column: str) -> None:
    reaches = bool(re.search(r"\d", OUT[role][column]))

    named = NAMED_BY[column] in settings_of(role)

    if (role, column) in EXCUSED:
        assert reaches is not named
        assert f"({EXCUSED[role, column]})" in OUT[role][column]
    else:
        assert reaches is named


@functools.cache
def settings_of(role: str) -> set[str]:
    """Every setting that the role's wiring reads."""
    read = re.findall(r"(\w+Settings)\.read\(\)", inspect.getsource(import_module(READS[role])))
    front_door = (
        inspect.get_annotations(FrontDoorSettings, eval_str=True).values() if "FrontDoorSettings" in read else ()
    )
    classes = [CLASSES[name] for name in read if name in CLASSES] + [*front_door]
    return {f"FLEET_{name.upper()}" for settings in classes for name in settings.model_fields}


def test_every_setting_that_names_a_server_has_its_column() -> None:
    everything = {f"FLEET_{name.upper()}" for settings in CLASSES.values() for name in settings.model_fields}

    servers = {name for name in everything if re.search(r"_(URL|ADDR|ENDPOINT)$", name)}

    assert servers | {"FLEET_EGRESS_PORTS"} == set(NAMED_BY.values())


def test_pages_are_asked_for_on_the_ports_that_the_guard_lets_through() -> None:
    assert re.findall(r"\d+", OUT["scrape"]["pages"]) == [str(port) for port in EgressSettings().egress_ports]


def test_the_guide_gives_namespaces_every_label_that_a_policy_asks_for() -> None:
    given = {word.removesuffix("=true") for command in all_commands(GUIDE / "kubernetes.md") for word in command}

    policies = [*of_kind(put_together("overlays/production"), "NetworkPolicy")]

    assert set(re.findall(r"bookmark-fleet/[a-z-]+", str(policies))) <= given
