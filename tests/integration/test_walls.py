"""The walls between users: whatever a tenant's transaction asks for, it sees and touches one user's rows."""

from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Any, LiteralString

import psycopg
import pytest
from alembic import command
from psycopg.errors import FeatureNotSupported, InsufficientPrivilege
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from services.local.servers.postgres import Postgres
from shared.audit import Actor
from shared.database import Database
from shared.errors import LedgerOutdated, RolesMissing, RolesNotGranted
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.migrate import config_for, connected, migrate, revision
from shared.ledger.tables import metadata
from shared.ledger.walls import gaps
from shared.users import user_id
from shared.values import UserId
from tests.conftest import Own
from tests.contract.ledger.kit import POLICIES, RETRIES
from tests.servers import beside

ADA, BOB = user_id("ada"), user_id("bob")
BOOKMARKS = {ADA: 1, BOB: 2}
WITHOUT_USERS = {"alembic_version"}  # a table of no user's; whatever else is added gets a user_id and its policies

# A row of each table, of one user and one bookmark.
ROWS: dict[str, LiteralString] = {
    "bookmarks": "(user_id, url, url_digest) VALUES (:user, 'https://' || :user, :user)",
    "contents": """
        (bookmark_id, user_id, strategy, verdict, final_url, title, text, chars, words)
        VALUES (:bookmark, :user, 'static', 'ok', 'https://x.example', 't', 'of ' || :user, 1, 1)""",
    "analyses": """
        (bookmark_id, user_id, key_concepts, content_type, difficulty, technologies, learning_path,
         project_applicability, skill_development, summary, analysed_by, key_source, model, prompt_version)
        VALUES (:bookmark, :user, '{}', 'c', 'd', '{}', 'l', 'p', 's', 's', 'gemini', 'user', 'm', '1')""",
    "lanes": "(user_id, stage) VALUES (:user, 'scrape')",
    "jobs": "(bookmark_id, user_id, stage) VALUES (:bookmark, :user, 'scrape')",
    "receipts": "(user_id, source, key, digest, answer) VALUES (:user, 's', 'k', 'd', '[]')",
    "api_keys": "(user_id, name, status, fingerprint, version) VALUES (:user, 'n', 'active', 'f', 1)",
    "provider_calls": "(user_id, key_source, model, items) VALUES (:user, 'user', 'm', 1)",
    "user_preferences": "(user_id, language) VALUES (:user, 'de')",
    "user_limits": "(user_id, minute, set_by) VALUES (:user, 1, 'operator')",
    "learned_limits": """
        (account, "window", user_id, calls, source, until)
        VALUES ('user:' || :user, 'day', :user, 1, 'q', now() + interval '1 day')""",
    "signals": "(user_id, kind) VALUES (:user, 'bad_keys')",
    "outbox": "(user_id, type, data) VALUES (:user, 'bookmark.scraped', '{}')",
    "audit": "(user_id, actor, action) VALUES (:user, 'user:' || :user, 'key_added')",
}
each_table = pytest.mark.parametrize("table", ROWS)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Ada and Bob have a row in every table; nobody has a third."""
    database = Database(database_url, pool=1)
    async with database.begin() as work:
        await work.run_sync(fill)
    yield database
    await database.close()


def fill(connection: Connection) -> None:
    for user in (ADA, BOB):
        for table, row in ROWS.items():
            values = {"user": user, "bookmark": BOOKMARKS[user]}
            connection.execute(text(f"INSERT INTO {table} {row}"), values)


async def rows_of(database: Database, table: str, user: UserId) -> list[tuple[Any, ...]]:
    """As PostgreSQL stores them: a row that was written again, even with what it was, has another `xmin`."""
    async with database.begin() as work:
        found = await work.execute(text(f"SELECT xmin, * FROM {table} WHERE user_id = :user"), {"user": user})  # noqa: S608
        return [tuple(row) for row in found]


async def refused(database: Database, user: UserId | None, statement: str, /, **values: object) -> DBAPIError:
    with pytest.raises(DBAPIError) as caught:
        async with database.begin(user) as work:
            await work.execute(text(statement), values)
    return caught.value


# ---- the catalogue: what somebody forgets fails here ----------------------------------------------


async def test_every_table_there_is_has_a_user_policies_and_a_row_in_these_tests(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm', 'v')"
        ).fetchall()
    assert {name for (name,) in tables} == set(ROWS) | WITHOUT_USERS
    assert all("user_id" in table.columns for table in metadata.tables.values())
    assert gaps(database_url) == []


async def test_no_role_owns_a_thing_may_make_one_or_passes_the_walls(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, rolcreatedb FROM pg_roles"
            " WHERE rolname LIKE 'fleet\\_%' ORDER BY 1"
        ).fetchall()
        owned = connection.execute(
            "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) IN ('fleet_tenant', 'fleet_dispatcher')"
        ).fetchall()
    assert [role for role in roles if role[0] in {"fleet_tenant", "fleet_dispatcher"}] == [
        ("fleet_dispatcher", False, False, False, False, False),
        ("fleet_tenant", False, False, False, False, False),
    ]
    assert owned == []


async def test_a_column_that_is_added_can_be_written_by_those_who_write_its_table(database_url: str) -> None:
    """Rights are by column, so that nobody chooses a row's number; a new column needs its own."""
    with psycopg.connect(database_url) as connection:
        unwritable = connection.execute("""
            SELECT role, relname, attname
              FROM unnest(ARRAY['fleet_tenant', 'fleet_dispatcher']) AS role
             CROSS JOIN pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
               AND has_any_column_privilege(role, pg_class.oid, 'INSERT')
               AND NOT has_column_privilege(role, pg_class.oid, attnum, 'INSERT')""").fetchall()
    assert {(table, column) for _, table, column in unwritable} == {
        *((table, "id") for table in ("audit", "bookmarks", "jobs", "outbox", "provider_calls")),
        ("audit", "at"),
    }


# ---- reading --------------------------------------------------------------------------------------


@each_table
async def test_a_tenant_sees_its_own_rows_and_the_fleet_all(database: Database, table: str) -> None:
    everything = text(f"SELECT user_id FROM {table} ORDER BY user_id")  # noqa: S608 - our own words
    seen = {}
    for user in (ADA, BOB, None):
        async with database.begin(user) as work:
            seen[user] = list((await work.execute(everything)).scalars())
    assert seen == {ADA: [ADA], BOB: [BOB], None: [ADA, BOB]}


@each_table
async def test_a_tenant_without_a_name_sees_and_writes_nothing(database: Database, table: str) -> None:
    for name in ("", None):
        async with database.begin(ADA) as work:
            await work.execute(text("SELECT set_config('fleet.user_id', :name, true)"), {"name": name})
            assert (await work.execute(text(f"SELECT 1 FROM {table}"))).all() == []  # noqa: S608 - our own words
            with pytest.raises(DBAPIError, match=r"row-level security|permission denied"):
                await work.execute(text(f"INSERT INTO {table} {ROWS[table]}"), {"user": "", "bookmark": 1})


@pytest.mark.parametrize(
    "question",
    [
        "SELECT url FROM bookmarks WHERE user_id = 'bob'",
        "SELECT url FROM bookmarks WHERE user_id <> 'ada' OR true",
        "SELECT (SELECT max(url) FROM bookmarks)",
        "SELECT url FROM jobs CROSS JOIN bookmarks",
        "SELECT b.url FROM bookmarks AS a FULL JOIN bookmarks AS b ON true",
        "SELECT b.url FROM lanes CROSS JOIN LATERAL (SELECT url FROM bookmarks WHERE user_id <> lanes.user_id) AS b",
        "WITH all_of_them AS MATERIALIZED (SELECT * FROM bookmarks) SELECT url FROM all_of_them",
        "SELECT url FROM bookmarks UNION ALL SELECT text FROM contents",
        "SELECT 'bob' WHERE EXISTS (SELECT FROM bookmarks WHERE user_id = 'bob')",
        "SELECT string_agg(bookmarks::text, ',') FROM bookmarks",
        "SELECT url FROM bookmarks FOR UPDATE",
        "SELECT url FROM bookmarks WHERE 1 / (CASE WHEN url LIKE '%bob%' THEN 0 ELSE 1 END) = 1",
        "SELECT url FROM bookmarks WHERE CAST(replace(url, 'https://ada', '1') AS int) = 1",
        "SELECT most_common_vals::text FROM pg_stats WHERE schemaname = 'public'",
        "SELECT query FROM pg_stat_activity WHERE query LIKE '%https://b' || 'ob%'",
    ],
)
async def test_no_question_brings_anothers_row_to_light(database: Database, database_url: str, question: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("ANALYZE bookmarks")
    async with database.begin(ADA) as work:
        answer = str((await work.execute(text(question))).all())
    assert "bob" not in answer


async def test_rows_cannot_be_copied_past_the_wall(database_url: str, database: Database) -> None:
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', 'fleet_tenant', false), set_config('fleet.user_id', 'ada', false)")
        for what in ("bookmarks", "(SELECT * FROM bookmarks)"):
            with cursor.copy(f"COPY {what} TO STDOUT") as copy:  # type: ignore[call-overload]
                copied = b"".join(copy)
            assert b"https://ada" in copied
            assert b"bob" not in copied
        connection.commit()
        for statement in (
            "COPY bookmarks (user_id, url, url_digest) FROM STDIN",
            "COPY bookmarks TO PROGRAM 'cat'",
            "COPY bookmarks TO '/tmp/bookmarks'",
        ):
            with pytest.raises((FeatureNotSupported, InsufficientPrivilege)):
                cursor.execute(statement)  # type: ignore[call-overload]
            connection.rollback()
            cursor.execute("SELECT set_config('role', 'fleet_tenant', false)")


# ---- writing --------------------------------------------------------------------------------------


@each_table
async def test_a_tenants_update_reaches_its_own_rows_only(database: Database, database_url: str, table: str) -> None:
    with psycopg.connect(database_url) as connection:
        columns = connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND has_column_privilege('fleet_tenant', attrelid, attnum, 'UPDATE')",
            [table],
        ).fetchall()
    before = await rows_of(database, table, BOB)
    for (column,) in columns:
        for whose in ("", "WHERE user_id = 'bob'"):
            update = f'UPDATE {table} SET "{column}" = "{column}" {whose} RETURNING user_id'  # noqa: S608 - our own words
            async with database.begin(ADA) as work:
                assert set((await work.execute(text(update))).scalars()) <= {ADA}
    if not columns:
        error = await refused(database, ADA, f"UPDATE {table} SET user_id = user_id")  # noqa: S608 - our own words
        assert isinstance(error.orig, InsufficientPrivilege)
    assert await rows_of(database, table, BOB) == before


@each_table
async def test_a_row_cannot_be_given_to_another_user(database: Database, table: str) -> None:
    for user in (ADA, None):
        error = await refused(database, user, f"UPDATE {table} SET user_id = 'bob'")  # noqa: S608 - our own words
        assert isinstance(error.orig, InsufficientPrivilege)


@each_table
async def test_a_tenants_delete_reaches_its_own_rows_only(database: Database, table: str) -> None:
    before = await rows_of(database, table, BOB)
    for whose in ("WHERE user_id = 'bob'", "USING bookmarks AS b WHERE b.user_id <> 'ada' OR true"):
        delete = text(f"DELETE FROM {table} {whose} RETURNING {table}.user_id")  # noqa: S608 - our own words
        with suppress(ProgrammingError):  # from some tables it may not delete at all
            async with database.begin(ADA) as work:
                assert set((await work.execute(delete)).scalars()) <= {ADA}
    assert await rows_of(database, table, BOB) == before


@each_table
async def test_a_tenant_cannot_write_a_row_for_another_user(database: Database, table: str) -> None:
    before = await rows_of(database, table, BOB)
    for also in ("", "ON CONFLICT DO NOTHING", "RETURNING user_id"):
        insert = f"INSERT INTO {table} {ROWS[table]} {also}"
        error = await refused(database, ADA, insert, user=BOB, bookmark=BOOKMARKS[BOB])
        assert isinstance(error.orig, InsufficientPrivilege)
    assert await rows_of(database, table, BOB) == before


@each_table
async def test_nobody_but_the_owner_empties_a_table_or_changes_its_walls(database: Database, table: str) -> None:
    for user in (ADA, None):
        for statement in (
            f"TRUNCATE {table} CASCADE",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"DROP POLICY tenant ON {table}",
            f"CREATE POLICY hole ON {table} USING (true)",
            f"CREATE INDEX ON {table} (user_id)",
            f"CREATE TRIGGER peek BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            f"CREATE TABLE public.copy AS TABLE {table}",
        ):
            error = await refused(database, user, statement)
            assert isinstance(error.orig, InsufficientPrivilege)


# ---- what conflicts and references could tell -----------------------------------------------------


async def test_the_same_bookmark_of_another_user_is_no_conflict(database: Database) -> None:
    row = "INSERT INTO bookmarks (user_id, url, url_digest) VALUES ('ada', 'https://bob', 'bob')"
    async with database.begin(ADA) as work:
        added = await work.execute(text(f"{row} ON CONFLICT (user_id, url_digest) DO NOTHING RETURNING url"))
        assert added.scalar_one() == "https://bob"


@pytest.mark.parametrize("table", ["contents", "analyses", "jobs"])
@pytest.mark.parametrize("also", ["", "ON CONFLICT DO NOTHING"])
async def test_a_row_on_anothers_bookmark_fails_as_on_one_that_does_not_exist(
    database: Database, table: str, also: str
) -> None:
    """Whether the bookmark is there, and whether it has such a row, must not show in the error."""
    async with database.begin() as work:
        bare = "INSERT INTO bookmarks (user_id, url, url_digest) VALUES ('bob', 'https://bare', 'bare') RETURNING id"
        without_rows = int((await work.execute(text(bare))).scalar_one())
    told = set()
    for bookmark in (BOOKMARKS[BOB], without_rows, 999_999):
        insert = f"INSERT INTO {table} {ROWS[table]} {also}"
        error = await refused(database, ADA, insert, user=ADA, bookmark=bookmark)
        assert isinstance(error, IntegrityError)
        assert isinstance(error.orig, psycopg.Error)
        told.add((error.orig.sqlstate, error.orig.diag.constraint_name, error.orig.diag.message_primary))
    assert len(told) == 1


@pytest.mark.parametrize("table", ["bookmarks", "jobs", "provider_calls", "outbox", "audit"])
async def test_nobody_chooses_a_rows_number_or_the_next_one(database: Database, table: str) -> None:
    for user in (ADA, None):
        for statement in (
            f"INSERT INTO {table} (id) VALUES (1)",  # noqa: S608 - our own words
            f"UPDATE {table} SET id = id + 1000",  # noqa: S608 - as above
            f"SELECT setval('{table}_id_seq', 1)",
        ):
            assert isinstance((await refused(database, user, statement)).orig, InsufficientPrivilege)


# ---- the audit ------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
async def test_the_audit_is_changed_by_nobody_not_even_by_its_owner(database: Database, change: str) -> None:
    before = await rows_of(database, "audit", ADA)
    for user in (ADA, None):
        assert isinstance((await refused(database, user, change)).orig, InsufficientPrivilege)
    assert "audit only grows" in str(await refused(database, None, f"SET LOCAL ROLE NONE; {change}"))
    assert await rows_of(database, "audit", ADA) == before


async def test_no_role_dates_an_entry_of_the_audit(database: Database) -> None:
    for user in (ADA, None):
        entry = "INSERT INTO audit (at, user_id, actor, action) VALUES (now(), 'ada', 'x', 'y')"
        assert isinstance((await refused(database, user, entry)).orig, InsufficientPrivilege)


# ---- transactions ---------------------------------------------------------------------------------


async def test_a_connection_is_the_fleets_own_again_after_a_tenants_transaction(database: Database) -> None:
    """There is one connection in this pool."""
    who = text("SELECT current_user, coalesce(current_setting('fleet.user_id', true), '')")
    for user in (ADA, BOB):
        async with database.begin(user) as work:
            assert tuple((await work.execute(who)).one()) == ("fleet_tenant", user)
        await refused(database, user, "SELECT 1 / 0")
        async with database.begin() as work:
            assert tuple((await work.execute(who)).one()) == ("fleet_dispatcher", "")


async def test_a_tenant_by_any_name_is_a_value_and_never_sql(database: Database) -> None:
    for name in ("bob' OR '1'='1", "ada', false), set_config('role', 'fleet_dispatcher", "%", "ada\\"):
        async with database.begin(UserId(name)) as work:
            assert (await work.execute(text("SELECT 1 FROM bookmarks"))).all() == []


# ---- getting there --------------------------------------------------------------------------------


async def test_a_database_without_our_tables_or_without_the_walls_is_to_be_migrated(
    empty_database_url: str, database_url: str
) -> None:
    """The server has the roles already: another database of it is migrated."""
    database = Database(empty_database_url)
    for step in ("base", "0002"):
        to_step(empty_database_url, step)
        for user in (ADA, None):
            with pytest.raises(LedgerOutdated):
                await database.begin(user).__aenter__()
    migrate(empty_database_url)
    async with database.begin(ADA) as work:
        assert (await work.execute(text("SELECT 1 FROM bookmarks"))).all() == []
    await database.close()


async def test_what_was_kept_before_the_walls_is_behind_them_and_is_gone_on_with(empty_database_url: str) -> None:
    to_step(empty_database_url, "0002")
    with connected(empty_database_url) as connection:
        fill(connection)
    migrate(empty_database_url)

    database = Database(empty_database_url)
    for user in (ADA, BOB):
        for table in ROWS:
            async with database.begin(user) as work:
                assert list((await work.execute(text(f"SELECT user_id FROM {table}"))).scalars()) == [user]  # noqa: S608
    await PostgresLedger(database, policies=POLICIES, retries=RETRIES).erase(ADA, by=Actor("operator:eve", "here"))
    left = {table for table in ROWS if await rows_of(database, table, ADA)}
    assert left == {"audit", "provider_calls"}  # the trail, and the journal that forgets by itself
    assert {table: len(await rows_of(database, table, BOB)) for table in ROWS} == dict.fromkeys(ROWS, 1)
    await database.close()


def test_databases_of_one_server_make_the_roles_at_the_same_moment(postgres: Own[Postgres]) -> None:
    urls = [beside(postgres.url, f"fleet{number}") for number in range(4)]
    with psycopg.connect(postgres.url, autocommit=True) as owner:
        for number in range(4):
            owner.execute(f"CREATE DATABASE fleet{number}")  # type: ignore[call-overload]
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:  # Alembic works on one database a process
        list(pool.map(migrate, urls))
    assert [gaps(url) for url in urls] == [[]] * 4


async def test_a_login_without_rights_is_told_what_an_administrator_has_to_run(postgres: Own[Postgres]) -> None:
    url = postgres.url.replace("//fleet:", "//plain:").replace("/fleet", "/plain")
    with psycopg.connect(postgres.server.superuser_url, autocommit=True) as administrator:
        password = make_url(url).password
        administrator.execute(f"CREATE ROLE plain LOGIN PASSWORD '{password}'")  # type: ignore[call-overload]
        administrator.execute("CREATE DATABASE plain OWNER plain")

        with pytest.raises(RolesMissing) as missing:
            migrate(url)
        assert revision(url) is None
        told = missing.value.sentence.partition("SQL: ")[2]
        create, grant = told[: told.index("GRANT")], told[told.index("GRANT") :]

        administrator.execute(create)  # type: ignore[call-overload]
        migrate(url)
        assert gaps(url) == ["The login may not act as fleet_dispatcher.", "The login may not act as fleet_tenant."]
        database = Database(url)
        with pytest.raises(RolesNotGranted):
            await database.begin(ADA).__aenter__()

        administrator.execute(grant)  # type: ignore[call-overload]
        async with database.begin(ADA):
            assert gaps(url) == []
        await database.close()


def to_step(url: str, step: str) -> None:
    with connected(url) as connection:
        command.upgrade(config_for(connection), step)


# ---- the doctor -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("ALTER TABLE jobs DISABLE ROW LEVEL SECURITY", "table jobs is open"),
        ("ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY", "table jobs is open"),
        ("DROP POLICY tenant ON audit", "table audit is open"),
        ("DROP POLICY dispatcher ON signals", "table signals is open"),
        ("CREATE POLICY hole ON outbox USING (true)", "table outbox is open"),
        ("ALTER POLICY tenant ON lanes USING (true)", "table lanes is open"),
        ("ALTER POLICY tenant ON lanes WITH CHECK (true)", "table lanes is open"),
        ("ALTER POLICY tenant ON receipts TO PUBLIC", "table receipts is open"),
        ("CREATE TABLE notes (user_id text)", "table notes is open"),
        ("DROP TRIGGER only_grows ON audit", "audit can be changed"),
        ("ALTER TABLE audit DISABLE TRIGGER only_grows", "audit can be changed"),
    ],
)
def test_the_doctor_finds_the_hole_in_a_wall(database_url: str, damage: str, said: str) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute(damage)  # type: ignore[call-overload]
    [found] = gaps(database_url)
    assert said in found


def test_the_doctor_finds_roles_and_logins_that_pass_every_wall(postgres: Own[Postgres]) -> None:
    assert {"There is no role fleet_dispatcher.", "There is no role fleet_tenant."} < set(gaps(postgres.url))
    migrate(postgres.url)
    with psycopg.connect(postgres.server.superuser_url, autocommit=True) as administrator:
        administrator.execute("ALTER ROLE fleet_tenant BYPASSRLS")
        assert gaps(postgres.url) == ["The role fleet_tenant is a superuser or has BYPASSRLS: no wall holds it."]
        administrator.execute("ALTER ROLE fleet_tenant NOBYPASSRLS; ALTER ROLE fleet BYPASSRLS")
        assert gaps(postgres.url) == ["The login fleet is a superuser or has BYPASSRLS: no wall holds it."]
