"""What `fleet up` says: addresses and advice as lines, progress as one live line or a line per change."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from shared.printable import printable

_CLEAR = "\r\x1b[2K"
_BOOKMARK_STATES = ("queued", "done", "failed", "cancelled")


class Screen:
    """Standard output, as a person at a terminal or a program behind a pipe reads it."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._shown = ""

    def say(self, line: str = "") -> None:
        """A line that stays."""
        click.echo(f"{_CLEAR}{line}" if self._live else line)

    def progress(self, line: str) -> None:
        """How it stands: on a terminal in place of what was there, behind a pipe only when it changed."""
        if self._live:
            click.echo(_CLEAR + line, nl=False)
        elif line != self._shown:
            click.echo(line)
        self._shown = line

    def finish(self) -> None:
        """Leave the live line where it is."""
        if self._live and self._shown:
            click.echo()

    def say_json(self, value: object) -> None:
        """One JSON value on one line."""
        click.echo(json.dumps(value, ensure_ascii=False))


def overview_line(overview: Mapping[str, Any]) -> str:
    """The fleet in one line: `14 bookmarks: 2 queued, 12 done · scrape 1 waiting · analyze 1 running`."""
    counts = overview["bookmarks"]
    states = ", ".join(f"{counts[state]:,} {state}" for state in _BOOKMARK_STATES if counts.get(state))
    total = sum(counts.values())
    parts = [f"{total:,} bookmark{'' if total == 1 else 's'}{f': {states}' if states else ''}"]
    for stage in overview["stages"]:
        busy = [f"{stage[name]:,} {name}" for name in ("waiting", "released", "running") if stage[name]]
        if busy:
            parts.append(f"{stage['stage']} {', '.join(busy)}")
    return " · ".join(parts)


def result_line(bookmark: Mapping[str, Any]) -> str:
    """One bookmark and what came of it: `✓ Title — tutorial, beginner, by heuristic`."""
    if bookmark["error"] is not None:
        return f"✗ {bookmark['url']} — {bookmark['error']['sentence']}"
    analysis = bookmark["analysis"]
    if analysis is None:
        return f"… {bookmark['title'] or bookmark['url']} — {bookmark['state']}"
    facts = f"{analysis['content_type']}, {analysis['difficulty']}, by {analysis['analysed_by']}"
    return f"✓ {printable(bookmark['title'] or bookmark['url'])} — {facts}"
