"""What the operations guide types at a fleet, typed at one."""

import pytest

from tests.guide import GUIDE, of_the_fleet
from tests.integration.cli.conftest import Run

NOT_HERE = {"doctor"}  # asks for servers that these tests do not run


@pytest.mark.parametrize("page", ["compose.md", "kubernetes.md", "keeping.md", "losses.md"])
def test_a_pages_commands_do_what_they_say_or_say_why_not(fleet: Run, page: str) -> None:
    fleet("submit", "https://example.org/", "--user", "ada")
    for _, *words in of_the_fleet(GUIDE / page):
        if words[0] not in NOT_HERE:
            ended = fleet(*words, typed="AIzaPLANTED-0123456789abcdef\n")
            assert ended.exit_code == 0 or (ended.exit_code == 1 and ended.stderr.strip()), (words, ended.output)
