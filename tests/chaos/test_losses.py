"""The promises while something dies: what was accepted is done, and done once."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

import httpx2
import pika
import psutil
import psycopg
import pytest

from tests.guide import block, commands
from tests.running_fleet import RunningFleet, Site, processes_of, wait_until

pytestmark = pytest.mark.xdist_group("losses")  # one whole fleet of processes at a time, beside that of tests/e2e

BOOKMARKS = int(os.environ.get("FLEET_CHAOS_BOOKMARKS", "60"))
DONE_TWICE = """
    SELECT bookmark_id, stage, count(*) FROM jobs WHERE state = 'done' AND NOT (stage = 'analyze' AND bookmark_id IN (
        SELECT bookmark_id FROM jobs WHERE stage = 'scrape' AND attempts > 0))
     GROUP BY 1, 2 HAVING count(*) <> 1
"""
"""Leaves out pages that took more than one try: what is shown until the page is read is analysed as well."""


def counts(fleet: RunningFleet) -> dict[str, int]:
    bookmarks: dict[str, int] = fleet.json("status", "--user", "ada")["bookmarks"]
    return bookmarks


def everything_done(fleet: RunningFleet) -> bool:
    return counts(fleet).get("done", 0) == BOOKMARKS


def assert_each_job_was_done_once(fleet: RunningFleet) -> None:
    with psycopg.connect(fleet.superuser_url()) as connection:
        doubled = connection.execute(DONE_TWICE).fetchall()
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


def delete_every_queue(fleet: RunningFleet) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(fleet.settings()["FLEET_BROKER_URL"]))
    channel = connection.channel()
    for stage in ("scrape", "analyze"):
        for partition in range(16):
            for name in (f"{stage}.{partition:02}", f"{stage}.{partition:02}.XQ"):
                channel.queue_delete(name)
    connection.close()


def lose_rabbitmq_with_its_data(fleet: RunningFleet) -> None:
    (fleet.data / "rabbitmq" / "data").rename(fleet.data / "rabbitmq" / "lost")
    kill(fleet, "beam.smp")


def lose_redis_with_its_data(fleet: RunningFleet) -> None:
    (fleet.data / "valkey" / "data").rename(fleet.data / "valkey" / "lost")
    kill(fleet, "valkey-server")


def kill_postgresql(fleet: RunningFleet) -> None:
    kill(fleet, "postgres")


def kill(fleet: RunningFleet, name: str) -> None:
    """A server's end without a last word; it is brought up again under the same address."""
    for process in fleet.servers(name):
        with suppress(psutil.NoSuchProcess):  # its children end with it
            process.kill()


def submit_over_http(fleet: RunningFleet, urls: list[str], *, token: str) -> None:
    """As an upstream service: what is answered with 503 is sent again."""
    address = f"http://127.0.0.1:{fleet.settings()['FLEET_API_PORT']}/v1/users/ada/bookmarks"

    def taken() -> bool:
        answer = httpx2.post(address, json=urls, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert answer.status_code == 202 or (answer.status_code == 503 and answer.headers["Retry-After"])
        return answer.status_code == 202

    wait_until(taken, what="the bookmarks are taken")


def test_losing_each_server_in_turn_loses_and_doubles_nothing(
    start_fleet: Callable[..., RunningFleet], site: Site
) -> None:
    site.delay_s = 0.1
    fleet = start_fleet("--broker", "rabbitmq").ready()
    losses = (delete_every_queue, lose_rabbitmq_with_its_data, kill_postgresql, lose_redis_with_its_data)
    share, token = BOOKMARKS // len(losses), fleet.run("token", "--user", "ada").stdout.strip()

    for number, lose in enumerate(losses):
        seen = len(site.asked)
        submit_over_http(fleet, site.pages(BOOKMARKS)[number * share : (number + 1) * share], token=token)
        wait_until(lambda seen=seen: len(site.asked) > seen, what="work goes on")
        lose(fleet)

    wait_until(lambda: everything_done(fleet), what="everything is done")
    assert_each_job_was_done_once(fleet)
    for command in commands(block("losses.md", about="fleet doctor")):
        assert fleet.run(*command[1:]).returncode == 0
