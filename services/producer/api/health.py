"""What whoever runs this process watches: whether it lives, whether it can work, and its metrics."""

from http import HTTPStatus

import prometheus_client
from fastapi import APIRouter, Response

from services.producer.api.doors import Door

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(door: Door) -> dict[str, str]:
    """The ledger can be reached, so bookmarks can be accepted; 503 when not."""
    await door.ping()
    return {"status": "ok"}


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """The process's metrics in Prometheus' format."""
    return Response(
        prometheus_client.generate_latest(), HTTPStatus.OK, media_type=prometheus_client.CONTENT_TYPE_LATEST
    )
