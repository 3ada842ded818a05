"""Writes docs/configuration.md from the settings classes: `python -m services.cli.configuration`."""

import inspect
import re
import types
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import services
import shared
from shared.settings import PREFIX, Settings

_HEAD = """\
# Configuration

Every setting comes from the environment. A secret may come from a file instead: `FLEET_X_FILE` names a file whose text
is `FLEET_X`. `fleet up` writes what its processes need to `.fleet/fleet.env`, and every command reads that; what is set
in the environment goes before it. A setting that is missing or cannot be used stops the start with a sentence that
names it.

This page is generated from the settings classes by `make docs`.
"""
_COLUMNS = "| setting | type | default | meaning |\n|---|---|---|---|"
_TYPES = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Path: "path"}
_SETTINGS_MODULE = re.compile(r"(^|[._])settings$")


def configuration() -> str:
    """The page."""
    return "\n".join([_HEAD, *(_section(component) for component in _components())])


def _components() -> Iterator[type[Settings]]:
    """Every class of settings, the shared ones first, in the order of their definition."""
    for package in (shared, services):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if _SETTINGS_MODULE.search(module.name):
                yield from filter(_has_settings, _defined_in(import_module(module.name)))


def _defined_in(module: types.ModuleType) -> Iterator[type[Settings]]:
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, Settings) and value.__module__ == module.__name__:
            yield value


def _has_settings(component: type[Settings]) -> bool:
    return bool(component.model_fields)


def _section(component: type[Settings]) -> str:
    title = re.sub(r"(?<!^)(?=[A-Z])", " ", component.__name__.removesuffix("Settings")).capitalize()
    rows = [_row(name, field) for name, field in component.model_fields.items()]
    return "\n".join([f"## {title}", "", inspect.getdoc(component) or "", "", _COLUMNS, *rows, ""])


def _row(name: str, field: FieldInfo) -> str:
    cells = (f"`{PREFIX}{name.upper()}`", _type(field.annotation), _default(field), field.description or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _type(annotation: Any) -> str:
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in inside)
    if origin in {Union, UnionType}:
        return " or ".join(dict.fromkeys(_type(part) for part in inside if part is not types.NoneType))
    if origin is tuple:
        return f"list of {_type(inside[0])}s"
    if annotation is SecretStr:
        return "text, **secret**"
    if issubclass(annotation, StrEnum):
        return ", ".join(f"`{choice}`" for choice in annotation)
    return _TYPES.get(annotation, "network" if "Network" in annotation.__name__ else annotation.__name__)


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "required"
    if default is None or default == ():
        return "none"
    text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f"`{text.lower() if isinstance(default, bool) else text}`"


if __name__ == "__main__":
    print(configuration(), end="")  # noqa: T201 - printing is its job
