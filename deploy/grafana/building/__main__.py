"""Writes deploy/grafana/dashboards/*.json: `python -m deploy.grafana.building`, or `make dashboards`."""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.building.fleet import fleet
from deploy.grafana.building.provider import provider
from deploy.grafana.building.scraping import scraping
from deploy.grafana.building.stage import stage

FOLDER = Path(__file__).parents[1] / "dashboards"
DASHBOARDS = {"fleet": fleet, "stage": stage, "provider": provider, "scraping": scraping}


def as_json() -> dict[str, str]:
    """Every dashboard as Grafana reads it, by its file's name."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {f"{name}.json": encoder.encode(numbered(make().build())) + "\n" for name, make in DASHBOARDS.items()}


def numbered(dashboard: Dashboard) -> Dashboard:
    """Number the panels, so that an address of one stays the same: the builder numbers none, and every row 0."""
    for number, panel in enumerate(dashboard.panels or (), start=1):
        panel.id_val = number
    return dashboard


if __name__ == "__main__":
    for name, text in as_json().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
