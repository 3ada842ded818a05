"""How a route reaches the use cases: the front door this app opened when it started."""

from typing import Annotated

from fastapi import Depends, Request

from services.producer.front_door import FrontDoor


def _door(request: Request) -> FrontDoor:
    door: FrontDoor = request.app.state.door
    return door


Door = Annotated[FrontDoor, Depends(_door)]
