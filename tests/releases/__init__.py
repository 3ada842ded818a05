"""What released versions ask of PostgreSQL, kept so that the next version's tables still answer it.

While a roll-out lasts both versions work on the newest tables. `python -m tests.releases VERSION`, run when a version
is released, writes its statements into `VERSION.sql` here, each under the role it is asked in; a file goes when nobody
can come from that version any more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
_ROLE = re.compile(r"^-- (fleet_\w+)\n", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Statement:
    """One statement as PostgreSQL is given it, `$1` for each value; and the role it is asked in."""

    role: str
    text: str


def released() -> dict[str, list[Statement]]:
    """The statements of every version that is kept."""
    return {file.stem: list(_read(file)) for file in sorted(FOLDER.glob("*.sql"))}


def _read(file: Path) -> Iterator[Statement]:
    _, *parts = _ROLE.split(file.read_text(encoding="utf-8"))
    for role, text in zip(parts[::2], parts[1::2], strict=True):
        yield Statement(role, text.strip().removesuffix(";"))


def keep(version: str, statements: set[Statement]) -> None:
    """Write a version's statements; of those that differ in their number of rows or values alone, the shortest."""
    shortest: dict[tuple[str, ...], Statement] = {}
    for statement in sorted(statements, key=lambda statement: (-len(statement.text), statement)):
        shortest[_shape(statement)] = statement
    told = "\n".join(f"-- {kept.role}\n{kept.text};\n" for kept in sorted(shortest.values()))
    (FOLDER / f"{version}.sql").write_text(told, encoding="utf-8")


def _shape(statement: Statement) -> tuple[str, ...]:
    words = re.sub(r"[$\d(),]+", " ", statement.text).split()
    return (statement.role, *dict.fromkeys(words))
