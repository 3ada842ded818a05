"""Whether the walls between users stand: what `fleet doctor` asks."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from shared.ledger.migrate import connected

_LOGIN = text("SELECT rolname, rolsuper OR rolbypassrls AS passes FROM pg_roles WHERE rolname = current_user")
_ROLES = text("""
    SELECT role.name, rolname IS NOT NULL AS is_there, rolsuper OR rolbypassrls AS passes,
           pg_has_role(pg_roles.oid, 'MEMBER') AS is_granted
      FROM unnest(ARRAY['fleet_tenant', 'fleet_dispatcher']) AS role (name)
      LEFT JOIN pg_roles ON rolname = role.name
     ORDER BY role.name
""")
_OPEN_TABLES = text("""
    SELECT relname FROM pg_class
     CROSS JOIN LATERAL (
           SELECT count(*) AS all, count(*) FILTER (
                  WHERE (policyname, roles) = ('dispatcher', ARRAY[name 'fleet_dispatcher'])
                     OR (policyname, roles) = ('tenant', ARRAY[name 'fleet_tenant'])
                        AND qual LIKE '%fleet.user_id%' AND with_check = qual) AS ours
             FROM pg_policies WHERE schemaname = current_schema() AND tablename = relname) AS policies
     WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relkind IN ('r', 'p')
       AND relname <> 'alembic_version'
       AND NOT (relrowsecurity AND relforcerowsecurity AND policies.all = 2 AND policies.ours = 2)
     ORDER BY relname
""")
_AUDIT_ONLY_GROWS = text("""
    SELECT count(*) FROM pg_trigger
     WHERE tgrelid = to_regclass('audit') AND tgname = 'only_grows' AND tgenabled IN ('O', 'A')
""")


def gaps(url: str) -> list[str]:
    """Where the walls between users are open, one sentence each; none when they stand.

    Raises:
        LedgerUnavailable: PostgreSQL cannot be reached.
    """
    with connected(url) as connection:
        return [*_of_the_login(connection), *_of_the_roles(connection), *_of_the_tables(connection)]


def _of_the_login(connection: Connection) -> Iterator[str]:
    login = connection.execute(_LOGIN).one()
    if login.passes:
        yield f"The login {login.rolname} is a superuser or has BYPASSRLS: no wall holds it."


def _of_the_roles(connection: Connection) -> Iterator[str]:
    for role in connection.execute(_ROLES):
        if not role.is_there:
            yield f"There is no role {role.name}."
        elif role.passes:
            yield f"The role {role.name} is a superuser or has BYPASSRLS: no wall holds it."
        elif not role.is_granted:
            yield f"The login may not act as {role.name}."


def _of_the_tables(connection: Connection) -> Iterator[str]:
    for table in connection.execute(_OPEN_TABLES).scalars():
        yield f"The table {table} is open: its row-level security is not forced, or not by the policies of migrations."
    if not connection.execute(_AUDIT_ONLY_GROWS).scalar_one():
        yield "The audit can be changed: its trigger only_grows is missing or off."
