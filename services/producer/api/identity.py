"""Who a token belongs to, for programs and pages that were handed one."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.producer.api.callers import AnyCaller
from shared.tokens import Scope
from shared.values import UserId

router = APIRouter(prefix="/v1/caller", tags=["callers"])


class CallerView(BaseModel):
    """Who the token belongs to, and what it may do."""

    name: str
    user: UserId | None = Field(description="The one user it reaches; null for a service.")
    scopes: list[Scope]


@router.get("")
async def whose(caller: AnyCaller) -> CallerView:
    """Who is asking."""
    return CallerView(name=caller.name, user=caller.user, scopes=sorted(caller.scopes))
