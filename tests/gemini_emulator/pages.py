"""Finds the fenced pages in a prompt, and makes up plausible analyses that follow the request's schema."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.gemini_emulator.bodies import Body

_BEGIN = re.compile(r"^\[(\w+) BEGIN ITEM (\S+)\]$", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z][A-Za-z+#.-]{3,}")
_KNOWN = ("Python", "JavaScript", "Docker", "PostgreSQL", "Redis", "RabbitMQ", "React", "Kubernetes", "Git", "Linux")

ARRAY = ("ARRAY", "array", 5)  # the older library sends the number of the enumeration's value

BLOCK_MARK = "EMULATOR-BLOCKS-THIS"
"""A page with these words is refused by the emulator's safety rules, and its whole request with it."""


@dataclass(frozen=True)
class Page:
    """One fenced page of a prompt."""

    id: str
    title: str
    text: str


def pages_in(prompt: str) -> list[Page]:
    """The pages between the prompt's own fences; what a page itself calls a fence is not one."""
    found: list[Page] = []
    first = _BEGIN.search(prompt)
    if first is None:
        return found
    fence = re.escape(first[1])
    block = re.compile(rf"^\[{fence} BEGIN ITEM (\S+)\]\n(.*?)^\[{fence} END ITEM \1\]$", re.MULTILINE | re.DOTALL)
    for match in block.finditer(prompt):
        head, _, text = match[2].partition("\ntext:\n")
        title = re.search(r"^title: (.*)$", head, re.MULTILINE)
        found.append(Page(match[1], title[1] if title else "", text.strip()))
    return found


def analyses(pages: list[Page], schema: Body | None) -> list[Body]:
    """One entry per page with every property the schema asks for."""
    fields = _item_properties(schema)
    return [{name: _value(name, shape, page) for name, shape in fields.items()} for page in pages]


def _item_properties(schema: Body | None) -> dict[str, Body]:
    """The properties of the first array of objects in a schema, in either of Gemini's two notations."""
    if not schema:
        return {}
    if "items" in schema and "properties" in schema["items"]:
        properties: dict[str, Body] = schema["items"]["properties"]
        return properties
    for part in schema.get("properties", {}).values():
        if found := _item_properties(part):
            return found
    return {}


def _value(name: str, shape: Body, page: Page) -> Any:
    words = [word for word, _ in Counter(_WORD.findall(f"{page.title} {page.text}".lower())).most_common(5)]
    if name == "id":
        return page.id
    if "enum" in shape:
        return shape["enum"][len(page.text) % len(shape["enum"])]
    if shape.get("type") in ARRAY:
        return [known for known in _KNOWN if known in page.text] if name == "technologies" else words or ["page"]
    if name == "summary":
        return f"The emulator read {page.title or 'a page'!r}: {len(page.text.split())} words."
    return f"The emulator's {name.replace('_', ' ')} for {page.title or 'a page'!r}."
