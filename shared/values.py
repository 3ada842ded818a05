"""The small values every part of the fleet speaks in: names of users, stages, states and reasons."""

from enum import StrEnum
from typing import NewType

UserId = NewType("UserId", str)
"""A user's name as upstream knows it; made by `shared.users.user_id`, which refuses unusable ones."""

JobId = NewType("JobId", int)
BookmarkId = NewType("BookmarkId", int)

PROMPT_VERSION = "2026-2"
"""Of the words and the schema the provider is asked with; kept in every analysis the provider made."""


class Stage(StrEnum):
    """The three kinds of work a bookmark may need."""

    SCRAPE = "scrape"
    RENDER = "render"
    ANALYZE = "analyze"


class JobState(StrEnum):
    """Where a job stands; a bookmark shows `queued`, `done`, `failed` or `cancelled` of these."""

    QUEUED = "queued"
    RELEASED = "released"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WaitReason(StrEnum):
    """Why a lane or a job waits although it has work."""

    QUOTA_MINUTE = "quota_minute"
    QUOTA_DAY = "quota_day"
    QUOTA_MONTH = "quota_month"
    BATCH_PAUSE = "batch_pause"
    BACKOFF = "backoff"
    NO_KEY = "no_key"
    KEY_REFUSED = "key_refused"
    PROVIDER_DOWN = "provider_down"
    KEYS_UNAVAILABLE = "keys_unavailable"
    QUOTA_UNAVAILABLE = "quota_unavailable"
    PAUSED = "paused"
    HOST_BUSY = "host_busy"
    PAGE_EXPECTED = "page_expected"


class KeySource(StrEnum):
    """Whose key paid for an analysis."""

    USER = "user"
    DEFAULT = "default"
    NONE = "none"


class DefaultKeyPolicy(StrEnum):
    """When the deployment's default key serves."""

    OFF = "off"  # never
    FALLBACK = "fallback"  # where a user's own key is missing or refused
    ALWAYS = "always"  # for every call, in place of the users' own


class GeminiSdk(StrEnum):
    """The library that carries requests to Gemini."""

    GOOGLE_GENAI = "google-genai"
    GOOGLE_GENERATIVEAI = "google-generativeai"  # the older one, an extra


class AnalysedBy(StrEnum):
    """Who made an analysis."""

    GEMINI = "gemini"
    HEURISTIC = "heuristic"


class Strategy(StrEnum):
    """How a bookmark's content was obtained."""

    STATIC = "static"
    BROWSER = "browser"
    FALLBACK = "fallback"


class KeyStatus(StrEnum):
    """What is known about a stored key."""

    UNCHECKED = "unchecked"  # stored while the provider could not be asked
    ACTIVE = "active"
    INVALID = "invalid"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"  # the provider says its calls for the day or month are used up; ends by itself then
    REVOKED = "revoked"
