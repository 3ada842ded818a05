"""Which versions of the prompt the analyses there are were made with."""

from sqlalchemy import select, true

from shared.database import Database
from shared.ledger.tables import analyses
from shared.values import AnalysedBy, UserId


class PromptVersions:
    """Shows versions in use; raises `LedgerUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def in_use(self, user: UserId | None = None) -> list[tuple[UserId, str]]:
        """Each user with each version the provider was asked with, of one user or of all."""
        of_whom = true() if user is None else analyses.c.user_id == user
        made = select(analyses.c.user_id, analyses.c.prompt_version).distinct()
        by_provider = made.where(of_whom, analyses.c.analysed_by == AnalysedBy.GEMINI)
        async with self._database.begin(user) as work:
            return [(UserId(owner), version) for owner, version in await work.execute(by_provider.order_by("user_id"))]
