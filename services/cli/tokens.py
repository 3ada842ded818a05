"""`fleet token`: makes a bearer token for a user or a service."""

from datetime import timedelta

import click

from services.cli.command import User, command, told
from services.cli.output import print_json
from services.cli.surroundings import Surroundings
from shared.settings import TokenSettings
from shared.tokens import Scope, TokenIssuer
from shared.values import UserId

_A_MONTH_H = 30 * 24


@command()
@click.option("--user", "user", type=User(), metavar="U", help="A token that reaches this user alone.")
@click.option("--service", metavar="NAME", type=User(), help="A token that reaches all users, within its scopes.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the service may do.",
)
@click.option("--hours", type=click.IntRange(1, 10 * 365 * 24), default=_A_MONTH_H, show_default=True, help="Lifetime.")
@told
def token(
    around: Surroundings, user: UserId | None, service: UserId | None, scopes: tuple[str, ...], hours: int
) -> None:
    """Make a bearer token; send it as `Authorization: Bearer …`."""
    if (user is None) == (service is None):
        raise click.UsageError("Give either --user or --service.")
    if (service is not None) != bool(scopes):
        raise click.UsageError("A service needs at least one --scope; a user takes none.")
    issuer = TokenIssuer(TokenSettings.read().token_secret)
    lifetime = timedelta(hours=hours)
    if user is not None:
        made = issuer.for_user(user, lifetime=lifetime)
    else:
        made = issuer.for_service(service or "", map(Scope, scopes), lifetime=lifetime)
    if around.as_json:
        print_json({"token": made, "hours": hours})
    else:
        click.echo(made)
