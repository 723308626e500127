"""Personal tokens, projects and the audit log keep what they promise."""

from __future__ import annotations

import pytest
from tests.jobs.conftest import add_user

from eocene.jobs import Accounts
from eocene.model import ConflictError, ForbiddenError, InputError, NotFoundError


@pytest.fixture
def accounts(layout, clock):
    accounts = Accounts(layout, clock=clock)
    for name in ("ada", "bert", "cleo"):
        add_user(accounts, name)
    yield accounts
    accounts.close()


def refuses(accounts, token):
    with pytest.raises(ForbiddenError) as caught:
        accounts.find_by_token(token)
    return caught.value.code == "TokenInvalid"


def test_a_personal_token_opens_with_its_scope_until_it_expires(accounts, clock):
    token, shown = accounts.tokens.create("ada", "nightly", scope="read", days=1)
    found = accounts.find_by_token(token)
    assert (found.account, found.actor, found.kind, found.scope) == ("ada", "ada", "personal", "read")
    assert [listed["id"] for listed in accounts.tokens.list("ada")] == [shown["id"]]
    clock.wait(86_401)
    assert refuses(accounts, token)
    assert accounts.tokens.list("ada") == ()


def test_only_the_digest_of_a_personal_token_is_kept(accounts, layout):
    token, shown = accounts.tokens.create("ada", "nightly")
    assert token not in str(shown)
    accounts.close()
    assert all(token.encode() not in path.read_bytes() for path in layout.root.iterdir() if path.is_file())


def test_a_revoked_token_ends_at_once_and_only_its_user_can_revoke_it(accounts):
    token, shown = accounts.tokens.create("ada", "nightly")
    with pytest.raises(NotFoundError):
        accounts.tokens.revoke("bert", shown["id"])
    assert accounts.find_by_token(token).actor == "ada"
    accounts.tokens.revoke("ada", shown["id"])
    assert refuses(accounts, token)


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": " "},
        {"title": "x" * 201},
        {"scope": "admin"},
        {"days": 0},
        {"days": 400},
        {"days": float("nan")},
    ],
)
def test_a_token_that_cannot_be_is_not_made(accounts, wrong):
    values = {"title": "t", "scope": "read", "days": 1} | wrong
    with pytest.raises(InputError):
        accounts.tokens.create("ada", **values)
    assert accounts.tokens.list("ada") == ()


def test_a_closed_account_opens_no_more_whichever_way(accounts):
    accounts.users.set_password("ada", "long enough")
    session = accounts.users.issue_token("ada")
    personal, _ = accounts.tokens.create("ada", "nightly")
    provided = accounts.users.admit("https://p.example", "s", prefix="p", title=None, roles=())
    for name in ("ada", provided):
        accounts.users.close_account(name)
    assert refuses(accounts, session)
    assert refuses(accounts, personal)
    with pytest.raises(ForbiddenError):
        accounts.users.verify("ada", "long enough")
    with pytest.raises(ForbiddenError):
        accounts.users.admit("https://p.example", "s", prefix="p", title=None, roles=())
    assert {user["name"]: user["closed"] for user in accounts.users.list()} == {
        "ada": True, "bert": False, "cleo": False, provided: True,
    }  # fmt: skip


def test_one_who_is_known_elsewhere_keeps_the_name_and_takes_nobody_elses(accounts):
    def admit(issuer, subject, **more):
        told = {"prefix": "p", "title": None, "roles": ()} | more
        return accounts.users.admit(issuer, subject, **told)

    one = admit("https://p.example", "ada", title="Ada", roles=["editor"])
    assert admit("https://p.example", "ada") == one
    assert len({one, admit("https://p.example", "bert"), admit("https://q.example", "ada"), "ada"}) == 4
    with pytest.raises(InputError):
        accounts.users.set_password(one, "long enough")
    with pytest.raises(ForbiddenError):
        accounts.users.verify(one, "")


def test_a_project_is_an_account_that_its_members_enter_with_their_own_tokens(accounts):
    project = accounts.projects.create("water", "ada")["id"]
    accounts.projects.set_member(project, "ada", "bert", "member")
    accounts.projects.set_member(project, "ada", "cleo", "viewer")
    work, _ = accounts.tokens.create("bert", "work", scope="write", project=project)
    look, _ = accounts.tokens.create("cleo", "look", project=project)
    found = accounts.find_by_token(work)
    assert (found.account, found.actor, found.scope) == (project, "bert", "write")
    assert accounts.find_by_token(look).scope == "read"
    with pytest.raises(ForbiddenError):
        accounts.tokens.create("cleo", "work", scope="write", project=project)
    assert accounts.projects.get(project, "cleo")["members"] == {
        "ada": "owner", "bert": "member", "cleo": "viewer",
    }  # fmt: skip


def test_who_leaves_a_project_or_may_only_read_any_more_finds_that_at_once(accounts):
    project = accounts.projects.create("water", "ada")["id"]
    accounts.projects.set_member(project, "ada", "bert", "member")
    token, _ = accounts.tokens.create("bert", "work", scope="write", project=project)
    accounts.projects.set_member(project, "ada", "bert", "viewer")
    assert accounts.find_by_token(token).scope == "read"
    accounts.projects.set_member(project, "bert", "bert", None)
    assert refuses(accounts, token)


def test_strangers_and_members_cannot_change_a_project_and_it_keeps_an_owner(accounts):
    project = accounts.projects.create("water", "ada")["id"]
    accounts.projects.set_member(project, "ada", "bert", "member")
    for who, error in (("bert", ForbiddenError), ("cleo", NotFoundError)):
        with pytest.raises(error):
            accounts.projects.set_member(project, who, who, "owner")
    with pytest.raises(NotFoundError):
        accounts.tokens.create("cleo", "work", project=project)
    with pytest.raises(NotFoundError):
        accounts.projects.get(project, "cleo")
    with pytest.raises(ConflictError, match="owner"):
        accounts.projects.set_member(project, "ada", "ada", None)
    assert accounts.projects.get(project, "ada")["members"]["ada"] == "owner"
    with pytest.raises(ConflictError, match="already"):
        accounts.projects.create("water", "cleo")


def test_the_audit_log_tells_the_newest_first_and_can_be_asked_by_person_and_time(accounts, clock):
    accounts.audit.add("POST /jobs", actor="ada", account="ada", target="/jobs", status=201)
    clock.wait(60)
    accounts.audit.add("DELETE /jobs/{id}", actor="bert", target="/jobs/1" + "x" * 5000, status=204)
    entries = list(accounts.audit.read())
    assert [entry["actor"] for entry in entries] == ["bert", "ada"]
    assert len(entries[0]["target"]) == 512
    assert [e["actor"] for e in accounts.audit.read(actor="ada")] == ["ada"]
    assert [e["actor"] for e in accounts.audit.read(since=clock())] == ["bert"]
    assert len(list(accounts.audit.read(limit=1))) == 1
