"""The analyzer's settings: how much one process does at once, and the bounds of one request."""

from pydantic import Field

from shared.settings import Settings


class AnalyzerSettings(Settings):
    """Bounds of analysing, beside those of the provider and the quota."""

    analyze_threads: int = Field(
        default=96,
        ge=1,
        le=512,
        description="Messages one analyzer process works on at once, shared out over its partitions; more a partition "
        "than FLEET_BATCH_SIZE, or one user's slow answers hold up others.",
    )
    analyze_clients: int = Field(
        default=64, ge=1, le=10_000, description="Provider clients, one a key, that one analyzer process keeps open."
    )
    provider_timeout_s: float = Field(
        default=60.0, gt=0, le=600, description="Limit for one request to the provider, seconds."
    )
    provider_probe_s: float = Field(
        default=2.0,
        gt=0,
        le=600,
        description="Least time between two probes of a provider that is down, over the whole fleet, seconds; doubles "
        "with every probe that fails, up to a minute.",
    )
    heuristic_after_s: float = Field(
        default=300.0,
        ge=0,
        description="How long a user's analyses wait for quota, key or provider before the built-in analyser reads "
        "their pages meanwhile, seconds; the provider's analysis takes its place later.",
    )
    provider_text_tokens: int = Field(
        default=15_000,
        ge=250,
        le=500_000,
        description="Tokens of text in one request, about, over all its pages (four bytes each): pages that do not fit "
        "together go in several requests, one that is too long alone, cut at a sentence.",
    )
