"""Where the constants of the simulation come from: ``python -m dqm.its.simulate.fitting
clusters|noise|luminosity|table``.

Needs the folder with the real data (``../shared/data/its``), which may not be redistributed; only what it prints is in
the package.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dqm.its.simulate.cells import Floats
from dqm.its.simulate.clusters import Response, sizes

CLASSES = 8
"""Sizes 1 to 8 have a class of their own, larger ones share the last."""
_LUMISECTION_S = 2**18 * 3564 / 40.079e6


def shares(pixels: Floats) -> Floats:
    """Return the shares of clusters of 1 to 8 and of more pixels, shape (9,)."""
    seen = pixels[pixels > 0]
    return np.array([*((seen == n).mean() for n in range(1, CLASSES + 1)), (seen > CLASSES).mean()])


def real_sizes(folder: Path) -> Floats:
    """Return the sizes of all real cosmic clusters but those of the known burst and hot pixels."""
    data = np.load(folder / "alpide_cosmics_clusters_runs_le_600.npz", allow_pickle=False)
    pixels, plane = data["npix"].astype(np.float64), data["plane"]
    return np.asarray(pixels[~((plane == 0) & (pixels >= 300)) & ~((plane == 3) & (pixels == 1))])


def cosmic_slopes(rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Return slopes of particles whose flux through a plane goes with the cosine of their angle, up to 83 degrees."""
    cosine = np.sqrt(rng.random(count))
    slope = np.minimum(np.sqrt(1 - cosine**2) / cosine, 8.0)
    phi = rng.uniform(0, 2 * np.pi, count)
    return slope * np.cos(phi), slope * np.sin(phi)


def distance(response: Response, real: Floats, count: int = 4000, seed: int = 1) -> tuple[float, float, Floats]:
    """Return half the sum of differences of the shares, the efficiency at right angles, and the model's shares."""
    rng = np.random.default_rng(seed)
    model = shares(sizes(rng, *cosmic_slopes(rng, count), response).astype(np.float64))
    seen = float((sizes(rng, np.zeros(count), np.zeros(count), response) > 0).mean())
    return float(np.abs(model - real).sum() / 2), seen, model


def _clusters(folder: Path) -> None:
    """Scan a grid with few particles, then judge the best with many others."""
    real = shares(real_sizes(folder))
    grid = [
        Response(float(diffusion), round(float(threshold), 2), landau)
        for diffusion in np.arange(6.0, 15.1, 1.0)
        for threshold in np.arange(0.08, 0.31, 0.02)
        for landau in (0.1, 0.15, 0.2, 0.25, 0.4)
    ]
    coarse = [(distance(response, real, 2000), response) for response in grid]
    likely = sorted((found for found in coarse if found[0][1] > 0.985), key=lambda found: found[0][0])[:30]
    fine = [(distance(response, real, 30_000, seed=2), response) for _, response in likely]
    print("real ", real.round(3), "mean", real_sizes(folder).mean().round(3))
    for (off, seen, model), response in sorted(fine, key=lambda found: found[0][0]):
        if seen >= 0.99:
            print(f"{off:.3f} apart, {seen:.4f} seen, {response}\n      {model.round(3)}")


def _table(_: Path) -> None:
    rng = np.random.default_rng(20)
    for across in (0.3, 0.05):
        rows = []
        for slope in (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8):
            pixels = sizes(rng, np.full(40_000, float(slope)), np.full(40_000, across))
            seen = pixels[pixels > 0]
            rows.append((seen.mean(), seen.var(), (seen > 2).mean()))
        print(across, *(np.round(column, 3).tolist() for column in np.array(rows).T), sep="\n")


def _noise(folder: Path) -> None:
    data = np.load(folder / "alpide_noise_occupancy_scans_2020.npz", allow_pickle=False)
    per_scan, hits = np.bincount(data["scan"]), data["hits"]
    log_pixels, log_hits = np.log(per_scan), np.log(hits)
    print("noisy pixels of a chip: median", np.median(per_scan), "sigma of the logarithm", log_pixels.std().round(2))
    print("hits of a noisy pixel: median", np.median(hits), "largest", hits.max(), "sigma", log_hits.std().round(2))
    print("per chip: share of single hits", np.mean(hits == 1).round(3))


def _luminosity(folder: Path) -> None:
    data = np.load(folder / "cms_oms_per_lumisection_2024_2025.npz", allow_pickle=False)
    stable, fills = data["beams_stable"], data["fill_number"]
    rows = []
    for fill in np.unique(fills[stable]):
        rate = data["delivered_lumi_per_lumisection"][stable & (fills == fill)].astype(np.float64)
        rate = rate[rate > 0]
        if rate.size > 60:
            rows.append(_fill(rate))
    table = np.array(rows)
    for name, column in zip(("length_h", "levelled_h", "tau_h", "jitter"), table.T, strict=True):
        known = column[np.isfinite(column) & (column > 0)]
        log = np.log(known)
        print(f"{name}: {known.size} fills, median {np.median(known):.4g}, quartiles "
              f"{np.quantile(known, [0.25, 0.75]).round(4)}, sigma of the logarithm {log.std():.2f}")  # fmt: skip


def _fill(rate: Floats) -> tuple[float, float, float, float]:
    """Length and levelled time in hours, burn-off time in hours (nan where none is seen), jitter while levelled."""
    hours = np.arange(rate.size) * _LUMISECTION_S / 3600
    top = float(np.quantile(rate, 0.98))
    levelled = rate > 0.95 * top
    until = float(hours[levelled].max())
    falling = (hours > until) & (rate > 0.05 * top)
    tau = np.nan
    if falling.sum() > 100:
        slope, start = np.polyfit(hours[falling] - until, top / rate[falling], 1)
        tau = start / slope if 1 < start / slope < 100 else np.nan
    return float(hours[-1]), until, tau, float(np.diff(rate[levelled]).std() / np.sqrt(2) / top)


COMMANDS: dict[str, Callable[[Path], None]] = {
    "clusters": _clusters,
    "table": _table,
    "noise": _noise,
    "luminosity": _luminosity,
}


def main(arguments: list[str]) -> None:
    """Print the fitted constants of one part of the simulation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=COMMANDS)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/data/its"))
    chosen = parser.parse_args(arguments)
    COMMANDS[chosen.part](chosen.folder)


if __name__ == "__main__":
    main(sys.argv[1:])
