"""The Prefect side of the watch does not depend on Prefect answering."""

import pytest

from core.errors import StoreError


def test_a_batch_runs_without_prefect_when_its_server_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import monitoring

    def gone(_work: object) -> int:
        raise ConnectionError("no server")

    monkeypatch.setattr(monitoring, "batch", gone)
    assert monitoring.as_task(lambda: 7) == 7


def test_an_error_of_the_work_itself_is_not_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import monitoring

    calls = []

    def work() -> int:
        calls.append(1)
        raise StoreError("refused")

    monkeypatch.setattr(monitoring, "batch", lambda given: given())
    with pytest.raises(StoreError):
        monitoring.as_task(work)
    assert len(calls) == 1


def test_deployments_are_scheduled_one_at_a_time() -> None:
    from flows.deploying import watch_deployment

    deployment = watch_deployment("flex", 900)
    assert deployment.name == "watch-flex"
    assert deployment.entrypoint == "flows.monitoring.watch"
    assert deployment.concurrency_limit == 1
    assert str(deployment.concurrency_options.collision_strategy.value) == "CANCEL_NEW"
    (schedule,) = deployment.schedules
    assert schedule.schedule.interval.total_seconds() == 900


def test_a_watch_that_ended_too_late_for_the_next_one_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta
    from uuid import uuid4

    from prefect.client.schemas.objects import FlowRun
    from prefect.states import Completed

    from flows import monitoring
    from flows.windows import ANCHOR

    started: list[FlowRun] = []
    monkeypatch.setattr(monitoring, "_start_next", started.append)
    interval_s = (datetime.now(UTC) - ANCHOR).total_seconds() / 10 - 1
    for began_s, expected in ((60.0, 1), (1.0, 1)):
        run = FlowRun(
            flow_id=uuid4(),
            deployment_id=uuid4(),
            parameters={"system": "its", "interval_s": interval_s},
            start_time=datetime.now(UTC) - timedelta(seconds=began_s),
        )
        monitoring.go_on(monitoring.watch, run, Completed())
        assert len(started) == expected
