"""The command ``shiftwatch``. Everything heavy is imported inside the command that needs it."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.commands import alarms, feedback, models, store
from core.errors import SettingsError, ShiftwatchError
from core.memory import keep_freed_memory

UNUSABLE = 2

app = typer.Typer(
    name="shiftwatch",
    help="Watch a detector, the modules being built for it and the machine that feeds it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(alarms.app, name="alarms")
app.add_typer(feedback.app, name="feedback")
app.add_typer(models.app, name="models")
app.add_typer(store.app, name="db")

SystemName = Annotated[str, typer.Argument(metavar="SYSTEM", help="Which system, for example: flex")]
Product = Annotated[str | None, typer.Option("--product", help="Product whose model judges (default: settings).")]


@app.command(epilog="Example: shiftwatch score flex --product synthetic scans/ --json")
def score(
    system: SystemName,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, or folders of files; its: also URLs of a QCDB.")
    ],
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line instead of a table.")] = False,
    product: Product = None,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="T.png", help="Compare with this one template instead.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget",
            help="False spots per good board, or false alarms per shift, that you accept (default: settings).",
        ),
    ] = None,
) -> None:
    """Judge files. Exit status: 0 all good, 1 something is bad, 2 something could not be read or judged."""
    from app.scoring import Request, run

    raise typer.Exit(run(Request(system, tuple(map(Path, paths)), json, product, _path(reference), budget)))


@app.command(epilog="Example: shiftwatch train flex --product myboard golden/")
def train(
    system: SystemName,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="GOLDEN_DIR",
            help="Folder with 8 or more photos of good boards. its: nominal cycles (none: simulated ones), or 10 or "
            "more runs of chip hits for --product pixels. collimation: Monte Carlo libraries (none: those shipped). "
            "schlieren: none, it is taught by its simulation.",
        ),
    ] = None,
    *,
    product: Annotated[str, typer.Option("--product", help="Name of the product or model to teach.")],
    out: Annotated[Path | None, typer.Option("--out", help="Where the model goes (default: HOME/models).")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything random.")] = 1,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="GOLDEN_DIR holds template/test pairs with boxes (DeepPCB layout).")
    ] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Keep the networks; renew what is normal and the thresholds (more boards).")
    ] = False,
    region: Annotated[
        str | None,
        typer.Option(
            "--region", metavar="MASK.png", help="Judge only where this mask of a photo (same name) is bright."
        ),
    ] = None,
) -> None:
    """Teach a product from photos of good boards (its: --product pixels from runs of hits); no defects are needed."""
    from app.teaching import Lesson, teach

    lesson = Lesson(product, folder, seed, pairs, refit, _path(region))
    package = teach(system, lesson, out, report=_progress)
    typer.echo(f"model: {package}")


@app.command(epilog="Example: shiftwatch calibrate flex --product myboard golden/")
def calibrate(
    system: SystemName,
    folder: Annotated[
        Path, typer.Argument(metavar="GOLDEN_DIR", help="Folder with good boards (collimation: nominal maps).")
    ],
    *,
    product: Annotated[str, typer.Option("--product", help="Name of the taught product.")],
    out: Annotated[Path | None, typer.Option("--out", help="Where the model goes (default: HOME/models).")] = None,
) -> None:
    """Renew what is normal and the thresholds of a product from more good boards; keep its networks (train --refit)."""
    from app.teaching import Lesson, teach

    package = teach(system, Lesson(product, folder, refit=True), out, report=_progress)
    typer.echo(f"model: {package}")


@app.command(epilog="Example: shiftwatch simulate flex --out scans/ --count 5 --seed 7")
def simulate(
    system: SystemName,
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder that gets the files.")],
    count: Annotated[
        int, typer.Option("--count", min=1, max=10_000, help="How many boards, cycles of a run, or loss maps.")
    ] = 5,
    defects: Annotated[
        int,
        typer.Option(
            "--defects",
            min=0,
            max=50,
            help="Defects on each board, faults in the run, or wrong settings in each map (0: good).",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")] = 1,
) -> None:
    """Simulate photos of boards (flex), cycles of a run (its), loss maps (collimation): good or with named defects."""
    from app.simulating import simulate as write

    for path in write(system, out, count=count, defects=defects, seed=seed):
        typer.echo(path)


@app.command(
    epilog="Example: shiftwatch report --shift --out shift.pdf      shiftwatch report --shift --before 1 --post      "
    "shiftwatch report collimation maps/ --out campaign.html"
)
def report(
    system: Annotated[str | None, typer.Argument(metavar="SYSTEM", help="collimation: a campaign of maps.")] = None,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Loss maps, or folders of them.")
    ] = None,
    *,
    shift: Annotated[bool, typer.Option("--shift", help="Report on the shift that goes on.")] = False,
    before: Annotated[int, typer.Option("--before", min=0, max=1000, help="So many shifts before it.")] = 0,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", help="File to write (--shift: .md, .html or .pdf, repeatable; none: Markdown here)."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Heading of the report on a campaign.")] = None,
    remark: Annotated[str, typer.Option("--remark", help="What you add to the report of the shift.")] = "",
    author: Annotated[str, typer.Option("--by", help="Your name (default: your login).")] = "",
    post: Annotated[bool, typer.Option("--post", help="Post it to the logbook (SHIFTWATCH_LOGBOOK_URL).")] = False,
) -> None:
    """Hand over a shift, or judge a campaign of loss maps and write one page about it (collimation)."""
    if shift:
        if system is not None or paths or title is not None:
            raise SettingsError("report --shift: takes no system, files or title")
        from app.commands.shift import hand_over

        hand_over(before, tuple(out or ()), remark, author, post=post)
        return
    if system is None or not paths or not out:
        raise SettingsError("report: type --shift, or a system with its files and --out FILE")
    from app.reporting import write

    count, unjudged = write(system, tuple(paths), out[0], title)
    typer.echo(f"{out[0]}: {count} maps, {unjudged} of them could not be judged")


@app.command(epilog="Example: shiftwatch demo        or without a screen: shiftwatch demo --once")
def demo(
    *,
    once: Annotated[
        bool,
        typer.Option("--once", help="The shift once, then compare every incident with its alarm, and end."),
    ] = False,
    port: Annotated[int, typer.Option("--port", help="Port of the dashboard.")] = 8501,
    speed: Annotated[
        float,
        typer.Option(
            "--speed", min=1, max=60, help="The shift is played so many times as fast until it has caught up; 1: never."
        ),
    ] = 20.0,
    timeout: Annotated[float, typer.Option("--timeout", min=10, help="Seconds until --once gives up.")] = 1200.0,
    minutes: Annotated[
        float, typer.Option("--minutes", min=15, max=170, help="With --once: only so much of the shift.")
    ] = 170.0,
) -> None:
    """One eventful shift on this machine: dashboard, scheduled watches, and LHC, ALICE ITS, AWAKE and a scanner.

    All four share a clock; what goes wrong, and when, is the same every time. Ctrl-C ends it.
    """
    from app.demo import run_demo, run_once

    raise typer.Exit(
        run_once(port, speed, 60 * minutes, timeout, _progress) if once else run_demo(port, speed, _progress)
    )


@app.command(
    epilog="Example: shiftwatch drill      shiftwatch drill its dead_lane --minutes 15      shiftwatch drill --end"
)
def drill(
    system: Annotated[str | None, typer.Argument(metavar="SYSTEM", help="For example: its")] = None,
    fault: Annotated[str | None, typer.Argument(metavar="FAULT", help="As listed without one.")] = None,
    *,
    minutes: Annotated[float, typer.Option("--minutes", min=1, max=120, help="Then it ends and is revealed.")] = 15.0,
    end: Annotated[bool, typer.Option("--end", help="End the drill of SYSTEM (none: all) now, and reveal it.")] = False,
    results: Annotated[bool, typer.Option("--results", help="What came of the drills that are over.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Chooses the place.")] = None,
    author: Annotated[str, typer.Option("--by", help="Your name (default: your login).")] = "",
) -> None:
    """Put a named fault on a copy of what a source gives now, and see who finds it. Nobody is told before the end.

    Without SYSTEM and FAULT: list them. For experts; nothing is written into the records of the source.
    """
    from app.commands import drills

    if end:
        drills.end(system, author)
    elif results:
        drills.results()
    elif system is None or fault is None:
        drills.list_faults(system)
    else:
        drills.begin(system, fault, minutes, seed, author)


@app.command(epilog="Example: SHIFTWATCH_FLEX__INBOX=/scans shiftwatch up")
def up(port: Annotated[int, typer.Option("--port", help="Port of the dashboard.")] = 8501) -> None:
    """The same as demo without simulation: the real watched folders, and the QCDB if one is set. Ctrl-C ends it."""
    from app.demo import run_up

    raise typer.Exit(run_up(port, _progress))


@app.command(epilog="Example: shiftwatch metrics --port 9464        then scrape http://127.0.0.1:9464/metrics")
def metrics(
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; others than this machine's are open.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on.")] = 9464,
    every: Annotated[float, typer.Option("--every", min=1, max=300, help="Seconds between two looks.")] = 10.0,
) -> None:
    """Answer Prometheus with verdicts, lag, alarms, models, signs of life, notifications and disk. Ctrl-C ends it."""
    from app.metrics.serving import serve

    raise typer.Exit(serve(host, port, every, _progress))


@app.command(
    epilog="Example: shiftwatch backfill collimation --from 2026-03-01 --to 2026-04-01 --archive /data/2026 --workers 4"
)
def backfill(
    system: SystemName,
    *,
    begins: Annotated[str, typer.Option("--from", metavar="TIME", help="2026-03-01 or 2026-03-01T07:00+01:00.")],
    ends: Annotated[str, typer.Option("--to", metavar="TIME", help="Up to here, at least an hour ago.")],
    workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="Processes of this machine.")] = 1,
    dask: Annotated[
        str | None, typer.Option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster, tcp://host:8786.")
    ] = None,
    archive: Annotated[
        str | None, typer.Option("--archive", help="Folder (its: QCDB) to read from (default: as the settings say).")
    ] = None,
) -> None:
    """Judge a span of the past by the model in charge: at low priority, marked as such, and nobody is alarmed.

    What was judged before is left alone, so that it may be stopped and typed again. Exit status 1: some input was
    unusable.
    """
    from app.commands.backfill import Wish, run

    raise typer.Exit(run(Wish(system, begins, ends, workers, dask, archive), _progress))


@app.command(
    epilog="Example: shiftwatch doctor --settings site.toml        or what an editor checks it by: "
    "shiftwatch doctor --schema"
)
def doctor(
    *,
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="Check these in place of shiftwatch.toml.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of the settings.")] = False,
) -> None:
    """Say what is configured, reachable and up to date, and what to do about the rest.

    Exit status: 0 no errors (warnings may be), 1 something needs you.
    """
    if schema:
        from core.settings_schema import schema_text

        typer.echo(schema_text(), nl=False)
        return
    from app.doctor import examine, worst

    findings = examine(settings)
    for finding in findings:
        typer.echo(finding.lines())
    raise typer.Exit(1 if worst(findings) == "error" else 0)


def main() -> None:
    """Run the command line: known errors become one line on standard error and status 2."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    keep_freed_memory()
    try:
        app()
    except ShiftwatchError as error:
        typer.echo(f"shiftwatch: {error}", err=True)
        sys.exit(UNUSABLE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _progress(line: str) -> None:
    typer.echo(line)
    sys.stdout.flush()


def _path(text: str | None) -> Path | None:
    return Path(text) if text is not None else None
