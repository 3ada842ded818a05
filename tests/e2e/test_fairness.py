"""Nobody waits behind somebody else's backlog."""

from collections.abc import Callable

import pytest

from tests.running_fleet import RunningFleet, Site, wait_until

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

BACKLOG = 5_000


def test_a_user_with_one_bookmark_is_served_before_anothers_five_thousand_are_half_done(
    start_fleet: Callable[..., RunningFleet], site: Site
) -> None:
    fleet = start_fleet().ready()
    pages = site.pages(BACKLOG)
    for start in range(0, BACKLOG, 1_000):
        fleet.run("submit", *pages[start : start + 1_000], "--user", "ada")

    fleet.run("submit", f"{site.address}/page/of-linus", "--user", "linus")

    wait_until(
        lambda: all(item["state"] == "done" for item in fleet.json("results", "--user", "linus")),
        what="the one bookmark is done",
    )
    done = fleet.json("status", "--user", "ada")["bookmarks"]["done"]
    assert done < BACKLOG / 2
