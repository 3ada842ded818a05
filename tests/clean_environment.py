"""Python environments with what an image's lock file names and nothing else, made of what is installed here."""

import venv
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def locked(lock: Path) -> list[Requirement]:
    """What a lock file has pip install on this machine."""
    lines = (line.split(" \\")[0] for line in lock.read_text(encoding="utf-8").splitlines())
    named = (Requirement(line) for line in lines if line[:1].isalnum())
    return [requirement for requirement in named if requirement.marker is None or requirement.marker.evaluate()]


def make_environment(folder: Path, lock: Path) -> Path:
    """A virtual environment in `folder`, as the image has it; its `fleet` command.

    The libraries are links to those of this environment, which was installed from the lock that holds for all. It fails
    where one is here in another version.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    for requirement in locked(lock):
        installed = distribution(requirement.name)
        assert requirement.specifier.contains(installed.version), (
            f"{requirement} is locked, {installed.version} is here"
        )
        _link(installed.files or [], packages)
    _link([file for file in distribution("bookmark-fleet").files or [] if file.name == "METADATA"], packages)
    for ours in ("services", "shared"):
        (packages / ours).symlink_to(ROOT / ours)
    command = folder / "bin" / "fleet"
    command.write_text(f"#!{folder}/bin/python\nfrom services.cli.main import main\nmain()\n", encoding="utf-8")
    command.chmod(0o755)
    return command


def _link(files: list[Path], packages: Path) -> None:
    """Link every file on its own: distributions share folders like google/. What is compiled of them comes along."""
    for file in files:
        if ".." not in file.parts and "__pycache__" not in file.parts:
            link, source = packages / file, Path(file.locate()).resolve()
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(source)
            compiled = link.with_name("__pycache__")
            if file.suffix == ".py" and len(file.parts) > 1 and not compiled.exists():
                compiled.symlink_to(source.with_name("__pycache__"))
