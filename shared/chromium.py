"""Where the browser is: Chromium as it is installed on this machine."""

import shutil

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium(given: str | None) -> str | None:
    """The browser's program, or None where there is none.

    Args:
        given: FLEET_BROWSER_PATH: a path or a name on PATH; when None, the usual names are looked for.
    """
    names = (given,) if given else _PROGRAMS
    return next((found for name in names if (found := shutil.which(name))), None)
