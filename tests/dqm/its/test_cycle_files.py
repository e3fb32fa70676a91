"""Cycles written and read back as ROOT and npz; hostile files are refused, single bad objects are stated."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from dqm.its import cycle_files
from dqm.its.cycle import Cycle
from dqm.its.cycle_files import decode_cycle, read_cycle, read_observation, write_npz, write_root
from dqm.its.objects import OBJECTS
from tests.dqm.its.cycles import a_cycle

Write = Callable[[Path, Cycle], None]
WRITERS = [pytest.param(write_npz, id="npz"), pytest.param(write_root, id="root")]


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same cycle in both formats."""
    folder = tmp_path_factory.mktemp("cycles")
    write_npz(folder / "cycle.npz", a_cycle())
    write_root(folder / "cycle.root", a_cycle())
    return {kind: (folder / f"cycle.{kind}").read_bytes() for kind in ("npz", "root")}


def npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def opened(body: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        return dict(file)


def same(a: Cycle, b: Cycle) -> None:
    told = ("run", "number", "began_at", "ended_at", "run_began_at", "beam_type", "fill", "masked", "missing")
    assert [getattr(a, name) for name in told] == [getattr(b, name) for name in told]
    assert dict(a.metadata) == dict(b.metadata)
    assert dict(a.reasons) == dict(b.reasons)
    assert list(a.histograms) == list(b.histograms)
    for payload, histogram in a.histograms.items():
        np.testing.assert_array_equal(histogram.values, b.histograms[payload].values)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("without", [(), ("angular", "cluster_occupation_L0")])
def test_a_cycle_comes_back(tmp_path: Path, write: Write, without: tuple[str, ...]) -> None:
    path, cycle = tmp_path / "cycle", a_cycle(without=without)
    write(path, cycle)
    same(read_cycle(path), cycle)
    assert list(tmp_path.iterdir()) == [path]


def test_the_reason_of_a_missing_object_comes_back(tmp_path: Path) -> None:
    cycle = a_cycle(without=("angular",), reasons={"angular": "thinned away"})
    write_npz(tmp_path / "c.npz", cycle)
    assert read_cycle(tmp_path / "c.npz").reasons == {"angular": "thinned away"}


def test_npz_bytes_repeat(tmp_path: Path) -> None:
    for name in "ab":
        write_npz(tmp_path / name, a_cycle())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_objects_are_under_their_paths_for_every_root_reader(bodies: dict[str, bytes]) -> None:
    with uproot.open(io.BytesIO(bodies["root"])) as file:
        found = file["qc/ITS/MO/ITSClusterTask/Layer4/ClusterOccupation"]
        np.testing.assert_array_equal(found.values(), a_cycle().histograms["cluster_occupation_L4"].values)
        assert found.axis(0).labels()[:2] == ["HIC1L_B0_ln7", "HIC1L_A8_ln6"]


def test_asynchronous_objects_are_read_too(tmp_path: Path) -> None:
    write_root(tmp_path / "a.root", a_cycle(), provenance="qc_async")
    same(read_cycle(tmp_path / "a.root"), a_cycle())


@pytest.mark.parametrize("kind", ["npz", "root"])
def test_the_observation_has_the_digest_of_the_file(tmp_path: Path, bodies: dict[str, bytes], kind: str) -> None:
    path = tmp_path / "c"
    path.write_bytes(bodies[kind])
    seen = read_observation(path)
    assert seen.sha256 == hashlib.sha256(bodies[kind]).hexdigest()
    assert (seen.key, seen.origin) == ("559123/7", str(path))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "is empty"),
        (b"hello", "is neither a ROOT file nor an npz"),
        (b"root", ""),
        (b"PK\x03\x04", "is not a readable npz"),
        (npz({"a": np.ones(3)}), "has no text called cycle"),
        (npz({"cycle": np.ones(3)}), "has no text called cycle"),
        (npz({"cycle": np.array("{")}), "cycle: header: Invalid JSON"),
        (npz({"cycle": np.array("{}")}), "cycle: began_at: Field required"),
        (npz({f"a{n}": np.ones(1) for n in range(300)}), "has 300 members"),
    ],
)
def test_a_file_that_is_none_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=rf"^there: {reason}"):
        decode_cycle(body, "there")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("format", "2", "cycle: format: Input should be"),
        ("began_at", "2026-05-01T12:00:00", "cycle: began_at: Input should have timezone info"),
        ("ended_at", "1999-05-01T12:00:00Z", "ends at 1999-05-01T12:00:00+00:00, before it began"),
        ("metadata", {"RunNumber": 3}, "cycle: metadata.RunNumber: Input should be a valid string"),
        ("metadata", {}, "has no RunNumber"),
        ("masked", ["L9_00"], "masked: there is no layer 9"),
        ("surprise", 1, "cycle: surprise: Extra inputs"),
    ],
)
def test_a_wrong_header_is_refused(bodies: dict[str, bytes], name: str, value: Any, reason: str) -> None:
    arrays = opened(bodies["npz"])
    header = json.dumps(json.loads(str(arrays["cycle"])) | {name: value})
    with pytest.raises(InputError) as caught:
        decode_cycle(npz({**arrays, "cycle": np.array(header)}), "there")
    assert str(caught.value).startswith(f"there: {reason}")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.ones((12, 9)), "cluster_occupation_L0 has shape (9, 12), not (12, 9)"),
        (np.full((9, 12), np.nan), "108 of 108 bins are not finite"),
        (np.full((9, 12), -1), "108 of 108 bins are negative"),
        (np.full((9, 12), 1j), "holds complex128 instead of numbers"),
        (np.full((9, 12), "a"), "holds <U1 instead of numbers"),
        (np.ones(2 * 2**20), "unpacks to 16777344 bytes, more than 8388608"),
    ],
)
def test_one_wrong_array_is_missing_with_its_reason(bodies: dict[str, bytes], array: np.ndarray, reason: str) -> None:
    cycle = decode_cycle(npz({**opened(bodies["npz"]), "cluster_occupation_L0": array}), "there")
    assert cycle.missing == ("cluster_occupation_L0",)
    assert cycle.reasons["cluster_occupation_L0"] == reason


def test_a_pickle_is_never_loaded(bodies: dict[str, bytes]) -> None:
    file = io.BytesIO()
    np.savez(file, **opened(bodies["npz"]) | {"angular": np.array([print], dtype=object)})
    cycle = decode_cycle(file.getvalue(), "there")
    assert cycle.reasons == {"angular": "cannot be read (holds Python objects)"}


def test_an_array_that_claims_more_than_it_has(bodies: dict[str, bytes]) -> None:
    header = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999, 99999999)}"
    body = io.BytesIO(npz({name: array for name, array in opened(bodies["npz"]).items() if name != "angular"}))
    with zipfile.ZipFile(body, "a") as archive:
        archive.writestr("angular.npy", header.ljust(127) + b"\n")
    reason = decode_cycle(body.getvalue(), "there").reasons["angular"]
    assert reason.startswith("cannot be read (has 0 bytes for shape (99999999999, 99999999)")


def test_a_root_object_of_another_kind_is_missing_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "c.root"
    cycle = a_cycle(without=("cluster_occupation_L0", "angular", "vertex_z"))
    write_root(path, cycle)
    with uproot.update(path) as file:
        file["qc/ITS/MO/ITSClusterTask/Layer0/ClusterOccupation"] = "a text"
        file["qc/ITS/MO/ITSTrackTask/AngularDistribution"] = np.histogram2d(np.ones(3), np.ones(3), bins=(20, 60))
    found = read_cycle(path)
    assert found.missing == ("cluster_occupation_L0", "angular", "vertex_z")
    assert "TObjString" in found.reasons["cluster_occupation_L0"]
    assert found.reasons["angular"].startswith("x axis has 20 bins")


def test_a_root_file_without_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.root"
    with uproot.recreate(path) as file:
        file["a/b"] = np.histogram(np.ones(3))
    with pytest.raises(InputError, match="has no TObjString called cycle"):
        read_cycle(path)
    with uproot.recreate(path) as file:
        file["cycle"] = np.histogram(np.ones(3))
    with pytest.raises(InputError, match="has no TObjString called cycle"):
        read_cycle(path)


@pytest.mark.parametrize("kind", ["npz", "root"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_refused_or_read(bodies: dict[str, bytes], kind: str, data: st.DataObject) -> None:
    body = bytearray(bodies[kind])
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=8)):
        body[at] = data.draw(st.integers(0, 255))
    try:
        cycle = decode_cycle(bytes(body[: data.draw(st.integers(1, len(body)))]), "there")
    except InputError:
        return
    assert len(cycle.histograms) + len(cycle.missing) == 38


def test_files_that_cannot_be_opened_or_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_cycle(tmp_path / "absent.npz")
    with pytest.raises(InputError, match="Is a directory"):
        read_cycle(tmp_path)
    monkeypatch.setattr(cycle_files, "MAX_FILE_BYTES", 10)
    (tmp_path / "large.npz").write_bytes(b"PK" * 10)
    with pytest.raises(InputError, match="is larger than 10 bytes"):
        read_cycle(tmp_path / "large.npz")


def test_the_example_of_the_readme_is_read(bodies: dict[str, bytes]) -> None:
    readme = (Path(cycle_files.__file__).parent / "README.md").read_text()
    header = readme.split("```json\n")[1].split("```")[0]
    occupation = opened(bodies["npz"])["cluster_occupation_L0"]
    cycle = decode_cycle(npz({"cycle": np.array(header), "cluster_occupation_L0": occupation}), "readme")
    assert (cycle.key, cycle.masked) == ("559123/7", ("L3_07", "L4_12/lane 7"))
    assert cycle.reasons["angular"] == "thinned away"
    assert len(cycle.histograms) == 1


def test_the_readme_lists_every_object() -> None:
    readme = (Path(cycle_files.__file__).parent / "README.md").read_text()
    for found in OBJECTS.values():
        assert f"`{found.task}/{re.sub(r'Layer[0-6]', 'Layer{N}', found.name)}`" in readme
