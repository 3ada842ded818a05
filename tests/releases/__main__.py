"""Runs the tests in which our code meets PostgreSQL, and keeps the statements it asked; none of the tests' own."""

import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import greenlet
import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from tests.releases import Statement, keep

if TYPE_CHECKING:
    from types import FrameType

ROOT = Path(__file__).parents[2]
OURS = (str(ROOT / "services"), str(ROOT / "shared"))
IN_BETWEEN = ("sqlalchemy", "contextlib.py", str(ROOT / "shared" / "database.py"))
TESTS = ("tests/contract", "tests/integration/producer")
ASKED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
TENANT, FLEET = "fleet_tenant", "fleet_dispatcher"

_NAMED = re.compile(r"%\((\w+)\)s(::\w+)?")
_TYPES = {timedelta: "::interval", datetime: "::timestamptz"}

recorded: set[Statement] = set()


@event.listens_for(Engine, "before_cursor_execute")
def record(connection: Connection, _: Any, text: str, values: Any, *__: Any) -> None:
    if f"'{TENANT}', true" in text:  # from here on to the transaction's end
        connection.info["role"] = TENANT
    elif text.lstrip().startswith(ASKED) and _asker().startswith(OURS):
        recorded.add(Statement(connection.info.get("role", FLEET), _numbered(text.strip(), values)))


@event.listens_for(Engine, "commit")
@event.listens_for(Engine, "rollback")
def forget(connection: Connection) -> None:
    connection.info.pop("role", None)


def _asker() -> str:
    """The file whose code asks; SQLAlchemy runs it in a greenlet of its own, whose parent waits."""
    frame: FrameType | None = getattr(greenlet.getcurrent().parent, "gr_frame", None)
    while frame is not None and any(each in frame.f_code.co_filename for each in IN_BETWEEN):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""


def _numbered(text: str, values: Any) -> str:
    """`$1` for the driver's `%(name)s`, with its type where the driver alone says it."""
    names = list(dict.fromkeys(found[1] for found in _NAMED.finditer(text)))
    known = values if isinstance(values, dict) else {}

    def place(found: re.Match[str]) -> str:
        kind = found[2] or _TYPES.get(type(known.get(found[1])), "")
        return f"${names.index(found[1]) + 1}{kind}"

    return _NAMED.sub(place, text).replace("%%", "%")


if __name__ == "__main__":
    failed = pytest.main(["-q", "-n", "0", *TESTS])
    if not failed:
        keep(sys.argv[1], recorded)
    sys.exit(failed)
