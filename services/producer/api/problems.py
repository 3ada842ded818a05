"""Every error the API answers with, as RFC 9457 problem+json with a code and advice; never an echo of the input."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from shared.errors import FleetError, InvalidInput, Postponed, TooLarge, TooManyTries, Transient
from shared.logs import log

MEDIA_TYPE = "application/problem+json"
_RETRY_AFTER_S = 5

_SENTENCES = {
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address.", "See /openapi.json for what there is."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed",
        "This address does not take this method.",
        "The Allow header names those it takes.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        TooLarge.code,
        "The request holds more than is read at once.",
        TooLarge.advice,
    ),
}


class Problem(BaseModel):
    """What went wrong, for programs and for people (RFC 9457)."""

    type: str = Field(description="A stable name for the kind of problem: `urn:bookmark-fleet:problem:<code>`.")
    title: str = Field(description="The HTTP status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, as a sentence.")
    code: str = Field(description="A stable name for machines.")
    advice: str = Field(description="What the reader can do about it.")


def responses_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of these problems, for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


RESPONSES = responses_of(401, 403, 404, 413, 422, 429, 503)
"""What every address of the API may answer with beside its own answer."""


def answer_with_problems(app: FastAPI) -> None:
    """Have every error that is raised on purpose answered as a problem."""
    for kind in (FleetError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)


async def _answer(_: Request, error: Exception) -> JSONResponse:
    match error:
        case FleetError():
            return problem_of(error)
        case RequestValidationError():
            return problem_of(InvalidInput(_sentence_of(error)))
        case HTTPException():
            return _of_status(HTTPStatus(error.status_code), error.headers)
        case _:
            raise error


def problem_of(error: FleetError) -> JSONResponse:
    """The answer that tells this error."""
    headers = {}
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_failed", code=error.code, sentence=error.sentence)
    if isinstance(error, Postponed | Transient):
        headers["Retry-After"] = str(_retry_after_s(error))
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="bookmark-fleet"'
    return _problem(error.status, error.code, error.sentence, error.advice, headers)


def _retry_after_s(error: Postponed | Transient) -> int:
    """Seconds until asking again may help: as the error says, or else a few."""
    if not isinstance(error, Postponed | TooManyTries):
        return _RETRY_AFTER_S
    return max(1, math.ceil((error.until - datetime.now(UTC)).total_seconds()))


def _sentence_of(error: RequestValidationError) -> str:
    """The first fault as a sentence: where and what, never the value (FastAPI's own answer repeats it)."""
    fault = error.errors()[0]
    if fault["type"] == "json_invalid":
        return "The request's body is not JSON."
    if fault["type"] == "extra_forbidden":
        return f"The {fault['loc'][0]} holds a field that is not known here."
    where = ".".join(str(part) for part in fault["loc"][1:])
    return f"The {fault['loc'][0]} {f'`{where}` ' if where else ''}cannot be used: {fault['msg']}."


def _of_status(status: HTTPStatus, headers: Mapping[str, str] | None) -> JSONResponse:
    code, sentence, advice = _SENTENCES.get(
        status, (InvalidInput.code, f"The request cannot be answered: {status.phrase}.", InvalidInput.advice)
    )
    return _problem(status, code, sentence, advice, headers)


def _problem(
    status: int, code: str, detail: str, advice: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    problem = Problem(
        type=f"urn:bookmark-fleet:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        advice=advice,
    )
    return JSONResponse(problem.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))
