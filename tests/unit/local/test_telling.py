"""What `fleet up` says of the fleet and of each bookmark."""

from typing import Any

from services.local.results import Standing
from services.local.telling import overview_line, result_line


def bookmark(**changes: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "user": "ada",
        "url": "http://127.0.0.1:8123/page",
        "state": "done",
        "stage": "analyze",
        "strategy": "static",
        "title": "A page",
        "chars": 1200,
        "analysis": {"content_type": "tutorial", "difficulty": "beginner", "analysed_by": "heuristic"},
        "analysed_by": "heuristic",
        "error": None,
    } | changes


FAILED = bookmark(
    state="failed",
    strategy="fallback",
    analysis=None,
    analysed_by=None,
    error={"code": "page_gone", "sentence": "The page is gone.", "advice": "Remove it."},
)


def test_nothing_has_ended_while_one_is_queued() -> None:
    assert Standing([bookmark(), FAILED]).all_ended
    assert not Standing([bookmark(), bookmark(state="queued")]).all_ended


def test_the_summary_counts_and_shows_what_the_contract_names() -> None:
    summary = Standing([bookmark(), FAILED]).as_json(seconds=12.345)

    assert {name: summary[name] for name in ("bookmarks", "analysed", "failed", "seconds")} == {
        "bookmarks": 2,
        "analysed": 1,
        "failed": 1,
        "seconds": 12.3,
    }
    assert set(summary["results"][0]) == {
        "url", "state", "strategy", "title", "chars", "analysis", "analysed_by", "error",
    }  # fmt: skip


def test_the_overview_is_one_line_that_leaves_out_what_is_idle() -> None:
    idle = {"waiting": 0, "released": 0, "running": 0, "done": 12, "failed": 0}
    overview = {
        "bookmarks": {"queued": 2, "done": 12},
        "stages": [
            {"stage": "scrape", **idle},
            {"stage": "analyze", **idle, "waiting": 1, "running": 1},
        ],
    }

    assert overview_line(overview) == "14 bookmarks: 2 queued, 12 done · analyze 1 waiting, 1 running"
    assert overview_line({"bookmarks": {}, "stages": []}) == "0 bookmarks"


def test_a_result_says_who_analysed_or_why_not() -> None:
    assert result_line(bookmark()) == "✓ A page — tutorial, beginner, by heuristic"
    assert result_line(FAILED).endswith("The page is gone.")


def test_a_title_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in result_line(bookmark(title="\x1b[2Jboo\nhoo"))
