"""Brings a database to the newest schema, and says whether it is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, make_url, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from shared.errors import LedgerUnavailable

_ONE_AT_A_TIME = 0x666C_6D69  # the advisory lock of migrations: "flmi"
_STEPS = Path(__file__).parent / "migrations"


def migrate(url: str) -> None:
    """Take every missing step to the newest schema, all or none; does nothing when there is none.

    Several processes may start it at once: one works, the others wait for it and find nothing to do.

    Args:
        url: `postgresql://user:password@host:5432/name`.

    Raises:
        LedgerUnavailable: PostgreSQL cannot be reached; nothing was changed.
        RolesMissing: the login may not make the roles that keep users apart; nothing was changed.
    """
    with connected(url) as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        command.upgrade(config_for(connection), "head")


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
