"""Heads of messages at the egress proxy: what each side is told, and what is no request at all."""

import pytest

from services.scraper.adapters.proxy_heads import MalformedHead, RequestHead, closing_response


def head(first: str, *lines: str) -> RequestHead:
    return RequestHead.parse("\r\n".join([first, *lines, "", ""]).encode("latin-1"))


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("site.example:443", "https://site.example:443"),
        ("[::1]:8443", "https://[::1]:8443"),
        ("site.example", None),
        ("user@site.example:443", None),
        ("site.example:443/path", None),
        ("site.example:port", None),
        ("site.example:999999", None),
    ],
)
def test_a_tunnel_leads_to_a_host_and_a_port_and_nothing_else(target: str, url: str | None) -> None:
    found = head(f"CONNECT {target} HTTP/1.1").url

    assert (str(found) if found else None) == (url and url.removesuffix(":443"))


@pytest.mark.parametrize("first", ["GET https://site.example/ HTTP/1.1", "GET http://[::1 HTTP/1.1"])
def test_what_a_browser_would_not_ask_a_proxy_leads_nowhere(first: str) -> None:
    assert head(first).url is None


def test_a_body_without_a_length_leads_nowhere() -> None:
    assert head("POST http://site.example/ HTTP/1.1", "Transfer-Encoding: chunked").url is None


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://site.example", "/"),
        ("http://site.example/a%2Fb?c=d", "/a%2Fb?c=d"),
        ("http://site.example?c=/d", "/?c=/d"),
        ("http://site.example:8080/a#b", "/a"),
    ],
)
def test_the_site_gets_the_path_as_the_browser_wrote_it(target: str, path: str) -> None:
    assert head(f"GET {target} HTTP/1.1").for_site().startswith(f"GET {path} HTTP/1.1\r\n".encode())


def test_the_site_gets_no_credentials_of_the_proxy_and_no_leave_for_a_second_request() -> None:
    request = head(
        "POST http://site.example/ HTTP/1.1",
        "Host: site.example",
        "Proxy-Authorization: Basic c2VjcmV0",
        "Proxy-Connection: keep-alive",
        "Connection: keep-alive",
        "Content-Length: 5",
        "Cookie: a=b",
    )

    assert request.for_site() == (
        b"POST / HTTP/1.1\r\nHost: site.example\r\nContent-Length: 5\r\nCookie: a=b\r\nConnection: close\r\n\r\n"
    )
    assert request.body_length == 5


def test_the_browser_is_told_that_nothing_more_comes_and_not_that_the_site_wants_the_proxys_credentials() -> None:
    answer = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"

    assert closing_response(answer) == b"HTTP/1.1 407 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [b"\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"\xff \xfe \xfd\r\n\r\n", b"GET / HTTP/1.1\r\na\r\n\r\n"],
)
def test_what_is_no_head_is_malformed(head: bytes) -> None:
    with pytest.raises(MalformedHead):
        RequestHead.parse(head)


@pytest.mark.parametrize("length", ["-1", "ten", "1 0", "+1", "9" * 20])
def test_a_length_that_is_no_number_is_malformed(length: str) -> None:
    with pytest.raises(MalformedHead):
        _ = head("POST http://site.example/ HTTP/1.1", f"Content-Length: {length}").body_length


def test_an_answer_that_is_not_http_is_malformed() -> None:
    with pytest.raises(MalformedHead):
        closing_response(b"SSH-2.0-OpenSSH\r\n\r\n")
