"""Ends by itself what was said of keys for a time: one whose calls were used up is active when there are some again."""

from datetime import timedelta
from typing import NoReturn

from services.producer.resting import again_and_again
from shared.audit import here
from shared.keys import KeyRegistry
from shared.logs import log


async def renew_for_ever(registry: KeyRegistry, *, every: timedelta) -> NoReturn:
    """Renew the keys whose time has come: at once while there are more, else after `every`."""
    actor = here("process:dispatch")

    async def renew() -> bool:
        renewed = await registry.renew(by=actor)
        if renewed:
            log.info("keys_renewed", keys=renewed)
        return renewed > 0

    await again_and_again(renew, task="keys", rest=every)
