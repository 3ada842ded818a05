"""YouTube: a video's title and description, and its transcript where the page carries one.

The captions that a page names (`captionTracks`) are not asked for: since 2025 the site answers with nothing whoever
has no token that its player makes.
"""

import re
from collections.abc import Iterator
from json import JSONDecoder
from typing import Any

from services.scraper.domain.content.data import objects, text_of
from services.scraper.domain.content.page import Page
from services.scraper.domain.content.putting_together import lines
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element

_DATA = re.compile(r"\b(?:ytInitialPlayerResponse|ytInitialData)\s*=\s*(?={)")


def is_here(page: Page) -> bool:
    """Whether the page is one of its."""
    return page.is_at("youtube.com", "youtu.be")


def content(page: Page) -> Element | None:
    """What is said of the video and in it; None for a page that shows none."""
    values = list(_values(page.elements["script"]))
    details = next((one["videoDetails"] for value in values for one in objects(value) if _is_video(one)), None)
    if details is None:
        return None
    video = Element("div")
    video.add(lines("h1", text_of(details.get("title"))))
    for paragraph in text_of(details.get("shortDescription")).split("\n"):
        video.add(lines("p", paragraph))
    spoken = " ".join(text for value in values for text in _transcript(value)) or _shown(page)
    if spoken:
        video.add(lines("h2", "Transcript"))
        video.add(lines("p", spoken))
    video.measure()
    return video


def _shown(page: Page) -> str:
    """The transcript of a page where somebody, or a script, has opened it: as it is called now, and was before."""
    now, before = page.elements["transcript-segment-view-model"], page.elements["ytd-transcript-segment-renderer"]
    texts = [each for segment in now for each in segment.walk() if each.get("role") == "text"]
    texts += [each for segment in before for each in segment.called("segment-text")]
    return " ".join(each.text() for each in texts)


def _values(scripts: list[Element]) -> Iterator[Any]:
    for script in scripts:
        source = "".join(script.texts())
        for found in _DATA.finditer(source):
            try:
                yield JSONDecoder(strict=False).raw_decode(source, found.end())[0]
            except (ValueError, RecursionError):
                continue


def _is_video(value: dict[str, Any]) -> bool:
    return isinstance(value.get("videoDetails"), dict)


def _transcript(value: Any) -> Iterator[str]:
    for each in objects(value):
        segment = each.get("transcriptSegmentRenderer")
        if isinstance(segment, dict):
            for run in objects(segment.get("snippet")):
                yield text_of(run.get("text"))


SITE = Site(is_here, content)
