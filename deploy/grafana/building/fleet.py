"""*Fleet*: are users served, and if not, where does it stand still?"""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.building.looks import ANSWERS, INTO_PROVIDER, INTO_SCRAPING, INTO_STAGE, KEYS, REASONS, STAGES
from deploy.grafana.building.machinery import machinery
from deploy.grafana.building.panels import A_MINUTE, Query, a_minute, board, by_stage, figure, graph, quantile, row
from deploy.grafana.building.provider import breaker

_FIRING = 'ALERTS{alertname=~"Fleet.*", alertstate="firing"}'
_ENDED = 'sum by (stage) (increase(fleet_jobs_total{outcome=~"done|failed"}[1h]))'


def fleet() -> Dashboard:
    """The dashboard to begin with."""
    whole = board("Fleet", "fleet", "Are users served? From top to bottom: promises, work, provider, machinery.")
    return machinery(_provider(_work(_last_hour(_promises(whole)))))


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
                says="1 spends the budget in exactly 30 days; 6 over six hours and 14.4 over one wake somebody.",
                unit="none",
                bad_from=6,
            )
        )
        .with_panel(
            figure(
                "Oldest wait now",
                Query("fleet:oldest_wait_seconds", "{{stage}}"),
                says="Of users of whom nothing runs although it could: who waits longest, and how long.",
                unit="s",
                bad_from=120,
                leads_to=INTO_STAGE,
            )
        )
        .with_panel(
            figure(
                "Alerts",
                Query(
                    f"count by (alertname) ({_FIRING})"
                    f' or label_replace(vector(0), "alertname", "none fires", "", "") unless on () {_FIRING}',
                    "{{alertname}}",
                    at_once=True,
                ),
                says="Those that fire now. Each has a page in docs/runbook.",
                bad_from=1,
            )
        )
    )


def _last_hour(whole: Dashboard) -> Dashboard:
    """The figures that `fleet status` and the live page show of the last hour."""
    return (
        whole.with_panel(
            figure(
                "Success, last hour",
                Query(
                    f'sum by (stage) (increase(fleet_jobs_total{{outcome="done"}}[1h])) / ({_ENDED} > 0)', "{{stage}}"
                ),
                says="Of the jobs that ended. Pages that are gone count as failed here.",
                unit="percentunit",
                good_from=0.5,
                leads_to=INTO_STAGE,
            )
        )
        .with_panel(
            figure(
                "Failed, last hour",
                Query(
                    f'round(sum by (stage) (increase(fleet_jobs_total{{outcome="failed"}}[1h])) or 0 * {_ENDED})',
                    "{{stage}}",
                ),
                says="Jobs that failed for good; `fleet failures` says whose and why.",
                leads_to=INTO_STAGE,
            )
        )
        .with_panel(
            figure(
                "Slow jobs, last hour",
                Query(
                    "histogram_quantile(0.95, sum by (le, stage) (increase(fleet_job_seconds_bucket[1h]))) > 0",
                    "{{stage}}",
                ),
                says="From claim to result: nineteen of twenty jobs took no longer.",
                unit="s",
                leads_to=INTO_STAGE,
            )
        )
        .with_panel(
            figure(
                "Users out of calls",
                Query(
                    'sum(fleet:lanes{reason=~"quota_(minute|day|month)"}) or 0 * sum(fleet:oldest_wait_seconds)',
                    "users",
                ),
                says="Of whom analyses wait until their minute, day or month has room again.",
                leads_to=INTO_PROVIDER,
            )
        )
    )


def _work(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Work"))
        .with_panel(
            graph(
                "Backlog",
                Query("sum by (stage) (fleet:backlog_jobs) or 0 * fleet:oldest_wait_seconds", "{{stage}}"),
                says="Jobs that have not ended. Much of it may rightly wait: for quotas, keys, pauses.",
                stacked=True,
                colours=STAGES,
                leads_to=INTO_STAGE,
            )
        )
        .with_panel(
            by_stage(
                "Oldest wait",
                Query("fleet:oldest_wait_seconds", "{{stage}}"),
                says="Rises evenly when a stage stands still; saw teeth of a few seconds are health.",
                unit="s",
                bad_from=120,
            )
        )
        .with_panel(
            by_stage(
                "Wait until a worker takes it (p95)",
                quantile(0.95, "fleet_wait_seconds", by="stage", legend="{{stage}}"),
                says="From the moment a job could run. Large imports wait for their own turns and count here.",
                unit="s",
            )
        )
        .with_panel(
            by_stage(
                "Jobs done",
                a_minute("fleet_jobs_total", by="stage", where='{outcome="done"}'),
                says="What the fleet gets done.",
                unit=A_MINUTE,
            )
        )
        .with_panel(
            by_stage(
                "Success",
                Query("fleet:success:ratio5m", "{{stage}}"),
                says="Of the jobs that ended, those that were done. Pages that are gone count as failed here.",
                unit="percentunit",
                most=1,
            )
        )
        .with_panel(
            by_stage(
                "Time a job takes (p95)",
                quantile(0.95, "fleet_job_seconds", by="stage", legend="{{stage}}"),
                says="From claim to result: nineteen of twenty jobs take no longer.",
                unit="s",
            )
        )
        .with_panel(
            graph(
                "Failures by code",
                a_minute("fleet_jobs_total", by="code", where='{outcome="failed"}'),
                says="Failed for good. internal_fault, took_too_long, lease_expired and browser_… are ours.",
                unit=A_MINUTE,
                stacked=True,
                none_is_fine=True,
                leads_to=INTO_SCRAPING,
            )
        )
        .with_panel(
            graph(
                "Tried again or put off, by code",
                a_minute("fleet_jobs_total", by="outcome, code", where='{outcome!~"done|failed"}'),
                says="Not done yet. postponed costs no attempt.",
                unit=A_MINUTE,
                stacked=True,
                none_is_fine=True,
                leads_to=INTO_SCRAPING,
            )
        )
        .with_panel(
            graph(
                "Why users wait",
                Query("sum by (reason) (fleet:lanes)", "{{reason}}"),
                says="Lanes with work that is not let out, by reason: the rate-limit status of all users.",
                stacked=True,
                none_is_fine=True,
                leads_to=INTO_PROVIDER,
                colours=REASONS,
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
                unit=A_MINUTE,
                stacked=True,
                none_is_fine=True,
                colours=ANSWERS,
                leads_to=INTO_PROVIDER,
            )
        )
        .with_panel(breaker())
        .with_panel(
            graph(
                "Keys",
                Query("fleet:keys", "{{status}}"),
                says="Users' keys by status.",
                stacked=True,
                none_is_fine=True,
                colours=KEYS,
                leads_to=INTO_PROVIDER,
            )
        )
    )
