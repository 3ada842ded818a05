"""`fleet up`: starts everything, shows where it is, hands in what was asked for, and stays until told to end."""

import shlex
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.local import fleet_settings, roles, sample
from services.local.folder import alone_in, fresh_logs
from services.local.front_door import FrontDoor, FrontDoorAway
from services.local.options import UpOptions
from services.local.ports import LOOPBACK, kept_port
from services.local.results import Standing, standing_of
from services.local.servers.errors import ServerNotReady
from services.local.standing_on import Foundation, lay_foundation
from services.local.supervisor import Supervisor
from services.local.targets import write_targets
from services.local.telling import Screen, overview_line, result_line
from services.local.warden import Warden
from shared.errors import Misconfigured
from shared.ledger.migrate import migrate
from shared.logs import configure_logs
from shared.settings import DatabaseSettings, TokenSettings
from shared.users import user_id
from shared.values import UserId

_READY_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.1
_TELL_EVERY_S = 1.0


class FleetNotReady(Misconfigured):
    """A process of the fleet does not come up."""

    code = "fleet_not_ready"
    advice = "The end of the log the sentence names says why; `fleet doctor` checks the servers and the settings."

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"The process `{name}` does not come up; its log is {log}.")


def run_up(options: UpOptions) -> int:
    """Run the fleet; come back when it was told to end, or with `once` when everything submitted has ended.

    Returns:
        0, or 1 when something submitted failed or was cut short.

    Raises:
        FleetAlreadyRuns: another one works on this folder.
        ServerMissing: a server's program is not on this machine.
        Misconfigured: a setting or a server keeps the fleet from starting.
    """
    configure_logs("warning", process="up")
    screen = Screen()
    began = time.monotonic()
    data = options.data.resolve()
    with (
        alone_in(data) as (warden, register),
        fleet_settings.api_port(options.port) as port,
        Supervisor(logs=fresh_logs(data), watch=register) as supervisor,
    ):
        run = _Run(options, data=data, port=port, screen=screen, supervisor=supervisor, warden=warden)
        try:
            standing = run.story()
        except ServerNotReady:
            if not run.told.is_set():
                raise
            standing = None  # told to end while the servers were starting
    screen.finish()
    if not options.once:
        return 0
    if standing is None:
        screen.say("Told to end before everything had ended; `fleet up` again goes on where this stopped.")
        return 1
    return _conclude(screen, standing, as_json=options.as_json, seconds=time.monotonic() - began)


class _Run:
    """One run of `fleet up`, from the first server to the last look."""

    def __init__(
        self, options: UpOptions, *, data: Path, port: int, screen: Screen, supervisor: Supervisor, warden: Warden
    ) -> None:
        self.options = options
        self.data = data
        self.port = port
        self.screen = screen
        self.supervisor = supervisor
        self.warden = warden
        self.told = threading.Event()
        self._has_browser = False

    def story(self) -> Standing | None:
        """Start, submit, watch; what came of it when everything ended, None when told to end before."""
        self._listen_to_signals()
        foundation = lay_foundation(self.data, fleet_settings.given(), self.options.broker)
        if foundation.note:
            self.screen.say(foundation.note)
        with self._broker_starting(foundation):
            door, site = self._open_front_door(foundation)
        if self.told.is_set():
            return None
        self._has_browser = foundation.settings["FLEET_RENDER"] == "true"
        if not self._has_browser:
            self.screen.say(
                "No Chromium here: pages that need a browser keep what can be read without (install chromium)."
            )
        analyzer_only = foundation.for_analyzer()
        workers = roles.workers(foundation.settings, for_analyzer=analyzer_only)
        self.supervisor.start_roles(workers)
        write_targets(self.data / "prometheus-targets.json", workers, api_port=self.port)
        submitted = self._submit(door, site)
        self._advise(door, submitted)
        return self._watch(door, submitted)

    def _listen_to_signals(self) -> None:
        def end(*_: object) -> None:
            self.told.set()
            self.supervisor.give_up()
            for number in numbers:  # whoever asks twice cannot wait: the warden ends what is left
                signal.signal(number, signal.SIG_DFL)

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            signal.signal(number, end)

    @contextmanager
    def _broker_starting(self, foundation: Foundation) -> Iterator[None]:
        """Start the broker beside the block: it takes longer than everything else, and the page can do without."""

        def start() -> None:
            for server in foundation.broker:
                self.supervisor.start_servers(server)

        with ThreadPoolExecutor(1, thread_name_prefix="broker") as beside:
            started = beside.submit(start)
            try:
                yield
            except BaseException:
                self.supervisor.give_up()
                raise
            started.result()

    def _open_front_door(self, foundation: Foundation) -> tuple[FrontDoor, str | None]:
        """Servers, tables, API: until the page can be opened."""
        self.supervisor.start_servers(*foundation.first)
        foundation.settle()
        settings = foundation.settings
        fleet_settings.complete(settings, self.options, self.data, port=self.port)
        fleet_settings.publish(settings, self.data)
        migrate(DatabaseSettings.read().database_url.get_secret_value())
        self.supervisor.start_roles([roles.api(settings)])
        site = self._open_sample_site() if self.options.sample else None
        door = FrontDoor(self.port, TokenSettings.read().token_secret)
        self._wait_until_ready(door)
        if self.told.is_set():
            return door, site
        self.screen.say(f"Dashboard: {door.page}")
        if site:
            self.screen.say(f"Sample site: {site}/")
        return door, site

    def _open_sample_site(self) -> str:
        port = kept_port(self.data / "sample-site.port")
        self.supervisor.start_roles([roles.sample_site(port)])
        return f"http://{LOOPBACK}:{port}"

    def _wait_until_ready(self, door: FrontDoor) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self.told.is_set() and not door.is_ready():
            if time.monotonic() > deadline or "api" in {process.name for process in self.supervisor.hopeless}:
                raise FleetNotReady("api", self.data / "logs" / "api.log")
            time.sleep(_LOOK_EVERY_S)

    def _submit(self, door: FrontDoor, site: str | None) -> dict[UserId, list[int]]:
        asked: dict[UserId, list[dict[str, Any]]] = {}
        if site:
            asked |= sample.bookmarks(site, browser=self._has_browser)
        if self.options.urls:
            asked.setdefault(user_id(self.options.user), []).extend({"url": url} for url in self.options.urls)
        return {user: door.submit(user, bookmarks) for user, bookmarks in asked.items()}

    def _advise(self, door: FrontDoor, submitted: Mapping[UserId, Sequence[int]]) -> None:
        without = [user for user in submitted if not door.has_key(user)]
        if without and not self.options.as_json:
            command = f"fleet key add --user {without[0]} --data {shlex.quote(str(self.options.data))}"
            self.screen.say("No Gemini key yet: the built-in heuristic analyser does the work, and is named as such.")
            self.screen.say(f"To use your own: {command}")

    def _watch(self, door: FrontDoor, submitted: Mapping[UserId, Sequence[int]]) -> Standing | None:
        while not self.told.is_set():
            self.warden.check()
            try:
                if not self.options.as_json:
                    self.screen.progress(overview_line(door.overview()))
                if self.options.once and (standing := standing_of(door, submitted)).all_ended:
                    return standing
            except FrontDoorAway as away:
                self.screen.progress(away.sentence)
            self._look_for_the_hopeless()
            self.told.wait(_TELL_EVERY_S)
        return None

    def _look_for_the_hopeless(self) -> None:
        for process in self.supervisor.hopeless:
            if self.options.once:
                raise FleetNotReady(process.name, process.log)
            self.screen.progress(FleetNotReady(process.name, process.log).sentence)


def _conclude(screen: Screen, standing: Standing, *, as_json: bool, seconds: float) -> int:
    if as_json:
        screen.say_json(standing.as_json(seconds=seconds))
    else:
        for bookmark in standing.bookmarks:
            screen.say(result_line(bookmark))
    return 1 if standing.failed else 0
