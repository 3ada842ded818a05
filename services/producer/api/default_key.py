"""The deployment's default key over HTTP, for callers with the scope `admin`; no answer ever holds it."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, Field

from services.producer.api.callers import actor, admin
from services.producer.api.doors import Door
from services.producer.api.keys import REQUEST, read_key
from services.producer.domain.adding_keys import KeyAdded, known_key
from shared.audit import Actor
from shared.keys import DEPLOYMENT
from shared.values import DefaultKeyPolicy, KeyStatus

router = APIRouter(prefix="/v1/admin/default-key", tags=["default-key"], dependencies=[Depends(admin)])

Operator = Annotated[Actor, Depends(actor)]


class DefaultKeyView(BaseModel):
    """What is known of the default key, without the key."""

    name: str
    status: KeyStatus
    reason: str | None = Field(description="Why the status is what it is.")
    created_at: datetime
    checked_at: datetime | None
    last_used_at: datetime | None
    policy: DefaultKeyPolicy = Field(description="When it serves (FLEET_DEFAULT_KEY_POLICY).")


@router.put("", openapi_extra=REQUEST)
async def add(operator: Operator, door: Door, data: Annotated[Any, Body()]) -> KeyAdded:
    """Check a key with the provider and make it the default key, in place of the one before."""
    key, name = read_key(data)
    return await door.add_key(DEPLOYMENT, key, name=name, by=operator)


@router.get("")
async def describe(door: Door) -> DefaultKeyView:
    """What is known of the default key; never the key."""
    known = await known_key(door.registry, DEPLOYMENT)
    return DefaultKeyView(
        name=known.name,
        status=known.status,
        reason=known.reason,
        created_at=known.created_at,
        checked_at=known.checked_at,
        last_used_at=known.last_used_at,
        policy=door.default_key_policy,
    )


@router.delete("", status_code=HTTPStatus.NO_CONTENT)
async def remove(operator: Operator, door: Door) -> None:
    """Destroy the default key in all its versions."""
    await door.remove_key(DEPLOYMENT, by=operator)
