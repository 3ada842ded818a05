"""Wiring of the intake's process: settings, front door and broker, and its probes."""

import asyncio
from functools import partial

from services.producer.domain.taking_events import TakeEvent
from services.producer.front_door import FrontDoorSettings, open_front_door
from services.producer.intake import Intake
from services.producer.running import until_signalled
from shared.audit import here
from shared.broker.making import is_rabbitmq
from shared.errors import Misconfigured
from shared.logs import configure_logs, log
from shared.probes import Check, probes
from shared.settings import BrokerSettings, ProcessSettings
from shared.tracing.opening import tracing


def run_intake() -> int:
    """Take events until SIGTERM or SIGINT; the exit code.

    Raises:
        Misconfigured: a setting cannot be used, or the broker is not RabbitMQ.
    """
    process = ProcessSettings.read()
    configure_logs(process.log_level, process="intake")
    url = BrokerSettings.read().broker_url.get_secret_value()
    if not is_rabbitmq(url):
        raise Misconfigured(
            "Events come in over RabbitMQ alone, and FLEET_BROKER_URL names Redis; submit over HTTP instead."
        )
    settings = FrontDoorSettings.read()
    with tracing(process.trace_endpoint, process="intake"):
        asyncio.run(_take_events(url, settings, process))
    return 0


async def _take_events(url: str, settings: FrontDoorSettings, process: ProcessSettings) -> None:
    async with open_front_door(settings) as door:
        take = TakeEvent(door.ledger, door.bursts, partial(door.erase, by=here("process:intake")))
        intake = Intake(url, take)
        ready: dict[str, Check] = {"broker": lambda: intake.is_consuming, "ledger": door.ping}
        async with probes(host=process.metrics_host, port=process.metrics_port, ready=ready):
            log.info("intake_started")
            try:
                await until_signalled([asyncio.create_task(intake.run())])
            finally:
                log.info("intake_stopping")
                await intake.close()
