"""The promises while something dies: what was accepted is done, and done once."""

import os
import signal
import time
from collections.abc import Callable

import pika
import psutil
import psycopg
import pytest

from tests.running_fleet import RunningFleet, Site, processes_of, wait_until

pytestmark = pytest.mark.xdist_group("losses")  # one whole fleet of processes at a time, beside that of tests/e2e

BOOKMARKS = int(os.environ.get("FLEET_CHAOS_BOOKMARKS", "60"))


def counts(fleet: RunningFleet) -> dict[str, int]:
    bookmarks: dict[str, int] = fleet.json("status", "--user", "ada")["bookmarks"]
    return bookmarks


def everything_done(fleet: RunningFleet) -> bool:
    return counts(fleet).get("done", 0) == BOOKMARKS


def assert_each_job_was_done_once(fleet: RunningFleet) -> None:
    with psycopg.connect(fleet.superuser_url()) as connection:
        doubled = connection.execute(
            "SELECT bookmark_id, stage, count(*) FROM jobs WHERE state = 'done' GROUP BY 1, 2 HAVING count(*) <> 1"
        ).fetchall()
        stored = connection.execute(
            "SELECT count(*) FROM bookmarks JOIN contents ON bookmark_id = id JOIN analyses USING (bookmark_id)"
        ).fetchone()
    assert doubled == []
    assert stored == (BOOKMARKS,)
    assert fleet.run("doctor").returncode == 0


def worker(fleet: RunningFleet, role: str) -> int | None:
    for process in processes_of(fleet.data):
        try:
            words = process.cmdline()
        except psutil.NoSuchProcess:  # it just ended
            continue
        if any(word.endswith("/fleet") for word in words) and role in words:
            return process.pid
    return None


@pytest.mark.parametrize("broker", ["rabbitmq", "redis"])
def test_killing_workers_loses_and_doubles_nothing(
    start_fleet: Callable[..., RunningFleet], site: Site, broker: str
) -> None:
    site.delay_s = 0.1
    fleet = start_fleet("--broker", broker).ready()
    fleet.run("submit", *site.pages(BOOKMARKS), "--user", "ada")

    killed = 0
    for role in ("scrape", "analyze", "scrape", "dispatch", "analyze"):
        wait_until(lambda role=role: worker(fleet, role) is not None, what=f"{role} runs")
        seen = len(site.asked)
        wait_until(lambda seen=seen: len(site.asked) > seen or len(site.asked) >= BOOKMARKS, what="work goes on")
        pid = worker(fleet, role)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            killed += 1

    assert killed
    wait_until(lambda: everything_done(fleet), what="everything is done")
    assert_each_job_was_done_once(fleet)


def delete_every_queue(url: str) -> int:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    deleted = 0
    for stage in ("scrape", "analyze"):
        for partition in range(16):
            for name in (f"{stage}.{partition:02}", f"{stage}.{partition:02}.XQ"):
                channel.queue_delete(name)
                deleted += 1
    connection.close()
    return deleted


def test_deleting_every_queue_loses_and_doubles_nothing(start_fleet: Callable[..., RunningFleet], site: Site) -> None:
    site.delay_s = 0.1
    fleet = start_fleet("--broker", "rabbitmq").ready()
    fleet.run("submit", *site.pages(BOOKMARKS), "--user", "ada")

    for _ in range(3):
        seen = len(site.asked)
        wait_until(lambda seen=seen: len(site.asked) > seen or len(site.asked) >= BOOKMARKS, what="work goes on")
        assert delete_every_queue(fleet.settings()["FLEET_BROKER_URL"])
        time.sleep(1)  # the world after the deletion is what is tested; the moment of it is chance

    wait_until(lambda: everything_done(fleet), what="everything is done")
    assert_each_job_was_done_once(fleet)
