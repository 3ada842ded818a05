"""The fleet's own parts: the ledger, the broker and what watches them."""

from shared.errors.branches import Misconfigured, Transient


class LedgerUnavailable(Transient):
    """PostgreSQL cannot be reached; nothing was written."""

    code = "ledger_unavailable"
    advice = "Start PostgreSQL or correct FLEET_DATABASE_URL; `fleet doctor` checks it."


class LedgerOutdated(LedgerUnavailable):
    """The database answers and does not have the tables this program needs; nothing was written."""

    code = "ledger_outdated"
    advice = "Run `fleet migrate`; it is safe at any time."

    def __init__(self) -> None:
        super().__init__("The database of FLEET_DATABASE_URL does not have the tables this program needs.")


class LedgerInUse(LedgerUnavailable):
    """A migration found no moment in which nobody else had the tables; nothing was changed."""

    code = "ledger_in_use"
    advice = "End the transactions that last (`SELECT * FROM pg_stat_activity`), then run `fleet migrate` again."

    def __init__(self) -> None:
        super().__init__("The database's tables are in use by transactions that do not end, so none was changed.")


class RolesNotGranted(LedgerUnavailable):
    """The login may not act as the roles that keep users apart; nothing was written."""

    code = "roles_not_granted"
    advice = (
        "As an administrator of PostgreSQL run `GRANT fleet_tenant, fleet_dispatcher TO` this login; "
        "nothing needs a restart."
    )

    def __init__(self) -> None:
        super().__init__("The login of FLEET_DATABASE_URL may not act as fleet_tenant and fleet_dispatcher.")


class RolesMissing(Misconfigured):
    """PostgreSQL has not the roles that keep users apart, and the migrating login may not make them."""

    code = "roles_missing"
    advice = "Let an administrator of PostgreSQL run the sentence's SQL, then run `fleet migrate` again."

    def __init__(self, roles: tuple[str, ...], *, login: str) -> None:
        create = " ".join(f"CREATE ROLE {role} NOLOGIN;" for role in roles)
        names = ", ".join(roles)
        super().__init__(
            f"PostgreSQL has no role {names}, and the login {login} may not make any. "
            f'SQL: {create} GRANT {names} TO "{login}";'
        )


class BrokerUnavailable(Transient):
    """The message broker cannot be reached; released work comes back by its lease."""

    code = "broker_unavailable"
    advice = "Start the broker or correct FLEET_BROKER_URL; `fleet doctor` checks it."


class TracingMissing(Misconfigured):
    """The library that traces is not installed."""

    code = "tracing_missing"
    advice = "Install `bookmark-fleet[tracing]`, or leave FLEET_TRACE_ENDPOINT away."

    def __init__(self) -> None:
        super().__init__("FLEET_TRACE_ENDPOINT is set, and OpenTelemetry is not installed.")
