"""Writes deploy/grafana/dashboards/*.json: `python -m deploy.grafana.building`, or `make dashboards`."""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.building.fleet import fleet
from deploy.grafana.building.provider import provider
from deploy.grafana.building.scraping import scraping
from deploy.grafana.building.stage import stage

FOLDER = Path(__file__).parents[1] / "dashboards"
DASHBOARDS = {"fleet": fleet, "stage": stage, "provider": provider, "scraping": scraping}


def as_json() -> dict[str, str]:
    """Every dashboard as Grafana reads it, by its file's name."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {f"{name}.json": encoder.encode(make().build()) + "\n" for name, make in DASHBOARDS.items()}


if __name__ == "__main__":
    for name, text in as_json().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
