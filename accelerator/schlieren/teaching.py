"""``shiftwatch train schlieren``: networks taught on simulated pictures, then calibrated on shots examined with them.

Everything follows from the simulation and a seed. With a cache every network and every examined shot is made once: a
run that was cut off goes on where it was.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydantic import JsonValue

from accelerator.schlieren.calibrating import calibrate, trusted
from accelerator.schlieren.calibration import Calibration
from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.examining import Networks, likeness_file, start_file
from accelerator.schlieren.likeness_training import LikenessLesson, export_likeness, train_likeness
from accelerator.schlieren.naming import ARRAYS, FILE
from accelerator.schlieren.naming_training import NamingLesson, train_naming
from accelerator.schlieren.network import Kind
from accelerator.schlieren.network_training import Lesson, Progress, export, train_network
from accelerator.schlieren.shot_library import Library, joined, make_library
from accelerator.schlieren.simulate.apparatus import Mask
from core.errors import InputError
from core.inference import Session, write_package
from core.remembered import replace_file

Report = Callable[[str], None]
PARTS = 4
"""In which examined shots are made and kept."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is spent: steps of the networks, examined shots that are nominal and of each cause."""

    kind: Kind = Kind.PLAIN
    width: int = 48
    start_steps: int = 3000
    start_batch: int = 96
    likeness_steps: int = 1800
    naming_steps: int = 2500
    nominal: int = 2400
    each: int = 100

    @classmethod
    def residual(cls) -> "Effort":
        """Return the effort for the other architecture.

        Its fits end where those of the plain one do, so it is calibrated with the shots that were examined with that.
        """
        return cls(kind=Kind.RESIDUAL, start_steps=2500)


def train(
    product: str,
    folder: Path | str | None,
    out: Path | str,
    *,
    seed: int = 1,
    report: Report = print,
    effort: Effort | None = None,
    cache: Path | None = None,
) -> Path:
    """Teach a model called ``product`` and write its package to ``out / product``.

    Parameters
    ----------
    folder
        Must be None: real shots have no truth to learn from.
    cache
        Where networks and examined shots are kept; by default nothing is.

    Raises
    ------
    core.errors.InputError
        A folder is given.
    """
    if folder is not None:
        raise InputError(folder, "nothing is learnt from shots of a run: the channel's true parameters are not known")
    with TemporaryDirectory() as temporary:
        return _Making(effort or Effort(), seed, cache or Path(temporary), report).package(Path(out) / product)


@dataclass(frozen=True, slots=True)
class _Making:
    """A package on its way; what is kept is named by all that it follows from."""

    effort: Effort
    seed: int
    cache: Path
    report: Report

    def package(self, target: Path) -> Path:
        files = self.files()
        lender = self if self.effort.kind is Kind.PLAIN else replace(self, effort=Effort())
        library = lender.library(lender.files())
        self.report("teaching the classifier")
        lesson = NamingLesson(steps=self.effort.naming_steps, seed=self.seed)
        naming, kinds = train_naming(library, lesson)
        calibration = calibrate(library)
        written = write_package(
            target,
            name=target.name,
            system="schlieren",
            created_at=datetime.now(UTC),
            seed=self.seed,
            training_data=_digest(asdict(self.effort)),
            networks={**files, FILE: naming},
            arrays={ARRAYS: kinds.arrays()},
            metrics=metrics(library, calibration),
            calibration=calibration.to_json(),
            details={"names": list[JsonValue](lesson.names), "effort": _plain(asdict(self.effort))},
            replace=True,
        )
        return written.path

    def files(self) -> dict[str, bytes]:
        """Return start networks and autoencoders by file name."""
        return {
            **{start_file(mask): self._start(mask) for mask in Mask},
            **{likeness_file(mask): self._likeness(mask) for mask in Mask},
        }

    def _start(self, mask: Mask) -> bytes:
        effort = self.effort
        lesson = Lesson(
            mask=mask,
            kind=effort.kind,
            steps=effort.start_steps,
            batch=effort.start_batch,
            width=effort.width,
            seed=self.seed,
        )
        what = f"start network, {effort.kind}, {mask}"
        return self._kept(
            what, asdict(lesson), lambda: export(train_network(lesson, self._progress(what, lesson.steps)), mask)
        )

    def _likeness(self, mask: Mask) -> bytes:
        lesson = LikenessLesson(mask=mask, steps=self.effort.likeness_steps, seed=self.seed)
        what = f"autoencoder, {mask}"
        return self._kept(
            what, asdict(lesson), lambda: export_likeness(train_likeness(lesson, self._progress(what, lesson.steps)))
        )

    def _kept(self, what: str, lesson: Mapping[str, object], make: Callable[[], bytes]) -> bytes:
        path = self.cache / f"{what.replace(', ', '-').replace(' ', '-')}-{_digest(lesson)}.onnx"
        with suppress(FileNotFoundError):
            return path.read_bytes()
        content = make()
        self.cache.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: file.write(content))
        return content

    def _progress(self, what: str, steps: int) -> Progress:
        tenth = max(steps // 10, 1)

        def told(step: int) -> None:
            if step % tenth == 0:
                self.report(f"{what}: step {step} of {steps}")

        return told

    def library(self, files: Mapping[str, bytes]) -> Library:
        """Return examined shots."""
        return joined([self.part(files, number) for number in range(PARTS)])

    def part(self, files: Mapping[str, bytes], number: int) -> Library:
        """One of the parts in which examined shots are made and kept; they follow from the networks as well."""
        effort, digests = self.effort, {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        digest = _digest({**digests, "nominal": effort.nominal, "each": effort.each, "seed": self.seed})
        path = self.cache / f"shots-{digest}-{number}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as kept:
                return Library(**{name: kept[name] for name in Library.__slots__})
        networks = {
            mask: Networks(*(Session(files[name], name) for name in (start_file(mask), likeness_file(mask))))
            for mask in Mask
        }
        part = (number, PARTS)
        library = make_library(networks, effort.nominal, effort.each, self.seed, self.report, part=part)
        self.cache.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: np.savez_compressed(file, allow_pickle=False, **library.arrays()))
        return library


def metrics(library: Library, calibration: Calibration) -> dict[str, JsonValue]:
    """Return how well nominal shots of the library are measured, by parameter: resolution and bias over the floor."""
    nominal = library[library.causes < 0]
    kept = nominal[trusted(calibration, nominal)]
    over = kept.errors / kept.floor
    found: dict[str, JsonValue] = {"nominal shots refused": 1 - len(kept.causes) / len(nominal.causes)}
    for index, name in enumerate(PARAMETERS):
        found[f"{name}: rms error over floor"] = float(np.sqrt(np.mean(over[:, index] ** 2)))
        found[f"{name}: mean error over floor"] = float(np.mean(over[:, index]))
    return found


def _plain(content: Mapping[str, object]) -> dict[str, JsonValue]:
    return {name: str(value) if isinstance(value, str) else value for name, value in content.items()}  # type: ignore[misc]


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]
