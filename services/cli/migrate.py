"""`fleet migrate`: brings the database's tables up to date; safe to run at any time, by several at once."""

from services.cli.command import command, told
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from shared.ledger.migrate import migrate as bring_up_to_date
from shared.ledger.migrate import revision
from shared.settings import DatabaseSettings


@command()
@told
def migrate(around: Surroundings) -> None:
    """Bring the database's tables up to date."""
    url = DatabaseSettings.read().database_url.get_secret_value()
    before = revision(url)
    bring_up_to_date(url)
    facts = {"before": before, "now": revision(url)}
    if around.as_json:
        print_json(facts)
    else:
        print_facts(facts)
