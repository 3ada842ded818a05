"""Files of bookmarks as browsers and reading lists export them."""

import pytest

from services.producer.adapters.exports import exported_bookmarks
from services.producer.domain.submissions import new_bookmark
from shared.errors import InvalidInput

EXPORT = """<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">
<TITLE>Bookmarks</TITLE>
<H1>Bookmarks Menu</H1>

<DL><p>
    <DT><H3 ADD_DATE="1700000000" PERSONAL_TOOLBAR_FOLDER="true">Bookmarks Toolbar</H3>
    <DL><p>
        <DT><A HREF="https://a.example/" ADD_DATE="1700000001" TAGS="python, web,," ICON="data:,A">A &amp; B</A>
        <DD>Why I
        kept it.
        <DT><H3>Cooking</H3>
        <DD>About a folder.
        <DL><p>
            <DT><A HREF="https://b.example/" ADD_DATE="1700000001000000">B</A>
            <DT><H3>Soups</H3>
            <DL><p>
                <DT><A HREF="https://c.example/">C</A>
            </DL><p>
            <DT><A HREF="https://d.example/">D</A>
        </DL><p>
    </DL><p>
    <DT><A HREF="place:sort=8">Most visited</A>
</DL>
"""


def test_an_entry_brings_its_title_tags_remark_and_time() -> None:
    first = exported_bookmarks(EXPORT)[0]

    assert first == {
        "url": "https://a.example/",
        "title": "A & B",
        "tags": ["python", "web"],
        "excerpt": "Why I kept it.",
        "created_at": "2023-11-14T22:13:21+00:00",
    }


def test_folders_are_tags_the_innermost_first_but_not_those_every_browser_has() -> None:
    tags = {entry["title"]: entry["tags"] for entry in exported_bookmarks(EXPORT)}

    assert tags == {
        "A & B": ["python", "web"],
        "B": ["Cooking"],
        "C": ["Soups", "Cooking"],
        "D": ["Cooking"],
        "Most visited": [],
    }


def test_a_time_in_microseconds_is_the_same_time() -> None:
    assert exported_bookmarks(EXPORT)[1]["created_at"] == "2023-11-14T22:13:21+00:00"


def test_reading_lists_are_read_too() -> None:
    html = '<h1>Unread</h1><ul><li><a href="https://p.example/" time_added="1600000000" tags="a,b">P</a></li></ul>'

    assert exported_bookmarks(html) == [
        {
            "url": "https://p.example/",
            "title": "P",
            "tags": ["a", "b"],
            "excerpt": "",
            "created_at": "2020-09-13T12:26:40+00:00",
        }
    ]


def test_whatever_is_too_long_is_cut_and_can_be_handed_in() -> None:
    tags = ",".join(f"{number}" * 200 for number in range(1, 90))
    html = f'<dl><a href="https://a.example/" tags="{tags}" add_date="x">T\0{"t" * 5_000}</a><dd>{"r" * 50_000}</dl>'

    [entry] = exported_bookmarks(html)
    assert new_bookmark(entry).url == "https://a.example/"
    assert (len(entry["title"]), len(entry["excerpt"]), len(entry["tags"])) == (1_000, 10_000, 50)


def test_folders_in_folders_without_end_are_read_as_far_as_they_tell() -> None:
    deep = "<dl><h3>F</h3>" * 20_000 + '<dl><a href="https://a.example/">A</a>'

    assert [entry["url"] for entry in exported_bookmarks(deep)] == ["https://a.example/"]


@pytest.mark.parametrize("html", ["", "Dear diary", "<html><a name=x>No address</a>", "\0\0\0"])
def test_a_file_without_bookmarks_is_said_to_be_none(html: str) -> None:
    with pytest.raises(InvalidInput, match="no bookmarks"):
        exported_bookmarks(html)
