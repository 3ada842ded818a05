"""Plain values to rows and back; text that PostgreSQL could not keep is made keepable here."""

from hashlib import sha256
from typing import Any

from sqlalchemy import Row

from shared.bookmarks import Analysis, Bookmark, Content, Link, NewBookmark
from shared.values import BookmarkId, Strategy, UserId


def keepable(value: str) -> str:
    """The text without what PostgreSQL refuses: NUL characters and halves of surrogate pairs."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def url_digest(url: str) -> str:
    """What makes a URL unique among a user's bookmarks: its SHA-256, hex."""
    return sha256(url.encode("utf-8", "replace")).hexdigest()


def bookmark_row(user: UserId, new: NewBookmark) -> dict[str, Any]:
    """A submitted bookmark as its row."""
    return {
        "user_id": user,
        "url": keepable(new.url),
        "url_digest": url_digest(new.url),
        "title": keepable(new.title),
        "tags": [keepable(tag) for tag in new.tags],
        "excerpt": keepable(new.excerpt),
        "external_id": None if new.external_id is None else keepable(new.external_id),
        "created_at": new.created_at,
    }


_CONTENT_TEXTS = (
    "verdict", "final_url", "title", "text", "description", "author", "site_name", "language", "published", "image",
)  # fmt: skip
CONTENT = ("strategy", *_CONTENT_TEXTS, "pages", "links", "chars", "words")
"""The columns of contents that a new reading of the page replaces."""


def content_row(user: UserId, bookmark: BookmarkId, content: Content) -> dict[str, Any]:
    """A page's content as its row."""
    texts = {name: getattr(content, name) for name in _CONTENT_TEXTS}
    return {
        "bookmark_id": bookmark,
        "user_id": user,
        "strategy": content.strategy.value,
        "pages": content.pages,
        "links": [{"text": keepable(link.text), "url": keepable(link.url)} for link in content.links],
        "chars": len(content.text),
        "words": content.words,
        **{name: value if value is None else keepable(value) for name, value in texts.items()},
    }


_ANALYSIS_LISTS = ("key_concepts", "technologies")
_ANALYSIS_TEXTS = (
    "content_type", "difficulty", "learning_path", "project_applicability", "skill_development", "summary",
    "analysed_by", "key_source", "model", "prompt_version",
)  # fmt: skip
ANALYSIS = (*_ANALYSIS_LISTS, *_ANALYSIS_TEXTS, "prompt_tokens", "answer_tokens", "chars_left_out")
"""The columns of analyses that a new analysis replaces."""


def analysis_row(user: UserId, bookmark: BookmarkId, analysis: Analysis) -> dict[str, Any]:
    """An analysis as its row."""
    return {
        "bookmark_id": bookmark,
        "user_id": user,
        **{name: [keepable(each) for each in getattr(analysis, name)] for name in _ANALYSIS_LISTS},
        **{name: keepable(getattr(analysis, name)) for name in _ANALYSIS_TEXTS},
        "prompt_tokens": analysis.tokens.prompt,
        "answer_tokens": analysis.tokens.answer,
        "chars_left_out": analysis.chars_left_out,
    }


def bookmark_of(row: Row[Any]) -> Bookmark:
    """The bookmark in a claimed job's row."""
    return Bookmark(
        id=BookmarkId(row.bookmark_id),
        user=UserId(row.user_id),
        url=row.url,
        title=row.title,
        tags=tuple(row.tags),
        excerpt=row.excerpt,
    )


def content_of(row: Row[Any]) -> Content | None:
    """The content in a claimed job's row; None when there is none."""
    if row.strategy is None:
        return None
    return Content(
        strategy=Strategy(row.strategy),
        verdict=row.verdict,
        final_url=row.final_url,
        title=row.content_title,
        text=row.text,
        description=row.description,
        author=row.author,
        site_name=row.site_name,
        language=row.language,
        published=row.published,
        image=row.image,
        pages=row.pages,
        links=tuple(Link(**link) for link in row.links),
    )
