"""Opening the store for a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import StoreError
from core.settings import load_settings
from core.store import Store


@contextmanager
def opened_store() -> Iterator[Store]:
    """Yield the store of the settings.

    Raises
    ------
    StoreError
        Its tables are not at the newest version: the text says what to type.
    """
    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    with Store.open(settings.url, settings.artefacts) as store:
        if not store.is_current():
            raise StoreError(f"the tables of {settings.url} are missing or old; type: shiftwatch db upgrade")
        yield store
