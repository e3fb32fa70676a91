"""What was delivered to a site that plays the demo's shift, and what became of it: lost, doubled, or judged."""

import json
import re

from tests.compose.site import Site

TWICE = "HAVING count(*) > 1"
OUTCOMES = """
import json
from app.story import playback, truth
from app.story.checking import check
from core.settings import load_settings
from core.store import Store
settings = load_settings()
show = playback.read(settings.home / truth.FILE)
with Store.open(settings.url, settings.artefacts) as store:
    for one in check(store, truth.injected(show.seed), show.playback).outcomes:
        print(json.dumps([one.injected.system, one.injected.name, [[it.id, it.element] for it in one.alarms]]))
"""


def outcomes(site: Site) -> list[tuple[str, str, list[tuple[int, str]]]]:
    """Return system and name of every incident of the script, with number and element of its alarms so far."""
    lines = site.docker("exec", site.containers()["worker"], "python", "-c", OUTCOMES).splitlines()
    return [(system, name, [(number, said) for number, said in own]) for system, name, own in map(json.loads, lines)]


def delivered_files(site: Site, seen_by: str = "worker") -> set[str]:
    """Return what lies in the watched folders; a sidecar belongs to its photo or loss map."""
    sidecars = ("!", "-name", "*.json", "!", "-name", "*.monitors.csv")
    command = ("find", "/data/inbox", "-type", "f", "!", "-path", "*/.*", *sidecars)  # hidden: still being written
    return set(site.docker("exec", site.containers()[seen_by], *command).split())


def delivered_cycles(site: Site) -> set[str]:
    """Return the cycles that the simulated experiment says to have stored."""
    said = site.docker("logs", site.containers()["experiment"])
    return {f"{run}/{number}" for number, run in re.findall(r"cycle (\d+) of run (\d+)", said)}


def unjudged(site: Site, files: set[str], cycles: set[str]) -> set[str]:
    """Return which of these files and cycles no observation tells of."""
    judged = {row[0] for row in site.ask("SELECT origin FROM observation WHERE system <> 'its'")}
    known = {row[0] for row in site.ask("SELECT key FROM observation WHERE system = 'its'")}
    return (files - judged) | (cycles - known)


def doubled(site: Site) -> list[str]:
    """Return what is in the store more often than it was delivered, or without its one verdict."""
    readable = "system <> 'its' AND element <> 'unreadable'"
    once = f"SELECT system, element, sha256 FROM observation WHERE {readable} GROUP BY 1, 2, 3"
    refused = "SELECT system, origin FROM observation WHERE element = 'unreadable' GROUP BY 1, 2"
    cycles = "SELECT system, key FROM observation WHERE system = 'its' GROUP BY 1, 2"
    bare = "SELECT o.system, o.key FROM observation o LEFT JOIN verdict v ON v.observation_id = o.id"
    queries = (f"{once} {TWICE}", f"{refused} {TWICE}", f"{cycles} {TWICE}", f"{bare} WHERE v.observation_id IS NULL")
    rows = [" ".join(row) for query in queries for row in site.ask(query)]
    return rows + [f"{name}: {own}" for _, name, own in outcomes(site) if len(own) > 1]
