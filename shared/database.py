"""PostgreSQL as every adapter sees it: one pool, and transactions that know whose data they touch."""

import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from psycopg.errors import InsufficientPrivilege, InvalidParameterValue, UndefinedColumn, UndefinedTable
from psycopg.errors import InterfaceError as DriverInterfaceError
from psycopg.errors import OperationalError as DriverOperationalError
from sqlalchemy import event, func, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from shared.errors import LedgerOutdated, LedgerUnavailable, RolesNotGranted
from shared.values import UserId

# A queue's tables are empty one minute and hold a million rows the next. A plan made while they were small and kept
# since reads all of them, so each statement is planned for the tables as they are, and finds its rows by index. Only
# plain index scans clear the entries of dead rows out of their way, of which queues have many: no bitmaps either.
# Who holds a user's lanes and is never heard of again (a frozen process, a cut network) loses them.
_SESSION = {
    "plan_cache_mode": "force_custom_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}
# A connection is the fleet's own from its start, so that only a tenant's transaction has to say whose it is. It must be
# able to be both; a database of before the walls has no rights for either.
_TAKE_ROLES = """
    SELECT set_config('role', 'fleet_tenant', false), set_config('role', 'fleet_dispatcher', false),
           has_table_privilege('fleet_dispatcher', 'lanes', 'SELECT')
"""
_TRUSTED_FOR_S = 5.0
"""Seconds without use after which a connection is asked whether it still is one; asking each time costs as much as a
statement."""
_BE_TENANT = text("SELECT set_config('role', 'fleet_tenant', true), set_config('fleet.user_id', :user, true)")


class Database:
    """A pool of connections to the ledger's PostgreSQL."""

    def __init__(self, url: str, *, pool: int = 10) -> None:
        """Keep the address; the first transaction connects.

        Args:
            url: `postgresql://user:password@host:5432/name`.
            pool: connections held open at most.
        """
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool,
            max_overflow=0,
            pool_timeout=10,
            connect_args={
                "connect_timeout": 5,
                "application_name": "bookmark-fleet",
                "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
            },
        )
        event.listen(self._engine.sync_engine, "connect", _take_roles)
        event.listen(self._engine.sync_engine, "checkin", _note_rest)
        event.listen(self._engine.sync_engine, "checkout", _be_alive)
        self._statement = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def begin(self, user: UserId | None = None) -> AsyncIterator[AsyncConnection]:
        """One transaction: kept when the block ends, dropped when it raises.

        Args:
            user: the tenant whose rows alone it sees and touches (row-level security); None for the fleet's own work
                over all tenants.

        Raises:
            LedgerUnavailable: PostgreSQL cannot be reached, went away or ended a deadlock; nothing was kept.
            LedgerOutdated: it does not have our tables yet, or not as they are now.
            RolesNotGranted: the login may not act for tenants or for the fleet.
        """
        with _translated():
            async with self._engine.begin() as connection:
                if user is not None:
                    await connection.execute(_BE_TENANT, {"user": user})
                yield connection

    @asynccontextmanager
    async def one_statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection for the fleet's own work that is a single statement, and so needs no transaction around it.

        Raises:
            LedgerUnavailable, LedgerOutdated, RolesNotGranted: as in `begin`.
        """
        with _translated():
            async with self._statement.connect() as connection:
                yield connection

    async def answers(self) -> bool:
        """True, once PostgreSQL has answered.

        Raises:
            LedgerUnavailable, LedgerOutdated, RolesNotGranted: as in `begin`.
        """
        async with self.one_statement() as work:
            await work.execute(select(1))
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


async def is_alone(work: AsyncConnection, lock: int) -> bool:
    """Whether this transaction alone holds the advisory lock now, until it ends; never waits for it."""
    return bool(await work.scalar(select(func.pg_try_advisory_xact_lock(lock))))


@contextmanager
def _translated() -> Iterator[None]:
    """What SQLAlchemy raises, as the fleet's own errors."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, OSError) as error:
        raise LedgerUnavailable(f"PostgreSQL did not do what it was asked ({_kind(error)}).") from error
    except ProgrammingError as error:
        if isinstance(error.orig, UndefinedTable | UndefinedColumn):
            raise LedgerOutdated from error
        raise


def _take_roles(connection: DBAPIConnection, _record: object) -> None:
    """Make a new connection the fleet's own; raising closes it."""
    cursor = connection.cursor()
    try:
        cursor.execute(_TAKE_ROLES)
        row = cursor.fetchone()
    except InsufficientPrivilege as error:
        raise RolesNotGranted from error
    except (InvalidParameterValue, UndefinedTable) as error:
        raise LedgerOutdated from error  # there is no such role, or no such table
    if row is None or not row[-1]:
        raise LedgerOutdated
    connection.commit()


def _note_rest(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info["at_rest_since"] = time.monotonic()


def _be_alive(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Ask a connection that was not used for a while whether it still is one; if not, the pool replaces all."""
    if time.monotonic() - record.info.get("at_rest_since", math.inf) < _TRUSTED_FOR_S:
        return
    try:
        connection.cursor().execute("SELECT 1")
        connection.rollback()
    except (DriverOperationalError, DriverInterfaceError) as error:
        raise InvalidatePoolError from error


def _kind(error: Exception) -> str:
    """The driver's name for the failure; its text may hold addresses, so it stays out of the sentence."""
    return type(error.orig if isinstance(error, DBAPIError) and error.orig else error).__name__
