"""`fleet doctor`: looks at every server, the ledger's sums and the settings, and says what to do."""

import asyncio
from dataclasses import asdict

import click

from services.cli.checkup import CHECKS, Finding, look_at
from services.cli.command import command, told
from services.cli.output import print_json
from services.cli.surroundings import Surroundings


@command()
@told
def doctor(around: Surroundings) -> int:
    """Check every server, the ledger's sums and the settings; 1 when something is not well."""
    findings = asyncio.run(_examine())
    well = all(finding.ok for finding in findings)
    if around.as_json:
        print_json({"ok": well, "checks": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            _print(finding)
    return 0 if well else 1


async def _examine() -> list[Finding]:
    return [await look_at(check) for check in CHECKS]


def _print(finding: Finding) -> None:
    if finding.ok:
        click.echo(f"{click.style('✓', fg='green')} {finding.name}: {finding.sentence}")
        return
    click.echo(f"{click.style('✗', fg='red')} {finding.name} ({finding.setting}): {finding.sentence}")
    click.echo(f"  → {finding.remedy}")
