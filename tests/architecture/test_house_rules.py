"""The house rules a machine can hold: imports point down, imports are quiet, errors explain themselves."""

import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import services
import shared
from shared import errors

ROOT = Path(__file__).parents[2]
TEXT_ENDINGS = {
    ".py",
    ".md",
    ".txt",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".sh",
    ".hcl",
    ".html",
    ".js",
    ".css",
    ".lua",
    "",
}


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def modules() -> Iterator[str]:
    for package in (services, shared):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                yield module.name


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def copy_of_the_house(tmp_path: Path) -> Path:
    for part in ("services", "shared", "pyproject.toml"):
        source = ROOT / part
        ignore = shutil.ignore_patterns("__pycache__")
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, ignore=ignore)
        else:
            shutil.copy(source, tmp_path / part)
    return tmp_path


@pytest.mark.parametrize(
    ("planted_in", "statement"),
    [
        ("shared/users.py", "import services.producer"),
        ("services/scraper/__init__.py", "import services.producer"),
        ("services/local/__init__.py", "import services.analyzer"),
        ("services/producer/__init__.py", "import services.cli"),
        ("services/scraper/domain/scraping.py", "import services.scraper.main"),
        ("services/analyzer/domain/analysing.py", "import services.analyzer.main"),
        ("services/scraper/domain/gate.py", "import aiohttp"),
        ("services/analyzer/domain/prompts.py", "import google.genai"),
        ("services/producer/domain/submissions.py", "import sqlalchemy"),
        ("services/producer/domain/submissions.py", "import services.producer.front_door"),
    ],
)
def test_each_import_contract_bites(copy_of_the_house: Path, planted_in: str, statement: str) -> None:
    planted = copy_of_the_house / planted_in
    planted.write_text(planted.read_text(encoding="utf-8") + f"\n{statement}\n", encoding="utf-8")

    outcome = lint_imports(copy_of_the_house)

    assert outcome.returncode == 1, outcome.stdout + outcome.stderr


def test_importing_any_module_opens_no_connection_and_reads_no_setting() -> None:
    script = """
import importlib, os, sys
def refuse(event, args):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen"):
        raise AssertionError(f"importing does {event}")
sys.addaudithook(refuse)
class Watched(type(os.environ)):
    def __getitem__(self, name):
        assert not str(name).startswith("FLEET_"), f"importing reads {name}"
        return super().__getitem__(name)
os.environ.__class__ = Watched
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}  # libraries list all
    command = [sys.executable, "-c", script, *modules()]
    outcome = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stderr[-2000:]


def every_error() -> Iterator[type[errors.FleetError]]:
    for name in modules():
        importlib.import_module(name)
    waiting = [errors.FleetError]
    while waiting:
        error = waiting.pop()
        if not error.__module__.startswith("tests."):  # those are stand-ins
            yield error
        waiting.extend(error.__subclasses__())


def test_every_error_has_a_code_of_its_own_and_advice_that_is_a_sentence() -> None:
    seen: dict[str, type[errors.FleetError]] = {}
    for error in every_error():
        assert "code" in vars(error), f"{error.__name__} has no code of its own"
        assert seen.setdefault(error.code, error) is error, f"{error.__name__} shares its code with {seen[error.code]}"
        assert error.advice[0].isupper(), error
        assert error.advice.endswith((".", "!")), error


def test_no_file_names_a_package_index_or_this_machine() -> None:
    hosts = ["py" + "pi.org", "python" + "hosted", "registry.npm" + "js", "/work/" + "main", "/work/" + "shared"]
    for file in tracked_files():
        if file.suffix in TEXT_ENDINGS and file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            named = [host for host in hosts if host in text]
            assert not named, f"{file.relative_to(ROOT)} names {named}"


def test_the_configuration_page_is_what_the_settings_classes_say() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    generated = subprocess.run(
        [sys.executable, "-m", "services.cli.configuration"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert written == generated, "run `make docs`"


def test_make_alone_lists_every_target_with_a_sentence() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "install", "check", "format", "lock", "docs"):
        assert f"make {target} " in listed


def test_no_metric_carries_a_user_a_host_or_an_address_in_its_labels() -> None:
    metrics = importlib.import_module("shared.metrics")
    allowed = {
        *("stage", "partition", "state", "reason", "outcome", "code", "strategy", "verdict", "kind"),
        *("key_source", "direction", "window", "status", "type", "result", "provider", "source"),
    }
    declared = [value for value in vars(metrics).values() if hasattr(value, "_labelnames")]

    assert declared
    for metric in declared:
        assert set(metric._labelnames) <= allowed, metric


def test_one_file_alone_says_for_whom_a_transaction_is() -> None:
    """The walls between users stand on it (docs/decisions/0009); migrations build them."""
    words = ("set_config('role'", "fleet.user_id", "SET ROLE", "SET LOCAL ROLE", "SET SESSION")
    sources = (path for part in ("services", "shared") for path in (ROOT / part).rglob("*.py"))
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        if "migrations" not in path.parts and any(word in path.read_text(encoding="utf-8") for word in words)
    }
    assert naming == {"shared/database.py", "shared/ledger/walls.py"}
