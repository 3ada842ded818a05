"""Every user on their own key: analyses come from Gemini, and no request carries another user's key."""

from collections.abc import Callable

import pytest

from tests.gemini_emulator import GeminiEmulator
from tests.running_fleet import RunningFleet, Site, wait_until

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

ADAS_KEY = "AIzaSyAda-0000000000000000000000000000ada"
LINUS_KEY = "AIzaSyLinus-00000000000000000000000linus"


def analysed_by(fleet: RunningFleet, user: str) -> list[tuple[str | None, str | None]]:
    results = fleet.json("results", "--user", user)
    return [(item["analysed_by"], (item["analysis"] or {}).get("key_source")) for item in results]


def test_each_users_bookmarks_are_analysed_with_that_users_key_and_no_other(
    start_fleet: Callable[..., RunningFleet], site: Site
) -> None:
    with GeminiEmulator() as gemini:
        gemini.add_key(ADAS_KEY)
        gemini.add_key(LINUS_KEY)
        fleet = start_fleet(settings={"FLEET_GEMINI_BASE_URL": gemini.url}).ready()
        pages = {"ada": site.pages(6), "linus": site.pages(6, first=100)}
        for user, urls in pages.items():
            fleet.run("submit", *urls, "--user", user)
        wait_until(
            lambda: all(len([by for by, _ in analysed_by(fleet, user) if by]) == len(pages[user]) for user in pages),
            what="the heuristic analyser did its part",
        )

        fleet.run("key", "add", "--user", "ada", typed=ADAS_KEY + "\n")
        fleet.run("key", "add", "--user", "linus", typed=LINUS_KEY + "\n")

        wait_until(
            lambda: all(set(analysed_by(fleet, user)) == {("gemini", "user")} for user in pages),
            what="Gemini replaced the heuristic analyses",
        )
        for request in gemini.requests:
            owner = {ADAS_KEY: "ada", LINUS_KEY: "linus"}[request.key]
            others = {url for user, urls in pages.items() if user != owner for url in urls}
            assert not any(f"{url}\n" in request.prompt for url in others)
            assert not request.key_in_url
        assert {request.key for request in gemini.requests} == {ADAS_KEY, LINUS_KEY}


def test_a_refused_key_is_not_stored_and_says_why(start_fleet: Callable[..., RunningFleet]) -> None:
    with GeminiEmulator() as gemini:
        fleet = start_fleet(settings={"FLEET_GEMINI_BASE_URL": gemini.url}).ready()

        refused = fleet.run("key", "add", "--user", "ada", typed=ADAS_KEY + "\n", check=False)

        assert refused.returncode == 1
        assert "refused" in refused.stderr
        assert ADAS_KEY not in refused.stdout + refused.stderr
        assert fleet.run("key", "show", "--user", "ada", check=False).returncode == 1
