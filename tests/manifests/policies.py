"""What our house asks of resources beyond what a schema can say; a rule yields a sentence for all it refuses."""

import functools
import re
from collections.abc import Callable, Iterator

from services.analyzer.settings import AnalyzerSettings
from services.cli.configuration import _components
from services.producer import intake
from services.scraper.settings import RendererSettings, ScraperSettings
from shared import metrics
from shared.broker import queue_name
from shared.values import Stage
from tests.manifests import Resource, Workload, name_of, network, of_kind, replacing, selects, wiring, workloads

Rule = Callable[[list[Resource]], Iterator[str]]

_PUT_BACK_S = 35  # shared/worker.py: running jobs get 20 s, and putting them back gets 15
_SIGNS_IN = {"api", "intake", "analyze"}
_PROFILES = {"render": {"type": "Localhost", "localhostProfile": "bookmark-fleet/chromium.json"}}
_OWN_RECORDS = re.compile(r"fleet:\w+|fleet_\w+")


def containers_have_no_rights(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        pod, container = work.pod["securityContext"], work.container.get("securityContext", {})
        if not pod.get("runAsNonRoot") or pod.get("runAsUser", 0) == 0 or container.get("runAsUser") == 0:
            yield f"{work.name} runs as root"
        if pod.get("seccompProfile") != _PROFILES.get(work.role, {"type": "RuntimeDefault"}):
            yield f"{work.name} has another seccomp profile than it needs"
        if container.get("allowPrivilegeEscalation") is not False or container.get("privileged"):
            yield f"{work.name} may gain privileges"
        if container.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{work.name} keeps capabilities"
        if not container.get("readOnlyRootFilesystem"):
            yield f"{work.name} may write its root"
        if any(work.pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{work.name} shares the node's namespaces"
        for volume in work.pod.get("volumes", []):
            if not volume.keys() & {"emptyDir", "secret", "configMap"}:
                yield f"{work.name} mounts {volume}"


def containers_are_limited(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        held = work.container.get("resources", {})
        if "memory" not in held.get("limits", {}):
            yield f"{work.name} has no limit of memory"
        if not {"cpu", "memory"} <= held.get("requests", {}).keys():
            yield f"{work.name} requests no processor or memory"
        for volume in work.pod.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{work.name}: the volume {volume['name']} has no limit"


def containers_are_probed(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        if work.ends:
            continue
        ports = {port["name"] for port in work.container.get("ports", [])}
        for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            asked = work.container.get(probe, {}).get("httpGet", {})
            if asked.get("path") != path or asked.get("port") not in ports:
                yield f"{work.name} has no {probe} at {path} of a port of its own"


def images_are_pinned(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        image = work.container["image"]
        if not re.search(r"(@sha256:[0-9a-f]{64}|:v?[0-9]+(\.[0-9]+)+[\w.-]*)$", image):
            yield f"{work.name}: the image {image} is not pinned"


def secrets_come_from_files(resources: list[Resource]) -> Iterator[str]:
    secret = {name for name, kind in _settings().items() if "SecretStr" in kind}
    for work in workloads(resources):
        for entry in work.container.get("env", []):
            if "secretKeyRef" in entry.get("valueFrom", {}):
                yield f"{work.name}: {entry['name']} is a secret in the environment"
        for source in work.container.get("envFrom", []):
            if "secretRef" in source:
                yield f"{work.name} has a whole secret in its environment"
        for name, value in work.environment().items():
            if (
                name in secret
                or re.search(r"(PASSWORD|SECRET|TOKEN|KEY)$", name)
                or re.search(r"//[^/]*:[^/]*@", value)
            ):
                yield f"{work.name}: {name} is a secret in the environment"
            if name.endswith("_FILE") and not _mounted(work, value):
                yield f"{work.name}: {name} names {value}, where no secret is mounted"


def _mounted(work: Workload, path: str) -> bool:
    secrets = {volume["name"] for volume in work.pod["volumes"] if "secret" in volume}
    return any(
        mount["name"] in secrets and path.startswith(mount["mountPath"] + "/")
        for mount in work.container.get("volumeMounts", [])
    )


def settings_exist(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        for name in work.environment():
            if name.startswith("FLEET_") and name.removesuffix("_FILE") not in _settings():
                yield f"{work.name}: there is no setting {name}"
        if work.pod.get("enableServiceLinks") is not False:
            yield f"{work.name}: a Service could set a setting (enableServiceLinks)"


@functools.cache
def _settings() -> dict[str, str]:
    """The type of every setting by its name."""
    return {
        f"FLEET_{name.upper()}": str(field.annotation)
        for settings in _components()
        for name, field in settings.model_fields.items()
    }


def names_lead_somewhere(resources: list[Resource]) -> Iterator[str]:
    deployments = {work.role: work for work in workloads(resources)}
    for scaler in of_kind(resources, "ScaledObject", "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]["name"]
        if target not in deployments:
            yield f"{name_of(scaler)} scales {target}, which is not there"
    for picker in of_kind(resources, "Service", "PodDisruptionBudget"):
        selector = picker["spec"]["selector"]
        wanted = selector if picker["kind"] == "PodDisruptionBudget" else {"matchLabels": selector}
        if not any(selects(wanted, work.labels) for work in deployments.values()):
            yield f"{name_of(picker)} selects no pod"
    accounts = {account["metadata"]["name"] for account in of_kind(resources, "ServiceAccount")}
    for work in deployments.values():
        if work.pod["serviceAccountName"] not in accounts:
            yield f"{work.name} runs as {work.pod['serviceAccountName']}, which is not there"
        volumes = {volume["name"] for volume in work.pod.get("volumes", [])}
        yield from (
            f"{work.name} mounts {mount['name']}, which is not there"
            for mount in work.container.get("volumeMounts", [])
            if mount["name"] not in volumes
        )


def accounts_are_shown_to_those_who_sign_in(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        if work.pod.get("automountServiceAccountToken") is not (work.role in _SIGNS_IN):
            yield f"{work.name}: its service account's token is where it should not be, or is not where it should"


def stops_are_long_enough(resources: list[Resource]) -> Iterator[str]:
    longest = {
        "scrape": ScraperSettings().fetch_total_s + ScraperSettings().parse_cpu_s,
        "render": RendererSettings().render_total_s + ScraperSettings().parse_cpu_s,
        "analyze": AnalyzerSettings().provider_timeout_s,
    }
    for work in workloads(resources):
        pause = work.container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])[1]
        after = float(work.environment().get("FLEET_API_GRACEFUL_S", 0)) + int(pause)
        needed = max(longest.get(work.role, 0), _PUT_BACK_S, after)
        if work.resource["kind"] == "Deployment" and work.pod.get("terminationGracePeriodSeconds", 30) <= needed:
            yield f"{work.name} is killed before its longest job can end"


def everything_is_scraped(resources: list[Resource]) -> Iterator[str]:
    monitors = list(of_kind(resources, "PodMonitor"))
    for work in workloads(resources):
        ports = {port["name"] for port in work.container.get("ports", [])}
        if not monitors or work.ends:
            continue
        if not any(
            selects(monitor["spec"]["selector"], work.labels)
            and any(endpoint["port"] in ports for endpoint in monitor["spec"]["podMetricsEndpoints"])
            for monitor in monitors
        ):
            yield f"{work.name} is not scraped"


def queries_ask_for_what_is_there(resources: list[Resource]) -> Iterator[str]:
    records = {
        rule["record"]
        for found in of_kind(resources, "PrometheusRule")
        for group in found["spec"]["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    known = records | {name for metric in vars(metrics).values() for name in _samples(metric)}
    for scaler in of_kind(resources, "ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            asked = set(_OWN_RECORDS.findall(trigger["metadata"].get("query", "")))
            yield from (f"{name_of(scaler)} asks for {name}, which nobody makes" for name in asked - known)


def queues_are_the_fleets(resources: list[Resource]) -> Iterator[str]:
    fleets = {queue_name(stage, partition) for stage in Stage for partition in range(32)} | {intake.INTAKE.name}
    for scaler in of_kind(resources, "ScaledObject"):
        role = scaler["spec"]["scaleTargetRef"]["name"]
        for trigger in scaler["spec"]["triggers"]:
            if trigger["type"] == "rabbitmq":
                asked = {queue for queue in fleets if re.search(trigger["metadata"]["queueName"], queue)}
                if not asked or not all(role in queue for queue in asked):
                    yield f"{name_of(scaler)} counts {sorted(asked)[:3]} for {role}"


def _samples(metric: object) -> Iterator[str]:
    name = getattr(metric, "_name", None)
    if isinstance(name, str):
        yield from (name + suffix for suffix in ("", "_total", "_bucket", "_count", "_sum"))


def the_namespace_is_restricted(resources: list[Resource]) -> Iterator[str]:
    for namespace in of_kind(resources, "Namespace"):
        if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{name_of(namespace)} does not enforce the restricted standard"


RULES: tuple[Rule, ...] = (
    containers_have_no_rights,
    containers_are_limited,
    containers_are_probed,
    images_are_pinned,
    secrets_come_from_files,
    settings_exist,
    names_lead_somewhere,
    accounts_are_shown_to_those_who_sign_in,
    stops_are_long_enough,
    everything_is_scraped,
    queries_ask_for_what_is_there,
    queues_are_the_fleets,
    the_namespace_is_restricted,
    *network.RULES,
    *replacing.RULES,
    *wiring.RULES,
)


def faults(resources: list[Resource]) -> Iterator[str]:
    """Everything that a rule of ours refuses."""
    for rule in RULES:
        yield from rule(resources)
