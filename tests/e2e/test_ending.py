"""However `fleet up` ends, nothing of it stays, and the next one goes on with its data."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running_fleet import RunningFleet, Site, processes_of, wait_until

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

SECOND_START_S = 20.0 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # on a machine that does nothing else


def nothing_left(fleet: RunningFleet) -> bool:
    return not processes_of(fleet.data)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_fleet_that_is_asked_to_end_ends_everything_it_started(
    start_fleet: Callable[..., RunningFleet], how: signal.Signals
) -> None:
    fleet = start_fleet("--broker", "redis").ready()

    assert fleet.stop(how) == 0

    wait_until(lambda: nothing_left(fleet), what="no process is left", patience_s=5)


def test_a_fleet_that_is_killed_leaves_nothing_and_the_next_one_finds_its_bookmarks(
    start_fleet: Callable[..., RunningFleet], site: Site, tmp_path: Path
) -> None:
    first = start_fleet(data=tmp_path).ready()
    first.run("submit", *site.pages(3), "--user", "ada")

    first.stop(signal.SIGKILL)
    second = start_fleet(data=tmp_path).ready()

    def all_done() -> bool:
        return bool(second.json("status", "--user", "ada")["bookmarks"].get("done") == 3)

    wait_until(all_done, what="what the first fleet accepted is done")


def test_a_start_that_is_cut_short_leaves_nothing(start_fleet: Callable[..., RunningFleet]) -> None:
    fleet = start_fleet()
    wait_until(lambda: len(processes_of(fleet.data)) > 4, what="servers are starting", patience_s=30)

    assert fleet.stop(signal.SIGINT) == 0

    wait_until(lambda: nothing_left(fleet), what="no process is left", patience_s=5)


def test_a_second_fleet_on_the_same_folder_says_that_one_runs(
    start_fleet: Callable[..., RunningFleet], tmp_path: Path
) -> None:
    start_fleet("--broker", "redis", data=tmp_path).ready()

    second = start_fleet("--broker", "redis", "--json", data=tmp_path)

    assert second.process.wait(timeout=30) == 1
    second._reader.join(timeout=10)
    told = json.loads(second.printed[-1])["error"]
    assert told["code"] == "fleet_already_runs"
    assert "Ctrl-C" in told["advice"]


def test_the_second_start_shows_its_page_soon(start_fleet: Callable[..., RunningFleet], tmp_path: Path) -> None:
    start_fleet(data=tmp_path).ready().stop()

    began = time.monotonic()
    second = start_fleet(data=tmp_path)
    wait_until(lambda: "Dashboard: " in second.output, what="the page's address is shown", patience_s=SECOND_START_S)
    address = second.output.partition("Dashboard: ")[2].split()[0].partition("#")[0]
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own page
        page = answer.read().decode()

    assert "<html" in page
    assert time.monotonic() - began < SECOND_START_S


def test_a_port_that_is_taken_is_named(start_fleet: Callable[..., RunningFleet], site: Site) -> None:
    port = site.address.rpartition(":")[2]

    fleet = start_fleet("--broker", "redis", "--port", port, "--json")

    assert fleet.process.wait(timeout=60) == 1
    fleet._reader.join(timeout=10)
    assert json.loads(fleet.printed[-1])["error"]["code"] == "port_taken"
