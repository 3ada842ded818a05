"""What commands open: the ledger alone where it is enough, so that a command needs no setting it does not use."""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.producer.domain.bursts import Bursts
from services.producer.domain.submitting import SubmitBookmarks
from services.producer.settings import SubmissionSettings
from shared.audit import Actor, here
from shared.database import Database
from shared.ledger import Ledger
from shared.ledger.failures import Failures
from shared.ledger.opening import postgres_ledger
from shared.ledger.prompt_versions import PromptVersions
from shared.ledger.reports import Reports
from shared.preferences import Preferences
from shared.preferences.in_postgres import PostgresPreferences
from shared.settings import AnalysisSettings, DatabaseSettings, DispatchSettings
from shared.signals import Signals
from shared.signals.in_postgres import PostgresSignals


@dataclass(frozen=True, slots=True)
class OpenLedger:
    """The ledger for one command: what changes it, what shows it, and what users wish."""

    ledger: Ledger
    reports: Reports
    signals: Signals
    failures: Failures
    prompt_versions: PromptVersions
    preferences: Preferences


@asynccontextmanager
async def open_ledger() -> AsyncIterator[OpenLedger]:
    """The ledger of the fleet in the environment, while the block runs."""
    database = Database(DatabaseSettings.read().database_url.get_secret_value(), pool=2)
    dispatch = DispatchSettings.read()
    try:
        ledger = postgres_ledger(database, dispatch)
        yield OpenLedger(
            ledger,
            Reports(database),
            PostgresSignals(database),
            Failures(database),
            PromptVersions(database),
            PostgresPreferences(database, default=AnalysisSettings.read().language()),
        )
    finally:
        await database.close()


def submitting(opened: OpenLedger) -> SubmitBookmarks:
    """What takes bookmarks, with an eye on bursts."""
    burst = SubmissionSettings.read().submission_burst
    bursts = Bursts(handed_in=opened.reports.handed_in_since, signals=opened.signals, burst=burst)
    return SubmitBookmarks(opened.ledger, bursts)


def operator() -> Actor:
    """Who types, and where, as the audit trail names them."""
    return here(f"operator:{getpass.getuser()}")
