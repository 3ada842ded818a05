"""Who may speak to whom by the NetworkPolicies, as a network plugin takes them, held to docs/operations/network.md."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Self

import yaml

from shared.egress import rules as egress
from tests.manifests import ROOT, Resource, Workload, of_kind, selects, workloads

PAGE = ROOT / "docs" / "operations" / "network.md"
EVERY = "every port"
_NAMESPACE = "kubernetes.io/metadata.name"
_network = functools.cache(ip_network)  # the same few texts, thousands of times
_REFUSED = [*(network for network, _ in egress._REFUSED), ip_network("168.63.129.16/32"), egress._NAT64]

Table = dict[str, dict[str, str]]


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or an address that is no pod's.

    Attributes:
        labels: the pod's.
        namespace: the labels of its namespace.
        ports: the numbers of the ports that have a name.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    address: IPv4Address | IPv6Address | None = None

    @classmethod
    def of(cls, work: Workload) -> Self:
        ports = {port["name"]: port["containerPort"] for port in work.container.get("ports", [])}
        return cls(work.labels, _fleet(), ports)

    @classmethod
    def named(cls, name: str, namespace: Mapping[str, str]) -> Self:
        return cls({"app.kubernetes.io/name": name}, namespace)

    @classmethod
    def at(cls, address: object) -> Self:
        return cls(address=ip_address(str(address)))


@functools.cache
def tables() -> tuple[Table, Table]:
    """The page's tables, who reaches whom and who lets whom in: a cell's text by its row and its column."""
    out, into = PAGE.read_text(encoding="utf-8").split("## In:")
    return _table(out), _table(into)


def _table(text: str) -> Table:
    lines = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    (_, *columns), *rows = ([cell.strip(" `") for cell in line.split("|")] for line in lines)
    return {row: dict(zip(columns, cells, strict=True)) for row, *cells in rows}


def _ports_in(row: Mapping[str, str], *columns: str) -> frozenset[str]:
    """The ports of these cells as a plugin knows them; names are asked for by both protocols."""
    return frozenset(
        f"{port}/{protocol}"
        for column in columns
        for port in re.findall(r"\d+", row[column])
        for protocol in (("TCP", "UDP") if column == "DNS" else ("TCP",))
    )


def everybody_speaks_to_whom_the_page_says(resources: list[Resource]) -> Iterator[str]:
    policies, (out, into) = list(of_kind(resources, "NetworkPolicy")), tables()
    ours = _ours(resources)
    for name, source in ours.items():
        if name not in out:
            yield f"{name} is not in docs/operations/network.md"
            continue
        for target, columns in _servers(resources):
            wanted = _ports_in(out[name], *(column for column in columns if _is_there(column, resources)))
            yield from _unlike(f"{name} to {' or '.join(columns)}", ways(policies, source, target), wanted)
        for stranger, target in _strangers():
            yield from _unlike(f"{name} to {stranger}", ways(policies, source, target), frozenset())
    for name, target in ours.items():
        for column, source in _callers(resources):
            wanted = _ports_in(into[name], column) if name in into else frozenset[str]()
            yield from _unlike(f"{column} to {name}", ways(policies, source, target), wanted)
        for stranger, source in _strangers():
            yield from _unlike(f"{stranger} to {name}", ways(policies, source, target), frozenset())


def _unlike(who: str, found: frozenset[str], wanted: frozenset[str]) -> Iterator[str]:
    if found != wanted:
        yield f"{who}: open is {sorted(found)}, and should be {sorted(wanted)}"


def _ours(resources: list[Resource]) -> dict[str, End]:
    """The pods to which the policies apply, by the page's names."""
    rabbitmq = {"rabbitmq": End.named("rabbitmq", _fleet())} if list(of_kind(resources, "RabbitmqCluster")) else {}
    found = {work.role: End.of(work) for work in workloads(resources)} | rabbitmq
    return found | {"any other pod": End({"app": "any"}, _fleet())} if "api" in found else found


def _servers(resources: list[Resource]) -> Iterator[tuple[End, list[str]]]:
    """Everybody to whom somebody may speak, with the columns that say so."""
    elsewhere = {_NAMESPACE: "servers", "bookmark-fleet/has-servers": "true"}
    yield End.named("postgresql", elsewhere), ["PostgreSQL"]
    yield from ((End.named(name, elsewhere), ["Redis"]) for name in ("valkey", "redis"))
    yield from ((End.named(name, elsewhere), ["Vault"]) for name in ("vault", "openbao"))
    if rabbitmq := _ours(resources).get("rabbitmq"):
        yield rabbitmq, ["RabbitMQ"]
    else:
        yield End.named("rabbitmq", elsewhere), ["RabbitMQ"]
    yield from ((End.at(text), ["Gemini", "identity provider", "pages"]) for text in ("1.1.1.1", "2606:4700::1111"))
    yield End.named("opentelemetry-collector", {_NAMESPACE: "monitoring"}), ["collector"]
    yield End({"k8s-app": "kube-dns"}, {_NAMESPACE: "kube-system"}), ["DNS"]
    yield from ((End.at(text), ["Kubernetes"]) for text in ("10.96.0.1", "192.168.0.10"))


def _is_there(column: str, resources: list[Resource]) -> bool:
    traced = any("FLEET_TRACE_ENDPOINT" in work.environment() for work in workloads(resources))
    return column != "collector" or traced


def _callers(resources: list[Resource]) -> Iterator[tuple[str, End]]:
    for label in ("bookmark-fleet/may-call-api", "bookmark-fleet/may-publish"):
        yield label, End({"app": "any"}, {_NAMESPACE: "any", label: "true"})
    yield "Prometheus", End.named("prometheus", {_NAMESPACE: "monitoring"})
    yield "KEDA", End({"app": "keda-operator"}, {_NAMESPACE: "keda"})
    yield "RabbitMQ's operators", End({"app": "any"}, {_NAMESPACE: "rabbitmq-system"})
    ours = _ours(resources)
    for work in workloads(resources):
        if work.resource["kind"] == "Deployment":
            yield "roles", ours[work.role]
    if "rabbitmq" in ours:
        yield "RabbitMQ", ours["rabbitmq"]


def _strangers() -> Iterator[tuple[str, End]]:
    """Those who are nobody's business: by them a policy that opens too much is seen."""
    another = {_NAMESPACE: "another"}
    yield "a pod beside it", End({"app": "any"}, _fleet())
    yield "another team's pod", End({"app": "any"}, another)
    yield "Grafana", End.named("grafana", {_NAMESPACE: "monitoring"})
    yield "a pod of kube-system", End({"app": "any"}, {_NAMESPACE: "kube-system"})
    for name in (
        "postgresql",
        "rabbitmq",
        "valkey",
        "redis",
        "vault",
        "openbao",
        "opentelemetry-collector",
        "prometheus",
    ):
        yield f"another team's {name}", End.named(name, another)
    for network in _REFUSED:
        yield f"{network}", End.at(network[0])
        yield f"{network}", End.at(network[-1])


@functools.cache
def _fleet() -> dict[str, str]:
    """The labels of the fleet's namespace, with the one that Kubernetes gives it."""
    made = yaml.safe_load((ROOT / "deploy" / "k8s" / "migration" / "namespace.yaml").read_text(encoding="utf-8"))
    return {_NAMESPACE: made["metadata"]["name"]} | made["metadata"]["labels"]


def ways(policies: Iterable[Resource], source: End, target: End) -> frozenset[str]:
    """The ports, as `5432/TCP`, on which the policies let `source` reach `target`; `EVERY` where they name none."""
    out = frozenset(_opened(policies, source, target, side="egress", target=target))
    into = frozenset(_opened(policies, target, source, side="ingress", target=target))
    if EVERY in out:
        return into
    return out if EVERY in into else out & into


def _opened(policies: Iterable[Resource], pod: End, other: End, *, side: str, target: End) -> Iterator[str]:
    chosen = [policy for policy in policies if _applies(policy, pod, side)]
    if not chosen:
        yield EVERY
    for policy in chosen:
        for rule in policy["spec"].get(side, []):
            peers = rule.get("to" if side == "egress" else "from", [])
            if not peers or any(_is(peer, other, policy) for peer in peers):
                yield from _ports(rule, target)


def _applies(policy: Resource, pod: End, side: str) -> bool:
    spec = policy["spec"]
    sides = spec.get("policyTypes", ["Ingress", *(["Egress"] if "egress" in spec else [])])
    return side.capitalize() in sides and _is({"podSelector": spec["podSelector"]}, pod, policy)


def _is(peer: dict[str, Any], end: End, policy: Resource) -> bool:
    if block := peer.get("ipBlock"):
        inside = end.address is not None and end.address in _network(block["cidr"])
        return inside and not any(end.address in _network(text) for text in block.get("except", []))
    if end.address is not None:
        return False
    own = {"matchLabels": {_NAMESPACE: policy["metadata"]["namespace"]}}
    return selects(peer.get("namespaceSelector", own), end.namespace) and selects(
        peer.get("podSelector", {}), end.labels
    )


def _ports(rule: dict[str, Any], target: End) -> Iterator[str]:
    if not rule.get("ports"):
        yield EVERY
    for entry in rule.get("ports", []):
        port, protocol = entry.get("port", "any"), entry.get("protocol", "TCP")
        if (
            port in target.ports or not isinstance(port, str) or port == "any"
        ):  # a name that the pod lacks opens nothing
            last = f"-{entry['endPort']}" if "endPort" in entry else ""
            yield f"{target.ports.get(port, port)}{last}/{protocol}"


RULES = (everybody_speaks_to_whom_the_page_says,)
