"""The `fleet` program from outside: quick to explain itself, and what it prints can be read by other programs."""

import json
import os
import subprocess
import sys
from pathlib import Path

FLEET = str(Path(sys.executable).with_name("fleet"))


def test_help_lists_every_command_and_imports_none_of_their_libraries() -> None:
    script = (
        "import sys; from services.cli.main import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    for command in ("up", "submit", "status", "results", "key", "quota", "doctor", "migrate", "egress", "token"):
        assert f"\n  {command} " in shown
    loaded = set(shown.splitlines()[-1].split())
    assert loaded.isdisjoint({"sqlalchemy", "dramatiq", "fastapi", "aiohttp", "pydantic", "hvac"})


def test_every_command_explains_itself_and_takes_data_and_json() -> None:
    script = """
from click.testing import CliRunner
from services.cli.main import _COMMANDS, main
for name in _COMMANDS:
    shown = CliRunner().invoke(main, [name, "--help"])
    assert shown.exit_code == 0, (name, shown.output)
    assert name == "key" or ("--data" in shown.output and "--json" in shown.output), shown.output
for name in ("add", "show", "remove", "check"):
    shown = CliRunner().invoke(main, ["key", name, "--help"])
    assert "--data" in shown.output and "--json" in shown.output, shown.output
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_standard_output_holds_the_answer_and_nothing_else(environment: dict[str, str]) -> None:
    told = subprocess.run([FLEET, "doctor", "--json"], env=os.environ, capture_output=True, text=True, check=True)

    assert json.loads(told.stdout)["ok"] is True
    assert told.stderr == ""


def test_a_command_that_is_interrupted_leaves_no_traceback(environment: dict[str, str]) -> None:
    watching = subprocess.Popen([FLEET, "status", "--watch", "--json"], env=os.environ, stdout=-1, stderr=-1, text=True)
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())

    watching.send_signal(2)
    _, stderr = watching.communicate(timeout=30)

    assert first["bookmarks"] == {}
    assert watching.returncode == 0
    assert stderr == ""
