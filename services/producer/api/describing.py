"""What `/openapi.json` says: each address by its docstring, under a name that generated clients can use."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.producer.api.problems import Problem


def operation_id(route: APIRoute) -> str:
    """What a generated client calls this address: its subject and what is done, `bookmarks_submit`."""
    return "_".join(str(part) for part in (*route.tags, route.name)).replace("-", "_")


def describe(app: FastAPI) -> None:
    """Have the application described in the words of its docstrings, and a problem once for all answers."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            schema = FastAPI.openapi(app)
            schema["components"]["schemas"][Problem.__name__] = Problem.model_json_schema()
            for operations in schema["paths"].values():
                for operation in operations.values():
                    _let_the_docstring_speak(operation)
                    _keep_to_version_3_1(operation)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _let_the_docstring_speak(operation: dict[str, Any]) -> None:
    """FastAPI would take the function's name for the summary."""
    operation["summary"], _, more = operation["description"].partition("\n\n")
    operation["description"] = more or operation["summary"]


def _keep_to_version_3_1(operation: dict[str, Any]) -> None:
    """FastAPI tells of streams with `itemSchema`, which readers of OpenAPI 3.1 refuse."""
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            if content.pop("itemSchema", None):
                content["schema"] = {"type": "string"}
