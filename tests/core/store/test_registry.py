"""Model versions and their aliases."""

from datetime import timedelta

import pytest

from core.errors import StoreError
from core.store import Store
from core.store.views import Alias

from .conftest import NOW


def register(store: Store, version: str, digest: str = "a" * 64) -> object:
    return store.register_model("flex", "synthetic", version, digest, "/models/s", {"auroc": 0.99}, NOW)


def test_versions_are_registered_once(store: Store) -> None:
    first = register(store, "1")
    assert register(store, "1") == first
    register(store, "2")
    assert [model.version for model in store.models("flex")] == ["2", "1"]
    assert store.models("flex")[0].card == {"auroc": 0.99}
    with pytest.raises(StoreError, match="flex model synthetic 1 is registered with other content"):
        register(store, "1", "b" * 64)
    assert store.models("its") == []


def test_aliases_move_and_their_history_stays(store: Store) -> None:
    register(store, "1")
    register(store, "2")
    store.set_alias("flex", "synthetic", Alias.CHAMPION, "1", "ana", "first", NOW)
    store.set_alias("flex", "synthetic", Alias.CHALLENGER, "2", "ana", "better AUPRO", NOW)
    assert {view.alias: view.version for view in store.aliases("flex")} == {"champion": "1", "challenger": "2"}
    store.set_alias("flex", "synthetic", Alias.CHAMPION, "2", "eva", "promoted", NOW + timedelta(days=1))
    store.set_alias("flex", "synthetic", Alias.CHALLENGER, None, "eva", "promoted", NOW + timedelta(days=1))
    champion = store.model("flex", "synthetic")
    assert champion is not None
    assert (champion.version, champion.aliases) == ("2", (Alias.CHAMPION,))
    assert store.model("flex", "synthetic", Alias.CHALLENGER) is None
    assert [(v.alias, v.version, v.author, v.reason) for v in store.alias_history("flex", "synthetic")] == [
        (Alias.CHAMPION, "1", "ana", "first"),
        (Alias.CHALLENGER, "2", "ana", "better AUPRO"),
        (Alias.CHAMPION, "2", "eva", "promoted"),
        (Alias.CHALLENGER, None, "eva", "promoted"),
    ]


def test_aliases_of_models_do_not_mix(store: Store) -> None:
    register(store, "1")
    store.register_model("flex", "other", "1", "c" * 64, "/models/o", {}, NOW)
    store.set_alias("flex", "other", Alias.CHAMPION, "1", "ana", "", NOW)
    assert store.model("flex", "synthetic") is None
    assert {model.name: model.aliases for model in store.models("flex")} == {
        "other": (Alias.CHAMPION,),
        "synthetic": (),
    }


def test_impossible_aliases(store: Store) -> None:
    register(store, "1")
    for name, version, author, reason in (
        ("synthetic", "9", "ana", "no model synthetic 9"),
        ("none", "1", "ana", "no model none 1"),
        ("synthetic", "1", " ", "author"),
    ):
        with pytest.raises(StoreError, match=reason):
            store.set_alias("flex", name, Alias.CHAMPION, version, author, "", NOW)
    with pytest.raises(StoreError, match="king"):
        store.set_alias("flex", "synthetic", "king", "1", "ana", "", NOW)  # type: ignore[arg-type]
    assert store.aliases("flex") == []
