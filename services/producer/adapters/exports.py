"""Files of bookmarks as browsers and reading lists export them: HTML of 1996 that ends hardly an element it begins."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bs4 import BeautifulSoup, Tag

from services.producer.domain.submissions import LONGEST_EXCERPT, LONGEST_TAG, LONGEST_TITLE, MOST_TAGS
from shared.errors import InvalidInput
from shared.printable import printable

# Never ended, so that each would hold all that follow; lists, which are the folders, are ended.
_LEFT_OPEN = re.compile(r"<(?:dt|p)\b[^>]*>", re.IGNORECASE)
_REMARK = re.compile(r"<dd\b[^>]*>([^<]*)", re.IGNORECASE)
_LIST = ("dl", "ul")
_FOLDER = ("h1", "h2", "h3")
_OF_THE_BROWSER = ("personal_toolbar_folder", "unfiled_bookmarks_folder")
_TIMES = ("add_date", "time_added")
_SECONDS = re.compile(r"\d{9,10}")  # some count milliseconds or microseconds: those follow
_DEEPEST = 20


def exported_bookmarks(html: str) -> list[dict[str, Any]]:
    """The entries of a file, as `submissions.new_bookmark` takes them; folders are tags, addresses are not checked.

    Raises:
        InvalidInput: the file has none.
    """
    soup = BeautifulSoup(_REMARK.sub(r"<dd>\1</dd>", _LEFT_OPEN.sub("", html)), "html.parser")
    found = [_entry(link) for link in soup.find_all("a", href=True)]
    if not found:
        raise InvalidInput("The file holds no bookmarks; it must be an HTML file of links, as browsers export them.")
    return found


def _entry(link: Tag) -> dict[str, Any]:
    entry: dict[str, Any] = {"url": _said(link, "href"), "title": _line(link.get_text())[:LONGEST_TITLE]}
    told = (tag.strip() for tag in _said(link, "tags").split(","))
    entry["tags"] = list(dict.fromkeys(tag[:LONGEST_TAG] for tag in (*told, *_folders(link)) if tag))[:MOST_TAGS]
    entry["excerpt"] = _line(_remark(link))[:LONGEST_EXCERPT]
    if time := next(filter(None, (_SECONDS.match(_said(link, name)) for name in _TIMES)), None):
        entry["created_at"] = datetime.fromtimestamp(int(time[0]), UTC).isoformat()
    return entry


def _folders(link: Tag) -> Iterator[str]:
    """The names of those it is in, innermost first, but not of those that every browser has."""
    for number, folder in enumerate(link.find_parents(_LIST)):
        name = folder.find_previous_sibling(_FOLDER)
        if number == _DEEPEST or name is None or name.name == "h1":
            return
        if not any(name.has_attr(mark) for mark in _OF_THE_BROWSER):
            yield _line(name.get_text())


def _remark(link: Tag) -> str:
    """What is noted below it."""
    noted = link.find_next_sibling()
    if noted is None or noted.name != "dd" or noted.find_previous_sibling("a") is not link:
        return ""
    return noted.get_text()


def _said(link: Tag, name: str) -> str:
    value = link.get(name)
    return value.strip() if isinstance(value, str) else ""


def _line(text: str) -> str:
    return " ".join(printable(text).split())
