"""Whether the ledger's sums are right: what `fleet doctor` and the tests after a storm ask."""

from sqlalchemy import text

from shared.database import Database

_CHECKS = {
    "bookmarks have more than one open job in a stage": """
        SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state IN ('queued', 'released', 'running')
                               GROUP BY bookmark_id, stage HAVING count(*) > 1) AS doubled""",
    "jobs are out without a token or a lease": """
        SELECT count(*) FROM jobs
         WHERE state IN ('released', 'running') AND (token IS NULL OR lease_until IS NULL)""",
    "jobs have ended and still hold a token": """
        SELECT count(*) FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND token IS NOT NULL""",
    "jobs belong to another user than their bookmark": """
        SELECT count(*) FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id
         WHERE bookmarks.user_id <> jobs.user_id""",
    "jobs wait in a lane that does not exist": """
        SELECT count(*) FROM jobs LEFT JOIN lanes USING (user_id, stage)
         WHERE jobs.state IN ('queued', 'released', 'running') AND lanes.state IS NULL""",
    "lanes are idle although they have work": """
        SELECT count(*) FROM lanes WHERE lanes.state = 'idle' AND EXISTS (
               SELECT 1 FROM jobs WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                                    AND jobs.state = 'queued')""",
    "lanes are full although nothing of theirs is out": """
        SELECT count(*) FROM lanes WHERE lanes.state = 'full' AND lanes.stage <> 'render' AND NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                                    AND jobs.state IN ('released', 'running'))""",
    "lanes are asleep although they have no work": """
        SELECT count(*) FROM lanes WHERE lanes.state = 'asleep' AND NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                                    AND jobs.state = 'queued')""",
    "bookmarks are queued and nothing will ever be done about them": """
        SELECT count(*) FROM bookmarks WHERE bookmarks.state = 'queued' AND NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.bookmark_id = bookmarks.id
                                    AND jobs.state IN ('queued', 'released', 'running'))""",
    "bookmarks are queued and only what stands in for their pages will ever be analysed": """
        SELECT count(*) FROM bookmarks JOIN contents ON contents.bookmark_id = bookmarks.id
         WHERE bookmarks.state = 'queued' AND contents.strategy = 'fallback' AND NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.bookmark_id = bookmarks.id AND jobs.stage <> 'analyze'
                                    AND jobs.state IN ('queued', 'released', 'running'))""",
    "bookmarks are done although their pages were never read": """
        SELECT count(*) FROM bookmarks JOIN contents ON contents.bookmark_id = bookmarks.id
         WHERE bookmarks.state = 'done' AND contents.strategy = 'fallback'""",
    "bookmarks are done without content or analysis": """
        SELECT count(*) FROM bookmarks
          LEFT JOIN contents ON contents.bookmark_id = bookmarks.id
          LEFT JOIN analyses ON analyses.bookmark_id = bookmarks.id
         WHERE bookmarks.state = 'done' AND (contents.bookmark_id IS NULL OR analyses.bookmark_id IS NULL)""",
    "bookmarks have failed and do not say why": """
        SELECT count(*) FROM bookmarks
         WHERE state = 'failed' AND (error_code IS NULL OR error IS NULL OR advice IS NULL)""",
}


async def inconsistencies(database: Database) -> list[str]:
    """What is wrong in the ledger, one sentence each; looks at every row, so not to be asked every second.

    Raises:
        LedgerUnavailable: PostgreSQL cannot be reached.
    """
    found = []
    async with database.begin() as work:
        await work.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        await work.execute(text("SELECT set_config('enable_seqscan', 'on', true)"))
        for what, how_many in _CHECKS.items():
            count = int((await work.execute(text(how_many))).scalar_one())
            if count:
                found.append(f"{count} {what}.")
    return found
