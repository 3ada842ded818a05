"""What our house asks of what containers are told: settings that can be used and suffice, secrets by files alone."""

import functools
import inspect
import re
from collections.abc import Iterator

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from services.cli.configuration import _components
from services.producer.front_door import FrontDoorSettings
from shared.settings import Settings, VaultSettings
from tests.manifests import ROOT, Resource, Workload, workloads

READ_IN = {  # where a role's wiring reads its settings
    "api": "services/producer/api/main.py",
    "intake": "services/producer/intake_main.py",
    "dispatch": "services/producer/dispatch_main.py",
    "scrape": "services/scraper/main.py",
    "render": "services/scraper/render_main.py",
    "analyze": "services/analyzer/main.py",
    "migrate": "services/cli/migrate.py",
}
_OF_DOCTOR = {("api", "FLEET_BROKER_URL")}  # docs/operations/network.md


@functools.cache
def read_by(role: str) -> frozenset[type[Settings]]:
    """The classes of settings that a role's process reads."""
    known = {settings.__name__: settings for settings in _components()}
    wiring = (ROOT / READ_IN[role]).read_text(encoding="utf-8")
    names = re.findall(r"(\w+Settings)\.read\(\)", wiring)
    whole = inspect.get_annotations(FrontDoorSettings, eval_str=True).values() if "FrontDoorSettings" in names else ()
    return frozenset([*(known[name] for name in names if name in known), *whole])


def names_of(*classes: type[Settings]) -> set[str]:
    return {f"FLEET_{name.upper()}" for settings in classes for name in settings.model_fields}


@functools.cache
def _fields() -> dict[str, FieldInfo]:
    """Every setting by its name."""
    return {f"FLEET_{name.upper()}": field for each in _components() for name, field in each.model_fields.items()}


def _of_the_fleet(resources: list[Resource]) -> Iterator[Workload]:
    return (work for work in workloads(resources) if work.role in READ_IN and "/" in work.container["image"])


def settings_exist(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        for name in work.environment():
            if name.startswith("FLEET_") and name.removesuffix("_FILE") not in _fields():
                yield f"{work.name}: there is no setting {name}"
        if work.pod.get("enableServiceLinks") is not False:
            yield f"{work.name}: a Service could set a setting (enableServiceLinks)"


def settings_can_be_used(resources: list[Resource]) -> Iterator[str]:
    for work in _of_the_fleet(resources):
        told = {name.removeprefix("FLEET_").lower(): value for name, value in work.environment().items()}
        for settings in read_by(work.role):
            try:
                settings(**{name: told[name] for name in settings.model_fields if name in told})
            except ValidationError as error:
                for fault in error.errors():
                    if fault["type"] != "missing":
                        yield f"{work.name}: FLEET_{str(fault['loc'][0]).upper()}: {fault['msg']}"


def no_setting_is_missing(resources: list[Resource]) -> Iterator[str]:
    for work in _of_the_fleet(resources):
        told = {name.removesuffix("_FILE") for name in work.environment()}
        for name in names_of(*read_by(work.role)) - told:
            if _fields()[name].is_required():
                yield f"{work.name} is not told {name}"
        if VaultSettings in read_by(work.role):
            yield from _signs_in_by_its_account(work)


def _signs_in_by_its_account(work: Workload) -> Iterator[str]:
    told = work.environment()
    if told.get("FLEET_VAULT_AUTH") != "kubernetes" or "FLEET_VAULT_ROLE" not in told:
        yield f"{work.name} does not sign in to the vault by its service account"
    if not told.get("FLEET_VAULT_ADDR", "").startswith("https://"):
        yield f"{work.name} sends keys to the vault in the open"


def pages_that_need_a_browser_find_one(resources: list[Resource]) -> Iterator[str]:
    found = list(_of_the_fleet(resources))
    pool = any(work.role == "render" for work in found)
    for work in found:
        if work.resource["kind"] == "Deployment" and (work.environment().get("FLEET_RENDER") == "true") is not pool:
            yield f"{work.name} is told of another render pool than there is"


def secrets_come_from_files(resources: list[Resource]) -> Iterator[str]:
    secret = {name for name, field in _fields().items() if "SecretStr" in str(field.annotation)}
    for work in workloads(resources):
        for entry in work.container.get("env", []):
            if "secretKeyRef" in entry.get("valueFrom", {}):
                yield f"{work.name}: {entry['name']} is a secret in the environment"
        for source in work.container.get("envFrom", []):
            if "secretRef" in source:
                yield f"{work.name} has a whole secret in its environment"
        for name, value in work.environment().items():
            if (
                name in secret
                or re.search(r"(PASSWORD|SECRET|TOKEN|KEY)$", name)
                or re.search(r"//[^/]*:[^/]*@", value)
            ):
                yield f"{work.name}: {name} is a secret in the environment"
            if name.endswith("_FILE") and not _mounted(work, value):
                yield f"{work.name}: {name} names {value}, where no secret is mounted"


def _mounted(work: Workload, path: str) -> bool:
    secrets = {volume["name"] for volume in work.pod["volumes"] if "secret" in volume}
    return any(
        mount["name"] in secrets and path.startswith(mount["mountPath"] + "/")
        for mount in work.container.get("volumeMounts", [])
    )


def secrets_are_given_to_those_who_read_them(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        files = {name: path for name, path in work.environment().items() if name.endswith("_FILE")}
        for name in files if work.role in READ_IN else ():
            setting = name.removesuffix("_FILE")
            if setting not in names_of(*read_by(work.role)) and (work.role, setting) not in _OF_DOCTOR:
                yield f"{work.name} is given {setting}, which it does not read"
        folders = {mount["name"]: mount for mount in work.container.get("volumeMounts", [])}
        for volume in work.pod.get("volumes", []):
            if "secret" not in volume:
                continue
            mount = folders.get(volume["name"], {"mountPath": "nowhere"})
            if not any(path.startswith(mount["mountPath"] + "/") for path in files.values()):
                yield f"{work.name} mounts the secret {volume['name']}, which nothing names"
            if volume["secret"].get("defaultMode") != 0o440 or not mount.get("readOnly"):
                yield f"{work.name}: the secret {volume['name']} may be read or written by others"
            if volume["secret"].get("optional"):
                yield f"{work.name} starts without the secret {volume['name']}"


RULES = (
    settings_exist,
    settings_can_be_used,
    no_setting_is_missing,
    pages_that_need_a_browser_find_one,
    secrets_come_from_files,
    secrets_are_given_to_those_who_read_them,
)
