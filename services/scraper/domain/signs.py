"""Signs in a page's HTML of what it is beside its text: a challenge, a form to sign in, a paywall, an empty shell."""

import re
from enum import StrEnum

_LOOKED_AT = 400_000  # characters; what sites and their guards put in a page stands near its beginning

_MANY_FILES = 3
_LONG_SCRIPT = 10_000  # characters


class Sign(StrEnum):
    """One thing a page's HTML gives away."""

    CHALLENGE = "challenge"
    PASSWORD_FIELD = "password_field"  # noqa: S105 - a sign's name
    PAYWALL = "paywall"
    SCRIPT_APP = "script_app"
    SCRIPTS = "scripts"


_CHALLENGES = (
    *("cf-chl-", "_cf_chl_opt", "/cdn-cgi/challenge-platform/", "cf-turnstile"),
    *("captcha-delivery.com", "px-captcha", "_Incapsula_Resource", "awsWafCookieDomainList", "gokuProps"),
    *("ak_bmsc", "sec-if-cpt-container", *(f"{name}{end}" for name in ("g-recaptcha", "h-captcha") for end in "\"' ")),
)
"""Looked for one by one: as one pattern they would take ten times as long."""

_PATTERNS = {
    Sign.PASSWORD_FIELD: re.compile(r"<input[^<>]{0,500}type\s*=\s*[\"']?password", re.IGNORECASE),
    Sign.PAYWALL: re.compile(r"\"isAccessibleForFree\"\s*:\s*\"?false", re.IGNORECASE),
    Sign.SCRIPT_APP: re.compile(
        r"<(?:div|main)\s[^<>]{0,100}?id\s*=\s*[\"']?(?:root|app|__next|__nuxt|svelte)\b[^<>]{0,200}>\s*</(?:div|main)>"
        r"|<app-root[^<>]{0,200}>\s*</app-root>"
        r"|<noscript>[^<]{0,80}(?:enable|requires?|need)[^<]{0,40}JavaScript",
        re.IGNORECASE,
    ),
}


def signs_of(html: str) -> frozenset[Sign]:
    """The signs in a page's source; cheap, and right only together with the page's text and status."""
    beginning = html[:_LOOKED_AT]
    found = {sign for sign, pattern in _PATTERNS.items() if pattern.search(beginning)}
    if any(challenge in beginning for challenge in _CHALLENGES):
        found.add(Sign.CHALLENGE)
    return frozenset(found | {Sign.SCRIPTS} if _is_heavy(beginning.lower()) else found)


def _is_heavy(html: str) -> bool:
    """Whether scripts make up much of a page: several files of them, or one long text."""
    files, inline, at = 0, 0, 0
    while (start := html.find("<script", at)) >= 0:
        inside = html.find(">", start)
        end = html.find("</script", inside)
        if inside < 0 or end < 0:
            break
        files += "src=" in html[start:inside]
        inline += end - inside
        at = end
    return files >= _MANY_FILES or inline >= _LONG_SCRIPT
