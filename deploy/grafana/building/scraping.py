"""*Scraping*: what pages turn out to be, how they are got, and what is refused."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.building.looks import LOOKS, TURNS, VERDICTS
from deploy.grafana.building.panels import A_MINUTE, Query, a_minute, board, graph, quantiles, row


def scraping() -> Dashboard:
    """The dashboard of the scrape and render stages."""
    whole = board("Scraping", "fleet-scraping", "Pages, browsers, what is shared, sites and the egress guard.")
    return _guards(_shared(_pages(whole)))


def _pages(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Pages"))
        .with_panel(
            graph(
                "Verdicts",
                a_minute("fleet_fetch_total", by="verdict"),
                says="What the gate took pages for; codes of errors where there was none to judge.",
                stacked=True,
                unit=A_MINUTE,
                none_is_fine=True,
                colours=VERDICTS,
            )
        )
        .with_panel(
            graph(
                "Pages by strategy",
                a_minute("fleet_fetch_total", by="strategy"),
                says="static first; browser on evidence.",
                stacked=True,
                unit=A_MINUTE,
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Pages that are usable",
                Query(
                    'sum by (strategy) (rate(fleet_fetch_total{verdict="ok"}[$__rate_interval]))'
                    " / sum by (strategy) (rate(fleet_fetch_total[$__rate_interval]))",
                    "{{strategy}}",
                ),
                says="The rest is blocked, gone, a login, a challenge, or needs a browser.",
                unit="percentunit",
                most=1,
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Time a page takes",
                *quantiles("fleet_job_seconds", by="strategy", where='{stage=~"scrape|render"}', legend="{{strategy}}"),
                says="From claim to content.",
                unit="s",
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Browser",
                Query("60 * sum(rate(fleet_browser_pages_total[$__rate_interval]))", "pages"),
                Query("60 * sum(rate(fleet_browser_restarts_total[$__rate_interval]))", "restarts"),
                says="A browser is replaced after some hundred pages, or when it is lost.",
                unit=A_MINUTE,
            )
        )
    )


def _shared(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Shared looks, and what stands in for pages"))
        .with_panel(
            graph(
                "Looks at pages",
                a_minute("fleet_cache_total", by="result"),
                says="hit and joined ask the site nothing, revalidated nearly nothing; a miss is fetched.",
                stacked=True,
                unit=A_MINUTE,
                colours=LOOKS,
            )
        )
        .with_panel(
            graph(
                "Pages that needed no new fetch",
                Query(
                    'sum(rate(fleet_cache_total{result=~"hit|joined|revalidated"}[$__rate_interval]))'
                    ' / sum(rate(fleet_cache_total{result!="waiting"}[$__rate_interval]))',
                    "share",
                ),
                says="Of all looks that got an answer; many users who save the same pages make it large.",
                unit="percentunit",
                most=1,
                none_is_fine=True,
            )
        )
        .with_panel(
            graph(
                "Room that shared looks take",
                Query("max(fleet_cache_bytes)", "bytes"),
                says="Of Redis; FLEET_CACHE_MAX_BYTES bounds it, and the oldest go for new ones.",
                unit="bytes",
            )
        )
        .with_panel(
            graph(
                "Pages that keep fallback content, by code",
                a_minute("fleet_jobs_total", by="code", where='{stage=~"scrape|render", outcome="failed"}'),
                says="The page could not be had; robots_refused is a site's wish. `fleet failures` says whose and why.",
                stacked=True,
                unit=A_MINUTE,
                none_is_fine=True,
            )
        )
    )


def _guards(whole: Dashboard) -> Dashboard:
    return (
        whole.with_row(row("Sites and addresses"))
        .with_panel(
            graph(
                "Turns at sites",
                a_minute("fleet_host_turns_total", by="result"),
                says="Whether a site could be asked at once, or was busy with somebody else's page.",
                stacked=True,
                unit=A_MINUTE,
                none_is_fine=True,
                colours=TURNS,
            )
        )
        .with_panel(
            graph(
                "What sites ask of robots",
                a_minute("fleet_robots_total", by="result"),
                says="Whether robots.txt lets us read a page; nothing while FLEET_ROBOTS is ignore.",
                stacked=True,
                unit=A_MINUTE,
            )
        )
        .with_panel(
            graph(
                "Refused addresses by kind",
                a_minute("fleet_egress_refused_total", by="kind"),
                says="metadata, private and loopback smell of an attempt; port and scheme of an odd import.",
                stacked=True,
                unit=A_MINUTE,
            )
        )
        .with_panel(
            graph(
                "Postponed or tried again, by code",
                a_minute(
                    "fleet_jobs_total",
                    by="code",
                    where='{stage=~"scrape|render", outcome=~"postponed|retried"}',
                ),
                says="host_busy waits for its site at no cost.",
                stacked=True,
                unit=A_MINUTE,
                none_is_fine=True,
            )
        )
    )
