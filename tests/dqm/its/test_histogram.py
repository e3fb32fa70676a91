"""QC histograms: what uproot writes and ALICE stores is read alike; hostile files are refused by name."""

import io
import struct
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import cramjam
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st
from uproot.writing import identify

from core.errors import InputError
from dqm.its.histogram import KEY, MAX_OBJECT_BYTES, Histogram, decode, encode
from dqm.its.rootfile.container import RootFile
from tests.dqm.its.rootfiles import block, record, root_file

RATIO = "o2::quality_control_modules::common::TH2Ratio<TH2D>"


def histogram(nx: int = 9, ny: int | None = 12, seed: int = 1, **changed: Any) -> Histogram:
    shape = (nx,) if ny is None else (nx, ny)
    given: dict[str, Any] = {
        "name": KEY,
        "class_name": f"TH{len(shape)}D",
        "values": np.random.default_rng(seed).random(shape),
        "edges": tuple(np.arange(n + 1.0) ** (1 + axis / 10) for axis, n in enumerate(shape)),
        "labels": (tuple(f"Chip {n}" for n in range(nx)), None)[: len(shape)],
        "axis_titles": ("Chip number", "Stave number")[: len(shape)],
        "entries": 4321.0,
        "title": "clusters per ROF per chip",
    }
    return Histogram(**(given | changed))


def stored(body: bytes) -> tuple[str, bytes]:
    """Class and bytes of the object in a file of ours."""
    file = RootFile(body)
    key = file.find(KEY)
    assert key is not None
    return key.class_name, file.read(key, MAX_OBJECT_BYTES)


def by_uproot(body: bytes) -> Any:
    with uproot.open(io.BytesIO(body), use_threads=False) as file:
        return file[KEY]


def assert_alike(one: Histogram, other: Histogram) -> None:
    np.testing.assert_array_equal(one.values, other.values)
    for a, b in zip(one.edges, other.edges, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    told = [(h.name, h.class_name, h.labels, h.axis_titles, h.entries, h.title) for h in (one, other)]
    assert told[0] == told[1]


@pytest.mark.parametrize(("nx", "ny"), [(9, 12), (28, 48), (432, 28), (300, None), (1, 1)])
def test_what_is_encoded_is_decoded(nx: int, ny: int | None) -> None:
    written = histogram(nx, ny)
    read = decode(encode(written), "a")
    assert_alike(read, written)
    assert read.values.dtype == np.float64
    assert read.values.flags.c_contiguous


def test_uproot_reads_the_same_from_what_is_encoded() -> None:
    written = histogram()
    read = by_uproot(encode(written))
    np.testing.assert_array_equal(read.values(), written.values)
    assert tuple(read.axis(0).labels()) == written.labels[0]
    assert read.axis(1).labels() is None
    np.testing.assert_allclose(read.axis(1).edges(), written.edges[1])
    assert (read.title, read.axis(1).member("fTitle")) == (written.title, "Stave number")


def test_some_bins_may_have_no_label() -> None:
    labels = (("", "b", "", "d"), None)
    assert decode(encode(histogram(4, 2, labels=labels)), "a").labels == labels


def test_labels_without_numbers_count_in_their_order() -> None:
    plain = identify.to_THashList([identify.to_TObjString(letter) for letter in "abc"])
    axis = identify.to_TAxis("xaxis", "", 3, 0, 3, fLabels=plain)
    body = io_written(identify.to_TH1x("h", "", np.zeros(5), 0, 0, 0, 0, 0, np.zeros(0), axis))
    assert decode(body, "a").labels == (("a", "b", "c"),)


@pytest.mark.parametrize("kind", "DFISC")
@pytest.mark.parametrize("dimensions", [1, 2])
def test_all_kinds_of_contents_are_read(kind: str, dimensions: int) -> None:
    dtype = {"D": "f8", "F": "f4", "I": "i4", "S": "i2", "C": "i1"}[kind]
    cells = np.arange(5 if dimensions == 1 else 20).astype(dtype)
    axes = [identify.to_TAxis(f"{name}axis", "", bins, 0, bins) for name, bins in (("x", 3), ("y", 2))][:dimensions]
    write, sums = (identify.to_TH1x, 4) if dimensions == 1 else (identify.to_TH2x, 7)
    body = io_written(write("h", "", cells, 0, *[0.0] * sums, np.zeros(0), *axes))
    read = decode(body, "a")
    assert read.class_name == f"TH{dimensions}{kind}"
    np.testing.assert_array_equal(read.values, by_uproot(body).values())


RATIOS = Path(__file__).parent / "ratios"


@pytest.mark.parametrize("name", ["uniform", "bins"])
def test_a_ratio_that_root_wrote_is_read_with_its_parts(name: str) -> None:
    """Written by ROOT itself (ratios/write.py): a TH2D with one denominator, a TH2F with one for each bin."""
    read = decode((RATIOS / f"{name}.root").read_bytes(), "x")
    x, y = np.mgrid[0:9, 0:12]
    below = np.array(500.0) if name == "uniform" else (x * y).astype(float)
    assert (read.class_name, read.values.shape) == ("TH2Ratio", (9, 12))
    assert read.numerator is not None
    assert read.denominator is not None
    np.testing.assert_array_equal(read.numerator, 100 * x + y)
    np.testing.assert_array_equal(read.denominator, below)
    wanted = np.divide(read.numerator, below, out=np.zeros((9, 12)), where=np.broadcast_to(below, (9, 12)) > 0)
    np.testing.assert_allclose(read.values, wanted, rtol=1e-6)
    labels = tuple(f"Chip {n}" for n in range(9)) if name == "uniform" else None, None
    assert read.labels[0] == labels[0]


def test_a_ratio_of_one_axis_that_root_wrote_is_read_with_its_parts() -> None:
    read = decode((RATIOS / "one.root").read_bytes(), "x")
    assert read.class_name == "TH1Ratio"
    np.testing.assert_array_equal(read.numerator, np.arange(15.0) ** 2)
    np.testing.assert_array_equal(read.denominator, 50.0)
    np.testing.assert_allclose(read.values, np.arange(15.0) ** 2 / 50)


@pytest.mark.parametrize("ny", [None, 12])
@pytest.mark.parametrize("uniform", [True, False])
def test_a_ratio_is_written_as_the_quality_control_does(ny: int | None, *, uniform: bool) -> None:
    made = histogram(ny=ny)
    below = np.array(7.0) if uniform else made.values * 3 + 1
    ratio = replace(made, numerator=made.values * below, denominator=below)
    body = encode(ratio)
    axes = 1 if ny is None else 2
    assert stored(body)[0] == RATIO.replace("TH2", f"TH{axes}")
    read = decode(body, "x")
    assert_alike(read, replace(made, class_name=f"TH{axes}Ratio"))
    np.testing.assert_array_equal(read.numerator, ratio.numerator)
    np.testing.assert_array_equal(read.denominator, below)


def test_the_stream_of_a_ratio_is_that_of_root() -> None:
    """All but what ROOT says of errors and colours: the same records in the same order, up to the last byte."""
    theirs = stored((RATIOS / "one.root").read_bytes())
    read = decode((RATIOS / "one.root").read_bytes(), "x")
    ours = stored(encode(read))
    assert ours[0] == theirs[0]
    assert ours[1][-14:] == theirs[1][-14:]  # flags, and the class that QCG takes it for
    interface = record(b"", 0) + struct.pack(">I", 0x40000000)[:1]
    assert interface in ours[1]
    assert interface in theirs[1]
    assert ours[1].count(b"TH1D\0") == theirs[1].count(b"TH1D\0") == 1  # named once, then given by its place


def test_a_ratio_without_its_parts_is_the_ratio() -> None:
    """Of another version of the class, or stored without them: what comes behind the ratio is left out."""
    class_name, content = stored(encode(histogram()))
    assert class_name == "TH2D"
    parts = record(b"", version=0) + bytes(8)  # two pointers to nothing
    for behind in (parts, b"not a record", b""):
        read = decode(root_file({KEY: (RATIO, record(content + behind))}), "x")
        assert read.class_name == "TH2Ratio"
        assert read.numerator is read.denominator is None
        np.testing.assert_array_equal(read.values, histogram().values)


@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_parts_that_are_no_counts_are_left_out(value: float) -> None:
    made = histogram()
    above = made.values.copy()
    above[3, 4] = value
    read = decode(encode(replace(made, numerator=above, denominator=np.array(2.0))), "x")
    assert read.numerator is read.denominator is None
    np.testing.assert_array_equal(read.values, made.values)


def test_what_checks_draw_on_a_histogram_is_left_out() -> None:
    """Checks add TLatex and TPaveText to fFunctions: unknown classes must not hinder reading the contents."""
    class_name, content = stored(encode(histogram()))
    # in front of TH2's four numbers and the array: the end of TH1, whose length must grow with what is put there
    latex = struct.pack(">II", 0x40000000 | 11, 0xFFFFFFFF) + b"TLatex\0"
    inner = 12  # two records of six bytes are open where TH1 begins: TH2D and TH2
    length = struct.unpack_from(">I", content, inner)[0] & ~0x40000000
    end = inner + 4 + length
    grown = bytearray(content[:end] + latex + content[end:])
    for at in (0, 6, 12):
        struct.pack_into(">I", grown, at, struct.unpack_from(">I", grown, at)[0] + len(latex))
    read = decode(root_file({KEY: (class_name, bytes(grown))}), "a")
    np.testing.assert_array_equal(read.values, histogram().values)


@pytest.mark.parametrize("method", ["ZL", "XZ", "L4", "ZS"])
def test_all_compressions_of_root_are_read(method: str) -> None:
    class_name, content = stored(encode(histogram()))
    packed = {
        "ZL": zlib.compress,
        "XZ": lambda data: bytes(cramjam.xz.compress(data)),
        "L4": lambda data: bytes(8) + bytes(cramjam.lz4.compress_block(data, store_size=False)),
        "ZS": lambda data: bytes(cramjam.zstd.compress(data)),
    }[method]
    halves = [content[:900], content[900:]]
    blocks = b"".join(block(method.encode(), packed(half), len(half)) for half in halves)
    body = root_file({KEY: (class_name, blocks)}, {KEY: len(content)})
    np.testing.assert_array_equal(decode(body, "a").values, histogram().values)


@pytest.mark.parametrize("method", ["ZL", "XZ", "L4", "ZS"])
def test_a_block_that_unpacks_to_more_than_it_announces_is_refused(method: str) -> None:
    bomb = bytes(5_000_000)
    packed = {
        "ZL": zlib.compress(bomb),
        "XZ": bytes(cramjam.xz.compress(bomb)),
        "L4": bytes(8) + bytes(cramjam.lz4.compress_block(bomb, store_size=False)),
        "ZS": bytes(cramjam.zstd.compress(bomb)),
    }[method]
    body = root_file({KEY: ("TH1D", block(method.encode(), packed, 5000))}, {KEY: 5000})
    with pytest.raises(InputError, match=r"^qc/x: "):
        decode(body, "qc/x")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not a ROOT file"),
        (b"<html>504 Gateway", "not a ROOT file"),
        (b"root", "ends in the middle"),
        (root_file({"other": ("TH1D", b"")}), f"holds no object called {KEY}"),
        (root_file({KEY: ("TCanvas", b"x" * 40)}), "is a TCanvas, not a histogram"),
        (root_file({KEY: ("TH2Poly", b"x" * 40)}), "is a TH2Poly, not a histogram"),
        (root_file({KEY: ("TH3D", b"x" * 40)}), "is a TH3D, not a histogram"),
        (root_file({KEY: ("TH2D", b"")}), "ends in the middle"),
        (root_file({KEY: ("TH2D", b"\0" * 400)}), "wrong length"),
        (root_file({KEY: ("TH2D", b"x")}, {KEY: 2**31 - 1}), "more than"),
        (root_file({KEY: ("TH2D", b"x")}, {KEY: -5}), "more than"),
        (root_file({KEY: ("TH2D", block(b"??", b"x" * 9, 50))}, {KEY: 50}), "unknown method"),
        (root_file({KEY: ("TH2D", block(b"ZL", b"x" * 9, 50))}, {KEY: 50}), "cannot be decompressed"),
        (root_file({KEY: ("TH2D", block(b"ZL", b"x" * 9, 70))}, {KEY: 50}), "more than the key announces"),
    ],
)
def test_unusable_files_are_refused_with_origin_and_reason(body: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=r"^http://qcdb/x: ") as raised:
        decode(body, "http://qcdb/x")
    assert reason in str(raised.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_contents_that_are_no_numbers_are_refused(value: float) -> None:
    values = np.ones((9, 12))
    values[3, 4] = value
    with pytest.raises(InputError, match="no finite numbers"):
        decode(encode(histogram(values=values)), "a")


def test_edges_that_do_not_rise_are_refused() -> None:
    axis = identify.to_TAxis("xaxis", "", 3, 5, 5)
    body = io_written(identify.to_TH1x("h", "", np.zeros(5), 0, 0, 0, 0, 0, np.zeros(0), axis))
    with pytest.raises(InputError, match="do not rise"):
        decode(body, "a")


def test_cells_that_do_not_fit_the_bins_are_refused() -> None:
    axis = identify.to_TAxis("xaxis", "", 2_000_000_000, 0, 1)
    body = io_written(identify.to_TH1x("h", "", np.zeros(5), 0, 0, 0, 0, 0, np.zeros(0), axis))
    with pytest.raises(InputError, match="has 5 cells but bins"):
        decode(body, "a")


BODY = encode(histogram(4, 3))


@given(st.integers(0, len(BODY) - 1))
@settings(deadline=None, max_examples=150)
def test_a_file_cut_anywhere_gives_an_input_error_or_the_histogram(length: int) -> None:
    """What comes behind the list of objects (class descriptions, free space) is not needed."""
    try:
        read = decode(BODY[:length], "a")
    except InputError:
        return
    np.testing.assert_array_equal(read.values, histogram(4, 3).values)


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8))
@settings(deadline=None, max_examples=400)
def test_changed_bytes_never_break_out(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(BODY)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    try:
        read = decode(bytes(damaged), "a")
    except InputError:
        return
    assert np.isfinite(read.values).all()


def io_written(model: Any) -> bytes:
    """What uproot writes for one object under our key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.root"
        with uproot.recreate(path) as file:
            file[KEY] = model
        return path.read_bytes()
