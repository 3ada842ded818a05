"""What the operations guide and the runbook type at a fleet, typed at one."""

from pathlib import Path

import pytest

from shared.errors import PageBlocked
from tests.gemini_emulator import GeminiEmulator
from tests.guide import PAGES, of_the_fleet, of_the_runbook
from tests.integration.cli.conftest import Run
from tests.integration.producer.conftest import Api
from tests.integration.producer.test_api_operating import fail_everything

KEY = "AIzaPLANTED-0123456789abcdef"


@pytest.mark.parametrize("page", [page for page in PAGES if any(of_the_fleet(page))], ids=lambda page: page.name)
def test_a_pages_commands_do_what_they_say(
    fleet: Run, environment: dict[str, str], gemini: GeminiEmulator, page: Path
) -> None:
    gemini.add_key(KEY)
    fleet("submit", "https://example.org/", "--user", "ada")
    for _, *words in of_the_fleet(page):
        fail_everything(Api("", environment["FLEET_DATABASE_URL"]), error=PageBlocked("A challenge."))
        ended = fleet(*words, typed=f"{KEY}\n")
        assert ended.exit_code == 0, (words, ended.output)


def test_the_runbooks_commands_do_what_they_say(
    fleet: Run, environment: dict[str, str], gemini: GeminiEmulator
) -> None:
    gemini.add_key(KEY)
    fleet("submit", "https://example.org/", "--user", "ada")
    failed = PageBlocked.code
    run = of_the_runbook(U="ada", CODE=failed, lease_expired=failed, URL="https://93.184.215.14/")
    for _, *words in run:
        fail_everything(Api("", environment["FLEET_DATABASE_URL"]), error=PageBlocked("A challenge."))
        ended = fleet(*words, typed=f"{KEY}\n")
        assert ended.exit_code == 0, (words, ended.output)
    assert len(run) > 10
