"""The live page in a real browser: results and standing arrive, the token leaves the address, text stays text."""

import json
import re
import shutil
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.running_fleet import RunningFleet, Site

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

QUIET = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
MARKUP = "<img src=x onerror=\"document.title='taken over'\">"


def stage(name: str, *, waiting: int = 0, running: int = 0, oldest_wait_s: float = 0) -> dict[str, object]:
    counts = {"waiting": waiting, "released": 0, "running": running, "done": 0, "failed": 0}
    return {"stage": name, **counts, "oldest_wait_s": oldest_wait_s, "waits": []}


MOMENT = {
    "bookmarks": {"queued": 9},
    "users": 1,
    "stages": [stage("scrape"), stage("render", waiting=7, running=2, oldest_wait_s=41.2), stage("analyze")],
    "newest": [],
    "standing": None,
    "signals": [],
    "paused": [],
    "health": {"stages": [], "keys": {}, "held_back": {}},
}
BUSY = f"event: progress\ndata: {json.dumps(MOMENT)}\n\n"
"""What the stream says of a fleet whose browsers are behind."""


@pytest.fixture
def page() -> Iterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "tests/install-servers installs Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser.new_page()
        browser.close()


def hand_in(fleet: RunningFleet, bookmark: dict[str, str]) -> None:
    token = fleet.run("token", "--user", "ada").stdout.strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{fleet.settings()['FLEET_API_PORT']}/v1/users/ada/bookmarks",
        data=json.dumps(bookmark).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        assert answer.status == 202


def test_the_page_shows_what_the_fleet_does_and_lets_no_title_become_markup(
    start_fleet: Callable[..., RunningFleet], site: Site, page: Page
) -> None:
    fleet = start_fleet().ready()
    found = re.search(r"Dashboard: (\S+)", fleet.output)
    assert found
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)

    page.goto(found.group(1))
    fleet.run("submit", *site.pages(3), "--user", "ada")
    hand_in(fleet, {"url": "http://10.0.0.1/secret", "title": MARKUP})

    expect(page.locator("#results > li")).to_have_count(4, timeout=60_000)
    expect(page.locator("#results")).to_contain_text("Notes on queues")
    expect(page.locator("#results")).to_contain_text(MARKUP)
    expect(page.locator("#results")).to_contain_text("not one the fleet may visit")
    expect(page.locator("[data-figure=done]")).to_have_text("3")
    notes = page.locator("#results > li", has_text="Notes on queues").first
    notes.get_by_text("What was read").click()
    expect(notes.locator("pre")).to_contain_text("PostgreSQL keeps every job")
    expect(page.locator("#signals-none")).to_be_visible()
    expect(page.locator("#health")).to_contain_text("scrape: 3 done, 1 failed (75% success)")
    expect(page.locator("#health")).to_contain_text("address_refused once")
    fleet.run("pause", "--user", "ada")
    expect(page.locator("#paused li")).to_have_text("ada")
    assert page.title() == "Bookmark Fleet"
    assert "token" not in page.url

    page.route("**/v1/admin/progress", lambda route: route.fulfill(content_type="text/event-stream", body=BUSY))
    page.reload()
    expect(page.locator("#stage-scrape .why")).to_have_text(
        "In a browser: 7 waiting, 2 running · somebody has waited 41 s for a turn"
    )
    assert faults == []


def test_a_user_sees_their_calls_their_key_and_what_waits_and_nothing_of_others_on_a_phone_too(
    start_fleet: Callable[..., RunningFleet], site: Site, page: Page
) -> None:
    fleet = start_fleet(settings={"FLEET_QUOTA_PER_DAY": "7"}).ready()
    token = fleet.run("token", "--user", "ada").stdout.strip()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.set_viewport_size({"width": 360, "height": 740})
    fleet.run("submit", *site.pages(1), "--user", "linus")

    page.goto(f"http://127.0.0.1:{fleet.settings()['FLEET_API_PORT']}/#token={token}")

    expect(page.locator("#windows > li")).to_have_count(3)
    expect(page.locator("#windows > li").nth(1)).to_contain_text("0 of 7 used, 7 left")
    expect(page.locator("#windows")).to_contain_text("this deployment's default")
    expect(page.locator("#serving-badge")).to_have_text("None")
    expect(page.locator("#serving-how")).to_have_text("fleet key add --user ada")
    expect(page.locator("#verdict")).to_have_text("There is no key to call the provider with.")
    expect(page.locator("#waiting-none")).to_be_visible()

    fleet.run("submit", *site.pages(2), "--user", "ada")
    expect(page.locator("#results > li")).to_have_count(2, timeout=60_000)
    fleet.run("pause", "--user", "ada")
    fleet.run("submit", *site.pages(1, first=9), "--user", "ada")
    expect(page.locator("#waiting > li")).to_have_count(1)
    expect(page.locator("#waiting")).to_contain_text("1 page waits to be fetched: an operator has paused this user.")
    expect(page.locator("#verdict")).to_have_text("An operator has paused this user.")
    expect(page.locator("#watch")).to_be_hidden()
    expect(page.locator("#live")).not_to_contain_text("linus")
    assert page.evaluate("document.documentElement.scrollWidth") == 360, "nothing sticks out sideways"
    assert faults == []
