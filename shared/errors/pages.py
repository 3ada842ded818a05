"""Pages that cannot be had or read, and the browser that should."""

from datetime import datetime, timedelta

from shared.errors.branches import Misconfigured, Permanent, Postponed, Transient
from shared.values import WaitReason


class AddressRefused(Permanent):
    """The address is not a public one; nothing was sent there."""

    code = "address_refused"
    advice = "Bookmark a page that is reachable from the public internet."

    def __init__(self, kind: str) -> None:
        super().__init__("The page's address is not one the fleet may visit.")
        self.kind = kind  # for logs and metrics; never shown, so that nobody can map an inner network


class PageUnreachable(Transient):
    """The site did not answer, or not in time."""

    code = "page_unreachable"
    rest = timedelta(seconds=3)  # as long as others are told of it instead of asking
    advice = "Have it tried again later with `fleet retry`; the bookmark shows fallback content until then."

    def __init__(self, sentence: str, *, timed_out: bool = False) -> None:
        """Say what happened; `timed_out` when the site kept us waiting for all the time that a page may take."""
        super().__init__(sentence)
        self.timed_out = timed_out


class PageBlocked(Transient):
    """The site answered with a refusal or a challenge instead of the page."""

    code = "page_blocked"
    rest = timedelta(seconds=10)  # for so long others are told of the refusal instead of asking: it would be no try
    advice = "Have it tried again later with `fleet retry`; the bookmark shows fallback content until then."


class HostBusy(Postponed):
    """The site has been asked enough for now; the page's turn comes later."""

    code = "host_busy"
    reason = WaitReason.HOST_BUSY

    def __init__(self, *, until: datetime, every: timedelta = timedelta(0)) -> None:
        """Say when to come again.

        Args:
            until: when the page's turn comes.
            every: how long after each other the user's other pages of the bookmark's site should follow it; zero when
                it is another site, to which the page redirects.
        """
        super().__init__("The site is asked only so much at once; the page's turn comes later.", until=until)
        self.every = every


class BrowserUnavailable(Postponed):
    """The browser does not start, so the pages that need one wait."""

    code = "browser_unavailable"
    reason = WaitReason.BACKOFF

    def __init__(self, *, until: datetime) -> None:
        super().__init__("The browser that the page needs does not start just now.", until=until)


class BrowserMissing(Misconfigured):
    """There is no browser on this machine."""

    code = "browser_missing"
    advice = "Install Chromium, or name it with FLEET_BROWSER_PATH; without one set FLEET_RENDER=false."

    def __init__(self, wanted: str | None) -> None:
        super().__init__(f"There is no browser {wanted or 'Chromium'} on this machine, and the render stage needs one.")


class PageGone(Permanent):
    """The site says the page does not exist."""

    code = "page_gone"
    advice = "Correct or remove the bookmark. It shows fallback content."


class PageRefused(Permanent):
    """The site does not hand the page to us (a login, a payment, a refusal)."""

    code = "page_refused"
    advice = "Nothing to do on our side: the bookmark shows fallback content."


class RobotsRefused(Permanent):
    """The site's robots.txt asks robots not to visit the page, and this deployment heeds it."""

    code = "robots_refused"
    advice = "Nothing to do on our side: the bookmark shows fallback content. Operators decide with FLEET_ROBOTS."

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} asks robots not to visit the page.")


class PageUnusable(Permanent):
    """The answer cannot be read as a page: too large, too many redirects, not text."""

    code = "page_unusable"
    advice = "Bookmark the readable page itself. The bookmark shows fallback content."


class PageEmpty(Permanent):
    """The page has no text worth analysing."""

    code = "page_empty"
    advice = "Nothing to do: the bookmark shows fallback content."
