"""A released version on this version's tables: what it asks is answered, as long as a roll-out may last."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import LiteralString, cast

import psycopg
import pytest

from tests.manifests import ROOT
from tests.releases import Statement, released

Owner = psycopg.Connection[tuple[object, ...]]

REQUIRED = """
    SELECT table_name, column_name FROM information_schema.columns
     WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'
"""


@pytest.fixture
def owner(database_url: str) -> Iterator[Owner]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def refused(owner: Owner, statements: Sequence[Statement]) -> Iterator[str]:
    """What PostgreSQL says of those it would not carry out: it plans each, and looks at the rights of who asks."""
    for statement in statements:
        try:
            with owner.transaction(force_rollback=True):
                owner.execute(cast("LiteralString", f"SET LOCAL ROLE {statement.role}"))
                owner.execute(cast("LiteralString", f"EXPLAIN (GENERIC_PLAN) {statement.text}"))
        except psycopg.Error as error:
            yield f"{error.diag.message_primary}: {statement.text}"


def left_out(owner: Owner, statements: Sequence[Statement]) -> Iterator[str]:
    """The columns that have to be told, and are not by those who do not know them."""
    required = owner.execute(REQUIRED).fetchall()
    for statement in statements:
        for into, columns in re.findall(r"INSERT INTO (\w+) \(([^)]+)\)", statement.text):
            told = {column.strip(' "') for column in columns.split(",")}
            yield from (
                f"{into}.{column} is not told" for table, column in required if table == into and column not in told
            )


def faults(owner: Owner, statements: Sequence[Statement]) -> list[str]:
    return [*refused(owner, statements), *left_out(owner, statements)]


@pytest.mark.parametrize("version", released())
def test_the_newest_tables_answer_what_a_released_version_asks(owner: Owner, version: str) -> None:
    assert faults(owner, released()[version]) == []


def test_the_statements_of_this_version_are_kept_for_the_next() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert version in released(), f"run `python -m tests.releases {version}`"


BROKEN: dict[LiteralString, str] = {
    "ALTER TABLE jobs DROP COLUMN lease_until CASCADE": 'column "lease_until"',
    "ALTER TABLE contents RENAME COLUMN words TO number_of_words": 'column "words"',
    "ALTER TABLE outbox RENAME TO news": 'relation "outbox" does not exist',
    "ALTER TABLE jobs ALTER attempts DROP DEFAULT, ALTER attempts TYPE text": "operator does not exist: text",
    "ALTER TABLE bookmarks ADD COLUMN shelf text NOT NULL": "bookmarks.shelf is not told",
    "REVOKE SELECT ON contents FROM fleet_tenant": "permission denied for table contents",
    "REVOKE UPDATE ON lanes FROM fleet_dispatcher": "permission denied for table lanes",
}
EXPANDED: LiteralString = """
    ALTER TABLE jobs ADD COLUMN weight integer NOT NULL DEFAULT 1;
    ALTER TABLE bookmarks ADD COLUMN shelf text;
    CREATE TABLE shelves (name text PRIMARY KEY);
    CREATE INDEX ON bookmarks (shelf)
"""


@pytest.mark.parametrize("step", BROKEN)
def test_a_step_that_takes_from_released_versions_what_they_use_is_noticed(owner: Owner, step: LiteralString) -> None:
    with owner.transaction(force_rollback=True):
        owner.execute(step)
        found = [fault for statements in released().values() for fault in faults(owner, statements)]
    assert any(BROKEN[step] in fault for fault in found), found


def test_a_step_that_only_adds_is_none_of_their_business(owner: Owner) -> None:
    with owner.transaction(force_rollback=True):
        owner.execute(EXPANDED)
        assert [fault for statements in released().values() for fault in faults(owner, statements)] == []
