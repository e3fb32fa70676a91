"""The report of a fill's loss maps, made out of the store when a person asks for it."""

from datetime import timedelta

import streamlit as st

from accelerator.collimation import display, report
from accelerator.collimation.display_words import map_words
from accelerator.collimation.report import Entry
from app.dashboard.access import now, picture, store
from app.dashboard.panels import maps
from core.store.views import ObservationDetail, ObservationView

_LONGEST = timedelta(hours=24)
_MOST = 400


def offer(detail: ObservationDetail) -> None:
    """Offer the report of the maps that were taken in this fill."""
    if display.is_stream(detail.view):
        return
    fill = detail.view.conditions.get("fill")
    st.download_button(
        "Report of this fill's maps" if fill else "Report of this map",
        data=lambda: report_of(detail),
        file_name=f"loss-maps-{fill or detail.view.id}.html",
        mime="text/html",
        icon=":material/description:",
        on_click="ignore",
        key="coll_report",
    )


def report_of(detail: ObservationDetail) -> str:
    """Return the report of the maps of a fill, of one map where its fill is not known."""
    views = [view for view in store().observations(display.SYSTEM, _MOST) if _belongs(view, detail.view)]
    found = (store().observation(view.id) for view in views)
    return report.html([_entry(one) for one in found if one is not None], now())


def _belongs(view: ObservationView, shown: ObservationView) -> bool:
    if view.id == shown.id:
        return True
    same = view.conditions.get("fill") is not None and view.conditions.get("fill") == shown.conditions.get("fill")
    return same and not display.is_stream(view) and abs(view.observed_at - shown.observed_at) < _LONGEST


def _entry(detail: ObservationDetail) -> Entry:
    view, found = detail.view, maps.diagnosis(detail)
    told = {**({"beam": found.beam, "plane": found.plane, "state": found.state} if found else {}), **view.conditions}
    drawn = {name: picture(digest) for name, digest in detail.evidence.items() if name in {"ring", "cascade"}}
    return Entry(
        name=report.name_of(map_words(told), view.origin),
        beam=int(str(told["beam"])) if told.get("beam") in {1, 2} else None,
        plane=str(told["plane"]) if told.get("plane") else None,
        state=str(told["state"]) if told.get("state") else None,
        fill=str(told.get("fill") or ""),
        observed_at=view.observed_at,
        origin=view.origin,
        sha256=view.sha256,
        quality=view.quality,
        reason=view.reason,
        model=f"{view.model.name} {view.model.version}" if view.model else "",
        diagnosis=found,
        measurements=detail.measurements,
        pictures={name: content for name, content in drawn.items() if content is not None},
    )
