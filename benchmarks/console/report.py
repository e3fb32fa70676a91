"""The figures as Markdown, beside what they shall be."""

from collections.abc import Mapping
from typing import Any

MEDIAN_MS, P95_MS = 300.0, 800.0


def table(found: Mapping[str, Any]) -> str:
    """Return the tables of one store."""
    store = found["store"]
    lines = [
        f"{store['database']}, {store['observations']} verdicts, load of the machine {found['load']:.1f}",
        "",
        "| page | median ms | 95 % ms | refresh median | refresh 95 % | CPU ms | kB | errors | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for one in found["pages"]:
        over = one["median_ms"] > MEDIAN_MS or one["p95_ms"] > P95_MS
        lines.append(
            f"| {one['page']} | {one['median_ms']:.0f} | {one['p95_ms']:.0f} | {one['refresh_median_ms']:.0f} | "
            f"{one['refresh_p95_ms']:.0f} | {one['cpu_ms']:.0f} | {one['kilobytes']:.0f} | {one['errors']} | "
            f"{'over' if over else ''} |"
        )
    twenty, memory = found["twenty"], found["memory"]
    lines += [
        "",
        (
            f"{twenty['sessions']} sessions at once: refresh median {twenty['refresh_median_ms']:.0f} ms, 95 % "
            f"{twenty['refresh_p95_ms']:.0f} ms, {twenty['errors']} errors, server {twenty['memory_mb']:.0f} MB."
        ),
        *(
            f"{name}, {memory['refreshes']:.0f} refreshes: {memory[f'{name}_mb_at_100']:.0f} MB after 100, "
            f"{memory[f'{name}_mb_at_end']:.0f} MB at the end ({memory[f'{name}_growth']:+.1%})."
            for name in ("overview", "its")
        ),
    ]
    return "\n".join(lines)
