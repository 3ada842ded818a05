"""The built-in analyser: counts what stands in the text, and never pretends to have understood it."""

from services.analyzer.domain.heuristic.advice import learning_path, project_applicability, skill_development
from services.analyzer.domain.heuristic.concepts import key_concepts
from services.analyzer.domain.heuristic.difficulty import difficulty_of
from services.analyzer.domain.heuristic.kinds import content_type_of
from services.analyzer.domain.heuristic.reading import reading_of
from services.analyzer.domain.heuristic.summary import summarise
from services.analyzer.domain.heuristic.technologies import technologies_of
from shared.bookmarks import Analysis, Bookmark, Content
from shared.values import AnalysedBy, KeySource

HEURISTIC = "heuristic-2"
"""What stands in `model` and `prompt_version`; change it whenever a rule changes what it finds."""


def read_here(bookmark: Bookmark, content: Content | None) -> Analysis:
    """The analysis that can be had from the text alone; without content, from the bookmark alone."""
    reading = reading_of(bookmark, content)
    named, found = key_concepts(reading), technologies_of(reading)
    kind, level = content_type_of(reading), difficulty_of(reading)
    return Analysis(
        key_concepts=named,
        content_type=kind,
        difficulty=level,
        technologies=found,
        learning_path=learning_path(reading, level=level, technologies=found),
        project_applicability=project_applicability(reading, kind=kind, concepts=named, technologies=found),
        skill_development=skill_development(reading, concepts=named),
        summary=summarise(reading, named),
        analysed_by=AnalysedBy.HEURISTIC,
        key_source=KeySource.NONE,
        model=HEURISTIC,
        prompt_version=HEURISTIC,
        chars_left_out=reading.chars_left_out,
    )
