"""The live page in a real browser: figures and results arrive, the token leaves the address, text stays text."""

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
    assert page.title() == "Bookmark Fleet"
    assert "token" not in page.url
    assert faults == []
