"""The last row of *Fleet*: the dispatcher, events, leases, the broker's dead letters, and who answers at all."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.building.looks import STAGES
from deploy.grafana.building.panels import A_MINUTE, Query, a_minute, by_stage, figure, graph, quantiles, row


def machinery(whole: Dashboard) -> Dashboard:
    """Add the row."""
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
                "Events",
                a_minute("fleet_events_total", by="type, result"),
                says="In: accepted, rejected. Out: published.",
                unit=A_MINUTE,
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Events to publish",
                Query("fleet:outbox_pending", "events"),
                says="What others have not been told yet; falls to 0 every few seconds.",
            )
        )
        .with_panel(
            graph(
                "Oldest event to publish",
                Query("fleet:outbox_oldest_seconds", "age"),
                says="Rises evenly when nothing goes out: docs/runbook/FleetOutboxStuck.md.",
                unit="s",
                bad_from=300,
            )
        )
        .with_panel(
            by_stage(
                "Leases that ended",
                a_minute("fleet_lease_expired_total", by="stage"),
                says="Let out or begun, and nobody came back in time.",
                unit=A_MINUTE,
            )
        )
        .with_panel(
            by_stage(
                "Stale deliveries",
                a_minute("fleet_stale_deliveries_total", by="stage"),
                says="Harmless: somebody else had the job. Many of them mean that leases end too soon.",
                unit=A_MINUTE,
            )
        )
        .with_panel(
            graph(
                "Dead letters",
                Query("fleet:dead_letters", "{{stage}}"),
                says="Messages that were refused or came back too often: docs/runbook/FleetDeadLetters.md.",
                bad_from=1,
                colours=STAGES,
            )
        )
        .with_panel(
            figure(
                "Processes that answer",
                Query(
                    'count by (role) (up{job="bookmark-fleet"} == 1) or 0 * count by (role) (up{job="bookmark-fleet"})',
                    "{{role}}",
                ),
                says="By role; the autoscaler changes some of them. A role at 0 answers nobody.",
                good_from=1,
            )
            .span(8)
            .height(8)
        )
        .with_panel(
            graph(
                "Age of these figures",
                Query("time() - max by (source) (fleet_counted_timestamp_seconds)", "{{source}} counted"),
                says="When a dispatcher last counted what waits, in the ledger and the broker.",
                unit="s",
                bad_from=120,
            )
        )
    )
