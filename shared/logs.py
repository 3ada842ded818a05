"""Logs: one JSON object a line on standard error, with everything that looks like a secret struck out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_FIELDS = re.compile(r"key$|token$|secret|password|authorization", re.IGNORECASE)
_SECRET_TEXTS = re.compile(
    r"AIza[0-9A-Za-z_\-]{20,}"  # Google API keys
    r"|AQ\.[0-9A-Za-z_\-]{20,}"  # Google's newer API keys
    r"|(?<=[?&]key=)[^&\s\"']+"  # keys in addresses
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user and password in addresses
    r"|(?<=[Bb]earer )[0-9A-Za-z._~+/=\-]+"
    r"|\b(?:hvs|hvb|s)\.[0-9A-Za-z_\-]{20,}"  # Vault's tokens
)
STRUCK = "[redacted]"


def redact(text: str) -> str:
    """The text with everything that looks like a secret struck out."""
    return _SECRET_TEXTS.sub(STRUCK, text)


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case dict():
            return {
                name: STRUCK if _SECRET_FIELDS.search(str(name)) else _redacted(item) for name, item in value.items()
            }
        case list() | tuple():
            return [_redacted(item) for item in value]
        case _:
            return value


def _redact_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    redacted: dict[str, Any] = _redacted(dict(event))
    return redacted


def configure_logs(level: str, *, process: str) -> None:
    """Send this process's logs, and those of every library, to standard error as JSON lines.

    Args:
        level: the least severe level written: debug, info, warning or error.
        process: the role, on every line: `scrape`, `api`.
    """
    before: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_event,
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("pika").setLevel(logging.CRITICAL)  # a lost connection is five lines here; we say it once
    for chatty in ("httpx2", "httpcore2", "aiohttp.access", "google_genai", "hvac"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(process=process)


log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("fleet")
