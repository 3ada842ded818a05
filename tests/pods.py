"""Kubernetes as a vault sees it: pods' tokens, and the API server that is asked whose they are."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.strangers import answering_server

NAMESPACE = "fleet"


def pod_token(account: str, *, issued: int = 1) -> str:
    """A service account's token; another `issued` makes another one. Only Kubernetes could check its signature."""
    now = int(time.time())
    claims = {
        "sub": _subject(account),
        "jti": str(issued),
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
        "kubernetes.io": {"namespace": NAMESPACE, "serviceaccount": {"name": account, "uid": "1"}},
    }
    parts = (b'{"alg":"RS256"}', json.dumps(claims).encode(), b"the vault leaves the signature to Kubernetes")
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@dataclass
class Kubernetes:
    """Answers the one question a vault asks: whose token is this?

    Attributes:
        good: the tokens it knows, each with its service account.
        reviewed: every token it was asked about, oldest first.
    """

    url: str = ""
    good: dict[str, str] = field(default_factory=dict)
    reviewed: list[str] = field(default_factory=list)
    _issued: int = 0

    def issue(self, account: str) -> str:
        """A new token for a service account; those before are not good any more."""
        self._issued += 1
        token = pod_token(account, issued=self._issued)
        self.good = {known: owner for known, owner in self.good.items() if owner != account} | {token: account}
        return token

    def review(self, _: str, body: bytes) -> tuple[int, bytes]:
        asked = json.loads(body)
        token = asked["spec"]["token"]
        self.reviewed.append(token)
        account = self.good.get(token)
        user = {"username": _subject(account), "uid": "1", "groups": ["system:serviceaccounts"]} if account else {}
        return 201, json.dumps({**asked, "status": {"authenticated": bool(account), "user": user}}).encode()


@contextmanager
def kubernetes() -> Iterator[Kubernetes]:
    """An API server on loopback."""
    cluster = Kubernetes()
    with answering_server(cluster.review) as cluster.url:
        yield cluster


def _subject(account: str) -> str:
    return f"system:serviceaccount:{NAMESPACE}:{account}"
