"""The migrations lead to tables.py, once, however many start them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from services.local.ports import free_port
from shared.errors import LedgerUnavailable
from shared.ledger.migrate import config_for, migrate, newest, pending, revision
from shared.ledger.tables import metadata


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[Connection]:
    engine = create_engine(make_url(empty_database_url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def test_the_migrated_schema_is_the_one_of_the_tables(empty_database_url: str, connection: Connection) -> None:
    assert pending(empty_database_url)
    assert revision(empty_database_url) is None
    migrate(empty_database_url)
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, metadata) == []
    assert not pending(empty_database_url)
    assert revision(empty_database_url) == newest()


def test_constraints_and_storage_are_those_of_the_tables_too(empty_database_url: str, connection: Connection) -> None:
    """Alembic's comparison overlooks checks, partial indexes' conditions and storage parameters."""
    migrate(empty_database_url)
    migrated = _details(connection)
    connection.execute(text("CREATE SCHEMA other; SET LOCAL search_path TO other"))
    metadata.create_all(connection)
    assert migrated == _details(connection)


def _details(connection: Connection) -> list[tuple[object, ...]]:
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    rows = connection.execute(
        text("""
            SELECT relname, conname, pg_get_constraintdef(c.oid)
              FROM pg_constraint c JOIN pg_class r ON r.oid = conrelid
             WHERE r.relnamespace = CAST(:schema AS regnamespace) AND relname <> 'alembic_version'
            UNION ALL
            SELECT tablename, indexname, indexdef FROM pg_indexes
             WHERE schemaname = CAST(:schema AS text) AND tablename <> 'alembic_version'
            UNION ALL
            SELECT relname, 'storage', CAST(reloptions AS text) FROM pg_class
             WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind = 'r' AND relname <> 'alembic_version'
            ORDER BY 1, 2, 3"""),
        {"schema": schema},
    )
    return [tuple(str(value).replace(f"{schema}.", "") for value in row) for row in rows]


def test_several_processes_may_migrate_at_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [empty_database_url] * 4))
    assert not pending(empty_database_url)


def test_every_step_can_be_taken_back(empty_database_url: str, connection: Connection) -> None:
    migrate(empty_database_url)
    command.downgrade(config_for(connection), "base")
    assert inspect(connection).get_table_names() == ["alembic_version"]
    command.upgrade(config_for(connection), "head")
    assert set(metadata.tables) < set(inspect(connection).get_table_names())


def test_a_database_out_of_reach_is_named_without_its_password() -> None:
    with pytest.raises(LedgerUnavailable) as caught:
        migrate(f"postgresql://fleet:sesame@127.0.0.1:{free_port()}/fleet")
    assert "sesame" not in str(caught.value)
