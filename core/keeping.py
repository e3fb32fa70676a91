"""Settings of what is kept: how long, how much, and which backup is made before tables change."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

FEWEST_VERDICT_DAYS = 31
"""Coincidences look back two weeks, the standing of a model a month."""


class KeepSettings(BaseModel):
    """What is kept of one system. Days count from when something was judged; None: for ever, or without a bound.

    Whatever an open alarm, an answer, a decision, a record, a drill or a replay that goes on rests on is kept anyway.
    """

    model_config = ConfigDict(extra="forbid")

    verdicts_days: float | None = Field(
        default=1825.0, ge=FEWEST_VERDICT_DAYS, description="observations with their verdicts"
    )
    good_images_days: float | None = Field(default=30.0, ge=1, description="pictures and tables of GOOD verdicts")
    images_days: float | None = Field(default=365.0, ge=1, description="those of all other verdicts")
    images_gb: float | None = Field(default=None, gt=0, description="more than this: the oldest go, GOOD ones first")
    quarantine_days: float | None = Field(default=180.0, ge=1, description="copies of inputs that could not be used")
    quarantine_gb: float | None = Field(default=None, gt=0, description="more than this: the oldest go")
    inputs_days: float | None = Field(
        default=None, ge=1, description="judged files of the watched folder; by default they are the site's to remove"
    )
    inputs_gb: float | None = Field(default=None, gt=0, description="more judged files than this: the oldest go")
    source_may_be_empty: bool = Field(
        default=False,
        description="the site empties the watched folder itself: without this, an empty one counts as not mounted, "
        "and no verdict is removed",
    )


class RetentionSettings(BaseModel):
    """What is kept: ``default`` for all systems, and what differs from it under ``systems``."""

    model_config = ConfigDict(extra="forbid")

    every_h: float = Field(default=6.0, gt=0, le=168, description="how often what is too old is removed")
    default: KeepSettings = KeepSettings()
    systems: dict[str, KeepSettings] = Field(default_factory=dict)

    def of(self, system: str) -> KeepSettings:
        """Return what is kept of a system."""
        own = self.systems.get(system)
        return self.default if own is None else self.default.model_copy(update=own.model_dump(exclude_unset=True))


class BackupSettings(BaseModel):
    """Backups that are made by themselves, and how old the last one may be."""

    model_config = ConfigDict(extra="forbid")

    before_upgrade: bool = Field(default=False, description="before `shiftwatch db upgrade` changes the tables")
    folder: Path | None = Field(default=None, description="where to; default HOME/backups")
    overdue_h: float = Field(default=48.0, gt=0, description="hours after which the doctor asks for the next backup")


class DiskSettings(BaseModel):
    """When the disk of the home counts as nearly full, and as full."""

    model_config = ConfigDict(extra="forbid")

    warn_gb: float = Field(default=5.0, gt=0, description="less free space than this (or a tenth): nearly full")
    full_gb: float = Field(default=0.2, gt=0, description="less than this (or a hundredth): as good as full")
