"""Pages in a real Chromium with a warm cache: first paint, all drawn, and memory of a tab that stays open."""

import os
import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Page, expect, sync_playwright

from benchmarks.console.serving import Server

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
SLOWEST_MS = 120_000
REFRESHES, SETTLED, FASTER = 500, 100, 25
"""Refreshes of the tab that stays open, after how many it is looked at first, and how much faster than usual."""
_HURRY = f"""
const plain = window.setInterval;
window.refreshes = 0;
window.setInterval = (work, every, ...rest) => every < 1000 ? plain(work, every, ...rest)
  : plain(() => {{ window.refreshes += 1; work(); }}, every / {FASTER}, ...rest);
"""
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def paints(server: Server, pages: Mapping[str, tuple[str, str]], runs: int) -> list[dict[str, Any]]:
    """Return, for every page, the milliseconds to first paint and until all of it is drawn, each a fresh tab."""
    found = []
    with browser() as context:
        for name, (page, query) in pages.items():
            address = f"{server.address}/{page}{'?' if query else ''}{query}"
            _painted(context, address)
            seen = [_painted(context, address) for _ in range(runs)]
            first, drawn = ([one[place] for one in seen] for place in (0, 1))
            found.append(
                {
                    "page": name,
                    "runs": runs,
                    "first_paint_median_ms": round(statistics.median(first), 1),
                    "first_paint_max_ms": round(max(first), 1),
                    "all_drawn_median_ms": round(statistics.median(drawn), 1),
                    "all_drawn_max_ms": round(max(drawn), 1),
                    "load": round(os.getloadavg()[0], 1),
                }
            )
            print(found[-1], flush=True)
    return found


def stays_open(server: Server, path: str, refreshes: int = REFRESHES) -> dict[str, Any]:
    """Return the memory of a tab that refreshes 500 times, much more often than usual, after garbage collections."""
    with browser() as context:
        page = context.new_page()
        page.add_init_script(_HURRY)
        page.goto(f"{server.address}/{path}")
        _settle(page)
        _wait_for(page, 1, SLOWEST_MS)
        tools = context.new_cdp_session(page)
        tools.send("Performance.enable")
        _wait_for(page, SETTLED)
        early, before = _memory(tools), server.memory_mb()
        _wait_for(page, refreshes)
        late = _memory(tools)
        return {
            "page": path or "overview",
            "refreshes": page.evaluate("window.refreshes"),
            f"heap_mb_after_{SETTLED}": early["JSHeapUsedSize"],
            "heap_mb_at_end": late["JSHeapUsedSize"],
            f"nodes_after_{SETTLED}": early["Nodes"],
            "nodes_at_end": late["Nodes"],
            f"server_mb_after_{SETTLED}": round(before, 1),
            "server_mb_at_end": round(server.memory_mb(), 1),
            "load": round(os.getloadavg()[0], 1),
        }


@contextmanager
def browser() -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Europe/Zurich")
        context.set_default_timeout(SLOWEST_MS)
        name = {"name": "shiftwatch_operator", "value": "Anna%20Keller", "domain": "127.0.0.1", "path": "/"}
        context.add_cookies([name])  # type: ignore[list-item]
        yield context
        browser.close()


def _painted(context: BrowserContext, address: str) -> tuple[float, float]:
    page = context.new_page()
    page.goto(address, wait_until="commit")
    _settle(page)
    drawn = float(page.evaluate("performance.now()"))
    first = float(page.evaluate(_PAINT))
    page.close()
    return first, drawn


def _settle(page: Page) -> None:
    """Wait until the script is over, nothing is a placeholder, and every picture that is in sight has come."""
    expect(page.locator(".stMain .stElementContainer").first).to_be_attached(timeout=SLOWEST_MS)
    expect(page.locator('[data-test-script-state="notRunning"]').first).to_be_visible(timeout=SLOWEST_MS)
    expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0, timeout=SLOWEST_MS)
    page.wait_for_function("[...document.images].every(one => one.complete)", timeout=SLOWEST_MS)


def _wait_for(page: Page, refreshes: int, within_ms: int = 20 * SLOWEST_MS) -> None:
    page.wait_for_function(f"window.refreshes >= {refreshes}", timeout=within_ms, polling=500)


def _memory(tools: CDPSession) -> dict[str, float]:
    tools.send("HeapProfiler.collectGarbage")
    told = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
    return {"JSHeapUsedSize": round(told["JSHeapUsedSize"] / 2**20, 2), "Nodes": told["Nodes"]}
