"""The live page: four files of our own, under a policy that lets the browser load nothing else."""

from importlib.resources import files

from fastapi import APIRouter, Response

from shared.errors import NotFound

_TYPES = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> Response:
    """The page itself."""
    return _file("index.html")


@router.get("/page/{name}")
async def part(name: str) -> Response:
    """Its style, its script and its icon."""
    if name not in _TYPES:
        raise NotFound("The page has no such part.")
    return _file(name)


def _file(name: str) -> Response:
    text = files("services.producer").joinpath("page", name).read_bytes()
    return Response(text, media_type=_TYPES[name], headers=_HEADERS)
