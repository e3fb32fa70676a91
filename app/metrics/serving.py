"""``shiftwatch metrics``: answers Prometheus until a signal comes."""

import logging
import signal
import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from app.metrics.counting import Counts
from app.metrics.lookout import Lookout
from core import logs
from core.clock import SystemClock
from core.errors import SettingsError
from core.settings import Settings, load_settings
from flows.systems import SYSTEMS, missing_setting

PORT = 9464
log = logging.getLogger(__name__)


def lookout(settings: Settings, registry: CollectorRegistry) -> Lookout:
    """Return a lookout over the systems that this site is connected to, registered."""
    watched = tuple(name for name in SYSTEMS if missing_setting(name, settings) is None)
    left = tuple(name for name in SYSTEMS if name not in watched)
    made = Lookout(settings, watched, SystemClock(), Counts(registry), left=left)
    registry.register(made)
    return made


def serve(host: str, port: int, every_s: float, report: Callable[[str], None]) -> int:
    """Look every few seconds and answer at ``http://host:port/metrics`` until SIGTERM or SIGINT; return 0.

    Raises
    ------
    SettingsError
        Nothing can listen there.
    """
    logs.configure("metrics")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    looks = lookout(load_settings(), registry)
    looks.look()
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise SettingsError(f"metrics: nothing can listen at {host}:{port} ({error.strerror or error})") from error
    tell = log.info if logs.wants_json() else report
    tell(f"metrics at http://{host}:{server.server_port}/metrics")
    while not stop.wait(every_s):
        looks.look()
    server.shutdown()
    server.server_close()
    thread.join()
    if looks.store is not None:
        looks.store.close()
    return 0
