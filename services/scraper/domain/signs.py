"""Signs in a page's HTML of what it is beside its text: a challenge, a widget that asks for humans, an empty shell."""

from enum import StrEnum

import re2

from services.scraper.domain.wording import wordings

_LOOKED_AT = 400_000  # characters; what sites and their guards put in a page stands near its beginning

_MANY_FILES = 3
_LONG_SCRIPT = 10_000  # characters


class Sign(StrEnum):
    """One thing a page's HTML gives away."""

    CHALLENGE = "challenge"
    CAPTCHA = "captcha"
    SCRIPT_APP = "script_app"
    SCRIPTS = "scripts"


_CHALLENGES = (
    *("_cf_chl_opt", "cf-chl-", "/orchestrate/chl_page", "/orchestrate/jsch", "jschl_vc"),  # Cloudflare
    *("captcha-delivery.com", "px-captcha", "/captcha/captcha.js"),  # DataDome, HUMAN
    *("_Incapsula_Resource?SWUDNSAI", "_Incapsula_Resource?CWUDNSAI", "Incapsula incident"),  # Imperva
    *("gokuProps", "AwsWafIntegration.checkForceRefresh", "CaptchaScript.renderCaptcha"),
    *("sec-if-cpt-container", "/_sec/cp_challenge/", "bm-verify", "/ips.js?"),  # Akamai, Kasada
    *("sucuri_cloudproxy_js", "anubis_challenge", "/.well-known/vercel/security/", "ddos-guard/js-challenge"),
    *("sgcaptcha", "captcha-form", "validateCaptcha", "bobcmn", "__ddg_challenge", "go-away-challenge"),
)
"""In the source of challenges alone, not of the pages they guard."""

_CAPTCHAS = (
    *("cf-turnstile", "g-recaptcha", "h-captcha", "frc-captcha", "friendly-challenge", "altcha-widget", "mtcaptcha"),
    *("FunCaptcha", "arkoselabs.com", "geetest"),
)
"""Forms of honest pages have them too."""

_PATTERNS = {
    Sign.CHALLENGE: re2.compile("|".join(map(re2.escape, _CHALLENGES))),
    Sign.CAPTCHA: re2.compile("|".join(map(re2.escape, _CAPTCHAS))),
    Sign.SCRIPT_APP: wordings(
        r"<(?:div|main)\s[^<>]{0,100}?id\s*=\s*[\"']?(?:root|react-root|app|__next|__nuxt|svelte|gatsby-focus-wrapper|q-app)\b[^<>]{0,200}>\s*</(?:div|main)>",
        r"<app-root[^<>]{0,200}>\s*</app-root>",
    ),
}


def signs_of(html: str) -> frozenset[Sign]:
    """The signs in a page's source; cheap, and right only together with the page's text and status."""
    beginning = html[:_LOOKED_AT]
    searched = beginning.encode(errors="replace")  # once, and not for each pattern
    found = {sign for sign, pattern in _PATTERNS.items() if pattern.search(searched)}
    return frozenset(found | {Sign.SCRIPTS} if _is_heavy(beginning) else found)


def _is_heavy(html: str) -> bool:
    """Whether scripts make up much of a page: several files of them, or one long text.

    Tags in capitals are from times before heavy scripts, and not looked for: that would cost a copy of the page.
    """
    files, inline, at = 0, 0, 0
    while (start := html.find("<script", at)) >= 0:
        inside = html.find(">", start)
        end = html.find("</script", inside)
        if inside < 0 or end < 0:
            break
        files += "src=" in html[start:inside]
        inline += end - inside
        if files >= _MANY_FILES or inline >= _LONG_SCRIPT:
            return True
        at = end
    return False
