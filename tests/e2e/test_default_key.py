"""The deployment's default key, from outside: whom it serves, what its refusal leaves, and that no other steps in."""

from collections.abc import Callable

import pytest

from tests.gemini_emulator import GeminiEmulator
from tests.running_fleet import RunningFleet, Site, wait_until

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

DEFAULT_KEY = "AIzaSyDefault-00000000000000000000default"
ADAS_KEY = "AIzaSyAda-0000000000000000000000000000ada"
OF_THE_ENVIRONMENT = "AIzaSyEnv-0000000000000000000000000000env"


def key_sources(fleet: RunningFleet, user: str) -> dict[str, str | None]:
    """Whose key paid for each of a user's analyses, by address."""
    results = fleet.json("results", "--user", user)
    return {item["url"]: (item["analysis"] or {}).get("key_source") for item in results}


def analyse(fleet: RunningFleet, user: str, urls: list[str]) -> set[str | None]:
    """Whose keys paid, once all pages are analysed."""
    fleet.run("submit", *urls, "--user", user)
    wait_until(lambda: all(key_sources(fleet, user).get(url) for url in urls), what="the pages are analysed")
    return {key_sources(fleet, user)[url] for url in urls}


def test_the_default_key_serves_who_has_none_until_it_is_refused_and_no_key_of_the_environment_ever_does(
    start_fleet: Callable[..., RunningFleet], site: Site
) -> None:
    with GeminiEmulator() as gemini:
        for key in (DEFAULT_KEY, ADAS_KEY, OF_THE_ENVIRONMENT):
            gemini.add_key(key)
        fleet = start_fleet(
            settings={
                "FLEET_GEMINI_BASE_URL": gemini.url,
                "FLEET_DEFAULT_KEY_POLICY": "fallback",
                "GOOGLE_API_KEY": OF_THE_ENVIRONMENT,
                "GEMINI_API_KEY": OF_THE_ENVIRONMENT,
            }
        ).ready()

        assert analyse(fleet, "ada", site.pages(2)) == {"none"}

        fleet.run("key", "add", "--default", "--name", "ours", typed=f"{DEFAULT_KEY}\n")
        assert analyse(fleet, "ada", site.pages(2, first=10)) == {"default"}
        assert fleet.json("key", "show", "--default")["last_used"] is not None

        gemini.refuse_key(DEFAULT_KEY)
        assert analyse(fleet, "linus", site.pages(2, first=20)) == {"none"}
        shown = fleet.json("key", "show", "--default")
        assert (shown["status"], "refused" in shown["reason"]) == ("invalid", True)
        refused = len(gemini.requests_of(DEFAULT_KEY))
        assert analyse(fleet, "linus", site.pages(2, first=30)) == {"none"}
        assert len(gemini.requests_of(DEFAULT_KEY)) == refused  # once it is known, nobody tries it again

        fleet.run("key", "add", "--user", "ada", typed=f"{ADAS_KEY}\n")
        wait_until(
            lambda: set(key_sources(fleet, "ada").values()) == {"user", "default"},
            what="ada's own key replaces what the built-in analyser did",
        )
        assert {request.key for request in gemini.requests} == {DEFAULT_KEY, ADAS_KEY}
