"""A shift report from the store to a file, the screen or the logbook."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.handover import posting, web
from app.handover.blocks import Blocks, Heading
from app.handover.composing import Signed, compose
from app.handover.facts import Facts, gather
from app.handover.markdown import markdown, save_pictures
from app.handover.posting import Enclosed
from core.errors import SettingsError
from core.settings import Settings
from core.shifts import Span
from core.store import Store


@dataclass(frozen=True, slots=True)
class Report:
    """A report with what it was made of."""

    facts: Facts
    blocks: Blocks
    author: str = ""

    @property
    def title(self) -> str:
        """Its heading."""
        return next(block.text for block in self.blocks if isinstance(block, Heading))

    @property
    def name(self) -> str:
        """A name for its files, without an ending."""
        return f"shift-{self.facts.whole.begins:%Y%m%dT%H%MZ}"

    def markdown(self) -> bytes:
        """Return it as Markdown; its picture is told in words."""
        return markdown(self.blocks).encode()

    def html(self) -> bytes:
        """Return it as one HTML page."""
        return web.page(self.blocks).encode()

    def pdf(self) -> bytes:
        """Return it as PDF."""
        from app.handover import printing  # takes a second, which no page needs to wait for

        return printing.pdf(self.blocks, self.facts.made_at)


FORMATS: Mapping[str, tuple[str, Callable[[Report], bytes]]] = {
    ".md": ("text/markdown", Report.markdown),
    ".html": ("text/html", Report.html),
    ".pdf": ("application/pdf", Report.pdf),
}


def make(store: Store, settings: Settings, shift: Span, now: datetime, signed: Signed | None = None) -> Report:
    """Return the report of a shift, up to now if it goes on."""
    facts = gather(store, settings, shift, now)
    return Report(facts, compose(facts, settings.shifts.zone, signed), signed.author if signed else "")


def write(report: Report, out: Path) -> None:
    """Write it, as what the ending of the name says; pictures of Markdown go into a folder beside it.

    Raises
    ------
    SettingsError
        The ending is none of .md, .html, .pdf, or the file cannot be written.
    """
    if out.suffix not in FORMATS:
        raise SettingsError(f"--out {out}: the name must end in {', '.join(FORMATS)}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix == ".md":
            folder = out.with_name(f"{out.stem}_pictures")
            save_pictures(report.blocks, folder)
            out.write_text(markdown(report.blocks, folder.name), encoding="utf-8")
        else:
            out.write_bytes(FORMATS[out.suffix][1](report))
    except OSError as error:
        raise SettingsError(f"--out {out}: cannot be written ({error.strerror})") from None


def post(report: Report, settings: Settings) -> str:
    """Post it to the logbook, with its page and its PDF; return what the logbook answered (see `posting.post`)."""
    enclosed = tuple(
        Enclosed(report.name + ending, FORMATS[ending][0], FORMATS[ending][1](report)) for ending in (".html", ".pdf")
    )
    text = markdown(report.blocks)
    return posting.post(settings, posting.entry(report.facts, report.title, text, report.author, enclosed))
