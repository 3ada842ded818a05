"""Wiring of the dispatcher's process: settings, ledger and broker, its loops and its probes."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta

from services.producer.adapters.counting_in_postgres import PostgresCounting
from services.producer.adapters.outbox_in_postgres import PostgresOutbox
from services.producer.dispatch_settings import DispatcherSettings
from services.producer.dispatching import Dispatcher
from services.producer.gauges import DefaultKeyUse, count_for_ever
from services.producer.outbox import relay_for_ever
from services.producer.renewing import renew_for_ever
from services.producer.running import until_signalled
from shared.broker import Carrier
from shared.broker.making import make_carrier, make_event_sink
from shared.database import Database
from shared.keys.in_postgres import PostgresKeyRegistry
from shared.ledger.opening import postgres_ledger
from shared.ledger.policies import stage_policies
from shared.logs import configure_logs, log
from shared.probes import Check, probes
from shared.quota.calendar import Calendar
from shared.quota.in_postgres import PostgresLimits
from shared.quota.opening import deployment_limits
from shared.settings import (
    BrokerSettings,
    DatabaseSettings,
    DefaultKeySettings,
    DispatchSettings,
    ProcessSettings,
    QuotaSettings,
)
from shared.tracing.opening import tracing
from shared.usage.in_postgres import PostgresUsage
from shared.values import Stage

_RELAY_POLL = timedelta(seconds=0.5)  # news may be half a second old


def run_dispatcher() -> int:
    """Dispatch until SIGTERM or SIGINT; the exit code.

    Raises:
        Misconfigured: a setting cannot be used.
    """
    process = ProcessSettings.read()
    configure_logs(process.log_level, process="dispatch")
    own, serving = DispatcherSettings.read(), DispatchSettings.read()
    database, broker = DatabaseSettings.read(), BrokerSettings.read()
    with tracing(process.trace_endpoint, process="dispatch"):
        asyncio.run(_dispatch(own, serving, database, broker, process))
    return 0


async def _dispatch(
    own: DispatcherSettings,
    serving: DispatchSettings,
    database_settings: DatabaseSettings,
    broker: BrokerSettings,
    process: ProcessSettings,
) -> None:
    policies, url = stage_policies(serving), broker.broker_url.get_secret_value()
    async with AsyncExitStack() as opened:
        database = Database(database_settings.database_url.get_secret_value(), pool=database_settings.database_pool)
        opened.push_async_callback(database.close)
        carrier = make_carrier(url, partitions=broker.partitions, stages=policies)
        opened.push_async_callback(carrier.close)
        sink = make_event_sink(url)
        opened.push_async_callback(sink.close)
        dispatcher = Dispatcher(postgres_ledger(database, serving), carrier)
        poll, sweep = timedelta(seconds=own.dispatch_poll_s), timedelta(seconds=own.sweep_s)
        await opened.enter_async_context(
            probes(
                host=process.metrics_host,
                port=process.metrics_port,
                ready=_needs(database, carrier, next(iter(policies))),
            )
        )
        log.info("dispatcher_started", stages=[stage.value for stage in policies], partitions=broker.partitions)
        gauges = count_for_ever(
            PostgresCounting(database),
            _default_key_use(database),
            carrier,
            list(policies),
            every=timedelta(seconds=own.gauges_s),
        )
        await until_signalled(
            [
                *dispatcher.tasks(policies, poll=poll, sweep=sweep),
                asyncio.create_task(relay_for_ever(PostgresOutbox(database), sink, poll=_RELAY_POLL)),
                asyncio.create_task(renew_for_ever(PostgresKeyRegistry(database), every=sweep)),
                asyncio.create_task(gauges),
            ]
        )
        log.info("dispatcher_stopping")


def _default_key_use(database: Database) -> DefaultKeyUse:
    quota = QuotaSettings.read()
    limits = PostgresLimits(database, deployment_limits(quota, DefaultKeySettings.read()))
    return DefaultKeyUse(PostgresUsage(database), limits, Calendar(quota.timezone()))


def _needs(database: Database, carrier: Carrier, stage: Stage) -> Mapping[str, Check]:
    async def broker() -> bool:
        await carrier.depths(stage)
        return True

    return {"ledger": database.answers, "broker": broker}
