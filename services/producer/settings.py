"""The producer's settings: where the front door listens."""

from pydantic import Field

from shared.settings import Settings


class ApiSettings(Settings):
    """The HTTP API and the live page."""

    api_host: str = Field(default="127.0.0.1", description="The address the API listens on.")
    api_port: int = Field(default=8080, ge=0, le=65535, description="The port the API listens on; 0 takes a free one.")
    api_max_body_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1024, description="The largest request body that is read, bytes."
    )
    api_graceful_s: int = Field(
        default=10, ge=1, le=600, description="How long requests may take to end when the API is told to stop, seconds."
    )
