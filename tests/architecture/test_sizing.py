"""docs/operations/sizing.md, what `make footprint` prints and deploy/k8s agree; where they do not, it is noticed."""

import copy
import re
from collections.abc import Callable

import pytest

from tests.footprint import HEAD
from tests.manifests import Resource, of_kind, replicas, shipped, sizes
from tests.usual_load import SCRIPTED

SCALING = ("overlays/plain", "overlays/production")


def faults(resources: list[Resource]) -> list[str]:
    return [fault for rule in (*sizes.RULES, *replicas.RULES) for fault in rule(resources)]


def test_the_page_has_the_columns_that_are_measured_and_a_line_for_each_role() -> None:
    measured = sizes.table("Measured")

    assert all(list(line) == HEAD for line in measured.values())
    assert list(measured) == list(sizes.table("Given"))
    assert list(measured) == ["api", "intake", "dispatch", "scrape", "render", "analyze"]


def test_at_their_most_all_roles_bear_the_same_bookmarks_a_second() -> None:
    bears = {role: float(given["pieces a second"]) * int(given["most"]) for role, given in sizes.table("Given").items()}

    assert bears["api"] == bears["intake"] == bears["scrape"] == bears["analyze"] == 320
    assert bears["render"] == 320 / SCRIPTED
    assert bears["dispatch"] / 2 == 2 * 320 + bears["render"], "either dispatcher alone lets all of it out"


@pytest.mark.parametrize("folder", SCALING)
def test_the_manifests_follow_the_page(folder: str) -> None:
    assert faults(shipped(folder)) == []


def test_the_page_says_when_keda_adds_workers() -> None:
    scaling = sizes.PAGE.read_text(encoding="utf-8").partition("## Scaling")[2].partition("## ")[0]
    triggers = [each for s in of_kind(shipped("overlays/production"), "ScaledObject") for each in s["spec"]["triggers"]]
    asked = {each["metadata"].get("threshold", each["metadata"].get("value")) for each in triggers}

    assert "64" in asked
    assert asked <= set(re.findall(r"\d+", scaling))


@pytest.mark.parametrize(
    ("column", "wrong"), [("processor", "5"), ("processor", "10m"), ("memory", "64Mi"), ("memory", "8Gi")]
)
def test_a_table_that_does_not_follow_from_the_measured_one_is_noticed(
    monkeypatch: pytest.MonkeyPatch, column: str, wrong: str
) -> None:
    tables = {title: copy.deepcopy(sizes.table(title)) for title in ("Measured", "Given")}
    monkeypatch.setattr(sizes, "table", tables.get)
    assert list(sizes.the_table_follows_from_what_was_measured([])) == []

    tables["Given"]["scrape"][column] = wrong

    (fault,) = sizes.the_table_follows_from_what_was_measured([])
    assert fault.startswith(f"scrape is given {wrong}")


class Planting:
    """Resources to plant a mistake in."""

    def __init__(self, resources: list[Resource]) -> None:
        self.resources = copy.deepcopy(resources)

    def one(self, kind: str, name: str) -> Resource:
        named = [each for each in self.resources if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        assert len(named) == 1
        return named[0]

    def container(self, role: str) -> Resource:
        found: Resource = self.one("Deployment", role)["spec"]["template"]["spec"]["containers"][0]
        return found

    def tell(self, role: str, **settings: str) -> None:
        self.container(role)["env"] += [{"name": name, "value": value} for name, value in settings.items()]

    def scaler(self, name: str) -> Resource:
        found: Resource = self.one("ScaledObject", name)["spec"]
        return found

    def trigger(self, scaler: str, name: str) -> Resource:
        found: Resource = next(each for each in self.scaler(scaler)["triggers"] if each["name"] == name)["metadata"]
        return found


MISTAKES: dict[str, Callable[[Planting], object]] = {
    "scrape is given ('50m',": lambda r: r.container("scrape")["resources"]["requests"].update(cpu="50m"),
    "render may need": lambda r: r.tell("render", FLEET_RENDER_PAGES="8"),
    "scrape may need": lambda r: r.tell("scrape", FLEET_SCRAPE_PARSERS="4"),
    "render has 1 to 20 replicas instead of 0": lambda r: r.scaler("render").update(minReplicaCount=1),
    "intake has 2 to 80 replicas instead of 2 to 8": lambda r: r.scaler("intake").update(maxReplicaCount=80),
    "counts 160 a worker by its backlog": lambda r: r.trigger("scrape", "backlog").update(threshold="160"),
    "counts 16 a worker by its queues": lambda r: r.trigger("scrape", "queues").update(value="16"),
    "counts what waits for other things": lambda r: r.trigger("scrape", "backlog").update(
        query='sum(fleet:backlog_jobs{stage="scrape"})'
    ),
    "analyze takes replicas away while nobody counts": lambda r: r.scaler("analyze").update(
        fallback={"failureThreshold": 4, "replicas": 2}
    ),
    "PostgreSQL needs": lambda r: r.tell("analyze", FLEET_DATABASE_POOL="10"),
    "scrape has the priority urgent": lambda r: r.one("Deployment", "scrape")["spec"]["template"]["spec"].update(
        priorityClassName="urgent"
    ),
    "workers does not give way": lambda r: r.one("PriorityClass", "bookmark-fleet-workers").update(value=-1000),
}


@pytest.mark.parametrize("noticed", MISTAKES)
def test_a_manifest_that_does_not_is_noticed(noticed: str) -> None:
    planted = Planting(shipped("overlays/production"))

    MISTAKES[noticed](planted)

    assert any(noticed in fault for fault in faults(planted.resources)), faults(planted.resources)
