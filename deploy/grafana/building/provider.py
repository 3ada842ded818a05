"""*Provider and quota*: what is asked of the provider, what it costs, and whom quotas hold back."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.building.panels import Query, a_minute, board, graph, quantiles, row


def provider() -> Dashboard:
    """The dashboard of the analyze stage's other side."""
    return _keys(_quota(_requests(board("Provider and quota", "fleet-provider", "Calls, quotas and keys."))))


def _requests(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Requests"))
        .with_panel(
            graph(
                "Requests by outcome",
                a_minute("fleet_provider_requests_total", by="key_source, outcome"),
                says="By whose key pays and what came of it.",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Time to answer",
                *quantiles("fleet_provider_seconds"),
                says="How long the provider takes.",
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Breaker",
                Query("max by (provider) (fleet_breaker_open)", "{{provider}}"),
                says="1 while calls are held because the provider is down.",
                most=1,
            )
        )
        .with_panel(
            graph(
                "Bookmarks a request",
                Query(
                    "sum(rate(fleet_items_per_request_sum[$__rate_interval]))"
                    " / sum(rate(fleet_items_per_request_count[$__rate_interval]))",
                    "mean",
                ),
                says="What one unit of quota buys; at most FLEET_ITEMS_PER_REQUEST.",
            )
        )
        .with_panel(
            graph(
                "Tokens a minute",
                a_minute("fleet_provider_tokens_total", by="direction"),
                says="What was sent and what came back.",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Time an analysis takes",
                *quantiles("fleet_job_seconds", by="strategy", where='{stage="analyze"}', legend="{{strategy}}"),
                says="From claim to result; heuristic is the built-in analyser.",
                unit="s",
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
            )
        )
        .with_panel(
            graph(
                "Calls that had to wait, a minute",
                a_minute("fleet_quota_denied_total", by="window"),
                says="By the window that was full.",
            )
        )
        .with_panel(
            graph(
                "Default key: calls used up",
                Query(
                    "max by (window) (fleet_default_key_calls) / max by (window) (fleet_default_key_limit)",
                    "{{window}}",
                ),
                says="Of this day's and this month's.",
                unit="percentunit",
                most=1,
            )
        )
    )


def _keys(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Keys"))
        .with_panel(
            graph(
                "Keys by status",
                Query("max by (status) (fleet_keys)", "{{status}}"),
                says="Users' keys. exhausted ones come back by themselves.",
                stacked=True,
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
