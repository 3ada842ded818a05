"""Brings a database to the newest schema, and says whether it is there.

Work goes on meanwhile, in transactions that take tables in orders of their own. So a migration takes all tables first,
the lanes before the others as nearly all work does, and gives up and lets go sooner than PostgreSQL looks for a
deadlock (after a second): what runs is held up for a moment and never ended. A while later it tries again.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, QueryCanceled
from sqlalchemy import Connection, create_engine, func, inspect, make_url, select, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from shared.errors import LedgerInUse, LedgerUnavailable
from shared.ledger.tables import metadata
from shared.logs import log

_ONE_AT_A_TIME = 0x666C_6D69  # the advisory lock of migrations: "flmi"
_STEPS = Path(__file__).parent / "migrations"
_PATIENCE = timedelta(minutes=5)
_PAUSE = timedelta(seconds=1)  # between two attempts, on average
_HOLD_UP_WORK = text("SET LOCAL statement_timeout = '250ms'")
_HOLD_UP_NO_MORE = text("SET LOCAL statement_timeout TO DEFAULT")
_IN_ORDER = ("lanes", "jobs", *sorted(set(metadata.tables) - {"lanes", "jobs"}))


def migrate(url: str, *, patience: timedelta = _PATIENCE) -> None:
    """Take every missing step to the newest schema, all or none; does nothing when there is none.

    Several processes may start it at once: one works, the others wait for it and find nothing to do.

    Args:
        url: `postgresql://user:password@host:5432/name`.
        patience: how long a moment is sought in which no transaction of others has a table.

    Raises:
        LedgerUnavailable: PostgreSQL cannot be reached; nothing was changed.
        LedgerInUse: there was no such moment; nothing was changed.
        RolesMissing: the login may not make the roles that keep users apart; nothing was changed.
    """
    deadline = time.monotonic() + patience.total_seconds()
    while not _attempt(url):
        if time.monotonic() >= deadline:
            raise LedgerInUse
        log.info("migration_waits")
        time.sleep(_PAUSE.total_seconds() * random.uniform(0.5, 1.5))  # noqa: S311 - spreads attempts, guards nothing


def _attempt(url: str) -> bool:
    """Take every missing step, if all tables can be had; False when they cannot."""
    with connected(url) as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        if MigrationContext.configure(connection).get_current_revision() == newest():
            return True
        if not _take_tables(connection):
            return False
        command.upgrade(config_for(connection), "head")
        return True


def _take_tables(connection: Connection) -> bool:
    """Keep everybody else from our tables until the transaction ends; False, with none held, if they do not let go."""
    there = set(inspect(connection).get_table_names())
    tables = ", ".join(table for table in _IN_ORDER if table in there)
    if not tables:
        return True
    try:
        with connection.begin_nested():
            connection.execute(_HOLD_UP_WORK)
            connection.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))
            connection.execute(_HOLD_UP_NO_MORE)
    except OperationalError as error:
        if isinstance(error.orig, QueryCanceled | DeadlockDetected):
            return False
        raise
    return True


def pending(url: str) -> bool:
    """Whether steps are missing: `fleet migrate` would change the database.

    Raises:
        LedgerUnavailable: PostgreSQL cannot be reached.
    """
    return revision(url) != newest()


def revision(url: str) -> str | None:
    """The step the database is at; None when it holds no ledger yet.

    Raises:
        LedgerUnavailable: PostgreSQL cannot be reached.
    """
    with connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """The step this program needs."""
    return ScriptDirectory(str(_STEPS)).get_current_head()


def config_for(connection: Connection) -> Config:
    """Alembic's configuration for a connection whose transaction the caller ends; holds no password."""
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection as the login itself, in no role, for one transaction.

    Raises:
        LedgerUnavailable: PostgreSQL cannot be reached.
    """
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool, connect_args={"connect_timeout": 5}
    )
    try:
        with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError) as error:
        raise LedgerUnavailable(f"PostgreSQL cannot be reached ({type(error.orig).__name__}).") from error
