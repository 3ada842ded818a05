"""Operators see a fleet under load on every panel, and are told when a whole role of it stands still."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.gemini_emulator import GeminiEmulator
from tests.observing import Prometheus, choices, hurried, marks, panel_queries, runbook_queries, scaler_queries
from tests.running_fleet import RunningFleet, Site, processes_of, wait_until

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

DEFAULT_KEY = "AIzaSyDefault-00000000000000000000default"
ADAS_KEY = "AIzaSyAda-0000000000000000000000000000ada"
NOWHERE = "http://127.0.0.1:9/"
FORBIDDEN = "http://169.254.169.254/latest/meta-data"
SILENT_WHILE_ALL_IS_WELL = {
    'FleetContentLate / sum(increase(fleet_jobs_total{code="browser_unavailable"}[5m]))',
    'FleetExporterGone / up{job="bookmark-fleet"} == 0',
    'FleetKeysUnavailable / sum(fleet:lanes{reason="keys_unavailable"})',
}


class Load:
    """Bookmarks of two users, some of which cannot be had, a few more each time."""

    def __init__(self, fleet: RunningFleet, site: Site) -> None:
        self.fleet, self.site = fleet, site
        self.submitted = 0

    def more(self) -> None:
        pages = self.site.pages(6, first=self.submitted)
        self.submitted += 6
        user = ("ada", "linus")[self.submitted % 4 // 2]
        self.fleet.run("submit", *pages, f"{NOWHERE}{self.submitted}", f"{FORBIDDEN}/{self.submitted}", "--user", user)


def of_role(role: str, fleet: RunningFleet) -> list[psutil.Process]:
    found = [each for each in processes_of(fleet.data) if each.cmdline()[-1:] == [role]]
    assert found
    return found


@contextmanager
def frozen(processes: list[psutil.Process]) -> Iterator[None]:
    """The processes do nothing while the block runs; unlike killed ones nobody replaces them."""
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def test_panels_and_runbook_have_data_under_load_and_roles_that_stop_raise_their_alerts(
    start_fleet: Callable[..., RunningFleet], site: Site, tmp_path: Path
) -> None:
    with GeminiEmulator() as gemini:
        gemini.add_key(DEFAULT_KEY)
        gemini.add_key(ADAS_KEY)
        fleet = start_fleet(
            "--sample",
            settings={
                "FLEET_GEMINI_BASE_URL": gemini.url,
                "FLEET_DEFAULT_KEY_POLICY": "fallback",
                "FLEET_GAUGES_S": "0.5",
                "FLEET_QUOTA_PER_MINUTE": "1",  # so that somebody waits for it, but not for long
                "FLEET_QUOTA_MINUTE_WINDOW_S": "5",
            },
        ).ready()
        fleet.run("key", "add", "--default", "--name", "ours", typed=f"{DEFAULT_KEY}\n")
        fleet.run("key", "add", "--user", "ada", typed=f"{ADAS_KEY}\n")
        load = Load(fleet, site)

        with Prometheus(tmp_path, fleet.data / "prometheus-targets.json") as prometheus:
            starts = marks()["Starts"].removesuffix("< 60")
            asked = panel_queries() | choices() | scaler_queries() | runbook_queries() | {"Starts": starts}
            unanswered = {where: hurried(expr, seconds=15) for where, expr in asked.items()}
            assert len(unanswered) > 80
            for where in SILENT_WHILE_ALL_IS_WELL:
                del unanswered[where]
            assert "render / backlog" in unanswered  # KEDA's, whose answer is 0 while nothing waits

            def answered() -> bool:
                load.more()
                for where in [where for where, expr in unanswered.items() if prometheus.asks(expr)]:
                    del unanswered[where]
                return not unanswered

            try:
                wait_until(answered, what="every panel has data", patience_s=120)
            except AssertionError as error:
                raise AssertionError(f"{error}: {sorted(unanswered)}") from error
            assert "FleetNothingConsumed" not in {alert["alertname"] for alert in prometheus.firing()}

            with frozen(of_role("analyze", fleet)):

                def told() -> bool:
                    load.more()
                    return {"alertname": "FleetNothingConsumed", "severity": "page", "stage": "analyze"} in (
                        prometheus.firing()
                    )

                wait_until(told, what="the alert fires", patience_s=120)
                stages = {
                    alert.get("stage") for alert in prometheus.firing() if alert["alertname"] == "FleetNothingConsumed"
                }
                assert stages == {"analyze"}

            with frozen(of_role("dispatch", fleet)):
                not_counted = [
                    {"alertname": "FleetNotCounted", "severity": "page", "source": source}
                    for source in ("ledger", "broker")
                ]
                wait_until(
                    lambda: all(alert in prometheus.firing() for alert in not_counted),
                    what="the alert fires that nobody counts",
                    patience_s=120,
                )
                assert prometheus.asks("fleet:oldest_wait_seconds") == []  # what was seen last is not shown as true
