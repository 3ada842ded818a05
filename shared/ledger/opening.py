"""The ledger in PostgreSQL as the settings have it, wired in one place for every process."""

from shared.database import Database
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import retry_policy, stage_policies
from shared.settings import DispatchSettings


def postgres_ledger(database: Database, settings: DispatchSettings) -> PostgresLedger:
    """The ledger kept in this database; it is closed with the database."""
    return PostgresLedger(database, policies=stage_policies(settings), retries=retry_policy(settings))
