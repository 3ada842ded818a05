"""What the operations guide types at a fleet, typed at one."""

import pytest

from shared.errors import PageBlocked
from tests.gemini_emulator import GeminiEmulator
from tests.guide import GUIDE, of_the_fleet
from tests.integration.cli.conftest import Run
from tests.integration.producer.conftest import Api
from tests.integration.producer.test_api_operating import fail_everything

NOT_HERE = {"doctor"}  # asks for servers that these tests do not run
KEY = "AIzaPLANTED-0123456789abcdef"


@pytest.mark.parametrize("page", ["compose.md", "kubernetes.md", "keeping.md", "losses.md"])
def test_a_pages_commands_do_what_they_say(
    fleet: Run, environment: dict[str, str], gemini: GeminiEmulator, page: str
) -> None:
    gemini.add_key(KEY)
    fleet("submit", "https://example.org/", "--user", "ada")
    for _, *words in of_the_fleet(GUIDE / page):
        if words[0] not in NOT_HERE:
            fail_everything(Api("", environment["FLEET_DATABASE_URL"]), error=PageBlocked("A challenge."))
            ended = fleet(*words, typed=f"{KEY}\n")
            assert ended.exit_code == 0, (words, ended.output)
