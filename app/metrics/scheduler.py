"""What the Prefect server says of its flow runs, asked over its API (nothing of Prefect is imported here)."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx

STATES = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
SPAN = timedelta(hours=24)
PATIENCE_S = 5.0
DEFAULT_URL = "http://127.0.0.1:4200/api"

FlowRuns = Mapping[str, int]
"""How many flow runs ended in a state, by the state's name in small letters."""


def flow_runs(now: datetime) -> FlowRuns | None:
    """Return how the flow runs of the last 24 hours ended, None if the server does not answer as it should."""
    url = os.environ.get("PREFECT_API_URL") or DEFAULT_URL
    secret = os.environ.get("PREFECT_API_AUTH_STRING", "")
    user, _, password = secret.partition(":")
    found = {}
    try:
        with httpx.Client(timeout=PATIENCE_S, auth=(user, password) if secret else None) as client:
            for state in STATES:
                asked = {
                    "flow_runs": {
                        "state": {"type": {"any_": [state]}},
                        "end_time": {"after_": (now - SPAN).isoformat()},
                    }
                }
                answer = client.post(f"{url.rstrip('/')}/flow_runs/count", json=asked)
                answer.raise_for_status()
                found[state.lower()] = int(answer.json())
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError):
        return None
    return found
