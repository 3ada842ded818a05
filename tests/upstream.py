"""Bookmarks that keep coming, through both doors at once: half over HTTP by a balancer, half as events."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx2
import pika
from pydantic import SecretStr

from services.producer.intake import EVENTS_IN
from shared.tokens import Scope, TokenIssuer
from tests.rolling import Pod

_PAUSE_S = 0.2
_EVENT = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2)


@dataclass
class Upstream:
    """Hands in each bookmark once, so that what is lost stays lost; one at each door again and again.

    Attributes:
        urls: what is handed in, each for the user at its place.
        serving: the API's pods, as a balancer knows them at the moment.
        refused: what the fleet did not take, and why.
    """

    urls: Sequence[str]
    users: int
    serving: Sequence[Pod]
    broker_url: str
    secret: str
    refused: list[str] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    def user_of(self, number: int) -> str:
        return f"user-{number % self.users}"

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Bookmarks come while the block runs, and after it until each has come once."""
        halves = [
            threading.Thread(target=door, args=[self._paced(range(begin, len(self.urls), 2))])
            for begin, door in enumerate((self._over_http, self._as_events))
        ]
        for half in halves:
            half.start()
        try:
            yield
        finally:
            self._enough.set()
            for half in halves:
                half.join()

    def _paced(self, numbers: Sequence[int]) -> Iterator[int]:
        """Each once; and the first again in between and after, until it is enough."""
        for number in numbers:
            yield number
            self._enough.wait(_PAUSE_S)
            yield numbers[0]
            self._enough.wait(_PAUSE_S)
        while not self._enough.wait(_PAUSE_S):
            yield numbers[0]

    def _over_http(self, numbers: Iterator[int]) -> None:
        issuer = TokenIssuer(SecretStr(self.secret))
        headers = {
            "Authorization": f"Bearer {issuer.for_service('upstream', [Scope.WRITE], lifetime=timedelta(hours=1))}"
        }
        for number in numbers:
            pods = tuple(self.serving)
            pod = pods[number % len(pods)]
            where = f"http://127.0.0.1:{pod.port}/v1/users/{self.user_of(number)}/bookmarks"
            try:
                httpx2.post(where, json={"url": self.urls[number]}, headers=headers, timeout=60).raise_for_status()
            except httpx2.HTTPError as error:
                self.refused.append(f"{number}: {error!r}")

    def _as_events(self, numbers: Iterator[int]) -> None:
        with pika.BlockingConnection(pika.URLParameters(self.broker_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for number in numbers:
                event = {"specversion": "1.0", "id": str(number), "source": "upstream", "type": "bookmark.created"}
                event |= {"subject": self.user_of(number), "data": {"url": self.urls[number]}}
                channel.basic_publish(EVENTS_IN, "any.key", json.dumps(event).encode(), _EVENT, mandatory=True)
