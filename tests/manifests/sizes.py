"""What our house asks of the room that roles are given: the two tables of docs/operations/sizing.md, and the manifests.

The first table is what `make footprint` measured. The second follows from it, and the manifests say the same.
"""

import functools
import math
import re
from collections.abc import Iterator

from services.analyzer.settings import AnalyzerSettings
from services.producer.settings import ApiSettings
from services.scraper.settings import RendererSettings, ScraperSettings
from shared.settings import DatabaseSettings, DispatchSettings
from tests.manifests import ROOT, Resource, Workload, name_of, of_kind, workloads

WORKERS = ("scrape", "render", "analyze")
PAGE = ROOT / "docs" / "operations" / "sizing.md"

_RESERVED = 20  # connections to PostgreSQL for a migration, a back-up and whoever looks
_A_CHARACTER = 2  # bytes of most of the world's letters
_READ = 26  # times its length, a body of empty objects takes while it is read; one is read at a time
_NO_NODE_BELOW = -10  # the cluster autoscaler adds none for pods of lower priority
_POOL = int(DatabaseSettings.model_fields["database_pool"].default)
_UNITS = {"Mi": 2**20, "Gi": 2**30}


@functools.cache
def table(title: str) -> dict[str, dict[str, str]]:
    """The first table under a title of the page, by role and by the head of the column."""
    found = re.search(rf"^## {title}\n[^|]*((?:\|.*\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{PAGE.name} has no table under {title}"
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines())
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def cores(text: str) -> float:
    """A quantity of processor."""
    return int(text.removesuffix("m")) / 1000 if text.endswith("m") else float(text)


def in_bytes(quantity: str) -> int:
    """A quantity of memory in the units that we write; none in any other."""
    written = re.fullmatch(r"(\d+)(Mi|Gi)", quantity)
    return int(written[1]) * _UNITS[written[2]] if written else 0


def the_table_follows_from_what_was_measured(_: list[Resource]) -> Iterator[str]:
    for role, given in table("Given").items():
        seen = table("Measured")[role]
        rate, memory = float(given["pieces a second"]), float(seen["MB at work"]) * 1e6
        wanted = (float(seen["millicores at rest"]) + rate * float(seen["CPU ms a piece"])) / 1000
        if not wanted <= cores(given["processor"]) <= 2 * wanted:
            yield f"{role} is given {given['processor']} for {rate:g} pieces a second, which take {wanted:.2f} cores"
        if not memory <= in_bytes(given["memory"]) <= 2 * memory:
            yield f"{role} is given {given['memory']}, and was seen with {memory / 1e6:.0f} MB"


def roles_are_given_what_the_table_says(resources: list[Resource]) -> Iterator[str]:
    for work in _roles(resources):
        given, limits = table("Given")[work.role], work.container["resources"].get("limits", {})
        requests = work.container["resources"].get("requests", {})
        said = (given["processor"], given["memory"], given["memory at most"])
        found = (str(requests.get("cpu")), requests.get("memory"), limits.get("memory"))
        if said != found:
            yield f"{work.name} is given {found} instead of {said}"


def limits_hold_what_settings_allow(resources: list[Resource]) -> Iterator[str]:
    for work in _roles(resources):
        limit = in_bytes(work.container["resources"].get("limits", {}).get("memory", "0Mi"))
        most = float(table("Measured")[work.role]["MB at work"]) * 1e6 + _beyond(work)
        if most > limit:
            yield f"{work.name} may need {most / 2**20:.0f} Mi, and its limit is {limit / 2**20:.0f} Mi"


def _beyond(work: Workload) -> int:
    """What its settings let a role take beyond its usual work, bytes."""
    scraper, renderer, analyzer = ScraperSettings(), RendererSettings(), AnalyzerSettings()
    parser = _told(work, "parse_memory_bytes", scraper.parse_memory_bytes)
    if work.role == "scrape":
        pages = _told(work, "scrape_threads", scraper.scrape_threads)
        html = _told(work, "fetch_max_inflated_bytes", scraper.fetch_max_inflated_bytes)
        page = max(html, _told(work, "fetch_max_pdf_bytes", scraper.fetch_max_pdf_bytes))
        return _told(work, "scrape_parsers", scraper.scrape_parsers) * parser + pages * page
    if work.role == "render":
        page = _told(work, "render_page_memory_bytes", renderer.render_page_memory_bytes)
        pages = _told(work, "render_pages", renderer.render_pages)
        return _told(work, "render_parsers", renderer.render_parsers) * parser + pages * page
    if work.role == "analyze":
        messages = _told(work, "analyze_threads", analyzer.analyze_threads)
        pages = messages * _told(work, "items_per_request", DispatchSettings().items_per_request)
        return pages * _told(work, "content_max_chars", scraper.content_max_chars) * _A_CHARACTER
    if work.role == "api":
        return _READ * _told(work, "api_max_body_bytes", ApiSettings().api_max_body_bytes)
    return 0


def postgresql_has_connections_enough(resources: list[Resource]) -> Iterator[str]:
    """Also when every role stands at its most, and all are rolled out at once."""
    needed = _RESERVED
    for work in _roles(resources):
        pods = int(table("Given")[work.role]["most"])
        needed += (pods + _beside(work, pods)) * _told(work, "database_pool", _POOL)
    allowed = re.search(r"`max_connections` of (\d+)", PAGE.read_text(encoding="utf-8"))
    if not allowed or int(allowed[1]) < needed:
        yield f"PostgreSQL needs {needed} connections, and {PAGE.name} asks for {allowed and allowed[1]}"


def _beside(work: Workload, pods: int) -> int:
    """How many new pods a roll-out starts before the old ones end."""
    surge = str(work.resource["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxSurge", "25%"))
    return math.ceil(pods * int(surge[:-1]) / 100) if surge.endswith("%") else int(surge)


def workers_give_way(resources: list[Resource]) -> Iterator[str]:
    """To all pods of usual priority, but not so far that no node would be added for them."""
    classes = {found["metadata"]["name"]: found for found in of_kind(resources, "PriorityClass")}
    for work in _roles(resources):
        named = work.pod.get("priorityClassName")
        if named is not None and named not in classes:
            yield f"{work.name} has the priority {named}, which is not there"
        elif (named is not None) != (work.role in WORKERS):
            yield f"{work.name} has the priority {named}"
    for found in classes.values():
        if not _NO_NODE_BELOW <= found["value"] < 0 or found.get("preemptionPolicy") != "Never":
            yield f"{name_of(found)} does not give way, or gets no node"


def _roles(resources: list[Resource]) -> Iterator[Workload]:
    return (work for work in workloads(resources) if work.role in table("Given") and not work.ends)


def _told(work: Workload, setting: str, usual: int) -> int:
    """A setting as the container has it, or as it is without being told."""
    return int(work.environment().get(f"FLEET_{setting.upper()}", usual))


RULES = (
    the_table_follows_from_what_was_measured,
    roles_are_given_what_the_table_says,
    limits_hold_what_settings_allow,
    postgresql_has_connections_enough,
    workers_give_way,
)
