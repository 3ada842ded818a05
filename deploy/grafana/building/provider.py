"""*Provider and quota*: what is asked of the provider, what it costs, and whom quotas hold back."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.building.looks import KEYS, REASONS, words
from deploy.grafana.building.panels import A_MINUTE, Query, a_minute, board, graph, quantiles, row


def provider() -> Dashboard:
    """The dashboard of the analyze stage's other side."""
    return _keys(_quota(_requests(board("Provider and quota", "fleet-provider", "Calls, quotas and keys."))))


def breaker() -> timeseries.Panel:
    """Whether the provider is asked at all."""
    panel = graph(
        "Breaker",
        Query("max by (provider) (fleet_breaker_open)", "{{provider}}"),
        says="Open while calls are held because the provider is down.",
        most=1,
        bad_from=1,
    )
    return panel.decimals(0).mappings(words("closed", "open"))


def _requests(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Requests"))
        .with_panel(
            graph(
                "Requests by outcome",
                a_minute("fleet_provider_requests_total", by="key_source, outcome"),
                says="By whose key pays and what came of it.",
                stacked=True,
                unit=A_MINUTE,
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Time to answer",
                *quantiles("fleet_provider_seconds"),
                says="How long the provider takes.",
                unit="s",
                none_is_fine=True,
            )
        )
        .with_panel(breaker())
        .with_panel(
            graph(
                "Bookmarks a request",
                Query(
                    "sum(rate(fleet_items_per_request_sum[$__rate_interval]))"
                    " / sum(rate(fleet_items_per_request_count[$__rate_interval]))",
                    "mean",
                ),
                says="What one unit of quota buys; at most FLEET_ITEMS_PER_REQUEST.",
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Tokens",
                a_minute("fleet_provider_tokens_total", by="direction"),
                says="What was sent and what came back.",
                stacked=True,
                unit=A_MINUTE,
            )
        )
        .with_panel(
            graph(
                "Time an analysis takes",
                *quantiles("fleet_job_seconds", by="strategy", where='{stage="analyze"}', legend="{{strategy}}"),
                says="From claim to result; heuristic is the built-in analyser.",
                unit="s",
                none_is_fine=True,
            )
        )
    )


def _quota(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Quota"))
        .with_panel(
            graph(
                "Users held back",
                Query('sum by (reason) (fleet:lanes{stage="analyze"})', "{{reason}}"),
                says="Lanes that wait, by reason: the rate-limit status of all users.",
                stacked=True,
                none_is_fine=True,
                colours=REASONS,
            )
        )
        .with_panel(
            graph(
                "Calls that had to wait",
                a_minute("fleet_quota_denied_total", by="window"),
                says="By the window that was full.",
                unit=A_MINUTE,
            )
        )
        .with_panel(
            graph(
                "Default key: calls used up",
                Query(
                    "fleet:default_key_used:ratio",
                    "{{window}}",
                ),
                says="Of this day's and this month's.",
                unit="percentunit",
                most=1,
                bad_from=0.8,
                none_is_fine=True,
            )
        )
    )


def _keys(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Keys"))
        .with_panel(
            graph(
                "Keys by status",
                Query("fleet:keys", "{{status}}"),
                says="Users' keys. exhausted ones come back by themselves.",
                stacked=True,
                none_is_fine=True,
                colours=KEYS,
            )
        )
        .with_panel(
            graph(
                "Signs of abuse an hour",
                Query("60 * 60 * sum by (kind) (rate(fleet_abuse_signals_total[$__rate_interval]))", "{{kind}}"),
                says="`fleet signals` says whose.",
            )
        )
    )
