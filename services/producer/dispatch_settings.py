"""The dispatcher's own knobs; how much it lets out at a time is in `shared.settings.DispatchSettings`."""

from pydantic import Field

from shared.settings import Settings


class DispatcherSettings(Settings):
    """How often the dispatcher looks."""

    dispatch_poll_s: float = Field(
        default=0.1,
        gt=0,
        le=10,
        description="Rest between looks at a stage that had nothing to release, seconds; varied by half.",
    )
    sweep_s: float = Field(
        default=5.0,
        gt=0,
        le=300,
        description="Rest between sweeps for jobs whose lease has ended and keys that have calls again, seconds.",
    )
    gauges_s: float = Field(
        default=10.0, gt=0, le=300, description="Rest between counts of what waits, for the metrics, seconds."
    )
