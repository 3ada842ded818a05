"""Which broker it is, chosen by the address: `amqp(s)://` is RabbitMQ, `redis(s)://` is Redis or Valkey."""

from collections.abc import Iterable
from urllib.parse import urlsplit

import dramatiq
from dramatiq.middleware import Retries

from shared.broker import Carrier, EventSink
from shared.broker.in_rabbitmq import RabbitMqCarrier, RabbitMqEventSink
from shared.broker.in_redis import RedisCarrier, RedisEventSink
from shared.broker.quorum_broker import QuorumBroker
from shared.broker.redis_broker import OneMachineBroker
from shared.broker.trace_context import TraceContext
from shared.errors import Misconfigured
from shared.values import Stage


def is_rabbitmq(url: str) -> bool:
    """Whether the address is RabbitMQ's; otherwise it is Redis'.

    Raises:
        Misconfigured: it is no broker's.
    """
    match urlsplit(url).scheme:
        case "amqp" | "amqps":
            return True
        case "redis" | "rediss":
            return False
        case scheme:
            raise Misconfigured(
                f"FLEET_BROKER_URL begins with {scheme or 'nothing'!r}; it has to be amqp:// or redis://."
            )


def make_broker(url: str) -> QuorumBroker | OneMachineBroker:
    """What a worker consumes from; connects to nothing yet.

    Args:
        url: FLEET_BROKER_URL.

    Raises:
        Misconfigured: the address is no broker's.
    """
    if is_rabbitmq(url):
        return QuorumBroker(url, middleware=_middleware())
    return OneMachineBroker(url, middleware=_middleware())


def make_carrier(url: str, *, partitions: int, stages: Iterable[Stage]) -> Carrier:
    """What the dispatcher sends with; connects to nothing yet.

    Args:
        url: FLEET_BROKER_URL.
        partitions: queues per stage.
        stages: those that are served.

    Raises:
        Misconfigured: the address is no broker's.
    """
    if is_rabbitmq(url):
        return RabbitMqCarrier(url, partitions=partitions, stages=stages)
    return RedisCarrier(url, partitions=partitions)


def make_event_sink(url: str) -> EventSink:
    """Where events go out; connects to nothing yet.

    Raises:
        Misconfigured: the address is no broker's.
    """
    return RabbitMqEventSink(url) if is_rabbitmq(url) else RedisEventSink(url)


def _middleware() -> list[dramatiq.Middleware]:
    return [
        TraceContext(),
        # No AsyncIO(): `shared.worker` runs async actors on the loop where their resources were opened.
        # An actor that raises has its message rejected into the dead letters, and its job comes back by its lease.
        # Dramatiq would retry through a delay queue; here the ledger decides when a job is tried again.
        Retries(max_retries=0),
    ]
