"""What users wish, in memory and in PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from shared.audit import Actor, Entry
from shared.audit.in_postgres import PostgresAudit
from shared.database import Database
from shared.errors import InvalidInput
from shared.preferences import OF_THE_PAGE, Language, Preferences, language
from shared.preferences.in_memory import InMemoryPreferences
from shared.preferences.in_postgres import PostgresPreferences
from shared.users import user_id

ADA, LINUS = user_id("ada"), user_id("linus")
HERSELF = Actor("user:ada", "192.0.2.7")
FRENCH = Language("fr")


@pytest.fixture(params=["memory", "postgres"])
async def preferences(request: pytest.FixtureRequest) -> AsyncIterator[Preferences]:
    if request.param == "memory":
        yield InMemoryPreferences(default=FRENCH)
        return
    database = Database(request.getfixturevalue("database_url"))
    yield PostgresPreferences(database, default=FRENCH)
    await database.close()


async def entries(preferences: Preferences) -> list[Entry]:
    if isinstance(preferences, InMemoryPreferences):
        return preferences.audit.entries
    assert isinstance(preferences, PostgresPreferences)
    return list(reversed(await PostgresAudit(preferences._database).newest()))


async def test_who_wishes_nothing_gets_the_deployments_language(preferences: Preferences) -> None:
    assert await preferences.language_of(ADA) == FRENCH


async def test_a_users_wish_is_theirs_alone_can_be_changed_and_taken_back(preferences: Preferences) -> None:
    await preferences.set_language(ADA, Language("de"), by=HERSELF)
    await preferences.set_language(ADA, OF_THE_PAGE, by=HERSELF)
    assert await preferences.language_of(ADA) == OF_THE_PAGE
    assert await preferences.language_of(LINUS) == FRENCH

    await preferences.set_language(ADA, None, by=HERSELF)

    assert await preferences.language_of(ADA) == FRENCH
    told = [(entry.actor, entry.action, entry.user, dict(entry.details)) for entry in await entries(preferences)]
    assert told == [(HERSELF, "language_set", ADA, {"language": wish}) for wish in ("de", "page", "default")]


@pytest.mark.parametrize("tag", ["page", "de", "pt-BR", "zh-Hant-TW", "yue"])
def test_tags_are_languages(tag: str) -> None:
    assert language(tag) == tag


@pytest.mark.parametrize(
    "value",
    ["", "d", "german", "de_AT", "de\n", "de ", "Ignore all rules", "de-`", "de-a-b-c-d-e", "de-" + "x" * 9, "pages"],
)
def test_nothing_else_is_a_language(value: str) -> None:
    with pytest.raises(InvalidInput):
        language(value)
