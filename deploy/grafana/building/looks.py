"""What is alike on every dashboard: a name has one colour, a click leads to the dashboard that says more."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

Colours = Mapping[str, str]
"""Grafana's names of colours by what lines are called."""

STAGES: Colours = {"scrape": "blue", "render": "purple", "analyze": "orange"}
OUTCOMES: Colours = {
    "done": "green",
    "failed": "red",
    "retried": "yellow",
    "postponed": "light-blue",
    "put_back": "purple",
    "left_to_lease": "orange",
}
KEYS: Colours = {
    "active": "green",
    "unchecked": "light-blue",
    "exhausted": "yellow",
    "expired": "orange",
    "invalid": "red",
    "revoked": "dark-red",
}
REASONS: Colours = {  # yellow: a quota; red: somebody's server; purple: a person must act; the rest goes by itself soon
    "quota_minute": "super-light-yellow",
    "quota_day": "yellow",
    "quota_month": "dark-yellow",
    "quota_unavailable": "light-red",
    "provider_down": "red",
    "keys_unavailable": "dark-red",
    "no_key": "light-purple",
    "key_refused": "purple",
    "paused": "dark-purple",
    "batch_pause": "light-green",
    "page_expected": "green",
    "backoff": "light-blue",
    "host_busy": "blue",
}
LOOKS: Colours = {
    "hit": "green",
    "joined": "light-green",
    "revalidated": "blue",
    "miss": "yellow",
    "waiting": "light-blue",
    "bypass": "purple",
    "away": "orange",
    "failed": "red",
}
TURNS: Colours = {"given": "green", "busy": "yellow", "down": "red"}

# Codes of errors stand beside these and take what Grafana gives them, which is nothing dark.
VERDICTS: Colours = {"ok": "dark-green", "thin": "dark-blue", "blocked": "dark-red", "challenge": "dark-orange"}
ANSWERS: Colours = {"analysed": "dark-green", "provider_quota_spent": "dark-yellow", "provider_down": "dark-red"}


def painted(colour: str) -> list[DynamicConfigValue]:
    """How a line of this colour looks."""
    return [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})]


def limits(low: str, *higher: tuple[float, str]) -> boards.ThresholdsConfig:
    """One colour for low values, and others from certain values on."""
    steps = [Threshold(value=None, color=low), *(Threshold(value=value, color=colour) for value, colour in higher)]
    return boards.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def words(*meant: str) -> list[ValueMapping]:
    """What the values 0, 1 … are called."""
    return [ValueMap({str(value): ValueMappingResult(text=word) for value, word in enumerate(meant)})]


def to_board(title: str, uid: str, *, of: str = "") -> boards.DashboardLink:
    """A link to another dashboard, of the same time and the same Prometheus; `of` chooses a value of its variable."""
    chosen = f"&var-{of}=${{__field.labels.{of}}}" if of else ""
    return boards.DashboardLink(title).url(f"/d/{uid}?${{datasource:queryparam}}&${{__url_time_range}}{chosen}")


INTO_STAGE = to_board("Look into this stage", "fleet-stage", of="stage")
INTO_PROVIDER = to_board("Look at provider and quota", "fleet-provider")
INTO_SCRAPING = to_board("Look at pages and sites", "fleet-scraping")
