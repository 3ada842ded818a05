"""docs/operations/network.md agrees with what each role's settings name; tests/manifests holds the policies to it."""

import re

import pytest

from services.cli.configuration import _components
from shared.settings import EgressSettings
from tests.guide import GUIDE, all_commands
from tests.manifests import of_kind, put_together
from tests.manifests.network import tables
from tests.manifests.settings import READ_IN, names_of, read_by

EXCUSED = {("api", "RabbitMQ"): "doctor", ("intake", "Gemini"): "asks nothing"}
OUT, INTO = tables()
NAMED_BY = {column: setting for column, setting in OUT["named by"].items() if setting}


@pytest.mark.parametrize("role", READ_IN)
@pytest.mark.parametrize("column", NAMED_BY)
def test_a_role_reaches_a_server_if_and_only_if_its_settings_name_it(role: str, column: str) -> None:
    reaches = bool(re.search(r"\d", OUT[role][column]))

    named = NAMED_BY[column] in names_of(*read_by(role))

    if (role, column) in EXCUSED:
        assert reaches is not named
        assert f"({EXCUSED[role, column]})" in OUT[role][column]
    else:
        assert reaches is named


def test_every_setting_that_names_a_server_has_its_column() -> None:
    servers = {name for name in names_of(*_components()) if re.search(r"_(URL|ADDR|ENDPOINT)$", name)}

    assert servers | {"FLEET_EGRESS_PORTS"} == set(NAMED_BY.values())


def test_pages_are_asked_for_on_the_ports_that_the_guard_lets_through() -> None:
    assert re.findall(r"\d+", OUT["scrape"]["pages"]) == [str(port) for port in EgressSettings().egress_ports]


def test_the_guide_gives_namespaces_every_label_that_a_policy_asks_for() -> None:
    given = {word.removesuffix("=true") for command in all_commands(GUIDE / "kubernetes.md") for word in command}

    policies = [*of_kind(put_together("overlays/production"), "NetworkPolicy")]

    assert set(re.findall(r"bookmark-fleet/[a-z-]+", str(policies))) <= given
