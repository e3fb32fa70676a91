"""Who is at the page: what a sign-in tells, and what is not believed."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.dashboard import person
from core.desk import Deeds
from core.roles import Role
from core.settings import AccessSettings, Settings


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch) -> None:
    access = AccessSettings(experts=("eva@cern.ch",), shifters=("*@cern.ch",))
    monkeypatch.setattr(person, "settings", lambda: Settings(access=access))


class User:
    """What Streamlit knows of who signed in."""

    def __init__(self, **told: Any) -> None:
        self.told = told

    def to_dict(self) -> dict[str, Any]:
        return self.told


@pytest.mark.parametrize(
    ("told", "role", "identity"),
    [
        ({"name": "Eva", "email": "Eva@cern.ch", "email_verified": True}, Role.EXPERT, "Eva@cern.ch"),
        ({"name": "Eva", "email": "eva@cern.ch"}, Role.EXPERT, "eva@cern.ch"),
        ({"name": "Eva", "email": "eva@cern.ch", "email_verified": False, "sub": "7"}, Role.VIEWER, "7"),
        ({"name": "eva@cern.ch", "sub": "7"}, Role.VIEWER, "7"),
        ({"name": "Sam", "email": "sam@cern.ch"}, Role.SHIFTER, "sam@cern.ch"),
        ({"name": "Vic", "email": "vic@cern.ch.evil.org"}, Role.VIEWER, "vic@cern.ch.evil.org"),
    ],
)
def test_a_role_goes_by_the_verified_address(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], role: Role, identity: str
) -> None:
    monkeypatch.setattr(person.st, "user", User(is_logged_in=True, **told))
    known = person.here()
    assert (known.name, known.role, known.identity) == (told["name"], role, identity)
    assert person.may(Deeds.SHELVE) is (role is Role.EXPERT)


@pytest.mark.parametrize("state", [False, None, "yes"])
def test_who_did_not_sign_in_is_nobody(monkeypatch: pytest.MonkeyPatch, state: object) -> None:
    monkeypatch.setattr(person.st, "user", User(is_logged_in=state, name="Eva", email="eva@cern.ch"))
    assert person.here().name == ""
    assert not person.may(Deeds.ACKNOWLEDGE)
    assert person.why_not(Deeds.ACKNOWLEDGE) == "Sign in first."


def test_a_name_of_many_lines_is_one_printable_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person.st, "user", User(is_logged_in=True, name="Eva\n\x1b[2J" + "x" * 500, email="e@cern.ch"))
    assert person.name().startswith("Eva [2Jx")
    assert len(person.name()) == person.LONGEST_NAME


@pytest.mark.parametrize(
    ("headers", "role"),
    [({}, Role.EXPERT), ({"X-Forwarded-For": "10.0.0.9"}, Role.VIEWER), ({"Via": "1.1 squid"}, Role.VIEWER)],
)
def test_who_comes_through_a_proxy_is_not_at_this_machine(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], role: Role
) -> None:
    monkeypatch.setattr(person, "settings", Settings)
    monkeypatch.setattr(person.st, "user", User())
    monkeypatch.setattr(person.st, "context", SimpleNamespace(headers=headers, cookies={person.COOKIE: "Anna"}))
    monkeypatch.setattr(person.st, "get_option", {"server.address": "127.0.0.1"}.get)
    monkeypatch.setattr(person.st, "session_state", {})
    assert person.here().role is role
    assert person.may(Deeds.ACKNOWLEDGE) is (role is Role.EXPERT)
