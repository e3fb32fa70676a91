"""Curves of robustness as a picture of small panels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_COLUMNS = 6
_SHOWN = {
    "position_um": ("position", "#1f6f8b"),
    "core_radius_um": ("r0", "#b5541c"),
    "transition_width_um": ("t0", "#5b7f2b"),
    "peak_ionisation": ("P", "#7a4e9e"),
}
_MOST = 6.0


def curves(rows: Sequence[Mapping[str, Any]], path: Path, title: str) -> None:
    """Write a PNG: for each setting rms over floor of accepted shots, and the share refused as a grey ground."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["setting"] for row in rows))
    lines = -(-len(names) // _COLUMNS)
    figure = Figure(figsize=(2.6 * _COLUMNS, 2.1 * lines + 0.7), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(lines, _COLUMNS, sharey=True, squeeze=False)).reshape(-1)
    for axis, name in zip(axes, names, strict=False):
        _panel(axis, [row for row in rows if row["setting"] == name], name)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    figure.suptitle(f"{title}. Error of accepted shots over the floor (rms); grey: share refused", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})


def _panel(axis: Any, rows: Sequence[Mapping[str, Any]], name: str) -> None:
    rows = sorted(rows, key=lambda row: row["value"])
    at = [row["value"] for row in rows]
    axis.fill_between(at, [row["refused"] * _MOST for row in rows], color="#cfcfcf", linewidth=0, label="refused")
    for parameter, (label, colour) in _SHOWN.items():
        told = [row[f"{parameter}: rms over floor"] for row in rows]
        values = [np.nan if value is None else min(value, _MOST) for value in told]
        axis.plot(at, values, color=colour, marker=".", markersize=4, linewidth=1.2, label=label)
    usual = [row["value"] for row in rows if abs(row["half widths"]) <= 1]
    if usual:
        axis.axvspan(min(usual), max(usual), ymax=0.025, color="black")
    axis.axhline(1.0, color="#888888", linewidth=0.6, linestyle=":")
    axis.set_ylim(0, _MOST)
    axis.set_title(name.replace("_", " "), fontsize=9)
    axis.tick_params(labelsize=7)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
