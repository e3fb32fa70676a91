"""Models: which one judges, what it promised and keeps, whether its world has changed, what would be better."""

from datetime import datetime

import streamlit as st

from app.dashboard import kept, modelling
from app.dashboard.access import displays, now, store
from app.dashboard.live import live
from app.dashboard.panels import model_figures, model_versions, tables
from app.dashboard.wording import zone
from core.store.views import Alias, ModelView

REFRESH_S = 30
_SYSTEM, _VERSION = "models_of", "model_version"


def page() -> None:
    """Draw the models of the chosen system; the page keeps itself up to date."""
    known = displays()
    system = st.segmented_control(
        "System",
        list(known),
        default=next(iter(known)),
        format_func=lambda name: known[name].TITLE,
        key=_SYSTEM,
        label_visibility="collapsed",
        bind="query-params",
    )
    _live(system or next(iter(known)))


@live(REFRESH_S)
def _live(system: str) -> None:
    models, where, instant = store().models(system), zone(st.context.timezone), now()
    if not models:
        st.header("No model is known yet")
        st.markdown("The watch enters the one that ships with the program when it starts.")
        return
    model_versions.table(models, kept.precision(system), instant, where)
    champion = next((one for one in models if Alias.CHAMPION in one.aliases), None)
    chosen = _chosen(models)
    changes = store().alias_history(system, chosen.name)
    left, right = st.columns(2, gap="large")
    with left:
        model_versions.keys(chosen, champion)
        model_versions.history(changes, instant, where)
        with st.expander("Card: what it is and how good it was found"):
            tables.draw(("", ""), modelling.facts(chosen.card))
    with right:
        since = modelling.champion_since(changes, chosen)
        if since is not None:
            _in_charge(chosen, since, instant)
        else:
            _beside(chosen, instant)
    model_versions.replay_lines(model_versions.newest(system), where)


def _chosen(models: list[ModelView]) -> ModelView:
    """The version that the page is about: the one chosen, else the challenger, else the champion, else the newest."""
    ranked = sorted(models, key=lambda one: (Alias.CHALLENGER not in one.aliases, Alias.CHAMPION not in one.aliases))
    place = st.selectbox(
        "Version",
        range(len(ranked)),
        format_func=lambda at: " ".join([ranked[at].name, ranked[at].version, *(a.value for a in ranked[at].aliases)]),
        key=f"{_VERSION}_{models[0].system}",
    )
    return ranked[place or 0]


def _in_charge(chosen: ModelView, since: datetime, instant: datetime) -> None:
    where = zone(st.context.timezone)
    found = kept.model_figures(chosen.system, chosen.name, chosen.version, since)
    model_figures.promises(found)
    model_figures.drifts(found, instant, where)


def _beside(chosen: ModelView, instant: datetime) -> None:
    where = zone(st.context.timezone)
    st.markdown("**Beside the champion, on the same observations**")
    model_figures.rivals(kept.rival(chosen.system, chosen.name, chosen.version), chosen.system, instant, where)
    model_versions.replay_key(chosen, where)
