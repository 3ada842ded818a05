"""Migrations of a database that is at work: they give way to what runs, and nothing that runs is ended for them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from alembic import command
from psycopg.errors import DeadlockDetected
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from shared.errors import LedgerInUse
from shared.ledger.migrate import config_for, migrate, newest, revision

Worker = psycopg.Connection[Any]

HOLD = "SELECT stage FROM lanes WHERE user_id = 'ada' FOR NO KEY UPDATE"
WRITE = "UPDATE contents SET title = 'Another' WHERE user_id = 'ada'"
LOOK = "SELECT count(*) FROM jobs WHERE state = 'running'"


@pytest.fixture
def old_url(empty_database_url: str) -> str:
    """A database of before the walls, whose step changes nearly every table."""
    engine = create_engine(make_url(empty_database_url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.begin() as connection:
        command.upgrade(config_for(connection), "0002")
    return empty_database_url


@contextmanager
def migrating(url: str) -> Iterator[Future[None]]:
    """`fleet migrate` beside the test, from the moment at which somebody's work is in its way."""
    with ThreadPoolExecutor(1) as beside, psycopg.connect(url, autocommit=True) as watcher:
        migration = beside.submit(migrate, url)
        deadline = time.monotonic() + 30
        while not _waits(watcher):
            assert time.monotonic() < deadline, "the migration waits for nobody"
            time.sleep(0.01)
        yield migration
        migration.result(timeout=60)


def _waits(watcher: Worker) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    row = watcher.execute(waiting).fetchone()
    return row is not None and row[0] > 0


def test_work_that_holds_a_lane_writes_its_content_while_a_migration_waits_for_it(old_url: str) -> None:
    with psycopg.connect(old_url) as worker:
        worker.execute(HOLD)
        with migrating(old_url):
            worker.execute(WRITE)
            worker.commit()
    assert revision(old_url) == newest()


def test_work_that_comes_to_the_lanes_last_goes_on_as_well(old_url: str) -> None:
    """As the sweeper does; the migration holds what it wants and wants what it holds."""
    with psycopg.connect(old_url) as worker:
        worker.execute(LOOK)
        with migrating(old_url):
            worker.execute(HOLD)
            worker.commit()
    assert revision(old_url) == newest()


def test_a_migration_that_finds_no_gap_says_so_and_has_changed_and_held_nothing(old_url: str) -> None:
    with psycopg.connect(old_url) as worker, psycopg.connect(old_url) as other:
        worker.execute(LOOK)

        with pytest.raises(LedgerInUse, match="in use"):
            migrate(old_url, patience=timedelta(0))

        assert revision(old_url) == "0002"
        other.execute(HOLD)
        other.execute(WRITE)


def test_a_database_that_is_up_to_date_is_not_waited_for(database_url: str) -> None:
    with psycopg.connect(database_url) as worker:
        worker.execute("LOCK TABLE lanes IN ACCESS SHARE MODE")
        migrate(database_url, patience=timedelta(0))


def test_a_migration_finds_its_gap_between_the_transactions_of_busy_workers(old_url: str) -> None:
    begun, over, ended_for_it = threading.Barrier(5), threading.Event(), list[Exception]()

    def work(statements: tuple[str, ...], rest: float) -> None:
        begun.wait(timeout=60)
        with psycopg.connect(old_url) as worker:
            while not over.is_set():
                try:
                    for statement in statements:
                        worker.execute(statement)
                    worker.commit()
                except DeadlockDetected as error:
                    ended_for_it.append(error)
                    worker.rollback()
                over.wait(rest)

    with ThreadPoolExecutor(4) as workers:
        running = [workers.submit(work, (HOLD, LOOK, WRITE), 0) for _ in range(3)]
        running.append(workers.submit(work, (LOOK, WRITE, HOLD), 0.2))  # few come to the lanes last
        try:
            begun.wait(timeout=60)
            migrate(old_url)
        finally:
            over.set()
        for each in running:
            each.result(timeout=60)
    assert ended_for_it == []
    assert revision(old_url) == newest()
