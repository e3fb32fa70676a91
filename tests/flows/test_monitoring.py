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
