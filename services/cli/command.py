"""What all commands share: `--data` and `--json`, and errors told as a sentence and advice instead of a traceback."""

from functools import partial
from pathlib import Path
from typing import Any

import click
from yarl import URL

from services.cli.output import tell_error
from services.cli.surroundings import DEFAULT_DATA, Surroundings
from shared.errors import FleetError, InvalidUserId
from shared.logs import configure_logs
from shared.users import user_id
from shared.values import UserId


class FleetCommand(click.Command):
    """A command that finds its fleet before it runs, and explains what went wrong.

    With `anywhere=True` it needs no fleet: it makes one, or works without.
    """

    def __init__(self, *args: Any, anywhere: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._anywhere = anywhere
        self.params += [
            click.Option(
                ["--data"],
                type=click.Path(file_okay=False, path_type=Path),
                default=DEFAULT_DATA,
                show_default=True,
                metavar="DIR",
                help="The folder of the fleet on this machine.",
            ),
            click.Option(["--json", "as_json"], is_flag=True, help="Print JSON for machines."),
        ]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; 1 when it failed and said so."""
        around = Surroundings(data=ctx.params.pop("data"), as_json=ctx.params.pop("as_json"))
        ctx.obj = around
        configure_logs("warning", process="cli")  # to standard error: what a command prints may be read by programs
        try:
            if not self._anywhere:
                around.enter()
            code = super().invoke(ctx)
        except FleetError as error:
            tell_error(error, as_json=around.as_json)
            code = 1
        ctx.exit(code or 0)


class User(click.ParamType[UserId]):
    """A user id on the command line."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UserId:
        """The user id, or a usage error that says what one looks like."""
        try:
            return user_id(value)
        except InvalidUserId as error:
            self.fail(f"{error.sentence} {error.advice}", param, ctx)


command = partial(click.command, cls=FleetCommand)
told = click.make_pass_decorator(Surroundings)
user_option = click.option("--user", "user", type=User(), required=True, metavar="U", help="Whose.")


def an_address(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """The value of an option, if it can be taken apart as an address; an empty one is none."""
    try:
        URL(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not an address.") from error
    return value
