"""The few kinds of panels the dashboards are made of, alike everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableRefresh,
)

from deploy.grafana.building.looks import INTO_STAGE, STAGES, Colours, limits, painted

A_MINUTE = "suffix:/min"
"""The unit of how much a counter grew a minute."""

_AGE = 'time() - process_start_time_seconds{job="bookmark-fleet"}'
_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_DASHED = options.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED)
_WIDTH, _HEIGHT = 8, 8
_FIGURE_WIDTH, _FIGURE_HEIGHT = 6, 4


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus.

    Attributes:
        expr: the question.
        legend: what each of its answers is called: `{{stage}}`.
        at_once: whether only this moment is asked about, so that what has gone meanwhile does not answer.
    """

    expr: str
    legend: str
    at_once: bool = False


def graph(
    title: str,
    *queries: Query,
    says: str,
    unit: str = "short",
    stacked: bool = False,
    most: float | None = None,
    bad_from: float | None = None,
    none_is_fine: bool = False,
    colours: Colours = MappingProxyType({}),
    leads_to: boards.DashboardLink | None = None,
) -> timeseries.Panel:
    """Lines over time.

    Args:
        title: what is shown.
        queries: the lines.
        says: what a reader should make of it.
        unit: Grafana's name of the unit: `s`, `percentunit`, `short`, or `A_MINUTE`.
        stacked: whether the lines add up to something.
        most: the end of the scale, where there is one.
        bad_from: where an alert begins, a dashed line.
        none_is_fine: whether no line at all means that nothing of the kind happened, and not that nobody looked.
        colours: of lines whose names mean the same everywhere.
        leads_to: the dashboard that says more, for a click on a line.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(says)
        .datasource(_SOURCE)
        .unit(unit)
        .min(0)
        .span(_WIDTH)
        .height(_HEIGHT)
        .show_points(VisibilityMode.NEVER)
        .fill_opacity(30 if stacked else 5)
        .data_links([leads_to] if leads_to else [])
        .legend(
            options.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003 - the builder's own signature
        )
        .tooltip(options.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if stacked:
        panel = panel.stacking(options.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if most is not None:
        panel = panel.max(most)
    if bad_from is not None:
        panel = panel.thresholds(limits("green", (bad_from, "red"))).thresholds_style(_DASHED)
    if none_is_fine:
        panel = panel.no_value("None in this time")
    for name, colour in colours.items():
        panel = panel.override_by_name(name, painted(colour))
    for target in _targets(queries):
        panel = panel.with_target(target)
    return panel


def by_stage(
    title: str,
    query: Query,
    *,
    says: str,
    unit: str = "short",
    most: float | None = None,
    bad_from: float | None = None,
) -> timeseries.Panel:
    """A line for each stage, which leads to what more is known of it."""
    return graph(title, query, says=says, unit=unit, most=most, bad_from=bad_from, colours=STAGES, leads_to=INTO_STAGE)


def figure(
    title: str,
    query: Query,
    *,
    says: str,
    unit: str = "short",
    bad_from: float | None = None,
    good_from: float | None = None,
    leads_to: boards.DashboardLink | None = None,
) -> stat.Panel:
    """The newest value, large: red from `bad_from` on, or, where more is better, below `good_from`, else green."""
    judged = limits("text")
    if bad_from is not None:
        judged = limits("green", (bad_from, "red"))
    elif good_from is not None:
        judged = limits("red", (good_from, "green"))
    [target] = _targets([query])
    return (
        stat.Panel()
        .title(title)
        .description(says)
        .datasource(_SOURCE)
        .unit(unit)
        .span(_FIGURE_WIDTH)
        .height(_FIGURE_HEIGHT)
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .data_links([leads_to] if leads_to else [])
        .thresholds(judged)
        .with_target(target)
    )


def board(title: str, uid: str, says: str) -> boards.Dashboard:
    """An empty dashboard, linked with the fleet's others, on whichever Prometheus is chosen at its top."""
    links = boards.DashboardLink("The fleet").type(DashboardLinkType.DASHBOARDS).tags(["bookmark-fleet"])
    return (
        boards.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags(["bookmark-fleet"])
        .timezone("browser")
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(links.as_dropdown(True).keep_time(True).include_vars(True))  # noqa: FBT003 - the builder's own signature
        .annotation(_marks("Alerts", 'ALERTS{alertname=~"Fleet.*", alertstate="firing"}', colour="red"))
        .annotation(_marks("Starts", f"min by (role) ({_AGE}) < 60", colour="blue"))
        .with_variable(boards.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )


def choice(name: str, label: str, values_of: str) -> boards.QueryVariable:
    """A variable at the top of a dashboard: the values of a label, `metric, label`, several of them or all."""
    return (
        boards.QueryVariable(name)
        .label(label)
        .query(f"label_values({values_of})")
        .datasource(_SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)  # noqa: FBT003 - the builder's own signature
        .include_all(True)  # noqa: FBT003 - as above
        .all_value(".*")
    )


def row(title: str) -> boards.Row:
    """A heading over the panels that follow."""
    return boards.Row(title)


def quantile(share: float, metric: str, *, by: str = "", where: str = "", legend: str = "") -> Query:
    """What so large a share of a histogram's observations did not exceed."""
    labels = f"le, {by}" if by else "le"
    rates = f"sum by ({labels}) (rate({metric}_bucket{where}[$__rate_interval]))"
    return Query(f"histogram_quantile({share}, {rates})", legend)


def quantiles(metric: str, *, by: str = "", where: str = "", legend: str = "") -> list[Query]:
    """The median and the 95th percentile of a histogram."""
    return [
        quantile(share, metric, by=by, where=where, legend=f"{name} {legend}".strip())
        for name, share in (("p50", 0.5), ("p95", 0.95))
    ]


def a_minute(counter: str, *, by: str, where: str = "", legend: str = "") -> Query:
    """How much a counter grew a minute, by some of its labels."""
    shown = legend or " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    return Query(f"60 * sum by ({by}) (rate({counter}{where}[$__rate_interval]))", shown)


def _marks(name: str, when: str, *, colour: str) -> boards.AnnotationQuery:
    """Marks on every panel where a query answers: roll-outs and alerts explain many a curve."""
    shown = boards.AnnotationQuery().name(name).datasource(_SOURCE).expr(when).icon_color(colour)
    return shown.enable(True)  # noqa: FBT003 - the builder's own signature


def _targets(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    asked = []
    for place, query in enumerate(queries):
        target = prometheus.Dataquery().ref_id(chr(ord("A") + place)).expr(query.expr).legend_format(query.legend)
        asked.append(target.instant() if query.at_once else target)
    return asked
