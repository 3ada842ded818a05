"""The API as one ASGI application: routers, problems, limits; the front door opens when it starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from services.producer.api import (
    admin,
    bookmarks,
    default_key,
    health,
    identity,
    keys,
    moving,
    operating,
    pages,
    users,
)
from services.producer.api.crashes import Crashes
from services.producer.api.describing import describe, operation_id
from services.producer.api.headers import Headers
from services.producer.api.limits import BodyLimit
from services.producer.api.problems import RESPONSES, answer_with_problems
from services.producer.api.traces import Traces
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.tokens import TokenReader


def create_app(settings: FrontDoorSettings, *, tokens: TokenReader, max_body_bytes: int) -> FastAPI:
    """The application; it connects to nothing before its first request.

    Args:
        settings: where the servers are.
        tokens: reads the callers' bearer tokens.
        max_body_bytes: the largest request body that is read.
    """

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        async with open_front_door(settings) as door:
            app.state.door = door
            yield

    app = FastAPI(
        title="Bookmark Fleet",
        version=version("bookmark-fleet"),
        summary="Bookmarks in; contents and analyses out, each user on their own key.",
        lifespan=opened,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.tokens = tokens
    for subject in (bookmarks, moving, keys, users, identity, admin, default_key, operating):
        app.include_router(subject.router, responses=RESPONSES)
    app.include_router(health.router)
    app.include_router(pages.router)
    describe(app)
    answer_with_problems(app)
    app.add_middleware(BodyLimit, most_bytes=max_body_bytes)
    app.add_middleware(Crashes)
    app.add_middleware(Headers)
    app.add_middleware(Traces)
    return app
