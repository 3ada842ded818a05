"""Who is asking, and for whom: the bearer token and the user in the path, checked before any use case runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.audit import Actor
from shared.errors import Unauthenticated
from shared.tokens import Caller, Scope, TokenReader
from shared.users import user_id
from shared.values import UserId

_bearer = HTTPBearer(auto_error=False, description="A token from `fleet token`, or the identity provider's.")


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request about one user: whose things, and who asks.

    Attributes:
        actor: the caller with the address the request came from, for the audit trail.
    """

    user: UserId
    caller: Caller
    actor: Actor


async def caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """Who holds the request's token.

    Raises:
        Unauthenticated: there is none, or it is not valid.
        IdentityProviderAway: nobody can say whether it is valid.
    """
    if credentials is None:
        raise Unauthenticated("The request carries no bearer token.")
    reader: TokenReader = request.app.state.tokens
    return await reader.read(credentials.credentials)


def actor(request: Request, caller: Annotated[Caller, Depends(caller)]) -> Actor:
    """The caller and the address it asks from: its own, or what a trusted proxy says (FLEET_API_PROXIES)."""
    return Actor(caller.name, request.client.host if request.client else "unknown")


def _about_a_user(scope: Scope) -> Callable[..., Asked]:
    def asked(
        caller: Annotated[Caller, Depends(caller)],
        actor: Annotated[Actor, Depends(actor)],
        user: Annotated[str, Path(description="The user's id as upstream knows it.")],
    ) -> Asked:
        named = user_id(user)
        caller.require(scope, of=named)
        return Asked(named, caller, actor)

    return asked


def admin(caller: Annotated[Caller, Depends(caller)]) -> Caller:
    """The caller, if it may see everything.

    Raises:
        Forbidden: it may not.
    """
    caller.require(Scope.ADMIN)
    return caller


def _administering(_: Annotated[Caller, Depends(admin)], actor: Annotated[Actor, Depends(actor)]) -> Actor:
    return actor


AnyCaller = Annotated[Caller, Depends(caller)]
Reading = Annotated[Asked, Depends(_about_a_user(Scope.READ))]
Writing = Annotated[Asked, Depends(_about_a_user(Scope.WRITE))]
Admin = Annotated[Actor, Depends(_administering)]
KeyWriting = Annotated[Asked, Depends(_about_a_user(Scope.KEYS))]
