"""Log lines as JSON: one object a line whatever is logged, UTC, bounded, without secrets, with what it is about."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import logs

PASSWORD = "corr3ct-horse"
Lined = Callable[..., dict[str, Any]]


def line(*message: object, error: BaseException | None = None, secrets: tuple[str, ...] = ()) -> str:
    formatter = logs.JsonLines("guard")
    formatter.secrets = secrets
    trace = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.LogRecord("flows.guarding", logging.WARNING, __file__, 1, message[0], message[1:], trace)
    return formatter.format(record)


def test_a_line_says_when_where_and_what_it_is_about() -> None:
    before = datetime.now(UTC)
    with logs.about(system="its"), logs.about(element="L0_03", key="c17"):
        told = json.loads(line("%d cycles are late", 3))
    assert told["message"] == "3 cycles are late"
    assert (told["level"], told["part"], told["logger"]) == ("WARNING", "guard", "flows.guarding")
    assert (told["system"], told["element"], told["key"]) == ("its", "L0_03", "c17")
    assert before.timestamp() - 1 < datetime.fromisoformat(told["time"]).timestamp() < before.timestamp() + 60
    assert told["time"].endswith("+00:00")
    assert "system" not in json.loads(line("later"))


def test_an_error_is_told_with_its_trace_on_one_line() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError as error:
        text = line("it failed", error=error)
    assert "\n" not in text
    told = json.loads(text)["exception"]
    assert (told["type"], told["message"]) == ("ValueError", "first\nsecond")
    assert "test_logs.py" in told["trace"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.integers(1, 3000))
def test_whatever_is_logged_is_one_object_on_one_bounded_line(text: str, times: int) -> None:
    text = line("%s", text * times, error=RuntimeError(text * times))
    assert len(text.encode()) <= logs.LONGEST_LINE
    assert len(text.splitlines()) == 1
    assert json.loads(text)["level"] == "WARNING"


def test_a_wrong_call_of_a_logger_keeps_its_line() -> None:
    assert "%d eggs" in json.loads(line("%d eggs", "no number"))["message"]


def test_no_secret_is_written(tmp_path: Path) -> None:
    (tmp_path / "shiftwatch_database_password").write_text(f"{PASSWORD}\n")
    (tmp_path / "prefect_auth").write_text("shiftwatch:0123456789abcdef")
    variables = {"SHIFTWATCH_SECRETS": str(tmp_path), "SHIFTWATCH_LOGBOOK_TOKEN": "t0ken-of-elog", "HOME": "/root"}
    found = logs.secrets_in(variables)
    assert set(found) == {PASSWORD, "shiftwatch:0123456789abcdef", "0123456789abcdef", "t0ken-of-elog"}
    channels = '{"room": {"url": "mmost://host/room-t0ken"}}'
    assert "mmost://host/room-t0ken" in logs.secrets_in({"SHIFTWATCH_NOTIFY__CHANNELS": channels})
    error = RuntimeError(f"password {PASSWORD} refused")
    text = line("at postgresql://me:other@db/x with t0ken-of-elog; Authorization: Bearer abcdef123456", error=error)
    assert "other" not in text
    assert "abcdef123456" not in text
    text = line("%s", f"{PASSWORD} t0ken-of-elog 0123456789abcdef", error=error, secrets=found)
    assert not [secret for secret in found if secret in text]
    assert logs.HIDDEN in text


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_process_writes_the_form_that_is_asked_for_to_its_very_end(form: str) -> None:
    script = (
        "import logging, warnings\nfrom core import logs\nlogs.configure('worker')\n"
        "logging.getLogger('x').info('hello %s', 'you')\nlogging.getLogger('x').debug('too much')\n"
        "warnings.warn('old')\nlogging.getLogger('httpx').info('HTTP Request')\nraise ValueError('the end')"
    )
    variables = {**os.environ, logs.FORMAT: form}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    if form == "text":
        assert "INFO hello you" in done.stderr
        return
    told = [json.loads(one) for one in done.stderr.splitlines()]
    assert [one["level"] for one in told] == ["INFO", "WARNING", "CRITICAL"]
    assert told[0]["message"] == "hello you"
    assert {one["part"] for one in told} == {"worker"}
    assert told[2]["exception"]["type"] == "ValueError"


def test_prefect_writes_the_same_lines() -> None:
    script = (
        "import os\nfrom core import logs\nlogs.configure('worker')\nimport prefect\n"
        "from prefect.logging import get_logger\nget_logger('runner').info('one\\ntwo')"
    )
    variables = {**os.environ, logs.FORMAT: "json", "PREFECT_LOGGING_LEVEL": "INFO", "DO_NOT_TRACK": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    (told,) = [json.loads(one) for one in done.stderr.splitlines()]
    assert (told["logger"], told["message"], told["part"]) == ("prefect.runner", "one\ntwo", "worker")


def test_prefects_own_configuration_is_followed_where_only_its_file_is_named() -> None:
    script = (
        "from prefect.logging.configuration import setup_logging\nfrom prefect.logging import get_logger\n"
        "setup_logging()\nget_logger('server').warning('busy')"
    )
    variables = {**os.environ, "PREFECT_LOGGING_CONFIG_PATH": str(logs.PREFECT), logs.PART: "prefect-server"}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    (told,) = [json.loads(one) for one in done.stderr.splitlines()]
    assert (told["message"], told["part"]) == ("busy", "prefect-server")


def test_streamlit_writes_the_same_lines_once_a_page_is_drawn() -> None:
    script = (
        "from streamlit.logger import get_logger\nlogger = get_logger('streamlit.web')\nfrom core import logs\n"
        "logs.adopt('dashboard')\nlogger.warning('a page\\nfailed')"
    )
    variables = {**os.environ, logs.FORMAT: "json"}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    (told,) = [json.loads(one) for one in done.stderr.splitlines()]
    assert (told["logger"], told["message"], told["part"]) == ("streamlit.web", "a page\nfailed", "dashboard")
