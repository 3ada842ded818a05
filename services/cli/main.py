"""The `fleet` command itself: the list of its commands; each one's module is imported when it is asked for."""

from importlib import import_module

import click

_COMMANDS = {
    "up": ("services.cli.up:up", "start the whole fleet on this machine"),
    "submit": ("services.cli.submit:submit", "hand in bookmarks"),
    "import": ("services.cli.moving:import_", "hand in what a browser or a reading list exported"),
    "status": ("services.cli.status:status", "what waits, runs, is done and has failed"),
    "results": ("services.cli.results:results", "a user's bookmarks and what was concluded"),
    "read": ("services.cli.read:read", "what was read from a bookmark's page"),
    "export": ("services.cli.moving:export", "everything that is kept of a user's bookmarks"),
    "key": ("services.cli.keys:key", "add, show, remove or check a user's API key"),
    "quota": ("services.cli.quota:quota", "how many provider calls a user has left"),
    "signals": ("services.cli.signals:signals", "what looked wrong about users"),
    "extract": ("services.cli.extract:extract", "what the scraper would keep of a saved page"),
    "gate": ("services.cli.gate:gate", "what a saved answer would be taken for, and on what evidence"),
    "egress": ("services.cli.egress:egress", "judge addresses as the scraper would; connects to none"),
    "token": ("services.cli.tokens:token", "make a bearer token for the HTTP API"),
    "limits": ("services.cli.limits:limits", "show or set how many provider calls a user may make"),
    "language": ("services.cli.language:language", "show or choose the language of a user's analyses"),
    "failures": ("services.cli.failures:failures", "what failed for good, and why"),
    "retry": ("services.cli.failures:retry", "begin failed bookmarks anew"),
    "reanalyse": ("services.cli.reanalysing:reanalyse", "analyse again what older versions of the prompt came to"),
    "pause": ("services.cli.pausing:pause", "stop serving a user"),
    "resume": ("services.cli.pausing:resume", "serve a paused user again"),
    "erase": ("services.cli.erase:erase", "delete everything of a user"),
    "doctor": ("services.cli.doctor:doctor", "check every server, the ledger's sums and the settings"),
    "migrate": ("services.cli.migrate:migrate", "bring the database's tables up to date"),
    "api": ("services.cli.processes:api", "run one process: the HTTP API and the live page"),
    "intake": ("services.cli.processes:intake", "run one process: bookmark events in"),
    "dispatch": ("services.cli.processes:dispatch", "run one process: the dispatcher, and events out"),
    "scrape": ("services.cli.processes:scrape", "run one process: a pool that fetches pages"),
    "render": ("services.cli.processes:render", "run one process: a pool that opens pages in a browser"),
    "analyze": ("services.cli.processes:analyze", "run one process: a pool that analyses contents"),
}


class Fleet(click.Group):
    """Knows its commands by name; help lists them without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - inherited
        """The commands in the order a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - inherited
        """The command of this name, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(module), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - inherited
        """The list in `fleet --help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in _COMMANDS.items()])


@click.group(cls=Fleet, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bookmark-fleet", prog_name="fleet")
def main() -> None:
    """Bookmark Fleet: fetches bookmarks and analyses them on each user's own key."""
