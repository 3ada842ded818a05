"""Every carrier keeps what the port promises; the real ones against real servers."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.broker import Carrier
from shared.broker.in_memory import InMemoryCarrier
from shared.broker.making import make_carrier
from shared.broker.messages import message_of
from shared.errors import BrokerUnavailable
from shared.ledger import Released
from shared.users import partition_of
from shared.values import JobId, Stage, UserId

PARTITIONS = 4
LEASE = timedelta(seconds=60)
NOWHERE = {"rabbitmq": "amqp://fleet:secret@127.0.0.1:1/vhost", "redis": "redis://:secret@127.0.0.1:1/0"}


@pytest.fixture(params=["memory", "rabbitmq", "redis"])
async def carrier(request: pytest.FixtureRequest) -> AsyncIterator[Carrier]:
    if request.param == "memory":
        yield InMemoryCarrier(partitions=PARTITIONS)
        return
    url = request.getfixturevalue(f"{request.param}_url")
    made = make_carrier(url, partitions=PARTITIONS, stages=Stage)
    yield made
    await made.close()


def released(job: int, *, user: str = "ada", stage: Stage = Stage.SCRAPE) -> Released:
    return Released(stage, UserId(user), (JobId(job),), "token", LEASE)


async def test_sent_releases_wait_on_their_users_partition(carrier: Carrier) -> None:
    refused = await carrier.send([released(1), released(2), released(3, user="bob")])

    expected = dict.fromkeys(range(PARTITIONS), 0)
    expected[partition_of(UserId("ada"), partitions=PARTITIONS)] += 2
    expected[partition_of(UserId("bob"), partitions=PARTITIONS)] += 1
    assert refused == []
    assert await carrier.depths(Stage.SCRAPE) == expected


async def test_stages_have_queues_of_their_own(carrier: Carrier) -> None:
    await carrier.send([released(1), released(2, stage=Stage.ANALYZE)])

    assert sum((await carrier.depths(Stage.SCRAPE)).values()) == 1
    assert sum((await carrier.depths(Stage.ANALYZE)).values()) == 1
    assert sum((await carrier.depths(Stage.RENDER)).values()) == 0
    assert await carrier.dead_letters(Stage.SCRAPE) == 0


async def test_sending_nothing_is_no_fault(carrier: Carrier) -> None:
    assert await carrier.send([]) == []


async def test_a_thousand_releases_are_all_confirmed(carrier: Carrier) -> None:
    refused = await carrier.send([released(job, user=f"user-{job}") for job in range(1_000)])

    assert refused == []
    assert sum((await carrier.depths(Stage.SCRAPE)).values()) == 1_000


@pytest.mark.parametrize("technology", NOWHERE)
async def test_a_broker_out_of_reach_is_said_without_its_password(technology: str) -> None:
    carrier = make_carrier(NOWHERE[technology], partitions=PARTITIONS, stages=[Stage.SCRAPE])

    for call in (carrier.send([released(1)]), carrier.depths(Stage.SCRAPE), carrier.dead_letters(Stage.SCRAPE)):
        with pytest.raises(BrokerUnavailable) as caught:
            await call
        assert "secret" not in caught.value.sentence
    await carrier.close()


def test_a_message_holds_ids_and_the_fence_and_nothing_else() -> None:
    message = message_of(released(7), partitions=PARTITIONS)

    decoded = json.loads(message.encode())
    assert decoded["actor_name"] == "scrape"
    assert decoded["kwargs"] == {"job_ids": [7], "release": "token"}
    assert (decoded["args"], decoded["options"]) == ([], {})
