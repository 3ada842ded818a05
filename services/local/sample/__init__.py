"""A small web site of varied pages, written for this project (CC0), and the bookmarks two users have of it."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from shared.users import user_id
from shared.values import UserId


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site answers at one address: a page, a redirect, or a bare status."""

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes


def answers() -> dict[str, Answer]:
    """Every address of the site, by its path."""
    found = {path: _answer(told) for path, told in _site()["pages"].items()}
    return found | {"/": _index(found)}


def bookmarks(address: str, *, browser: bool) -> dict[UserId, list[dict[str, Any]]]:
    """Each user's bookmarks as the API takes them.

    Args:
        address: where the site is served: `http://127.0.0.1:8123`.
        browser: whether pages are among them that need one.
    """
    return {
        user_id(user): [_submitted(address, one) for one in theirs if browser or not one.get("needs_browser")]
        for user, theirs in _site()["bookmarks"].items()
    }


def _site() -> dict[str, Any]:
    site: dict[str, Any] = json.loads(files(__name__).joinpath("site.json").read_text(encoding="utf-8"))
    return site


def _submitted(address: str, bookmark: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in bookmark.items() if name not in {"path", "needs_browser"}}
    return {"url": address + bookmark["path"], **told}


def _answer(told: dict[str, Any]) -> Answer:
    status = HTTPStatus(told.get("status", HTTPStatus.OK))
    if "location" in told:
        return Answer(status, {"Location": told["location"]}, b"")
    if "file" not in told:
        return Answer(status, {"Content-Type": "text/plain"}, status.phrase.encode())
    charset = told.get("charset", "utf-8")
    text = files(__name__).joinpath("pages", told["file"]).read_text(encoding="utf-8")
    return Answer(status, {"Content-Type": f"{told.get('type', 'text/html')}; charset={charset}"}, text.encode(charset))


def _index(found: dict[str, Answer]) -> Answer:
    links = "".join(f'<li><a href="{path}">{path}</a> ({answer.status})</li>' for path, answer in found.items())
    page = f'<!doctype html><html lang="en"><title>Sample site</title><h1>Sample site</h1><ul>{links}</ul></html>'
    return Answer(HTTPStatus.OK, {"Content-Type": "text/html; charset=utf-8"}, page.encode())
