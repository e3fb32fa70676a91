"""Settings: read from ``SHIFTWATCH_*`` variables and an optional TOML file; unknown names are errors."""

import os
from collections.abc import Sequence
from datetime import time
from itertools import pairwise
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from core.errors import SettingsError
from core.keeping import BackupSettings, DiskSettings, RetentionSettings
from core.placing import Bucket
from core.settings_words import explain
from core.shifts import ShiftPlan

SECRETS = "SHIFTWATCH_SECRETS"


class FlexSettings(BaseModel):
    """FLEX visual inspection."""

    model_config = ConfigDict(extra="forbid")

    inbox: Path | None = Field(default=None, description="watched scanner folder; default HOME/inbox/flex")
    product: str = Field(default="synthetic", description="name of the model package to judge boards with")
    name_pattern: str = Field(
        default=r"(?P<serial>20U[A-Z0-9]{11})(?:_(?P<stage>[A-Z]+(?:_[A-Z]+)*)(?![A-Za-z]))?"
        r"(?:_.*?(?P<side>[Ff]ront|[Bb]ack))?",
        description="regular expression with the groups serial, stage, side; a file NAME.json beside it wins",
    )
    false_spots_per_board: float = Field(default=1.0, gt=0, le=100)
    false_alarms_per_board: float = Field(default=0.02, gt=0, lt=1)
    settle_s: float = Field(default=0.5, ge=0, description="a file must be unchanged this long before it is read")
    max_megapixels: float = Field(default=64.0, gt=0)
    silent_after_s: float | None = Field(default=None, description="alarm if no board came for this long")
    operator: str = Field(default="", description="default operator in the ITk record")
    instrument: str = Field(default="", description="name of the scanner or camera in the ITk record")


class ItsSettings(BaseModel):
    """ALICE ITS2: quality-control histograms out of the QCDB."""

    model_config = ConfigDict(extra="forbid")

    qcdb_url: str | None = Field(
        default=None, pattern=r"^https?://[^\s/?#@]+$", description="address of the QCDB, like http://host:8083"
    )
    provenance: str = Field(default="qc", pattern=r"^[A-Za-z0-9_]+$", description="qc, qc_async or qc_mc")
    poll_s: float = Field(
        default=10.0, ge=0, le=120, description="the QCDB is asked for its lists no more often than this"
    )
    window: Literal["auto", "cycle", "run"] = Field(
        default="auto",
        description="what QC objects hold: one cycle, everything since the start of the run, or find out",
    )
    patience_s: float = Field(default=60.0, ge=0, description="an incomplete cycle is waited for this long")
    lookback_s: float = Field(default=1500.0, ge=600, description="how far back a watch that starts looks for cycles")
    timeout_s: float = Field(default=10.0, gt=0, description="no answer of the QCDB may take longer")
    attempts: int = Field(default=3, ge=1, le=20, description="how often a question is put before giving up for now")
    max_body_mb: float = Field(default=16.0, gt=0, le=64, description="bigger answers of the QCDB are refused")
    masked: tuple[str, ...] = Field(default=(), description="staves, chips and lanes off by configuration: L0_03/4")
    silent_after_s: float | None = Field(default=None, description="alarm if no cycle came for this long")
    model: str = Field(default="simulated", description="name of the model package to judge cycles with")
    false_alarms_per_shift: float = Field(default=1.0, gt=0, le=100, description="nominal incidents called BAD in 8 h")
    looks_per_shift: float = Field(default=10.0, gt=0, le=1000, description="nominal incidents called MEDIUM in 8 h")


class CollimationSettings(BaseModel):
    """LHC collimation: loss maps, and streams of beam-loss monitors."""

    model_config = ConfigDict(extra="forbid")

    inbox: Path | None = Field(default=None, description="watched folder; default HOME/inbox/collimation")
    settle_s: float = Field(default=0.5, ge=0, description="a file must be unchanged this long before it is read")
    max_file_mb: float = Field(default=512.0, gt=0, description="bigger files are refused")
    silent_after_s: float | None = Field(default=None, description="alarm if nothing came for this long")
    model: str = Field(default="simulated", description="name of the model package to judge loss patterns with")
    false_alarms_per_shift: float = Field(
        default=0.1, gt=0, le=100, description="nominal streams called BAD in 8 h, per beam"
    )
    false_alarms_per_map: float = Field(default=0.001, gt=0, lt=1, description="share of nominal maps called BAD")
    warn_before_s: float = Field(default=7200.0, gt=0, description="MEDIUM if a margin would be gone within this time")


class SchlierenSettings(BaseModel):
    """AWAKE Schlieren: one picture of the plasma channel per shot.

    Addresses of instruments are DEVICE/PROPERTY/FIELD, DEVICE/PROPERTY/FIELD[3] or, in a table of names and values,
    DEVICE[NAME]; ``None``: not recorded. Windows say how long after the cycle's stamp a reading may be stamped.
    """

    model_config = ConfigDict(extra="forbid")

    inbox: Path | None = Field(default=None, description="watched folder; default HOME/inbox/schlieren")
    camera: str = Field(
        default="BOVWA.11TCC4.AWAKECAM11/ExtractionImage", description="DEVICE/PROPERTY of the Schlieren camera"
    )
    camera_rows_columns: tuple[int, int] | None = Field(
        default=None, description="size of the camera's pictures; other sizes are told as a wrong camera or binning"
    )
    density_up: str | None = "TSG41.AWAKE-DENSITY-DATA[UpstreamDensity]"
    density_down: str | None = "TSG41.AWAKE-DENSITY-DATA[DownstreamDens]"
    density_set: str | None = "TSG41.AWAKE-DENSITY-DATA[DensitySet]"
    detuning: str | None = "TSG41.AWAKE-GUI-SUPPORT[SchlierenDetuning]"
    detuning_set: str | None = "TSG41.AWAKE-GUI-SUPPORT[SchlierenDetSet]"
    laser_energy: str | None = Field(default="EMETER02/Acq/value", description="energy meter, in J")
    camera_window_s: tuple[float, float] = (0.0, 10.0)
    laser_window_s: tuple[float, float] = (0.0, 10.0)
    table_window_s: tuple[float, float] = Field(default=(-10.0, 11.0), description="of density and detuning")
    viewport_share: float = Field(default=1.0, ge=0, le=1, description="place of the camera: 0 upstream, 1 downstream")
    density_error: float = Field(default=0.005, gt=0, lt=1, description="relative one-sigma error of the density")
    detuning_error: float = Field(default=0.01, gt=0, lt=1, description="relative one-sigma error of the detuning")
    mask: Literal["knife", "stop"] = Field(default="knife", description="what stands in the Fourier plane")
    focal_mm: float = Field(default=250.0, gt=0, description="focal length before the Fourier plane")
    pixel_um: float = Field(default=31.25, gt=0, description="size of a pixel at the channel")
    bits: int = Field(default=12, ge=8, le=16, description="of the camera's converter")
    settle_s: float = Field(default=0.2, ge=0, description="a file must be unchanged this long before it is read")
    max_file_mb: float = Field(default=512.0, gt=0, le=4096, description="bigger files are refused")
    max_megapixels: float = Field(default=16.0, gt=0, le=256, description="bigger pictures are refused")
    poll_s: float = Field(default=0.5, gt=0, description="how often the watched folder is looked at")
    silent_after_s: float | None = Field(default=None, description="alarm if no shot came for this long")
    model: str = Field(default="simulated", description="name of the model package to judge shots with")
    false_alarms_per_shift: float = Field(default=1.0, gt=0, le=100, description="nominal shots called BAD in 8 h")


RoleWord = Literal["viewer", "shifter", "expert"]


class AccessSettings(BaseModel):
    """Who may what. Names are e-mail addresses of the sign-in, or logins at the command line; * and ? are wildcards."""

    model_config = ConfigDict(extra="forbid")

    experts: tuple[str, ...] = Field(default=(), description="may shelve alarms, edit guidance, promote models")
    shifters: tuple[str, ...] = Field(default=(), description="may acknowledge, clear, comment, answer, decide")
    others: RoleWord = Field(default="viewer", description="whoever signed in and is in neither list")
    local: RoleWord = Field(
        default="expert", description="whoever works at this machine where nobody can sign in and no names are listed"
    )
    open_network: bool = Field(
        default=False, description="without sign-in, people at other machines may act too (a trusted network only)"
    )
    published_at: str | None = Field(
        default=None,
        description="in a container: the address of this machine at which the dashboard is published; it says, in "
        "place of the one it listens on, whether other machines reach it",
    )


class ChannelSettings(BaseModel):
    """One way to reach people: an Apprise URL (mailto://, mmost://, json://…) and what is sent there."""

    model_config = ConfigDict(extra="forbid")

    url: SecretStr
    systems: tuple[str, ...] = Field(default=(), description="only alarms of these; default all")
    severities: tuple[Literal["MINOR", "MAJOR", "INVALID", "UNDEFINED"], ...] = ("MAJOR", "INVALID", "UNDEFINED")
    on: tuple[Literal["raised", "overdue"], ...] = Field(
        default=("raised", "overdue"),
        description="raised: whenever somebody is asked; overdue: nobody answered in time",
    )
    most_per_10_min: int = Field(default=6, ge=1, le=1000, description="more than this are sent together as one")


class NotifySettings(BaseModel):
    """Notifications of alarms."""

    model_config = ConfigDict(extra="forbid")

    console_url: str | None = Field(
        default=None, pattern=r"^https?://[^\s]+$", description="address of the dashboard, for links in messages"
    )
    channels: dict[str, ChannelSettings] = Field(default_factory=dict)


class ShiftSettings(BaseModel):
    """When shifts begin at this site (times of day in order; the last lasts until the first of the next day)."""

    model_config = ConfigDict(extra="forbid")

    starts: tuple[time, ...] = Field(default=(time(7), time(15), time(23)), min_length=1)
    zone: str = Field(default="Europe/Zurich", description="time zone of the site, as the tz database calls it")

    @field_validator("starts")
    @classmethod
    def _in_order(cls, starts: tuple[time, ...]) -> tuple[time, ...]:
        if any(one >= other or one.tzinfo for one, other in pairwise((*starts, time.max))):
            raise ValueError("times of day in order, each once, without a time zone")
        return starts

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone called {zone!r}") from None
        return zone

    @property
    def plan(self) -> ShiftPlan:
        """The plan of shifts."""
        return ShiftPlan(self.starts, self.zone)


class ArtefactSettings(BaseModel):
    """Where pictures and tables of verdicts are kept; by default in HOME/artefacts."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(
        default=None,
        pattern=r"^(s3|s3a|gs|gcs|abfs|abfss|az|memory)://[^\s?#@]+$",
        description="a bucket and folder that several machines share, like s3://shiftwatch/artefacts",
    )
    endpoint_url: str | None = Field(
        default=None, pattern=r"^https?://[^\s@]+$", description="of an S3 server that is not Amazon's"
    )
    region: str | None = None
    access_key: SecretStr | None = Field(default=None, description="best as a file or AWS_ACCESS_KEY_ID")
    secret_key: SecretStr | None = Field(default=None, description="best as a file or AWS_SECRET_ACCESS_KEY")

    @property
    def bucket(self) -> Bucket | None:
        """What a store opens, None for a folder."""
        if self.url is None:
            return None
        client = {"endpoint_url": self.endpoint_url, "region_name": self.region}
        keys = {"key": self.access_key, "secret": self.secret_key}
        options: dict[str, Any] = {name: one.get_secret_value().strip() for name, one in keys.items() if one}
        told = {name: one for name, one in client.items() if one}
        return Bucket(self.url, options | ({"client_kwargs": told} if told else {}))


class Settings(BaseSettings):
    """All settings. ``SHIFTWATCH_HOME=/data`` or ``SHIFTWATCH_FLEX__INBOX=/scans`` sets them from outside."""

    model_config = SettingsConfigDict(
        env_prefix="SHIFTWATCH_", env_nested_delimiter="__", extra="forbid", toml_file="shiftwatch.toml"
    )

    home: Path = Path("var")
    database_url: str | None = None
    database_password: SecretStr | None = Field(default=None, description="put into database_url; best as a file")
    models: Path | None = Field(default=None, description="site models; the shipped ones are always found too")
    poll_s: float = Field(default=2.0, gt=0)
    window_s: float = Field(default=900.0, gt=0)
    batch: int = Field(default=8, ge=1)
    pinned: dict[str, Path] = Field(
        default_factory=dict, description="model package that judges a system, in place of the one called by its name"
    )
    shadow_share: float = Field(
        default=0.25, ge=0, le=1, description="share of a watch's time that a challenger may take to judge in shadow"
    )
    model_max_age_days: float = Field(
        default=365.0, gt=0, description="a model made longer ago than this counts as stale"
    )
    retention: RetentionSettings = RetentionSettings()
    backup: BackupSettings = BackupSettings()
    disk: DiskSettings = DiskSettings()
    artefact_store: ArtefactSettings = ArtefactSettings()
    shifts: ShiftSettings = ShiftSettings()
    access: AccessSettings = AccessSettings()
    notify: NotifySettings = NotifySettings()
    logbook_url: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="webhook that takes shift reports (JSON, POST)"
    )
    logbook_token: SecretStr | None = Field(default=None, description="sent to the logbook as a bearer token")
    flex: FlexSettings = FlexSettings()
    its: ItsSettings = ItsSettings()
    collimation: CollimationSettings = CollimationSettings()
    schlieren: SchlierenSettings = SchlierenSettings()

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the store (SQLite under ``home`` by default), with its password."""
        if self.database_url is None:
            return f"sqlite:///{(self.home / 'shiftwatch.db').absolute()}"
        if self.database_password is None:
            return self.database_url
        return _with_password(self.database_url, self.database_password.get_secret_value())

    @property
    def artefacts(self) -> Path | Bucket:
        """The folder, or the bucket, of content-addressed artefacts."""
        return self.artefact_store.bucket or self.home / "artefacts"

    @property
    def quarantine(self) -> Path:
        """The folder where unusable inputs are kept with their reason."""
        return self.home / "quarantine"

    @property
    def site_models(self) -> Path:
        """The folder of model packages trained at this site."""
        return self.models or self.home / "models"

    @property
    def flex_inbox(self) -> Path:
        """The watched scanner folder."""
        return self.flex.inbox or self.home / "inbox" / "flex"

    @property
    def collimation_inbox(self) -> Path:
        """The watched folder of loss maps and streams."""
        return self.collimation.inbox or self.home / "inbox" / "collimation"

    @property
    def schlieren_inbox(self) -> Path:
        """The watched folder of AWAKE events."""
        return self.schlieren.inbox or self.home / "inbox" / "schlieren"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, file_secret_settings, TomlConfigSettingsSource(settings_cls))


class ImpossibleSettingsError(SettingsError):
    """Settings that cannot be, one line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("settings: " + "; ".join(problems))
        self.problems = tuple(problems)


def load_settings(file: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings; the folder named by ``SHIFTWATCH_SECRETS`` may hold some as files (``shiftwatch_NAME``).

    ``file``: read in place of ``shiftwatch.toml`` of the working directory.

    Raises
    ------
    SettingsError
        If a value is impossible or a name is unknown; the text lists each.
    """
    wanted = Settings if file is None else _reading(file)
    try:
        return wanted(_secrets_dir=os.environ.get(SECRETS), **overrides)
    except ValidationError as error:
        raise ImpossibleSettingsError(explain(error, Settings)) from None
    except TOMLDecodeError as error:
        raise ImpossibleSettingsError([f"{file or 'shiftwatch.toml'} is no TOML: {error}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ImpossibleSettingsError([f"{file or 'shiftwatch.toml'} cannot be read: {error}"]) from None


def _reading(file: Path) -> type[Settings]:
    if not file.is_file():
        raise ImpossibleSettingsError([f"{file}: there is no such file"])

    class FileSettings(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    return FileSettings


def _with_password(url: str, password: str) -> str:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).set(password=password.strip()).render_as_string(hide_password=False)
    except ArgumentError:
        return url  # the store says what is wrong with it
