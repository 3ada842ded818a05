"""The operations guide's and the runbook's pages as commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.manifests import ROOT

GUIDE = ROOT / "docs" / "operations"
RUNBOOK = ROOT / "docs" / "runbook"
PAGES = [*sorted(GUIDE.glob("*.md")), ROOT / "deploy" / "docker" / "README.md"]

RUN = {
    "bao",
    "fleet",
    "openssl",
    "pg_dump",
    "pg_restore",
    "psql",
    "rabbitmq-plugins",
    "rabbitmqctl",
    "tr",
    "valkey-cli",
}
"""Programs whose commands on the pages are run here, against real servers."""

NOT_RUN = {
    "kubectl": "there is no cluster here: rehearsed with a stand-in that remembers (test_following_the_guide)",
    "install": "it writes into folders of a cluster's nodes: its source is looked for",
    "docker": "there is no engine here: each service's program is run (integration/test_compose), builds are compared",
    "git": "it fetches the next release",
}


def blocks(page: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def block(page: str, *, about: str, language: str = "sh") -> str:
    """The one block of a page with these words in it, for a test to run."""
    text = (GUIDE / page).read_text(encoding="utf-8")
    (found,) = (each for each in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if about in each)
    return str(found)


def commands(text: str) -> Iterator[list[str]]:
    """Every simple command of a block, a loop's body with the loop's first value."""
    joined = text.replace("\\\n", " ")
    loops = dict(re.findall(r"for (\w+) in (\S+)[^;]*; do", joined))
    for line in re.split(r"\n| \| ", joined):
        words = line.strip()
        if not words or words == "done" or words.startswith("for "):
            continue
        for name, value in loops.items():
            words = words.replace(f"${name}", value)
        yield shlex.split(re.sub(r"^\w+=\$\((.*)\)$", r"\1", words))


def all_commands(*pages: Path) -> list[list[str]]:
    return [command for page in pages or PAGES for block in blocks(page) for command in commands(block)]


def of_the_fleet(*pages: Path) -> Iterator[list[str]]:
    """The commands of `fleet`, wherever they are run."""
    for command in all_commands(*pages):
        if "fleet" in command and command[command.index("fleet") - 1] != "--namespace":
            yield command[command.index("fleet") :]


def of_the_runbook(**known: str) -> list[list[str]]:
    """Every command of `fleet` that the runbook names, once, with what it leaves to its reader: `U="ada"`."""
    texts = [page.read_text(encoding="utf-8") for page in sorted(RUNBOOK.glob("Fleet*.md"))]
    named = dict.fromkeys(command for text in texts for command in re.findall(r"`(fleet [a-z][^`]*)`", text))
    return [[known.get(word, word) for word in command.split()] for command in named]
