"""Makes docs/images/fleet.png: the dashboard *Fleet* with figures of a real fleet under load, without a Grafana.

A fleet, the emulated provider and a Prometheus with the shipped rules run for some minutes while two users
submit pages. Each panel's queries are then asked of that Prometheus, and the answers drawn on the dashboard's own grid.
"""

import contextlib
import json
import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.drawing import Series, drawn
from tests.gemini_emulator import GeminiEmulator
from tests.observing import DASHBOARDS, ROOT, Prometheus, hurried
from tests.running_fleet import RunningFleet, Site

PICTURE = ROOT / "docs/images/fleet.png"
KEYS = {"ada": "AIzaSyAda-0000000000000000000000000000ada", "linus": "AIzaSyLinus-00000000000000000000000linus"}
NOWHERE = "http://127.0.0.1:9/"
WINDOW_S = 60
SETTLING_S, SHOWN_S = 75, 150
SETTINGS = {"FLEET_GAUGES_S": "1", "FLEET_QUOTA_PER_MINUTE": "6", "FLEET_QUOTA_MINUTE_WINDOW_S": "10"}


def load(fleet: RunningFleet, site: Site, *, seconds: float) -> None:
    """A few more pages of each user every other second, one in eight of which cannot be had."""
    ends, submitted = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        for user in KEYS:
            pages = site.pages(7, first=submitted)
            fleet.run("submit", *pages, f"{NOWHERE}{submitted}", "--user", user)
            submitted += 7
        time.sleep(2)


def take(page_of_html: str) -> None:
    """Have Chromium look at the page, and keep what it sees."""
    PICTURE.parent.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1360, "height": 800})
        page.set_content(page_of_html)
        page.screenshot(path=PICTURE, full_page=True)
        browser.close()


def main() -> None:
    """Run the fleet, watch it, draw what was seen."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        gemini = stack.enter_context(GeminiEmulator())
        site = Site()
        stack.callback(site.close)
        fleet = RunningFleet(folder / "fleet", "--sample", settings={**SETTINGS, "FLEET_GEMINI_BASE_URL": gemini.url})
        stack.callback(fleet.stop)
        fleet.ready()
        for user, key in KEYS.items():
            gemini.add_key(key)
            fleet.run("key", "add", "--user", user, typed=f"{key}\n")
        watch = folder / "prometheus"
        watch.mkdir()
        prometheus = stack.enter_context(Prometheus(watch, fleet.data / "prometheus-targets.json", seconds=WINDOW_S))
        load(fleet, site, seconds=SETTLING_S + SHOWN_S)

        def ask(expr: str) -> list[Series]:
            return prometheus.asks_over(hurried(expr, seconds=WINDOW_S), last_s=SHOWN_S)

        take(drawn(json.loads((DASHBOARDS / "fleet.json").read_text(encoding="utf-8")), ask))


if __name__ == "__main__":
    main()
