"""How the command line speaks: aligned tables for people, JSON for machines, errors on standard error."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from shared.errors import FleetError
from shared.printable import printable

_WIDEST_COLUMN = 60


def tell_error(error: FleetError, *, as_json: bool) -> None:
    """Say on standard error what happened and what to do about it."""
    if as_json:
        tell = {"error": {"code": error.code, "sentence": error.sentence, "advice": error.advice}}
        click.echo(json.dumps(tell, ensure_ascii=False), err=True)
        return
    click.secho(f"✗ {error.sentence}", fg="red", err=True)
    click.echo(f"  {error.advice}", err=True)


def print_json(value: object) -> None:
    """One JSON value on one line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their headings, aligned; numbers to the right, long texts cut to fit the terminal."""
    texts = [[_cell(value) for value in row] for row in rows]
    widths = [
        min(_WIDEST_COLUMN, max(len(line[place]) for line in [list(columns), *texts])) for place in range(len(columns))
    ]
    numeric = [bool(texts) and all(_is_number(row[place]) for row in texts) for place in range(len(columns))]
    click.secho(_line(columns, widths, numeric), bold=True)
    for row in texts:
        click.echo(_line(row, widths, numeric))


def print_facts(facts: Mapping[str, object]) -> None:
    """Names and values below each other, the values aligned."""
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {_cell(value)}")


def print_advice(what: str, sentence: str, advice: str) -> None:
    """What is the case, and below it what to do about it."""
    click.secho(f"{what}: {_cell(sentence)}", bold=True)
    click.echo(f"  {advice}")


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = (
        f"{_cut(cell, width):>{width}}" if right else f"{_cut(cell, width):<{width}}"
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    )
    return _cut("  ".join(padded).rstrip(), max(40, shutil.get_terminal_size((160, 24)).columns))


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S} UTC"
        case _:
            return printable(str(value))


def _is_number(text: str) -> bool:
    return text.replace(",", "").isdigit() or text == "-"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _plain(value: Any) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case tuple() | set() | frozenset():
            return list(value)
        case _:
            return str(value)
