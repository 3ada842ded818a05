"""*Stage*: one stage looked into, down to its partitions."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.building.looks import OUTCOMES, REASONS, STAGES
from deploy.grafana.building.panels import A_MINUTE, Query, a_minute, board, choice, graph, quantiles, row

_STAGE = '{stage=~"$stage"}'


def stage() -> Dashboard:
    """The drill-down by stage and partition."""
    whole = (
        board("Stage", "fleet-stage", "One stage of the fleet, and the partitions of its queue.")
        .with_variable(choice("stage", "Stage", "fleet_oldest_wait_seconds, stage"))
        .with_variable(choice("partition", "Partition", "fleet_queue_depth, partition"))
    )
    return _outcomes(_running(_waiting(whole)))


def _waiting(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("What waits"))
        .with_panel(
            graph(
                "Backlog by state",
                Query(f"sum by (state) (fleet:backlog_jobs{_STAGE})", "{{state}}"),
                says="queued in the ledger; released to the broker; running in a worker.",
                stacked=True,
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Queue by partition",
                Query(
                    'fleet:queue_depth{stage=~"$stage", partition=~"$partition"}',
                    "{{stage}}.{{partition}}",
                ),
                says="Messages in the broker. One that stays full beside empty ones has no consumer.",
                stacked=True,
            )
        )
        .with_panel(
            graph(
                "Why users wait",
                Query(f"sum by (reason) (fleet:lanes{_STAGE})", "{{reason}}"),
                says="Lanes with work that is not let out, by reason.",
                stacked=True,
                none_is_fine=True,
                colours=REASONS,
            )
        )
        .with_panel(
            graph(
                "Oldest wait",
                Query(f"fleet:oldest_wait_seconds{_STAGE}", "{{stage}}"),
                says="Of users of whom nothing runs.",
                unit="s",
                bad_from=120,
                colours=STAGES,
            )
        )
        .with_panel(
            graph(
                "Wait until a worker takes it",
                *quantiles("fleet_wait_seconds", by="stage", where=_STAGE, legend="{{stage}}"),
                says="From the moment a job could run until its claim.",
                unit="s",
                none_is_fine=True,
            )
        )
    )


def _running(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("What runs"))
        .with_panel(
            graph(
                "Claims and jobs in work",
                a_minute("fleet_wait_seconds_count", by="stage", where=_STAGE, legend="{{stage}} claims a minute"),
                Query(
                    'sum by (stage) (fleet:backlog_jobs{stage=~"$stage", state="running"})'
                    f" or 0 * sum by (stage) (fleet:backlog_jobs{_STAGE})",
                    "{{stage}} in work",
                ),
                says="No claims while something waits: docs/runbook/FleetNothingConsumed.md.",
            )
        )
        .with_panel(
            graph(
                "Time a job takes",
                *quantiles("fleet_job_seconds", by="stage, strategy", where=_STAGE, legend="{{stage}} {{strategy}}"),
                says="From claim to result, by how it was done.",
                unit="s",
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Leases that ended",
                a_minute("fleet_lease_expired_total", by="stage", where=_STAGE),
                says="Let out or begun, and nobody came back in time.",
                unit=A_MINUTE,
                colours=STAGES,
            )
        )
    )


def _outcomes(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("What came of it"))
        .with_panel(
            graph(
                "Outcomes",
                a_minute("fleet_jobs_total", by="outcome", where=_STAGE),
                says="postponed and put_back cost no attempt.",
                stacked=True,
                colours=OUTCOMES,
                unit=A_MINUTE,
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Failures by code",
                a_minute("fleet_jobs_total", by="code", where='{stage=~"$stage", outcome="failed"}'),
                says="`fleet failures --code CODE` lists them.",
                stacked=True,
                unit=A_MINUTE,
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Stale deliveries and dead letters",
                a_minute("fleet_stale_deliveries_total", by="stage", where=_STAGE, legend="{{stage}} stale a minute"),
                Query(f"fleet:dead_letters{_STAGE}", "{{stage}} dead"),
                says="Stale ones are harmless. Dead ones want to be looked at.",
            )
        )
    )
