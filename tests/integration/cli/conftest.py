"""The `fleet` command in this process, against a fleet's servers."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from services.cli.main import main
from tests.integration.producer.conftest import environment, gemini

__all__ = ["environment", "gemini"]

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def logs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process lead no logs elsewhere: those of every later test would follow."""
    monkeypatch.setattr("services.cli.command.configure_logs", lambda *_, **__: None)


@pytest.fixture
def fleet(environment: dict[str, str]) -> Run:
    """Runs a command; `typed` is what somebody pipes into it."""

    def run(*arguments: str, typed: str | None = None) -> Result:
        with capture_logs():  # unconfigured as they are here, they would go to standard output
            outcome = CliRunner().invoke(main, list(arguments), input=typed)
        assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
        return outcome

    return run


@pytest.fixture
def answer(fleet: Run) -> Callable[..., Any]:
    """What a command prints with --json."""

    def ask(*arguments: str, typed: str | None = None) -> Any:
        outcome = fleet(*arguments, "--json", typed=typed)
        assert outcome.exit_code == 0, outcome.output
        return json.loads(outcome.stdout)

    return ask
