"""Opening the store for a command, and the desk of whoever typed it."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from core.desk import Desk, Person, Way
from core.errors import StoreError
from core.roles import role_of
from core.settings import load_settings
from core.store import Store
from core.store.audit import Deed


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


@contextmanager
def opened_desk(told_name: str) -> Iterator[Desk]:
    """Yield the desk of whoever is logged in at this machine: the role is that login's, whatever name was told."""
    login = _login()
    with opened_store() as store:
        role = role_of(login, load_settings().access, signed_in=False)
        yield Desk(store, Person(told_name.strip() or login, role, Way.COMMAND, login))


def deed_of_login(what: str, subject: str, note: str = "") -> Deed:
    """What whoever is logged in does with tables or home, for the trail: the rights are those of the machine."""
    login = _login()
    role = role_of(login, load_settings().access, signed_in=False)
    return Deed(datetime.now(UTC), login, role.word, Way.COMMAND.value, what, subject, note)


def _login() -> str:
    """The login as the system knows it, not as a variable says; a number where it has no name (in a container)."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
