"""Users' API keys over HTTP: put in, described and taken out; no answer ever holds one."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from services.producer.api.callers import KeyWriting, Reading
from services.producer.api.doors import Door
from services.producer.domain.adding_keys import DEFAULT_NAME, KeyAdded, known_key
from shared.errors import InvalidInput, InvalidKey
from shared.keys import ApiKey
from shared.keys.plaintext import api_key
from shared.values import KeyStatus, UserId

router = APIRouter(prefix="/v1/users/{user}/api-key", tags=["keys"])

_FIELDS = {"key", "name"}
REQUEST = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["key"],
                    "additionalProperties": False,
                    "properties": {
                        "key": {"type": "string", "minLength": 20, "maxLength": 512, "writeOnly": True},
                        "name": {"type": "string", "minLength": 1, "maxLength": 100, "default": DEFAULT_NAME},
                    },
                }
            }
        },
    }
}


class KeyView(BaseModel):
    """What is known of a user's key, without the key."""

    user: UserId
    name: str
    status: KeyStatus
    reason: str | None = Field(description="Why the status is what it is.")
    created_at: datetime
    checked_at: datetime | None
    last_used_at: datetime | None


@router.put("", openapi_extra=REQUEST)
async def add(asked: KeyWriting, door: Door, data: Annotated[Any, Body()]) -> KeyAdded:
    """Check a key with the provider and store it in place of the one before.

    `unchecked` says that the provider could not be asked; the first analysis shows whether the key works.
    """
    key, name = read_key(data)
    return await door.add_key(asked.user, key, name=name, by=asked.actor)


@router.get("")
async def describe(asked: Reading, door: Door) -> KeyView:
    """What is known of the user's key; never the key."""
    return KeyView.model_validate(await known_key(door.registry, asked.user), from_attributes=True)


@router.delete("", status_code=HTTPStatus.NO_CONTENT)
async def remove(asked: KeyWriting, door: Door) -> None:
    """Destroy the user's key in all its versions."""
    await door.remove_key(asked.user, by=asked.actor)


def read_key(data: object) -> tuple[ApiKey, str]:
    """Key and name from the body; by hand, as no error may repeat anything of it.

    Raises:
        InvalidInput, InvalidKey: it holds no usable ones.
    """
    if not isinstance(data, Mapping) or not set(data) <= _FIELDS:
        raise InvalidInput("The body is an object with a `key` and, if wanted, a `name`; it holds something else.")
    key, name = data.get("key"), data.get("name", DEFAULT_NAME)
    if not isinstance(key, str):
        raise InvalidKey("the field `key` is missing or not a text")
    if not isinstance(name, str):
        raise InvalidInput("The field `name` is not a text.")
    return api_key(key), name
