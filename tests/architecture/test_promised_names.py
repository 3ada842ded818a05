"""Names that upstream services, dashboards and scripts hold on to: one that goes needs a decision record."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest

import services.producer
from services.cli.configuration import _components
from services.cli.main import main
from services.producer import intake
from services.producer.api.app import create_app
from services.producer.domain.cloudevents import EventType
from shared import metrics
from shared.broker import queues
from shared.ledger.views import AnalysisView
from shared.values import JobState, Stage, WaitReason

COMMANDS = """up api intake dispatch scrape render analyze migrate submit import export status results key quota
    failures retry pause resume erase extract gate egress token doctor"""
OF_KEY = "add show remove check"
ADDRESSES = """
    PUT /v1/users/{user}/api-key      GET /v1/users/{user}/api-key    DELETE /v1/users/{user}/api-key
    GET /v1/users/{user}/rate-limit   GET /v1/users/{user}/stats      POST /v1/users/{user}/bookmarks
    GET /v1/users/{user}/bookmarks    POST /v1/users/{user}/process   POST /v1/users/{user}/imports
    GET /v1/users/{user}/export       GET /v1/users/{user}/progress   DELETE /v1/users/{user}
    GET /v1/users/{user}/bookmarks/{bookmark}    DELETE /v1/users/{user}/bookmarks/{bookmark}
    GET /v1/admin/overview            GET /v1/admin/failures          GET /v1/admin/lanes
    POST /v1/admin/retry              POST /v1/admin/pause            POST /v1/admin/resume
    GET /healthz                      GET /readyz                     GET /metrics
"""
METRICS = """
    fleet_queue_depth{stage,partition} fleet_backlog_jobs{stage,state} fleet_lanes{stage,reason}
    fleet_oldest_wait_seconds{stage} fleet_jobs_total{stage,outcome,code} fleet_job_seconds{stage,strategy}
    fleet_wait_seconds{stage} fleet_stale_deliveries_total{stage} fleet_lease_expired_total{stage}
    fleet_fetch_total{strategy,verdict} fleet_cache_total{result} fleet_browser_pages_total{}
    fleet_browser_restarts_total{} fleet_egress_refused_total{kind} fleet_provider_requests_total{key_source,outcome}
    fleet_provider_seconds{} fleet_provider_tokens_total{direction} fleet_items_per_request{}
    fleet_quota_denied_total{window} fleet_breaker_open{provider} fleet_keys{status} fleet_events_total{type,result}
    fleet_dispatch_tick_seconds{} fleet_outbox_pending{}
"""
SETTINGS = """DATABASE_URL BROKER_URL REDIS_URL VAULT_ADDR VAULT_AUTH PARTITIONS QUOTA_PER_MINUTE QUOTA_PER_DAY
    QUOTA_PER_MONTH QUOTA_TIMEZONE BATCH_SIZE BATCH_PAUSE_S ITEMS_PER_REQUEST MAX_RETRIES GEMINI_BASE_URL
    GEMINI_API_VERSION GEMINI_MODEL DEFAULT_KEY_POLICY ROBOTS EGRESS_ALLOW"""
STATES = "queued released running done failed cancelled"
REASONS = """quota_minute quota_day quota_month batch_pause backoff no_key key_refused provider_down keys_unavailable
    paused host_busy"""
ANALYSIS = """key_concepts content_type difficulty technologies learning_path project_applicability skill_development
    summary analysed_by model key_source prompt_version tokens analysed_at"""
PYTHON = """add_user_api_key check_user_rate_limit get_user_api_stats process_new_user_content UserContentProcessor"""


def of_metrics() -> set[str]:
    families = [value for value in vars(metrics).values() if hasattr(value, "_labelnames")]
    endings = {"counter": "_total"}
    return {f"{each._name}{endings.get(each._type, '')}{{{','.join(each._labelnames)}}}" for each in families}


def of_settings() -> set[str]:
    return {name.upper() for component in _components() for name in component.model_fields}


def of_the_api() -> set[str]:
    def routes(of: Any) -> Iterator[Any]:
        for route in of.routes:
            yield from routes(router) if (router := getattr(route, "original_router", None)) else [route]

    app = create_app(None, tokens=None, max_body_bytes=1)  # nothing is asked of it
    return {f"{method} {route.path}" for route in routes(app) for method in route.methods}


def of_python() -> set[str]:
    return {name for name in services.producer.__all__ if callable(getattr(services.producer, name))}


def key_commands() -> set[str]:
    key = main.get_command(click.Context(main), "key")
    assert isinstance(key, click.Group)
    return set(key.commands)


THERE = {
    "commands": (COMMANDS.split(), lambda: set(main.list_commands(click.Context(main)))),
    "commands of key": (OF_KEY.split(), key_commands),
    "addresses": (re.split(r"\s{2,}", ADDRESSES.strip()), of_the_api),
    "metrics": (METRICS.split(), of_metrics),
    "settings": (SETTINGS.split(), of_settings),
    "states": (STATES.split(), lambda: {state.value for state in JobState}),
    "reasons to wait": (REASONS.split(), lambda: {reason.value for reason in WaitReason}),
    "fields of an analysis": (ANALYSIS.split(), lambda: set(inspect.get_annotations(AnalysisView))),
    "functions": (PYTHON.split(), of_python),
    "events in": (
        ["bookmark.created", "bookmark.updated", "bookmark.deleted", "user.deleted"],
        lambda: {kind.value for kind in EventType},
    ),
}


@pytest.mark.parametrize("kind", THERE)
def test_every_name_that_was_promised_is_there(kind: str) -> None:
    promised, there = THERE[kind]

    assert set(promised) - there() == set()


def test_queues_and_exchanges_are_called_as_promised() -> None:
    assert (intake.EVENTS_IN, intake.INTAKE.name, intake.REJECTED.name, queues.EVENTS_EXCHANGE) == (
        "bookmark.events",
        "producer.intake",
        "producer.rejected",
        "fleet.events",
    )
    assert list(queues.release_queues(Stage.SCRAPE, partitions=16))[::15] == ["scrape.00", "scrape.15"]
    assert queues.dead_letter_queue("scrape.00").name == "scrape.00.XQ"
