"""Messages a second onto a quorum queue: confirmed in one pipeline, against Dramatiq's one by one."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.broker.in_rabbitmq import RabbitMqCarrier
from shared.broker.messages import message_of
from shared.broker.quorum_broker import QuorumBroker
from shared.ledger import Released
from shared.users import user_id
from shared.values import JobId, Stage
from tests.bench.corners import Servers
from tests.bench.measuring import Measure, Result, in_turn

if TYPE_CHECKING:
    from dramatiq.brokers.rabbitmq import RabbitmqBroker

LEASE = timedelta(minutes=1)
PARTITIONS = 4


async def _confirms(servers: Servers, *, small: bool) -> Result:
    url = await servers.rabbitmq()
    releases = [
        Released(Stage.SCRAPE, user_id(number), (JobId(number),), f"token{number}", LEASE)
        for number in range(200 if small else 2_000)
    ]
    carrier = RabbitMqCarrier(url, partitions=PARTITIONS, stages=[Stage.SCRAPE])
    broker: RabbitmqBroker = QuorumBroker(url, middleware=[])
    broker.confirm_delivery = True

    async def pipelined() -> None:
        assert await carrier.send(releases) == []

    def each_alone() -> None:
        for released in releases:
            broker.enqueue(message_of(released, partitions=PARTITIONS))

    mine, baseline = await in_turn(len(releases), pipelined, lambda: asyncio.to_thread(each_alone))
    await carrier.close()
    return Result("confirms", mine, baseline, "messages/s", "a confirmation awaited after every message")


confirms = Measure("confirms", _confirms)
