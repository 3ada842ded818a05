"""Sites with a shape of their own; each page is made here in that shape."""

import json

import pytest

from services.scraper.domain.content.extracting import extract_page
from tests.unit.scraper.content.pages import PROSE, page, paragraphs

HOSTS = (
    *("https://stackoverflow.com/questions/1", "https://github.com/a/b", "https://leetcode.com/problems/x/"),
    *("https://medium.com/x", "https://en.wikipedia.org/wiki/X", "https://www.youtube.com/watch?v=1"),
    *("https://www.reddit.com/r/a/comments/1", "https://news.ycombinator.com/item", "https://arxiv.org/abs/1"),
    "https://dev.to/ada/x",
)


def text_of(html: str, url: str) -> str:
    return extract_page(page(f"<html><body>{html}</body></html>", url)).text


def data(value: object) -> str:
    return f'<script type="application/json">{json.dumps(value)}</script>'


def post(kind: str, identity: str, text: str, more: str = "", *, votes: int = 42) -> str:
    return (
        f'<div class="{kind} {more}" id="{identity}" data-score="{votes}"><div class="votecell">{votes}</div>'
        f'<div class="s-prose js-post-body"><p>{text}</p><pre><code>for x in y:\n    ack(x)\n</code></pre></div>'
        '<div class="user-info">Ada 9,001 gold badges</div><div class="comments">Thanks!</div></div>'
    )


def test_stack_exchange_gives_the_question_and_its_answers_the_accepted_one_first() -> None:
    html = (
        f"<h1>How?</h1>{post('question', 'question', 'How do I ack?')}{post('answer', 'answer-1', 'With luck.')}"
        f"{post('answer', 'answer-2', 'With care.', 'accepted-answer')}<div class='sidebar'>Hot network questions</div>"
    )

    text = text_of(html, "https://stackoverflow.com/questions/1/how")

    assert text.index("How do I ack?") < text.index("With care.") < text.index("With luck.")
    assert text.count("    ack(x)") == 3
    for unwanted in ("42", "badges", "Thanks", "Hot network"):
        assert unwanted not in text


def test_stack_exchange_gives_answers_by_their_votes_and_none_that_was_deleted() -> None:
    votes = "<i class='js-vote-count' data-value='9'></i>"
    old = f"<div class='answer' id='answer-4'>{votes}<p class='post-text'>Ninth.</p></div>"
    html = (
        f"{post('question', 'question', 'How?')}<aside class='s-notice'>Closed 3 years ago.</aside>"
        f"{post('answer', 'answer-1', 'Last.', votes=-2)}{post('answer', 'answer-2', 'Gone.', 'deleted-answer')}"
        f"{post('answer', 'answer-3', 'First.', votes=12)}{old}"
    )

    text = text_of(html, "https://unix.stackexchange.com/questions/1")

    assert text.index("First.") < text.index("Ninth.") < text.index("Last.")
    assert "Gone." not in text
    assert "Closed" not in text


def test_stack_exchange_pages_that_are_no_questions_are_read_like_others() -> None:
    assert "part 2" in text_of(paragraphs(4), "https://meta.stackexchange.com/help")


def test_github_gives_the_readme_without_the_lists_around_it() -> None:
    html = (
        "<nav>Pull requests</nav><div class='files'>src tests LICENSE</div>"
        "<article class='markdown-body'><h1>Fleet</h1><p>It carries.</p><pre>make run</pre></article><i>Stars 12k</i>"
    )

    assert text_of(html, "https://github.com/ada/fleet") == "# Fleet\n\nIt carries.\n\n```\nmake run\n```"


def test_github_gives_all_posts_of_an_issue() -> None:
    shown = "".join(f"<div class='markdown-body'><p>Post {n}</p></div><p>ada commented</p>" for n in range(3))
    sent = data({"issue": {"bodyHTML": "<p>Post 0</p>", "timeline": [{"bodyHTML": "<p>Post 1</p>"}]}})

    assert text_of(shown, "https://github.com/ada/fleet/issues/1") == "Post 0\n\n---\n\nPost 1\n\n---\n\nPost 2"
    assert text_of(sent, "https://github.com/ada/fleet/issues/2") == "Post 0\n\n---\n\nPost 1"


def test_github_gives_a_file_as_code() -> None:
    field = '<textarea id="read-only-cursor-text-area">def f():\n    pass\n</textarea>'
    lines = data({"payload": {"blob": {"rawLines": ["def f():", "    pass"]}}})

    for html in (field, lines):
        assert text_of(html, "https://github.com/ada/fleet/blob/main/f.py") == "```\ndef f():\n    pass\n```"


def test_github_gives_an_issue_of_its_newer_pages_with_its_comments() -> None:
    shown = (
        "<h1 data-component='PH_Title'>Leases leak</h1><div data-testid='issue-body'><a>ada</a>"
        "<div data-testid='markdown-body'><div class='markdown-body'><p>They do.</p></div></div></div>"
        "<div class='react-issue-comment'><a>bob</a> commented "
        "<div data-testid='markdown-body'><p>Mended.</p></div></div>"
        "<div data-testid='sidebar'>Labels</div>"
    )
    told = {"title": "Leases leak", "bodyHTML": "<p>They do.</p>", "timeline": [{"bodyHTML": "<p>Mended.</p>"}]}
    sent = data({"payload": {"preloadedQueries": [{"result": {"data": {"repository": {"issue": told}}}}]}})

    assert text_of(shown, "https://github.com/ada/fleet/issues/3") == "They do.\n\n---\n\nMended."
    assert (
        text_of(sent, "https://github.com/ada/fleet/issues/3") == "# Leases leak\n\n---\n\nThey do.\n\n---\n\nMended."
    )


@pytest.mark.parametrize("path", ["discussions/7", "pull/8", "releases/tag/v1", "wiki/Leases"])
def test_github_gives_what_people_wrote_on_its_other_pages(path: str) -> None:
    html = "<nav>Code</nav><ul><li>Pages 9</li></ul><div class='markdown-body'><p>Keep them short.</p></div>"

    assert text_of(html, f"https://github.com/ada/fleet/{path}") == "Keep them short."


def test_github_gives_a_gists_files_as_code_and_what_was_said_of_them() -> None:
    line = "<tr><td class='blob-num'></td><td class='blob-code js-file-line'>{}</td></tr>"
    rows = "".join(map(line.format, ["def f():", "\n", "    <span>pass</span>"]))
    html = (
        f"<table class='highlight js-file-line-container'>{rows}</table><div class='markdown-body'><p>Nice.</p></div>"
    )

    text = text_of(html, "https://gist.github.com/ada/1")

    assert text == "```\ndef f():\n\n    pass\n```\n\n---\n\nNice."


def test_leetcode_gives_the_statement_wherever_it_is() -> None:
    statement = "<p>Given two strings, find <code>t</code>.</p><pre>Input: s = 1</pre>"
    wanted = "Given two strings, find `t`.\n\n```\nInput: s = 1\n```"
    shown = f"<div data-track-load='description_content'>{statement}<div><a class='btn'>Show tags</a></div></div>"
    sent = data({"queries": [{"question": {"questionId": "1", "titleSlug": "t", "content": statement}}]})

    for html in (shown, sent):
        assert text_of(f"<nav>Problems</nav>{html}", "https://leetcode.com/problems/t/") == wanted


def test_medium_gives_the_story_without_claps_and_what_to_read_next() -> None:
    html = (
        "<article><div><h1>On leases</h1><div data-testid='authorName'><p>Ada</p></div><button>Follow</button>"
        "<p>Short is good.</p><div><pre>ack()</pre></div><ul><li>one</li></ul></div></article><p>Read next</p>"
    )

    assert text_of(html, "https://medium.com/@ada/leases") == (
        "# On leases\n\nShort is good.\n\n```\nack()\n```\n\n- one"
    )


def test_wikipedia_gives_the_article_without_boxes_and_marks() -> None:
    html = (
        "<div class='mw-parser-output'><table class='infobox'><tr><td>Born 1815</td></tr></table>"
        "<p>Ada was first.<sup class='reference'>[1]</sup></p><h2>Life<span class='mw-editsection'>[edit]</span></h2>"
        "<p>Long ago.</p><div class='navbox'>Mathematicians</div></div>"
    )

    assert text_of(html, "https://en.wikipedia.org/wiki/Ada") == "Ada was first.\n\n## Life\n\nLong ago."


def test_youtube_gives_title_description_and_the_transcript_a_page_carries() -> None:
    player = {"videoDetails": {"title": "Queues", "shortDescription": "All of them.\nLinks below."}}
    segment = {"transcriptSegmentRenderer": {"snippet": {"runs": [{"text": "hello there"}]}}}
    html = (
        f"<script>var ytInitialPlayerResponse = {json.dumps(player)};</script>"
        f"<script>var ytInitialData = {json.dumps({'panels': [segment]})};</script><p>Up next</p>"
    )

    text = text_of(html, "https://www.youtube.com/watch?v=1")

    assert text == "# Queues\n\nAll of them.\n\nLinks below.\n\n## Transcript\n\nhello there"


def test_youtube_gives_the_transcript_that_a_page_shows() -> None:
    player = f"<script>ytInitialPlayerResponse = {json.dumps({'videoDetails': {'title': 'Queues'}})};</script>"
    now = "transcript-segment-view-model", "<span role='text'>hello there</span>"
    before = "ytd-transcript-segment-renderer", "<i class='segment-text'>hello there</i>"

    for tag, said in (now, before):
        shown = f"<{tag}><div>0:01</div>{said}</{tag}>"
        assert text_of(player + shown, "https://youtu.be/1") == "# Queues\n\n## Transcript\n\nhello there"


def test_dev_gives_the_post_without_comments_and_the_authors_other_posts() -> None:
    comments = "".join(f"<div class='comment'><p>{number}: {PROSE}</p></div>" for number in range(9))
    html = (
        "<article><h1>On leases</h1><div id='article-body'><p>Keep them short.</p><pre>ack()</pre></div></article>"
        f"<section id='comments-container'>{comments}</section><aside>More from Ada</aside>"
    )

    assert text_of(html, "https://dev.to/ada/on-leases-1a2b") == "Keep them short.\n\n```\nack()\n```"


def test_reddit_gives_the_post_and_its_comments_new_and_old() -> None:
    new = (
        "<shreddit-post post-title='Which broker?'><div slot='text-body'><p>Say.</p></div>"
        ""
        "<div slot='credit'>u/ada</div></shreddit-post>"
        "<shreddit-comment><div slot='comment'><p>The rabbit.</p></div></shreddit-comment>"
    )
    old = (
        "<a class='title' href='/x'>Which broker?</a><div class='usertext-body'><div class='md'><p>Say.</p></div></div>"
        "<p>12 points</p><div class='usertext-body'><div class='md'><p>The rabbit.</p></div></div>"
    )

    for html in (new, old):
        text = text_of(html, "https://www.reddit.com/r/queues/comments/1/which/")
        assert [part.strip("# ") for part in text.split("\n\n---\n\n")] == ["Which broker?", "Say.", "The rabbit."]


def test_hacker_news_gives_the_item_and_its_comments() -> None:
    html = (
        "<table><tr><td><span class='titleline'><a href='/x'>Show HN: Fleet</a></span> 90 points</td></tr>"
        "<tr><td><div class='commtext'>Nice.</div><a>reply</a></td></tr></table>"
    )

    assert text_of(html, "https://news.ycombinator.com/item?id=1") == "Show HN: Fleet\n\n---\n\nNice."


def test_arxiv_gives_title_authors_and_abstract() -> None:
    html = (
        "<div id='abs'><h1 class='title'><span class='descriptor'>Title:</span>On Leases</h1>"
        ""
        "<div class='authors'>Ada B</div>"
        "<blockquote class='abstract'>We lease.</blockquote><div class='submission-history'>v1</div></div>"
    )

    assert text_of(html, "https://arxiv.org/abs/1") == "# On Leases\n\nAda B\n\n> We lease."


@pytest.mark.parametrize("url", [*HOSTS, "https://notgithub.com/a", "http://[broken", ""])
def test_a_page_that_no_handler_understands_is_read_like_others(url: str) -> None:
    assert "part 2" in text_of(paragraphs(4), url)


NESTED = "[" * 100_000
WRONG = {"videoDetails": [1], "bodyHTML": 7, "rawLines": {"a": 1}, "content": None, "titleSlug": {}, "richText": 3}
HOSTILE = {
    "cut off": '{"payload": {"blob": {"rawLines": ["a',
    "deeply nested": NESTED,
    "wrong types": json.dumps([WRONG, {"data": WRONG, "transcriptSegmentRenderer": {"snippet": 1}}]),
    "large": json.dumps({"bodyHTML": "x" * 10_000_000}),
    "numbers without end": '{"rawLines": [1e999, -1e999, NaN]}',
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
def test_every_site_bears_hostile_data(sent: str) -> None:
    script = f"<script>ytInitialData = {sent};ytInitialPlayerResponse = {sent}</script>"
    html = f"<script type='application/json'>{sent}</script>{script}"
    for url in HOSTS:
        assert "part 2" in text_of(html + paragraphs(4), url) or "rawLines" in sent


def test_every_site_bears_its_own_marks_within_each_other() -> None:
    names = "s-prose answer markdown-body crayons md usertext-body commtext mw-parser-output"
    html = f"<div class='{names}' data-score='9e9' id='question'>" * 300 + "<p>Deep down.</p>"

    for url in HOSTS:
        assert text_of(html, url) == "Deep down."
