"""The three fields of advice, in short sentences that claim no more than what was counted."""

from collections.abc import Sequence

from services.analyzer.domain.heuristic.reading import Reading
from services.analyzer.domain.vocabulary import MAX_SENTENCES_CHARS

_MUCH_CODE = 0.1
_READERS = {
    "beginner": "It reads like a page for newcomers",
    "intermediate": "It reads like a page for people who know the basics",
    "advanced": "It reads like a page for people at home in the subject",
}
_KINDS = {
    "documentation": "documentation to look things up in while working",
    "tutorial": "a tutorial to follow along",
    "article": "an article to read",
    "reference": "a reference to keep at hand",
    "question": "a question with its answers",
    "repository": "a repository to try and to build on",
    "video": "a video to watch",
    "paper": "a paper to study",
    "news": "news to take note of",
    "listing": "a list to choose from",
    "other": "a page",
}


def learning_path(reading: Reading, *, level: str, technologies: Sequence[str]) -> str:
    """Whom the page seems to be for, how long it takes, and what it builds on."""
    if not reading.fetched:
        return "The page could not be read, so nothing can be said of where it fits in."
    minutes = "a minute" if reading.minutes == 1 else f"{reading.minutes} minutes"
    path = f"{_READERS[level]}; about {minutes} of reading."
    if technologies:
        path += (
            f" Best read with some {_listed(technologies[:2])} at hand."
            if level != "beginner"
            else (f" A place to begin with {_listed(technologies[:2])}.")
        )
    return _bounded(path)


def project_applicability(reading: Reading, *, kind: str, concepts: Sequence[str], technologies: Sequence[str]) -> str:
    """In which projects the page may help, by the technologies it names."""
    what = f"By its form it is {_KINDS[kind]}." if reading.fetched else "Judged by its title, address and tags alone."
    if technologies:
        return _bounded(f"{what} It may help where a project works with {_listed(technologies[:4])}.")
    if concepts:
        return _bounded(f"{what} It names no technology; it may serve as background on {_listed(concepts[:3])}.")
    return what


def skill_development(reading: Reading, *, concepts: Sequence[str]) -> str:
    """What the page's words centre on; what a reader trains is left to the reader."""
    if not concepts:
        return "Too little text to tell which skills it is about."
    where = "Its text" if reading.fetched else "What is known of it"
    practice = " It has code to try out." if reading.code_share > _MUCH_CODE else ""
    return _bounded(f"{where} centres on {_listed(concepts[:4])}.{practice}")


def _listed(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_SENTENCES_CHARS else f"{text[: MAX_SENTENCES_CHARS - 1].rstrip()}\u2026"
