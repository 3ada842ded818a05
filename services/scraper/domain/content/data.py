"""JSON that pages carry beside their text: read within limits, and searched without trusting its shape."""

import json
from collections.abc import Iterator
from typing import Any

_LARGEST = 5_000_000
_MOST_NODES = 200_000


def records(text: str) -> Iterator[Any]:
    """The value in a JSON text, none when it is not JSON or is too large to be looked at."""
    if not text or len(text) > _LARGEST:
        return
    try:
        yield json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects within a JSON value, outer ones first, in the order they stand there."""
    stack, seen = [value], 0
    while stack and seen < _MOST_NODES:
        each = stack.pop()
        seen += 1
        if isinstance(each, dict):
            yield each
            stack += reversed(list(each.values()))
        elif isinstance(each, list):
            stack += reversed(each)


def text_of(value: Any) -> str:
    """A text, or the name of a thing, or the first of several; empty for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return text_of(value.get("name") or value.get("url") or value.get("@value"))
    if isinstance(value, list):
        return next((text for each in value[:20] if (text := text_of(each))), "")
    return ""
