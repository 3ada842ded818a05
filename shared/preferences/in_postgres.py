"""Preferences in PostgreSQL."""

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.audit import Actor
from shared.audit.in_postgres import record_within
from shared.database import Database
from shared.ledger.tables import user_preferences
from shared.preferences import Language
from shared.values import UserId

_mine = user_preferences.c


class PostgresPreferences:
    """Keeps the promises of `shared.preferences.Preferences` in the table user_preferences."""

    def __init__(self, database: Database, *, default: Language) -> None:
        self._database = database
        self._default = default

    async def language_of(self, user: UserId) -> Language:
        """The user's own wish, else the deployment's."""
        async with self._database.begin(user) as work:
            own = await work.scalar(select(_mine.language).where(_mine.user_id == user))
        return self._default if own is None else Language(own)

    async def set_language(self, user: UserId, wanted: Language | None, *, by: Actor) -> None:
        """Set it, or drop it, and record it: both or neither."""
        async with self._database.begin(user) as work:
            if wanted is None:
                await work.execute(delete(user_preferences).where(_mine.user_id == user))
            else:
                own = {"language": wanted, "set_at": func.now()}
                row = insert(user_preferences).values(user_id=user, **own)
                await work.execute(row.on_conflict_do_update(index_elements=["user_id"], set_=own))
            await record_within(work, by, "language_set", user, {"language": wanted or "default"})
