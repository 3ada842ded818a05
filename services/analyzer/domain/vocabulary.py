"""The words and sizes every analysis keeps to, whoever makes it."""

CONTENT_TYPES = (
    "documentation",
    "tutorial",
    "article",
    "reference",
    "question",
    "repository",
    "video",
    "paper",
    "news",
    "listing",
    "other",
)

DIFFICULTIES = ("beginner", "intermediate", "advanced")

MAX_CONCEPTS = 12
MAX_TECHNOLOGIES = 20
MAX_NAME_CHARS = 80
MAX_SENTENCES_CHARS = 600
MAX_SUMMARY_CHARS = 1_200
