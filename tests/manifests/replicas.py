"""What our house asks of how many replicas there are, and why: the numbers of docs/operations/sizing.md."""

import math
from collections.abc import Iterator

from services.analyzer.settings import AnalyzerSettings
from services.scraper.settings import RendererSettings, ScraperSettings
from tests.manifests import Resource, name_of, of_kind
from tests.manifests.sizes import table

_DRAIN_S = 10  # an intake's share of the events that wait is what it takes in so many seconds
_BUSY = 0.8  # of what a worker works on at once; more, and there shall be more workers
_PLACES = {
    "scrape": ScraperSettings().scrape_threads,
    "render": RendererSettings().render_pages,
    "analyze": AnalyzerSettings().analyze_threads,
}


def replicas_are_as_many_as_the_page_says(resources: list[Resource]) -> Iterator[str]:
    for scaler, role in _scalers(resources):
        given, spec = table("Given")[role], scaler["spec"]
        least, most = int(given["least"]), int(given["most"])
        if scaler["kind"] == "ScaledObject":
            found = spec.get("minReplicaCount"), spec.get("maxReplicaCount")
        else:
            found, least = (
                (spec.get("minReplicas"), spec.get("maxReplicas")),
                max(1, least),
            )  # it cannot start the first
        if found != (least, most):
            yield f"{name_of(scaler)} has {found[0]} to {found[1]} replicas instead of {least} to {most}"


def workers_are_counted_by_their_places(resources: list[Resource]) -> Iterator[str]:
    """Each is busy enough when four fifths of its places are taken; what no worker helps is not counted."""
    for scaler, role in _scalers(resources):
        rate = float(table("Given")[role]["pieces a second"])
        share = math.floor(_PLACES[role] * _BUSY) if role in _PLACES else rate * _DRAIN_S
        for trigger in scaler["spec"].get("triggers", []):
            told = trigger["metadata"]
            counted = told.get("threshold", told.get("value"))
            if trigger.get("metricType") == "AverageValue" and float(counted) != share:
                yield f"{name_of(scaler)} counts {counted} a worker by its {trigger['name']} instead of {share:g}"
            if "backlog_jobs{" in told.get("query", "") and 'state!="queued"' not in told["query"]:
                yield f"{name_of(scaler)} counts what waits for other things than a worker"


def nobody_is_taken_away_blindly(resources: list[Resource]) -> Iterator[str]:
    for scaler, _ in _scalers(resources):
        fallback = scaler["spec"].get("fallback")
        if fallback and fallback.get("behavior") != "currentReplicasIfHigher":
            yield f"{name_of(scaler)} takes replicas away while nobody counts"


def _scalers(resources: list[Resource]) -> Iterator[tuple[Resource, str]]:
    """Those of roles that the page knows, with the role."""
    for scaler in of_kind(resources, "ScaledObject", "HorizontalPodAutoscaler"):
        role = scaler["spec"]["scaleTargetRef"]["name"]
        if role in table("Given"):
            yield scaler, role


RULES = (replicas_are_as_many_as_the_page_says, workers_are_counted_by_their_places, nobody_is_taken_away_blindly)
