"""What `fleet up` is asked to do."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class BrokerChoice(StrEnum):
    """Which broker carries the releases."""

    AUTO = "auto"
    RABBITMQ = "rabbitmq"
    REDIS = "redis"


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The options of `fleet up`.

    Attributes:
        data: the fleet's folder; made when it is missing.
        once: end when everything submitted has ended.
        sample: serve the sample site and submit its bookmarks.
        urls: bookmarks to submit for `user`.
        user: whose `urls` are.
        port: the API's; 8080 or a free one when None.
        broker: `auto` takes RabbitMQ where it is installed.
        as_json: end with one JSON object on the last line.
    """

    data: Path
    once: bool = False
    sample: bool = False
    urls: tuple[str, ...] = ()
    user: str = "ada"
    port: int | None = None
    broker: BrokerChoice = BrokerChoice.AUTO
    as_json: bool = False
