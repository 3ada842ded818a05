"""Makes docs/images/*.png: the dashboards with figures of a real fleet under load, without a Grafana.

A fleet, the emulated provider and a Prometheus with the shipped rules run for some minutes while two users submit
pages. Each panel's queries are then asked of that Prometheus, and the answers drawn on the dashboard's own grid.
"""

import contextlib
import json
import re
import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.drawing import Series, drawn
from tests.gemini_emulator import GeminiEmulator
from tests.observing import DASHBOARDS, ROOT, Prometheus, hurried
from tests.running_fleet import RunningFleet, Site

PICTURES = ROOT / "docs/images"
USERS = ("ada", "linus")
ADAS_KEY = "AIzaSyAda-0000000000000000000000000000ada"
DEFAULT_KEY = "AIzaSyDefault-00000000000000000000default"
NOWHERE = "http://127.0.0.1:9/"
FORBIDDEN = "http://169.254.169.254/latest/"
WINDOW_S = 30
SETTLING_S, SHOWN_S = 35, 90
SETTINGS = {
    "FLEET_GAUGES_S": "1",
    "FLEET_QUOTA_PER_MINUTE": "6",
    "FLEET_QUOTA_MINUTE_WINDOW_S": "10",
    "FLEET_DEFAULT_KEY_POLICY": "fallback",
    "FLEET_ROBOTS": "respect",
}


def load(fleet: RunningFleet, site: Site, *, seconds: float) -> None:
    """A few more pages of one user or the other every few seconds; both save much the same ones."""
    [sample] = re.findall(r"Sample site: (\S+)/", fleet.output)
    ends, turn = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        user = USERS[turn % len(USERS)]
        odd = [f"{sample}/apps/tide-table?{turn}", f"{sample}/gone?{turn}", f"{NOWHERE}{turn}"]
        refused = [f"{FORBIDDEN}{turn}"] if turn % 5 == 0 else []
        fleet.run("submit", *site.pages(12, first=turn * 6), *odd, *refused, "--user", user)
        turn += 1
        time.sleep(2)


def take(pages_of_html: dict[str, str]) -> None:
    """Have Chromium look at each page, and keep what it sees under the page's name."""
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1360, "height": 800})
        for name, text in pages_of_html.items():
            page.set_content(text)
            page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
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
        for key, owner in ((ADAS_KEY, ("--user", "ada")), (DEFAULT_KEY, ("--default", "--name", "ours"))):
            gemini.add_key(key)
            fleet.run("key", "add", *owner, typed=f"{key}\n")
        watch = folder / "prometheus"
        watch.mkdir()
        prometheus = stack.enter_context(Prometheus(watch, fleet.data / "prometheus-targets.json", seconds=WINDOW_S))
        load(fleet, site, seconds=SETTLING_S + SHOWN_S)

        def ask(expr: str) -> list[Series]:
            return prometheus.asks_over(hurried(expr, seconds=WINDOW_S), last_s=SHOWN_S)

        boards = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS.glob("*.json")}
        take({name: drawn(board, ask) for name, board in boards.items()})


if __name__ == "__main__":
    main()
