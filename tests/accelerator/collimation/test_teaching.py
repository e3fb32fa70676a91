"""A tiny model is taught from made-up templates; it runs without torch as it did with it, and learns a site's maps."""

import numpy as np
import pytest
import torch

from accelerator.collimation.calibration import Calibration, Check
from accelerator.collimation.detector import CollimationDetector
from accelerator.collimation.ensemble import draw
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.making import make_model
from accelerator.collimation.network import PatternAutoencoder, PosteriorNetwork
from accelerator.collimation.training import Effort
from core.errors import CalibrationError, InputError
from core.inference import Session, load_package
from core.learning.fitting import to_onnx
from tests.accelerator.collimation.made_up import made_up_tables

TINY = Effort(posterior_steps=150, rebuilding_steps=40, per_table=32, width=64, nominal_draws=120, fault_draws=20)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    target = tmp_path_factory.mktemp("models") / "tiny"
    said = []
    make_model(target, made_up_tables(planes=("H",)), seed=3, training_data="made up", effort=TINY, report=said.append)
    assert said
    return load_package(target)


def test_a_tiny_model_has_all_parts_and_judges(package):
    knowledge = Knowledge.of(package)
    (table,) = knowledge.tables.values()
    drawn = draw(table, 20, np.random.default_rng(0), faulty=0.0, scale=0.3)
    scored = knowledge.score(drawn.readings, table)
    assert set(scored.scores) == set(Check)
    p_values = knowledge.p_values(scored, table, 0.3)
    assert ((p_values > 0) & (p_values <= 1)).all()
    assert np.median(p_values) > 0.1
    assert CollimationDetector(package).model.name == "tiny"
    assert package.card.seed == 3


def test_the_same_seed_gives_the_same_model(package, tmp_path):
    again = make_model(
        tmp_path / "tiny", made_up_tables(planes=("H",)), seed=3, training_data="made up", effort=TINY, report=str
    )
    assert load_package(again).card.version == package.card.version


def test_networks_say_the_same_in_onnx():
    torch.manual_seed(0)
    posterior, rebuilding = PosteriorNetwork(50, 7, 32).eval(), PatternAutoencoder(21).eval()
    features, pulls = torch.randn(6, 50), torch.randn(6, 21)
    names = ["logits", "size", "log_sigma"]
    free = {name: {0: "n"} for name in ("features", *names)}
    session = Session(to_onnx(posterior, {"features": features[:1]}, names, free), "posterior")
    told = session.run({"features": features.numpy()})
    with torch.no_grad():
        for name, expected in zip(names, posterior(features), strict=True):
            assert told[name] == pytest.approx(expected.numpy(), abs=1e-5)
        free = {"pulls": {0: "n"}, "rebuilt": {0: "n"}}
        session = Session(to_onnx(rebuilding, {"pulls": pulls[:1]}, ["rebuilt"], free), "rebuilding")
        assert session.run({"pulls": pulls.numpy()})["rebuilt"] == pytest.approx(rebuilding(pulls).numpy(), abs=1e-5)


def test_calibrations_go_to_json_and_back(package):
    calibration = Knowledge.of(package).calibration
    again = Calibration.from_json(calibration.to_json())
    assert again.to_json() == calibration.to_json()
    with pytest.raises(CalibrationError):
        Calibration.from_json({"checks": 3})
    with pytest.raises(CalibrationError, match="no calibration for"):
        calibration.p_value("blm 1", {check: np.zeros(1) for check in Check})


def test_folders_without_libraries_or_maps_are_refused(tmp_path):
    from accelerator.collimation.teaching import read_nominal, tables_of

    with pytest.raises(InputError, match="holds no library"):
        tables_of(tmp_path)
    (tmp_path / "junk.json").write_text("{")
    said = []
    with pytest.raises(InputError, match="no betatron loss map"):
        read_nominal(tmp_path, said.append)
    assert "junk.json" in said[0]
