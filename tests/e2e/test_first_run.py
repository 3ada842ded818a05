"""What a newcomer sees: one command, sample bookmarks, content and analyses, and nothing left behind."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running_fleet import RunningFleet, processes_of, wait_until

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time


@pytest.mark.parametrize("broker", ["rabbitmq", "redis"])
def test_one_command_analyses_the_sample_bookmarks_of_two_users_and_ends(
    start_fleet: Callable[..., RunningFleet], broker: str
) -> None:
    fleet = start_fleet("--once", "--json", "--sample", "--broker", broker)

    code = fleet.process.wait(timeout=240)
    fleet._reader.join(timeout=10)

    assert code == 0, fleet.output
    summary = json.loads(fleet.printed[-1])
    assert summary["bookmarks"] == len(summary["results"]) >= 12
    assert summary["failed"] == 0
    assert summary["analysed"] == summary["bookmarks"]
    assert [result["title"] for result in summary["results"] if result["strategy"] == "browser"] == [
        "How we print a tide table for a harbour of forty boats"
    ]
    for result in summary["results"]:
        assert result["state"] == "done", result
        assert result["chars"] > 200, result
        assert result["analysed_by"] == "heuristic"
        assert result["analysis"]["key_concepts"], result
        assert result["analysis"]["difficulty"] in {"beginner", "intermediate", "advanced"}
    wait_until(lambda: not processes_of(fleet.data), what="no process is left", patience_s=30)


def test_a_second_start_finds_what_the_first_one_did(start_fleet: Callable[..., RunningFleet], tmp_path: Path) -> None:
    data = tmp_path / "fleet"
    first = start_fleet("--once", "--json", "--sample", data=data)
    assert first.process.wait(timeout=240) == 0, first.output
    before = json.loads(first.printed[-1])

    second = start_fleet("--sample", data=data).ready()

    found = {item["url"] for user in ("ada", "linus") for item in second.json("results", "--user", user)}
    assert len(found) >= before["bookmarks"]
