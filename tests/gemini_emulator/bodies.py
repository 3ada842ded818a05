"""The bodies Gemini sends with errors and with refused answers, as they were seen."""

from typing import Any

Body = dict[str, Any]

_TYPE = "type.googleapis.com/google.rpc."
_QUOTA_MESSAGE = "You exceeded your current quota, please check your plan and billing details."


def error(code: int, status: str, message: str, *details: Body) -> Body:
    body: Body = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = list(details)
    return {"error": body}


def _error_info(reason: str) -> Body:
    metadata = {"service": "generativelanguage.googleapis.com"}
    return {"@type": f"{_TYPE}ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata}


KEY_INVALID = error(
    400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", _error_info("API_KEY_INVALID")
)
KEY_EXPIRED = error(
    400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", _error_info("API_KEY_INVALID")
)
KEY_MISSING = error(
    403,
    "PERMISSION_DENIED",
    "Method doesn't allow unregistered callers (callers without established identity).",
)
UNAUTHORIZED = error(
    401,
    "UNAUTHENTICATED",
    "Request had invalid authentication credentials.",
    _error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED"),
)
API_DISABLED = error(
    403,
    "PERMISSION_DENIED",
    "Generative Language API has not been used in project 1 before or it is disabled.",
    _error_info("SERVICE_DISABLED"),
)
COUNTRY = error(
    400, "FAILED_PRECONDITION", "User location is not supported for the API use without a billing account linked."
)
INTERNAL = error(500, "INTERNAL", "An internal error has occurred. Please retry.")
OVERLOADED = error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
BAD_REQUEST = error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
BARE_429 = error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")


def no_such_model(model: str) -> Body:
    return error(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta.")


def quota_spent(window: str, *, limit: int, retry_s: float | None) -> Body:
    """A 429 as a spent quota makes it.

    Args:
        window: `Minute` or `Day`.
        limit: the limit that is told; 0 means the plan allows none.
        retry_s: RetryInfo's delay, seconds; None sends none.
    """
    violation = {
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "quotaId": f"GenerateRequestsPer{window}PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": "emulated"},
        "quotaValue": str(limit),
    }
    details = [{"@type": f"{_TYPE}QuotaFailure", "violations": [violation]}]
    if retry_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{retry_s:g}s"})
    return error(429, "RESOURCE_EXHAUSTED", f"{_QUOTA_MESSAGE} limit: {limit}", *details)


def retry_only(retry_s: float) -> Body:
    return error(
        429, "RESOURCE_EXHAUSTED", _QUOTA_MESSAGE, {"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{retry_s:g}s"}
    )


def answer(text: str | None, *, model: str, prompt_chars: int, finish: str = "STOP") -> Body:
    """A 200: one candidate with this text, or without any when it is None."""
    candidate: Body = {"finishReason": finish, "index": 0}
    if text is not None:
        candidate["content"] = {"parts": [{"text": text}], "role": "model"}
    usage = {"promptTokenCount": prompt_chars // 4, "candidatesTokenCount": len(text or "") // 4}
    usage["totalTokenCount"] = sum(usage.values())
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "emulated"}


def blocked_prompt(*, model: str, prompt_chars: int) -> Body:
    usage = {"promptTokenCount": prompt_chars // 4, "totalTokenCount": prompt_chars // 4}
    return {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage, "modelVersion": model}
