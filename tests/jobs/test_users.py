"""Passwords and tokens are kept as hashes, and only the right ones open."""

from __future__ import annotations

import pytest

from eocene.jobs import Users
from eocene.model import ForbiddenError, InputError


@pytest.fixture
def users(layout, clock):
    users = Users(layout, clock=clock)
    yield users
    users.close()


def test_the_first_password_is_told_once_and_opens(users):
    password = users.start_first("eocene")
    assert users.start_first("eocene") is None
    assert users.start_first("mallory") is None
    assert users.verify("eocene", password) == "eocene"


@pytest.mark.parametrize(("name", "password"), [("eocene", "wrong"), ("nobody", "wrong"), ("", "")])
def test_wrong_credentials_are_refused_alike(users, name, password):
    users.start_first()
    with pytest.raises(ForbiddenError) as caught:
        users.verify(name, password)
    assert caught.value.code == "CredentialsInvalid"
    assert "nobody" not in str(caught.value)


def test_neither_password_nor_token_is_in_the_files(users, layout):
    password = users.start_first()
    token = users.issue_token("eocene")
    users.close()
    stored = b"".join(path.read_bytes() for path in layout.root.iterdir())
    assert b"argon2id" in stored
    assert password.encode() not in stored
    assert token.encode() not in stored


def test_a_token_opens_until_it_expires(users, clock):
    users.start_first()
    token = users.issue_token("eocene", life_s=60)
    assert users.find_by_token(token) == "eocene"
    clock.wait(61)
    with pytest.raises(ForbiddenError) as caught:
        users.find_by_token(token)
    assert caught.value.code == "TokenInvalid"


def test_a_new_password_ends_the_tokens(users):
    users.start_first()
    token = users.issue_token("eocene")
    users.set_password("eocene", "a longer password")
    assert users.verify("eocene", "a longer password")
    with pytest.raises(ForbiddenError):
        users.find_by_token(token)


def test_short_passwords_and_odd_names_are_refused(users):
    with pytest.raises(InputError):
        users.set_password("eocene", "short")
    with pytest.raises(InputError):
        users.set_password("../etc", "long enough")


def test_the_signing_key_stays(users, layout):
    other = Users(layout)
    assert users.signing_key() == other.signing_key()
    assert len(users.signing_key()) == 32
    other.close()
