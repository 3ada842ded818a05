"""What must always be true in the ledger; `fleet doctor` and the chaos tests ask."""

from sqlalchemy import text

from shared.database import Database

# Each question counts what must not be there; the sentence says what it would mean.
_RULES = {
    "{n} jobs are out without a token or a lease: nobody could ever claim or sweep them.": """
        SELECT count(*) FROM jobs WHERE state IN ('released', 'running') AND (token IS NULL OR lease_until IS NULL)""",
    "{n} jobs are not out and yet hold a token: a late result could be stored.": """
        SELECT count(*) FROM jobs WHERE state NOT IN ('released', 'running') AND token IS NOT NULL""",
    "{n} bookmarks have more than one open job in a stage: they would be worked on twice.": """
        SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state IN ('queued', 'released', 'running')
                               GROUP BY bookmark_id, stage HAVING count(*) > 1) AS doubled""",
    "{n} bookmarks are queued and have no open job: they would wait for ever.": """
        SELECT count(*) FROM bookmarks WHERE state = 'queued' AND NOT EXISTS (
               SELECT 1 FROM jobs
                WHERE jobs.bookmark_id = bookmarks.id AND jobs.state IN ('queued', 'released', 'running'))""",
    "{n} bookmarks are done and have no analysis.": """
        SELECT count(*) FROM bookmarks WHERE state = 'done' AND NOT EXISTS (
               SELECT 1 FROM analyses WHERE analyses.bookmark_id = bookmarks.id)""",
    "{n} users have queued jobs in a stage without a lane there: nobody would ever serve them.": """
        SELECT count(*) FROM (SELECT DISTINCT stage, user_id FROM jobs WHERE state = 'queued') AS waiting
         WHERE NOT EXISTS (SELECT 1 FROM lanes
                            WHERE lanes.stage = waiting.stage AND lanes.user_id = waiting.user_id)""",
    "{n} lanes are idle although they have work; the sweeper should have woken them.": """
        SELECT count(*) FROM lanes WHERE state = 'idle' AND EXISTS (
               SELECT 1 FROM jobs WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                  AND jobs.state = 'queued' AND jobs.ready_at < statement_timestamp() - interval '1 minute')""",
    "{n} jobs are out long after their lease; no sweeper seems to run.": """
        SELECT count(*) FROM jobs WHERE state IN ('released', 'running')
           AND lease_until < statement_timestamp() - interval '5 minutes'""",
}


async def faults(database: Database) -> list[str]:
    """What in the ledger is not as it must be, a sentence each; empty when all is well.

    Raises:
        LedgerUnavailable: it cannot be asked.
    """
    found = []
    async with database.begin() as work:
        for sentence, question in _RULES.items():
            if count := (await work.execute(text(question))).scalar_one():
                found.append(sentence.format(n=count))
    return found
