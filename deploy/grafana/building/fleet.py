"""*Fleet*: are users served, and if not, where does it stand still?"""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.building.panels import Query, a_minute, board, figure, graph, quantiles, row


def fleet() -> Dashboard:
    """The dashboard to begin with."""
    whole = board("Fleet", "fleet", "Are users served? From left to right: promises, work, provider, machinery.")
    return _machinery(_provider(_work(_promises(whole))))


def _promises(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Are users served?"))
        .with_panel(
            figure(
                "Budget left",
                Query("1 - fleet:slo_burn:ratio30d", "{{slo}}"),
                says="Of each service level's budget for 30 days, what is left (docs/service-levels.md).",
                unit="percentunit",
                good_from=0.1,
            )
        )
        .with_panel(
            figure(
                "Burn rate, one hour",
                Query("fleet:slo_burn:ratio1h", "{{slo}}"),
                says="1 spends the budget in exactly 30 days; 14.4 wakes somebody.",
                unit="none",
                bad_from=6,
            )
        )
        .with_panel(
            figure(
                "Oldest wait",
                Query("fleet:oldest_wait_seconds", "{{stage}}"),
                says="Of users of whom nothing runs although it could: who waits longest, and how long.",
                unit="s",
                bad_from=120,
            )
        )
        .with_panel(
            figure(
                "Alerts",
                Query('count(ALERTS{alertname=~"Fleet.*", alertstate="firing"}) or vector(0)', "firing"),
                says="Each has a page in docs/runbook.",
                bad_from=1,
            )
        )
    )


def _work(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Work"))
        .with_panel(
            graph(
                "Backlog",
                Query("sum by (stage) (fleet:backlog_jobs)", "{{stage}}"),
                says="Jobs that have not ended. Much of it may rightly wait: for quotas, keys, pauses.",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Oldest wait",
                Query("fleet:oldest_wait_seconds", "{{stage}}"),
                says="Rises evenly when a stage stands still; saw teeth of a few seconds are health.",
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Wait until a worker takes it",
                *quantiles("fleet_wait_seconds", by="stage", legend="{{stage}}"),
                says="From the moment a job could run. Large imports wait for their own turns and count here.",
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Jobs done a minute",
                a_minute("fleet_jobs_total", by="stage", where='{outcome="done"}'),
                says="What the fleet gets done.",
            )
        )
        .with_panel(
            graph(
                "Success",
                Query("fleet:success:ratio5m", "{{stage}}"),
                says="Of the jobs that ended, those that were done. Pages that are gone count as failed here.",
                unit="percentunit",
                most=1,
            )
        )
        .with_panel(
            graph(
                "Time a job takes",
                *quantiles("fleet_job_seconds", by="stage", legend="{{stage}}"),
                says="From claim to result.",
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Failures by code",
                a_minute("fleet_jobs_total", by="code", where='{outcome="failed"}'),
                says="Failed for good. internal_fault, took_too_long, lease_expired and browser_… are ours.",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Tried again or put off, by code",
                a_minute("fleet_jobs_total", by="outcome, code", where='{outcome!~"done|failed"}'),
                says="Not done yet. postponed costs no attempt.",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Why users wait",
                Query("sum by (reason) (fleet:lanes)", "{{reason}}"),
                says="Lanes with work that is not let out, by reason: the rate-limit status of all users.",
                stacked=True,
            )
        )
    )


def _provider(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Provider, quota, keys"))
        .with_panel(
            graph(
                "Requests by outcome",
                a_minute("fleet_provider_requests_total", by="outcome"),
                says="To the provider. provider_down in numbers opens the breaker.",
                stacked=True,
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
                "Keys",
                Query("max by (status) (fleet_keys)", "{{status}}"),
                says="Users' keys by status.",
                stacked=True,
            )
        )
    )


def _machinery(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Machinery"))
        .with_panel(
            graph(
                "Dispatcher tick",
                *quantiles("fleet_dispatch_tick_seconds"),
                says="What letting jobs out costs; rises with trouble in PostgreSQL or RabbitMQ.",
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Events a minute",
                a_minute("fleet_events_total", by="type, result"),
                says="In: accepted, rejected. Out: published.",
            )
        )
        .with_panel(
            graph(
                "Events to publish",
                Query("max(fleet_outbox_pending)", "events"),
                says="What others have not been told yet; falls to 0 every few seconds.",
            )
        )
        .with_panel(
            graph(
                "Oldest event to publish",
                Query("max(fleet_outbox_oldest_seconds)", "age"),
                says="Rises evenly when nothing goes out: docs/runbook/FleetOutboxStuck.md.",
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Leases that ended",
                a_minute("fleet_lease_expired_total", by="stage"),
                says="Let out or begun, and nobody came back in time.",
            )
        )
        .with_panel(
            graph(
                "Stale deliveries",
                a_minute("fleet_stale_deliveries_total", by="stage"),
                says="Harmless: somebody else had the job. Many of them mean that leases end too soon.",
            )
        )
        .with_panel(
            graph(
                "Dead letters",
                Query("max by (stage) (fleet_dead_letters)", "{{stage}}"),
                says="Messages that were refused or came back too often: docs/runbook/FleetDeadLetters.md.",
            )
        )
        .with_panel(
            graph(
                "Processes that answer",
                Query('count by (role) (up{job="bookmark-fleet"} == 1)', "{{role}}"),
                says="By role; the autoscaler changes some of them. A role that is gone shows in no line.",
            )
        )
        .with_panel(
            graph(
                "Age of these figures",
                Query("time() - max(fleet_counted_timestamp_seconds)", "since counted"),
                says="When a dispatcher last counted what waits, in the ledger and the broker.",
                unit="s",
            )
        )
    )
