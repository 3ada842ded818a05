"""Which queues a pool reads, and how much it may hold."""

import pytest

from services.analyzer.settings import AnalyzerSettings
from services.scraper.settings import ScraperSettings
from shared.broker.making import is_rabbitmq
from shared.errors import Misconfigured
from shared.ledger.policies import stage_policies
from shared.settings import BrokerSettings, DispatchSettings
from shared.values import Stage
from shared.worker import chosen_queues, prefetch_of


def test_a_pool_reads_every_partition_unless_told_otherwise() -> None:
    assert chosen_queues(Stage.SCRAPE, of=3, partitions=None) == ["scrape.00", "scrape.01", "scrape.02"]
    assert chosen_queues(Stage.ANALYZE, of=16, partitions=(0, 15)) == ["analyze.00", "analyze.15"]


def test_a_partition_that_does_not_exist_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match="no partition 16: FLEET_PARTITIONS is 16, so the last is 15"):
        chosen_queues(Stage.SCRAPE, of=16, partitions=(15, 16))


@pytest.mark.parametrize(
    ("threads", "queues", "prefetch"), [(32, 16, 2), (32, 8, 4), (8, 16, 1), (1, 1, 1), (40, 16, 2)]
)
def test_no_more_messages_are_held_than_there_are_threads_for(threads: int, queues: int, prefetch: int) -> None:
    assert prefetch_of(threads=threads, queues=queues) == prefetch


def test_by_default_one_user_cannot_fill_a_partition_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_BROKER_URL", "amqp://broker")
    queues = BrokerSettings.read().partitions
    windows = {stage: policy.window for stage, policy in stage_policies(DispatchSettings.read()).items()}

    assert prefetch_of(threads=ScraperSettings.read().scrape_threads, queues=queues) > windows[Stage.SCRAPE]
    assert prefetch_of(threads=AnalyzerSettings.read().analyze_threads, queues=queues) > windows[Stage.ANALYZE]


@pytest.mark.parametrize(
    ("url", "answer"), [("amqp://h", True), ("amqps://h", True), ("redis://h", False), ("rediss://h", False)]
)
def test_the_scheme_of_the_address_chooses_the_broker(url: str, answer: bool) -> None:
    assert is_rabbitmq(url) is answer


@pytest.mark.parametrize("url", ["", "localhost:5672", "http://user:secret@h"])
def test_an_address_of_no_broker_stops_the_start_without_being_repeated(url: str) -> None:
    with pytest.raises(Misconfigured, match="FLEET_BROKER_URL") as caught:
        is_rabbitmq(url)
    assert "secret" not in caught.value.sentence
