"""What is told to a pool of workers on other hosts, before Prefect is asked anything."""

import pytest

from flows.pooling import main, told


def test_what_is_no_variable_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(["A=1", "B=x=y"]) == {"A": "1", "B": "x=y"}
    assert main(["far", "--system", "flex", "--set", "A"]) == 1
    assert "--set A: is not NAME=VALUE" in capsys.readouterr().err
