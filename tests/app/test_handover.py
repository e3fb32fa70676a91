"""The report of a shift: what it says, that nothing in it is markup, its files, the logbook, the command, the page."""

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader
from typer.testing import CliRunner

from app.cli import app
from app.handover import making, printing, web
from app.handover.blocks import Heading, Picture, Table, Text
from app.handover.composing import Signed, compose
from app.handover.drawing import WIDTH, bins
from app.handover.facts import gather, longest_step
from app.handover.markdown import markdown
from core.alarms.events import AlarmAction
from core.alarms.severity import Severity
from core.contracts import AlarmRule, Arrival, Settled
from core.desk import Desk, Person, Way
from core.errors import NotAllowedError, NotifyError, SettingsError
from core.observation import Observation
from core.roles import Role
from core.settings import Settings, load_settings
from core.shifts import Span
from core.store import Store
from core.store.views import Alias, Judgement
from core.verdict import Cause, Model, Quality, Verdict
from tests.app.conftest import PageRun

BEGIN = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)  # 23:00 in Geneva
SHIFT = Span(BEGIN, BEGIN + timedelta(hours=8))
EVIL = "<script>alert('x')</script> [link](javascript:1) **bold** | cell\n# title"


def minutes(number: float) -> datetime:
    return BEGIN + timedelta(minutes=number)


def cycle(number: int, at: datetime, quality: Quality = Quality.GOOD) -> Settled:
    seen = Observation("its", "ITS", f"cycle {number}", at, f"qcdb/{number}", "ab" * 32, {"run": 1})
    reason = "no data" if quality is Quality.NULL else None
    verdict = Verdict(quality, score=1.0, cause=Cause("noise", 0.9), model=Model("simulated", "1"), reason=reason)
    return Settled(Arrival(f"t{number}", seen.origin), seen, verdict, at + timedelta(seconds=2))


@pytest.fixture
def night(shelf: Store) -> Store:
    """A night: a cycle every minute, an hour without, one bad, an alarm that ended and one that goes on."""
    times = [number for number in range(480) if not 200 <= number < 260]
    qualities = {100: Quality.BAD, 101: Quality.MEDIUM, 300: Quality.NULL}
    quiet = AlarmRule(severities={})
    batch = [cycle(number, minutes(number), qualities.get(number, Quality.GOOD)) for number in times]
    shelf.record("its", "qcdb", batch, quiet)
    shelf.record("flex", "inbox", [], quiet)
    shelf.condition("its", "L3_07", Severity.MAJOR, minutes(10), "a lane died")
    shelf.condition("its", "scanner <b>", Severity.MINOR, minutes(-90), "old one")
    first = next(alarm for alarm in shelf.alarms() if alarm.element == "L3_07")
    shelf.act(first.id, AlarmAction.ACKNOWLEDGE, "Anna", "called the expert", minutes(14))
    shelf.condition("its", "L3_07", Severity.OK, minutes(70), "")
    number = shelf.find("its", "ITS", "cycle 100")
    assert number is not None
    shelf.add_feedback(number, "Łukasz", minutes(120), Judgement.FALSE_ALARM, None, None, EVIL)
    shelf.add_feedback(number, "Anna", minutes(30), Judgement.WRONG_CAUSE, None, "dead chip", "", first.id)
    shelf.register_model("its", "simulated", "2", "d", "/m", {}, minutes(200))
    shelf.set_alias("its", "simulated", Alias.CHAMPION, "2", "Eva", "finds more", minutes(200))
    return shelf


def report(store: Store, remark: str = "", now: datetime | None = None) -> making.Report:
    return making.make(store, load_settings(), SHIFT, now or SHIFT.ends, Signed("Anna Keller", remark))


def test_it_says_what_happened(night: Store) -> None:
    text = report(night).markdown().decode()
    assert text.startswith("# Shift report, 26 Nov 2026 23:00 to 27 Nov 07:00\n")
    assert "Made by Anna Keller on 27 Nov 07:00, times of Europe/Zurich." in text
    assert "**1 new alarm, 1 from before, 1 still open. ITS: 1 bad of 420, 61 min without data.**" in text
    assert "since 21:30, nobody has acknowledged it" in text
    assert "| Anna, after 4 min |" in text
    assert "Anna: called the expert; Anna said another cause (dead chip)" in text
    assert "| ITS | 420 | 99.3% | 0.2% | 0.2% | 0.2% | 1, 61 min in all |" in text
    assert "- ITS: 02:19 to 03:20 (61 min)" in text
    assert "ITS, simulated 2 is the champion (Eva: finds more)" in text


def test_a_shift_that_goes_on_is_told_as_far_as_it_came(night: Store) -> None:
    facts = gather(night, load_settings(), SHIFT, minutes(105))
    assert facts.goes_on
    assert len(facts.systems[0].judged) == 105
    text = markdown(compose(facts, "Europe/Zurich"))
    assert "The shift goes on: this is what happened so far." in text
    assert "1 bad of 105" in text


def test_an_empty_store_makes_a_report(shelf: Store) -> None:
    text = report(shelf).markdown().decode()
    assert "**No new alarms.**" in text
    assert "- Nothing." in text
    assert PdfReader(BytesIO(report(shelf).pdf())).pages


def test_free_text_is_text_in_every_format(night: Store) -> None:
    made = report(night, remark=EVIL)
    page = made.html().decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&#x27;x&#x27;)") == 2
    assert "scanner &lt;b&gt;" in page
    text = made.markdown().decode()
    assert "\\<script\\>alert('x')\\</script\\> \\[link\\](javascript:1) \\*\\*bold\\*\\* \\| cell \\# title" in text
    assert all(
        line.count("|") - line.count("\\|") in {0, 6, 8, 9} for line in text.splitlines() if line.startswith("|")
    )
    drawn = "\n".join(page.extract_text() for page in PdfReader(BytesIO(made.pdf())).pages)
    assert "<script>alert('x')</script>" in drawn
    assert "Łukasz" in drawn


def test_the_pdf_has_its_title_and_survives_what_it_cannot_write() -> None:
    blocks = (
        Heading("Title α", 1),
        Text("日本語 \U0001f600 " + "x" * 3000),
        Table(("a", "b"), [("y" * 500, "1")], (1, 1), (1,)),
        *[Text("a line")] * 120,
    )
    read = PdfReader(BytesIO(printing.pdf(blocks, BEGIN)))
    assert read.metadata is not None
    assert read.metadata.title == "Title α"
    assert len(read.pages) > 2
    assert "\N{WHITE SQUARE}" in read.pages[0].extract_text()
    assert printing.pdf(blocks, BEGIN) == printing.pdf(blocks, BEGIN)


def test_the_picture_shows_every_system(night: Store) -> None:
    picture = next(block for block in report(night).blocks if isinstance(block, Picture))
    image = Image.open(BytesIO(picture.content)).convert("RGB")
    assert image.width == WIDTH
    colours = {colour for _, colour in image.getcolors(1_000_000) or ()}
    assert {(0xC6, 0x28, 0x28), (0xB9, 0xC0, 0xC7), (0x6A, 0x4C, 0x93)} <= colours
    assert (bins(0), bins(40), bins(10_000)) == (8, 20, 96)


def test_what_a_gap_is() -> None:
    regular = [minutes(number) for number in range(30)]
    assert longest_step(regular, None) == timedelta(minutes=10)
    assert longest_step([minutes(5 * number) for number in range(30)], None) == timedelta(minutes=50)
    assert longest_step(regular, timedelta(minutes=3)) == timedelta(minutes=3)
    assert longest_step(regular[:5], None) is None


# -- files


def test_files_of_every_kind(night: Store, tmp_path: Path) -> None:
    made = report(night)
    for ending in (".md", ".html", ".pdf"):
        making.write(made, tmp_path / "out" / f"shift{ending}")
    assert (tmp_path / "out" / "shift.pdf").read_bytes().startswith(b"%PDF-")
    assert web.page(made.blocks) == (tmp_path / "out" / "shift.html").read_text(encoding="utf-8")
    assert "](shift_pictures/shift.png)" in (tmp_path / "out" / "shift.md").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "shift_pictures" / "shift.png").is_file()
    with pytest.raises(SettingsError, match="must end in"):
        making.write(made, tmp_path / "shift.docx")
    with pytest.raises(SettingsError, match="cannot be written"):
        making.write(made, tmp_path / "out" / "shift.pdf" / "below.pdf")


# -- the logbook


@dataclass
class Logbook:
    """A logbook that listens: what was posted, and what it answers."""

    url: str = ""
    status: int = 200
    got: list[dict[str, object]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def logbook() -> Iterator[Logbook]:
    """Return a logbook on a real port."""
    known = Logbook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            known.headers.append(dict(self.headers))
            known.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(known.status)
            self.end_headers()
            self.wfile.write(b"entry 4711" if known.status == 200 else b"the book is <full>")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_port}/hooks/abc"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield known
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_is_posted_with_its_page_and_pdf(night: Store, logbook: Logbook) -> None:
    settings = load_settings(logbook_url=logbook.url, logbook_token="hush")
    assert making.post(report(night), settings) == "entry 4711"
    [entry] = logbook.got
    assert logbook.headers[0]["Authorization"] == "Bearer hush"
    assert entry["title"] == "Shift report, 26 Nov 2026 23:00 to 27 Nov 07:00"
    assert str(entry["text"]).startswith("# Shift report")
    assert (entry["author"], entry["begins"]) == ("Anna Keller", BEGIN.isoformat())
    files = {str(one["name"]): b64decode(one["content"]) for one in entry["files"]}  # type: ignore[attr-defined]
    assert set(files) == {"shift-20261126T2200Z.html", "shift-20261126T2200Z.pdf"}
    assert files["shift-20261126T2200Z.pdf"].startswith(b"%PDF-")


def test_a_logbook_that_refuses_or_is_away_is_told_without_secrets(night: Store, logbook: Logbook) -> None:
    logbook.status = 507
    settings = load_settings(logbook_url=logbook.url, logbook_token="hush")
    with pytest.raises(NotifyError, match="refused the report: 507 the book is <full>") as refused:
        making.post(report(night), settings)
    away = load_settings(logbook_url="http://127.0.0.1:9/hooks/secret", logbook_token="hush")
    with pytest.raises(NotifyError, match="cannot be reached") as unreachable:
        making.post(report(night), away)
    assert not any(word in str(error.value) for error in (refused, unreachable) for word in ("hush", "abc", "secret"))
    with pytest.raises(SettingsError, match="SHIFTWATCH_LOGBOOK_URL"):
        making.post(report(night), Settings())


# -- the command and the page


def test_the_command_prints_writes_and_posts(
    night: Store, logbook: Logbook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIFTWATCH_LOGBOOK_URL", logbook.url)
    printed = CliRunner().invoke(app, ["report", "--shift", "--by", "Ben"])
    assert printed.exit_code == 0
    assert printed.output.startswith("# Shift report, ")
    out = [str(tmp_path / "a.pdf"), str(tmp_path / "a.html")]
    written = CliRunner().invoke(
        app, ["report", "--shift", "--before", "1", "--out", out[0], "--out", out[1], "--post"]
    )
    assert written.exit_code == 0
    assert "posted to the logbook: entry 4711" in written.output
    assert all(Path(one).stat().st_size > 1000 for one in out)
    assert [deed.deed for deed in night.trail()] == ["hand over"]


@pytest.mark.parametrize("arguments", [["report"], ["report", "collimation"], ["report", "its", "x", "--shift"]])
def test_the_command_says_what_is_missing(arguments: list[str], shelf: Store) -> None:
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, SettingsError)
    assert str(done.exception).startswith("report")


def test_the_page_shows_the_shift_and_posts_it(
    night: Store, logbook: Logbook, run_page: PageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIFTWATCH_LOGBOOK_URL", logbook.url)
    page = run_page("report")
    assert not page.exception
    page.text_area(key="report_remark").input("Quiet <b>night</b>").run()
    page.button(key="report_post").click().run()
    assert not page.exception
    assert [one.value for one in page.success] == ["The report is in the logbook, with 1 alarm."]
    assert "Quiet \\<b\\>night" in str(logbook.got[0]["text"])
    logbook.status = 500
    page.button(key="report_post").click().run()
    assert "refused the report" in page.error[0].value


def test_a_viewer_cannot_post(
    night: Store, logbook: Logbook, run_page: PageRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIFTWATCH_LOGBOOK_URL", logbook.url)
    monkeypatch.setenv("SHIFTWATCH_ACCESS__LOCAL", "viewer")
    page = run_page("report")
    assert page.button(key="report_post").disabled
    assert page.caption[0].value
    viewer = Desk(night, Person("Vera", Role.VIEWER, Way.PAGE))
    with pytest.raises(NotAllowedError, match="may not hand over"):
        viewer.hand_over(SHIFT)
    assert logbook.got == []
