"""The producer's settings: where the front door listens, and what it finds remarkable."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from shared.settings import Settings, split_at_commas


class ApiSettings(Settings):
    """The HTTP API and the live page."""

    api_host: str = Field(default="127.0.0.1", description="The address the API listens on.")
    api_port: int = Field(default=8080, ge=0, le=65535, description="The port the API listens on; 0 takes a free one.")
    api_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=(),
        description=(
            "Reverse proxies whose `X-Forwarded-For` says where a request came from, comma-separated addresses or "
            "CIDR; from anybody else the header counts for nothing."
        ),
    )
    api_max_body_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1024, description="The largest request body that is read, bytes."
    )
    api_graceful_s: int = Field(
        default=10, ge=1, le=600, description="How long requests may take to end when the API is told to stop, seconds."
    )

    _split = field_validator("api_proxies", mode="before")(split_at_commas)


class SubmissionSettings(Settings):
    """What is remarkable in what users hand in; nothing is refused because of it."""

    submission_burst: int = Field(
        default=10_000,
        ge=1,
        description=(
            "New bookmarks of one user within an hour that operators are shown as a submission burst. An import of a "
            "thousand is nothing; ten thousand are more than most people save in a lifetime."
        ),
    )
