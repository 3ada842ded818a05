"""deploy/docker/Dockerfile: linted, every target as closed as the page beside it says; mistakes are noticed."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.clean_environment import locked
from tests.composing.rules import PINNED
from tests.images import DOCKER, DOCKERFILE, ROLES, ROOT, Image, image, stage
from tests.manifests.policies import ACCOUNT


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("hadolint"), "--config", DOCKER / "hadolint.yaml", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def test_the_dockerfile_passes_its_linter_and_its_base_is_pinned() -> None:
    (base,) = re.findall(r"^ARG BASE=(.*)", DOCKERFILE, re.MULTILINE)

    assert hadolint(DOCKERFILE).stdout == ""
    assert PINNED.search(base)
    (locked_for,) = set(re.findall(r"--python-version (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert f"/python:{locked_for}." in base


@pytest.mark.parametrize(
    ("right", "wrong", "noticed"),
    [
        ("# hadolint ignore=DL3008\n", "", "DL3008"),
        (" --no-install-recommends", "", "DL3015"),
        ('CMD ["scrape"]', "CMD scrape", "DL3025"),
        ("COPY services services", "ADD services services", "DL3020"),
        ("USER 10001:10001\nEXPOSE", "USER root\nEXPOSE", "DL3066"),
    ],
)
def test_the_linter_notices_a_planted_mistake(right: str, wrong: str, noticed: str) -> None:
    assert right in DOCKERFILE
    assert noticed in hadolint(DOCKERFILE.replace(right, wrong)).stdout


LIBRARIES = dict.fromkeys(("migrate", "api", "intake", "dispatch"), "producer") | {
    "scrape": "scraper",
    "render": "scraper",
    "analyze": "analyzer",
}
TOLD = {"title", "description", "licenses", "version", "revision", "created"}


def image_faults(dockerfile: str) -> Iterator[str]:
    """Everything in which a target is not as deploy/docker/README.md says."""
    for role in ROLES:
        if f" AS {role}\n" not in dockerfile:
            yield f"{role} has no target"
            continue
        said, made = stage(role, dockerfile), image(role, dockerfile)
        yield from (f"{role} {fault}" for fault in (*_closed(role, said, made), *_run(role, said, made)))
        if set(re.findall(r"org\.opencontainers\.image\.(\w+)=", said)) != TOLD:
            yield f"{role} does not say what it is"


def _closed(role: str, said: str, made: Image) -> Iterator[str]:
    users = re.findall(r"^USER (\S+)", said, re.MULTILINE)
    if users[-1] != f"{ACCOUNT}:{ACCOUNT}" or f"--uid {ACCOUNT} --gid {ACCOUNT} " not in said:
        yield "runs as another account than in Kubernetes"
    removed = (
        "pip uninstall --yes setuptools wheel pip" in said and "import ensurepip" in said
    )  # which holds another pip
    if re.search(r"gcc|build-essential|git |pip (install|wheel)", said) or not removed:
        yield "has something to build with"
    if ("chromium" in said) != (role == "render"):
        yield "has a browser and needs none, or the other way round"
    if f"COPY --from=build-{LIBRARIES[role]} /fleet /fleet" not in said or said.count("--from=build") != 1:
        yield "has another role's libraries"
    if {made.environment.get(name) for name in ("HOME", "PYTHONDONTWRITEBYTECODE")} != {"/tmp", "1"}:  # noqa: S108 - the image's own
        yield "writes where nothing can be written"


def _run(role: str, said: str, made: Image) -> Iterator[str]:
    if made.entrypoint != ["tini", "--", "fleet"] or "STOPSIGNAL SIGTERM\n" not in said:
        yield "does not hear that it shall stop"
    if made.command != [role]:
        yield f"runs {made.command}"
    port = made.environment["FLEET_API_PORT" if role == "api" else "FLEET_METRICS_PORT"]
    if made.healthcheck != ([] if role == "migrate" else ["fleet-probe", f"http://127.0.0.1:{port}/readyz"]):
        yield "is not asked whether it can work"


def test_every_role_has_a_closed_target_that_hands_signals_on_and_can_be_asked() -> None:
    assert list(image_faults(DOCKERFILE)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "noticed"),
    [
        ("FROM producer AS dispatch\n", "FROM producer AS dispatcher\n", "dispatch has no target"),
        ('CMD ["intake"]', 'CMD ["dispatch"]', "intake runs ['dispatch']"),
        ("USER 10001:10001\nCOPY", "COPY", "render runs as another account"),
        ("--uid 10001", "--uid 10002", "api runs as another account"),
        ("recommends tini", "recommends tini gcc", "has something to build with"),
        ("FROM ${BASE} AS role", "FROM build AS role", "has something to build with"),
        ("    && python -m pip uninstall --yes setuptools wheel pip \\\n", "", "has something to build with"),
        ("import ensurepip; print(*ensurepip.", "import venv; print(*venv.", "has something to build with"),
        ("recommends chromium fonts", "recommends fonts", "render has a browser and needs none, or"),
        ("COPY --from=build-analyzer", "COPY --from=build-scraper", "analyze has another role's libraries"),
        ("HOME=/tmp", "HOME=/root", "writes where nothing can be written"),
        ('["tini", "--", "fleet"]', '["fleet"]', "does not hear that it shall stop"),
        ("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "does not hear that it shall stop"),
        ("9000/readyz", "9000/healthz", "scrape is not asked whether it can work"),
        ("127.0.0.1:8080", "127.0.0.1:9000", "api is not asked whether it can work"),
        ('image.revision="${REVISION}"', 'image.revison="${REVISION}"', "does not say what it is"),
    ],
)
def test_a_planted_mistake_in_an_image_is_noticed(right: str, wrong: str, noticed: str) -> None:
    assert right in DOCKERFILE

    found = list(image_faults(DOCKERFILE.replace(right, wrong)))

    assert any(noticed in fault for fault in found), found


def test_libraries_are_installed_by_their_hashes_alone() -> None:
    text = DOCKERFILE + (DOCKER / "make-environment").read_text(encoding="utf-8")
    installs = re.findall(r"\bpip .*\binstall .*", text)

    assert len(installs) == 3, "what builds, a role's libraries, the fleet"
    assert all("--require-hashes" in install or "--no-deps /wheels/" in install for install in installs)


def test_a_library_that_asks_for_an_extra_of_another_is_given_the_locked_one() -> None:
    """Pip takes `name[extra]` for something apart from the locked `name`, unless the lock constrains it as well."""
    locks = (ROOT / "requirements" / f"{name}.txt" for name in set(LIBRARIES.values()))
    needs = [need for lock in locks for each in locked(lock) for need in requires(each.name) or []]
    (install,) = re.findall(r"install --require-hashes .*", (DOCKER / "make-environment").read_text(encoding="utf-8"))

    assert "google-auth[requests]" in {f"{need.name}[{','.join(need.extras)}]" for need in map(Requirement, needs)}
    assert install.endswith('--requirement "$1" --constraint "$1"')


def test_images_are_made_of_what_they_copy_alone() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copies = (line.split()[1:-1] for line in re.findall(r"^COPY (?!--from).*", DOCKERFILE, re.MULTILINE))
    copied = {word for words in copies for word in words if not word.startswith("--")}

    assert next(line for line in ignored if not line.startswith("#")) == "*"
    assert {path for path in copied if not {path, path.split("/")[0]} & let_in} == set()
    assert {path for path in let_in if not any(f"{each}/".startswith(f"{path}/") for each in copied)} == set()
    assert {path for path in copied if not (ROOT / path).exists()} == set()


def test_one_version_is_built_tagged_and_run() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    files = [ROOT / "compose.yaml", DOCKER / "README.md", *(ROOT / "deploy/k8s/overlays").rglob("kustomization.yaml")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)

    assert f"ARG VERSION={built}\n" in DOCKERFILE
    assert set(re.findall(r"(?:bookmark-fleet/\S+:|newTag: |VERSION=)(\d[\w.]*)", text)) == {built}
