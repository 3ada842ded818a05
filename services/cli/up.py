"""`fleet up`: the whole fleet on this machine, on servers of its own."""

import click

from services.cli.command import User, command, told
from services.cli.surroundings import Surroundings
from services.local.options import BrokerChoice, UpOptions
from services.local.up import run_up
from shared.values import UserId

_DEFAULT_USER = "ada"


@command(anywhere=True)
@click.option("--once", is_flag=True, help="End when everything submitted has ended.")
@click.option("--sample", is_flag=True, help="Serve a small sample site and submit its pages.")
@click.option("--url", "urls", multiple=True, metavar="URL", help="Submit this bookmark; may be given again.")
@click.option("--user", type=User(), default=_DEFAULT_USER, show_default=True, metavar="U", help="Whose --url are.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="The page's port; 8080 or a free one.")
@click.option(
    "--broker",
    type=click.Choice([choice.value for choice in BrokerChoice]),
    default=BrokerChoice.AUTO.value,
    show_default=True,
    help="What carries the messages; `auto` takes RabbitMQ where it is installed.",
)
@told
def up(
    around: Surroundings,
    *,
    once: bool,
    sample: bool,
    urls: tuple[str, ...],
    user: UserId,
    port: int | None,
    broker: str,
) -> int:
    """Start the whole fleet on this machine; Ctrl-C ends it, and its data stays in --data."""
    return run_up(
        UpOptions(
            data=around.data,
            once=once,
            sample=sample,
            urls=urls,
            user=user,
            port=port,
            broker=BrokerChoice(broker),
            as_json=around.as_json,
        )
    )
