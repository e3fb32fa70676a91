import io
import zipfile

import numpy as np
import pytest

from accelerator.collimation import npz_files
from core.errors import InputError
from tests.accelerator.collimation.made_files import T0, chambers


def packed(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def good(**changes):
    arrays = {
        "time_unix_s": T0 + np.arange(3.0),
        "monitor": np.array(chambers(2)),
        "signal_gy_per_s": np.full((3, 2), 1e-6),
        "fill": np.array(6642),
        "energy_gev": np.array([6500.0, 6500.0, np.nan]),
    }
    arrays.update(changes)
    return packed(**{name: value for name, value in arrays.items() if value is not None})


def test_a_stream():
    read, cut = npz_files.decode(good(), "x")
    assert cut is None
    assert read.signal_gy_per_s.shape == (3, 2)
    assert read.monitors == chambers(2)
    assert read.context["fill"].tolist() == ["6642"] * 3
    assert np.isnan(read.context["energy_gev"][2])


def test_a_loss_map_with_its_background():
    content = good(
        time_unix_s=np.array(T0),
        signal_gy_per_s=np.array([1e-3, 1e-4]),
        background_gy_per_s=np.array([1e-6, 1e-6]),
        energy_gev=None,
    )
    read, cut = npz_files.decode(content, "x")
    assert read.signal_gy_per_s.shape == (1, 2)
    assert cut is not None
    assert cut.background_gy_per_s is not None
    assert cut.background_gy_per_s.tolist() == [1e-6, 1e-6]
    assert cut.noise_gy_per_s is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (good()[:100], "no npz that can be read"),
        (b"PK\x03\x04nothing", "no npz that can be read"),
        (good(monitor=None), "no array called monitor"),
        (good(monitor=np.array([b"a", b"b"])), "no list of texts"),
        (good(monitor=np.array(["a", "b"], dtype=object)), "Object arrays|no npz"),
        (good(signal_gy_per_s=np.zeros((3, 2), dtype=int)), "int64 in 2 dimensions"),
        (good(signal_gy_per_s=np.zeros((3, 2, 1))), "3 dimensions"),
        (good(time_unix_s=np.array(["a", "b", "c"])), "instead of numbers in time_unix_s"),
        (good(fill=np.array([1.5, 1.5, 1.5])), "instead of text in fill"),
        (good(energy_gev=np.array(["x"] * 3)), "instead of numbers in energy_gev"),
        (good(signal_gy_per_s=np.ones(2), background_gy_per_s=np.ones(3)), "for 2 monitors"),
    ],
)
def test_what_cannot_be_used_says_why(content, reason):
    with pytest.raises(InputError, match=reason):
        npz_files.decode(content, "map.npz")


def test_what_unpacks_to_too_much_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(npz_files, "_MAX_UNPACKED_BYTES", 2**20)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("signal_gy_per_s.npy", bytes(2**20 + 1))
    with pytest.raises(InputError, match="once unpacked"):
        npz_files.decode(file.getvalue(), "bomb.npz")
