"""What our house asks of how pods come, where they stand, and how they go."""

from collections.abc import Iterator

from services.analyzer.settings import AnalyzerSettings
from services.scraper.settings import RendererSettings, ScraperSettings
from tests.manifests import Resource, Workload, name_of, of_kind, workloads

_PUT_BACK_S = 35  # shared/worker.py: running jobs get 20 s, and putting them back gets 15
_FORGOTTEN_S = 5  # until every balancer has heard that a pod goes
_STARTS_S, _HANGS_S, _HEARD_S = 60, 30, 15
_PLACES = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]


def containers_are_probed(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        if work.ends:
            continue
        ports = {port["name"] for port in work.container.get("ports", [])}
        for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            asked = work.container.get(probe, {}).get("httpGet", {})
            if asked.get("path") != path or asked.get("port") not in ports:
                yield f"{work.name} has no {probe} at {path} of a port of its own"


def probes_are_as_patient_as_they_should_be(resources: list[Resource]) -> Iterator[str]:
    """A start may take its time, a busy process is not killed for it, and one that cannot work is soon left out."""
    for work in (work for work in workloads(resources) if not work.ends):
        if _gives_up_s(work, "startupProbe") < _STARTS_S:
            yield f"{work.name} is killed before it has started"
        if (
            _gives_up_s(work, "livenessProbe") < _HANGS_S
            or work.container["livenessProbe"].get("timeoutSeconds", 1) < 3
        ):
            yield f"{work.name} is killed for being busy"
        if _gives_up_s(work, "readinessProbe") > _HEARD_S:
            yield f"{work.name} is given work long after it cannot do any"


def _gives_up_s(work: Workload, probe: str) -> int:
    asked: dict[str, int] = work.container.get(probe, {})
    return asked.get("periodSeconds", 10) * asked.get("failureThreshold", 3)


def probed_ports_are_those_that_are_served(resources: list[Resource]) -> Iterator[str]:
    for work in (work for work in workloads(resources) if not work.ends):
        told = work.environment()
        served = {(told.get(f"FLEET_{of}_HOST"), told.get(f"FLEET_{of}_PORT")) for of in ("API", "METRICS")}
        for port in work.container.get("ports", []):
            if ("0.0.0.0", str(port["containerPort"])) not in served:  # noqa: S104 - every address of the pod's own
                yield f"{work.name} serves nothing on its port {port['name']}"


def pods_are_spread(resources: list[Resource]) -> Iterator[str]:
    for work in (work for work in workloads(resources) if not work.ends):
        spreads = work.pod.get("topologySpreadConstraints", [])
        if [spread["topologyKey"] for spread in spreads] != _PLACES:
            yield f"{work.name} is not spread over zones and nodes"
        for spread in spreads:
            if spread.get("matchLabelKeys") != ["app.kubernetes.io/component"]:
                yield f"{work.name} counts other roles' pods when it is spread"
            if spread["whenUnsatisfiable"] != "ScheduleAnyway":
                yield f"{work.name} does not start in a cluster of one zone"


def budgets_give_up_one_pod_of_several(resources: list[Resource]) -> Iterator[str]:
    alone = {work.role for work in workloads(resources) if work.resource["spec"].get("replicas") == 1}
    for budget in of_kind(resources, "PodDisruptionBudget"):
        wanted = "100%" if budget["metadata"]["name"] in alone else 1
        if budget["spec"].get("maxUnavailable") != wanted:
            yield f"{name_of(budget)} lets {budget['spec'].get('maxUnavailable')} go at once"


def balancers_forget_a_pod_before_it_stops(resources: list[Resource]) -> Iterator[str]:
    called = [service["spec"]["selector"]["app.kubernetes.io/component"] for service in of_kind(resources, "Service")]
    for work in workloads(resources):
        if work.role in called and work.pause_s < _FORGOTTEN_S:
            yield f"{work.name} stops while requests still come"


def stops_are_long_enough(resources: list[Resource]) -> Iterator[str]:
    longest = {
        "scrape": ScraperSettings().fetch_total_s + ScraperSettings().parse_cpu_s,
        "render": RendererSettings().render_total_s + ScraperSettings().parse_cpu_s,
        "analyze": AnalyzerSettings().provider_timeout_s,
    }
    for work in workloads(resources):
        after = float(work.environment().get("FLEET_API_GRACEFUL_S", 0)) + work.pause_s
        needed = max(longest.get(work.role, 0), _PUT_BACK_S, after)
        if work.resource["kind"] == "Deployment" and work.pod.get("terminationGracePeriodSeconds", 30) <= needed:
            yield f"{work.name} is killed before its longest job can end"


def jobs_end(resources: list[Resource]) -> Iterator[str]:
    for job in of_kind(resources, "Job"):
        spec, pod = job["spec"], job["spec"]["template"]["spec"]
        if not {"backoffLimit", "activeDeadlineSeconds"} <= spec.keys() or pod["restartPolicy"] != "Never":
            yield f"{name_of(job)} may go on for ever"
        hook = job["metadata"].get("annotations", {}).get("argocd.argoproj.io/hook")
        if job["metadata"]["name"] == "migrate" and hook != "PreSync":
            yield f"{name_of(job)} does not come before the fleet"


RULES = (
    containers_are_probed,
    probes_are_as_patient_as_they_should_be,
    probed_ports_are_those_that_are_served,
    pods_are_spread,
    budgets_give_up_one_pod_of_several,
    balancers_forget_a_pod_before_it_stops,
    stops_are_long_enough,
    jobs_end,
)
