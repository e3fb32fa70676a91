"""The LHC side of the demo: the fill of the shift, written into the watched folder as the logging would.

First come the loss maps of both beams and planes at flat top, then the monitors at 1 Hz, piece by piece.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import FillPlan
from accelerator.collimation.simulate.stream import Piece, simulate_fill, write_piece
from accelerator.collimation.stream import Stream
from app import exports
from app.story import delivering, script
from app.story.delivering import Delivery
from app.story.fill import BLOWUP_S, CAMPAIGN_S, MAPS, plan

PIECE_S = 120
BACKGROUND_S, AFTER_S = 40, 8


def deliveries(began_at: datetime, seed: int) -> Iterator[Delivery]:
    """Yield what the logging writes, fill after fill, without end."""
    number = 0
    while True:
        begins = began_at + timedelta(seconds=number * script.SHIFT_S)
        yield from written(plan(begins, number, script.SHIFT_S, script.WRONG), seed + number)
        number += 1


def written(fill: FillPlan, seed: int) -> Iterator[Delivery]:
    """Yield the exports of the loss maps at flat top, then the pieces of the monitors in collisions."""
    campaign: list[Stream] = []
    for piece in simulate_fill(fill, seed, PIECE_S):
        ends = datetime.fromtimestamp(float(piece.stream.time_unix_s[-1]) + 1, UTC)
        if (ends - fill.begins_at).total_seconds() <= CAMPAIGN_S:
            campaign.append(piece.stream)
            continue
        if campaign:
            yield from _maps(_joined(campaign), fill)
            campaign = []
        yield Delivery(ends, _told(piece.truth), partial(_write_piece, piece))


def _maps(stream: Stream, fill: FillPlan) -> Iterator[Delivery]:
    for at_s, beam, plane in MAPS:
        at = fill.begins_at + timedelta(seconds=at_s)
        part = exports.cut(stream, at.timestamp() - BACKGROUND_S, at.timestamp() + BLOWUP_S + AFTER_S)
        name = f"lossmap_{fill.fill}_B{beam}{plane}.csv"
        yield Delivery(
            at + timedelta(seconds=BLOWUP_S + AFTER_S),
            f"loss map of beam {beam}, {plane}",
            partial(_write_map, part, name),
        )


def _write_piece(piece: Piece, folder: Path) -> Path:
    return write_piece(folder, piece)


def _write_map(part: Stream, name: str, folder: Path) -> Path:
    return exports.write(folder / name, part)


def _joined(streams: Sequence[Stream]) -> Stream:
    first = streams[0]
    context = {name: np.concatenate([one.context[name] for one in streams]) for name in first.context}
    times = np.concatenate([one.time_unix_s for one in streams])
    return Stream(times, first.monitors, np.concatenate([one.signal_gy_per_s for one in streams]), context)


def _told(truth: Iterable[Setting]) -> str:
    return ", ".join(f"{one.element} {one.change:+.2f} sigma" for one in truth) or "nothing wrong"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the watched folder until SIGINT or SIGTERM."""
    return delivering.run("app.machine", __doc__, lambda show: deliveries(show.playback.began_at, show.seed), arguments)


if __name__ == "__main__":
    sys.exit(main())
