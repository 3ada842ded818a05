"""Walls between users: roles for tenants and for the fleet's own work, row-level security, an audit that only grows."""

import sqlalchemy as sa
from alembic import op
from psycopg.errors import DuplicateObject, InsufficientPrivilege, UniqueViolation
from sqlalchemy.exc import IntegrityError, ProgrammingError

from shared.errors import RolesMissing

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ROLES = ("fleet_tenant", "fleet_dispatcher")
# What the code does in a tenant's transaction, and no more.
_TENANTS_RIGHTS = {
    "analyses": "SELECT INSERT UPDATE",
    "api_keys": "SELECT INSERT UPDATE DELETE",
    "audit": "SELECT INSERT",
    "bookmarks": "SELECT INSERT UPDATE DELETE",
    "contents": "SELECT INSERT UPDATE",
    "jobs": "SELECT INSERT UPDATE",
    "lanes": "SELECT INSERT UPDATE DELETE",
    "learned_limits": "SELECT DELETE",
    "outbox": "SELECT INSERT DELETE",
    "provider_calls": "SELECT INSERT",
    "receipts": "SELECT INSERT DELETE",
    "signals": "SELECT DELETE",
    "user_limits": "SELECT DELETE",
    "user_preferences": "SELECT INSERT UPDATE DELETE",
}
_BOOKMARKS_OWN = ("analyses", "contents", "jobs")


def upgrade() -> None:
    """Go to this step."""
    _make_roles()
    op.execute(f"GRANT USAGE ON SCHEMA {_schema()} TO {', '.join(_ROLES)}")
    _tie_rows_to_their_users_bookmarks()
    for table, rights in _TENANTS_RIGHTS.items():
        _grant(table, "fleet_tenant", rights)
        _grant(table, "fleet_dispatcher", "SELECT INSERT" if table == "audit" else "SELECT INSERT UPDATE DELETE")
        _wall(table)
    # Of a user who just came with thousands of bookmarks the statistics know nothing: the planner expected one row, and
    # read all of the user's by the policy's condition where it was given a bookmark's number. Knowing nothing of any
    # user, it takes all for large, and goes by the number.
    op.execute("ALTER TABLE bookmarks ALTER COLUMN user_id SET STATISTICS 0")
    op.execute("""
        CREATE FUNCTION refuse_to_change_the_audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'The audit only grows: its entries are neither changed nor removed.'
                  USING ERRCODE = 'insufficient_privilege';
        END $$""")
    op.execute("""
        CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_audit()""")


def downgrade() -> None:
    """Go back to the step before; the roles stay, other databases of the server may have them too."""
    op.execute("DROP TRIGGER only_grows ON audit")
    op.execute("DROP FUNCTION refuse_to_change_the_audit()")
    op.execute("ALTER TABLE bookmarks ALTER COLUMN user_id SET STATISTICS -1")
    for table in _TENANTS_RIGHTS:
        op.execute(f"DROP POLICY dispatcher ON {table}")
        op.execute(f"DROP POLICY tenant ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
    _untie_rows()
    for kind in ("TABLES", "SEQUENCES"):
        op.execute(f"REVOKE ALL ON ALL {kind} IN SCHEMA {_schema()} FROM {', '.join(_ROLES)}")
    op.execute(f"REVOKE USAGE ON SCHEMA {_schema()} FROM {', '.join(_ROLES)}")


def _make_roles() -> None:
    """Have the roles on this server, whoever makes them, and let this login act as them."""
    work = op.get_bind()
    there = set(work.scalars(sa.text("SELECT rolname FROM pg_roles WHERE rolname LIKE 'fleet%'")))
    missing = tuple(role for role in _ROLES if role not in there)
    for role in missing:
        refusal = _refusal(f"CREATE ROLE {role} NOLOGIN")
        if isinstance(refusal, InsufficientPrivilege):
            raise RolesMissing(missing, login=str(work.scalar(sa.text("SELECT current_user")))) from refusal
    # Where it may not, it may have the rights already, or need none; `fleet doctor` says what is missing.
    _refusal(f"GRANT {', '.join(_ROLES)} TO CURRENT_USER")


def _refusal(statement: str) -> Exception | None:
    """Why a statement was not done: for lack of rights, or because it was done at the same moment elsewhere."""
    try:
        with op.get_bind().begin_nested():
            op.execute(statement)
    except (IntegrityError, ProgrammingError) as error:
        if isinstance(error.orig, DuplicateObject | InsufficientPrivilege | UniqueViolation):
            return error.orig
        raise
    return None


def _tie_rows_to_their_users_bookmarks() -> None:
    """A row hangs on a bookmark of its own user, and is unique for its user: no conflict shows another user's row."""
    op.drop_index("ix_bookmarks_user_id_id", table_name="bookmarks")
    op.create_unique_constraint(op.f("uq_bookmarks_user_id_id"), "bookmarks", ["user_id", "id"])
    for table in _BOOKMARKS_OWN:
        _hang_on_bookmarks(table, "bookmark_id, user_id", "id, user_id")
    for table in ("analyses", "contents"):
        _identify_by(table, "bookmark_id, user_id")
    _one_open_job_for_each("bookmark_id", "stage", "user_id")


def _untie_rows() -> None:
    _one_open_job_for_each("bookmark_id", "stage")
    for table in ("analyses", "contents"):
        _identify_by(table, "bookmark_id")
    for table in _BOOKMARKS_OWN:
        _hang_on_bookmarks(table, "bookmark_id", "id")
    op.drop_constraint(op.f("uq_bookmarks_user_id_id"), "bookmarks")
    op.create_index("ix_bookmarks_user_id_id", "bookmarks", ["user_id", "id"])


def _hang_on_bookmarks(table: str, columns: str, keys: str) -> None:
    op.execute(f"""
        ALTER TABLE {table} DROP CONSTRAINT fk_{table}_bookmark_id,
          ADD CONSTRAINT fk_{table}_bookmark_id
              FOREIGN KEY ({columns}) REFERENCES bookmarks ({keys}) ON DELETE CASCADE""")


def _identify_by(table: str, columns: str) -> None:
    op.execute(f"""
        ALTER TABLE {table} DROP CONSTRAINT pk_{table}, ADD CONSTRAINT pk_{table} PRIMARY KEY ({columns})""")


def _one_open_job_for_each(*columns: str) -> None:
    op.drop_index("ix_jobs_open", table_name="jobs")
    is_open = sa.text("state IN ('queued', 'released', 'running')")
    op.create_index("ix_jobs_open", "jobs", list(columns), unique=True, postgresql_where=is_open)


def _grant(table: str, role: str, rights: str) -> None:
    """Grant rights, but to nobody the choice of a row's number or an audit entry's time, nor to pass rows on."""
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
    withheld = {"INSERT": {"id", "at"} if table == "audit" else {"id"}, "UPDATE": {"id", "user_id"}}
    for right in rights.split():
        rest = [f'"{name}"' for name in columns if name not in withheld.get(right, ())]
        only = f"({', '.join(rest)})" if right in withheld else ""
        op.execute(f"GRANT {right} {only} ON {table} TO {role}")
    if "id" in columns and "INSERT" in rights:
        op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO {role}")


def _wall(table: str) -> None:
    """A tenant sees and writes its own rows, the fleet's own work all; nobody else any, not even the owner."""
    mine = "user_id = nullif(current_setting('fleet.user_id', true), '')"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} TO fleet_tenant USING ({mine}) WITH CHECK ({mine})")
    op.execute(f"CREATE POLICY dispatcher ON {table} TO fleet_dispatcher USING (true) WITH CHECK (true)")


def _schema() -> str:
    return str(op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())")))
