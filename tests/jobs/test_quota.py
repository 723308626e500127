"""No account gets more than its quota, however many of its jobs start at once."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.jobs.conftest import add_user

from eocene.jobs import Accounts, JobStore, Quota
from eocene.jobs.accounts.register import StorageQuotaError
from eocene.jobs.accounts.spending import CreditsError, TooManyJobsError
from eocene.jobs.limits import Usage
from eocene.model import InputError

PROCESS = {"process_graph": {"a": {"process_id": "add", "arguments": {"x": 1, "y": 1}, "result": True}}}


@pytest.fixture
def accounts(layout, clock):
    accounts = Accounts(layout, Quota(jobs=3, credits=10), clock=clock)
    for name in ("ada", "bert"):
        add_user(accounts, name)
    yield accounts
    accounts.close()


@pytest.fixture
def guarded(store, accounts):
    store.admission = accounts.admit_job
    return store


def start(store, budget=None, owner="ada"):
    return store.queue(store.create(PROCESS, owner=owner, budget=budget).id)


def run(store, cpu_s):
    job = store.claim("test")
    store.renew(job, 50.0, Usage(cpu_s=cpu_s))
    return job


def test_as_many_jobs_as_allowed_wait_or_run_and_no_more(guarded):
    queued = [start(guarded, budget=1).id for _ in range(3)]
    with pytest.raises(TooManyJobsError) as caught:
        start(guarded, budget=1)
    assert caught.value.status == 429
    assert int(caught.value.headers["Retry-After"]) > 0
    assert start(guarded, budget=1, owner="bert").status == "queued"
    guarded.cancel(queued[0])
    assert start(guarded, budget=1).status == "queued"


def test_a_limit_of_one_user_replaces_that_of_all(guarded, accounts):
    accounts.set_quota("ada", {"jobs": None, "credits": 100})
    assert accounts.quota("ada") == Quota(jobs=None, credits=100)
    assert accounts.quota("bert") == Quota(jobs=3, credits=10)
    for _ in range(5):
        start(guarded, budget=1)


def test_jobs_that_start_at_once_never_reserve_more_than_there_is(layout, clock, accounts):
    accounts.set_quota("ada", {"jobs": None})
    reserved, refused = [], []

    def begin():
        store = JobStore(layout, clock=clock)
        store.admission = accounts.admit_job
        try:
            reserved.append(start(store, budget=3).budget)
        except CreditsError as error:
            refused.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=begin) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(reserved) == pytest.approx(10)
    assert sorted(reserved) == [1, 3, 3, 3]
    assert len(refused) == 8


def test_a_job_without_a_budget_gets_what_is_left(guarded, accounts):
    assert start(guarded, budget=4).budget == 4
    assert start(guarded).budget == 6
    with pytest.raises(CreditsError) as caught:
        start(guarded)
    assert caught.value.code == "PaymentRequired"
    assert caught.value.status == 402


def test_what_was_spent_stays_spent_when_the_job_is_deleted_or_starts_anew(guarded, accounts):
    start(guarded, budget=5)
    job = run(guarded, cpu_s=120)
    guarded.fail(job, "Internal", "for the test")
    assert accounts.credits_left("ada") == pytest.approx(8)
    guarded.queue(job.id)
    assert accounts.credits_left("ada") == pytest.approx(8)
    guarded.fail(run(guarded, cpu_s=60), "Internal", "for the test")
    assert accounts.credits_left("ada") == pytest.approx(7)
    guarded.delete(job.id)
    assert accounts.credits_left("ada") == pytest.approx(7)
    assert accounts.credits_left("bert") == 10


def test_results_at_once_book_what_they_are_expected_to_take_and_keep_what_they_took(guarded, accounts):
    start(guarded, budget=4)  # of 10 credits, each a minute
    with accounts.booking("ada", expected_s=300):
        assert accounts.credits_left("ada") == pytest.approx(5)
        with pytest.raises(CreditsError, match=r"2 credits; 1 of your 10"), accounts.booking("ada", 120):
            pytest.fail("it was let in")
        with pytest.raises(CreditsError):
            start(guarded, budget=1), start(guarded, budget=1)
    assert accounts.credits_left("ada") == pytest.approx(10, abs=0.1)
    with suppress(ValueError), accounts.booking("ada", 0):  # what fails costs, too
        burn(0.3)
        raise ValueError
    assert accounts.credits_left("ada") <= 10 - 0.3 / 60
    assert accounts.credits_left("bert") == 10


def test_results_of_many_threads_never_book_more_than_there_is(accounts):
    inside, refused = [], []
    leave = threading.Event()

    def compute():
        try:
            with accounts.booking("ada", expected_s=180):
                inside.append(3)
                leave.wait(30)
        except CreditsError as error:
            refused.append(error)

    threads = [threading.Thread(target=compute) for _ in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(inside) + len(refused) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    leave.set()
    for thread in threads:
        thread.join()
    assert (len(inside), len(refused)) == (3, 5)
    assert accounts.credits_left("ada") == pytest.approx(10, abs=0.1)


def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_storage_counts_results_and_files_of_the_account_alone(guarded, accounts, layout):
    accounts.set_quota("ada", {"storage": 1000})
    mine, theirs = (guarded.create(PROCESS, owner=name).id for name in ("ada", "bert"))
    for folder, size in ((layout.results / mine, 300), (layout.results / theirs, 5000)):
        folder.mkdir(parents=True)
        (folder / "a.tif").write_bytes(b"x" * size)
    (layout.files / "ada").mkdir(parents=True)
    (layout.files / "ada" / "b.txt").write_bytes(b"x" * 200)
    assert accounts.measure_storage("ada") == 500
    assert accounts.storage_left("ada") == 500
    accounts.check_storage("ada")
    (layout.files / "ada" / "c.txt").write_bytes(b"x" * 501)
    with pytest.raises(StorageQuotaError, match="full"):
        accounts.check_storage("ada")
    accounts.check_storage("bert")


@pytest.mark.parametrize(
    "wrong",
    [{"jobs": -1}, {"jobs": 1.5}, {"jobs": True}, {"credits": float("inf")}, {"speed": 1}, [], "jobs"],
)
def test_a_limit_that_is_none_is_refused(accounts, wrong):
    with pytest.raises(InputError):
        accounts.set_quota("ada", wrong)
    assert accounts.quota("ada") == Quota(jobs=3, credits=10)


@given(st.builds(Quota, *[st.none() | st.integers(0, 10**15)] * 3, st.none() | st.floats(0, 1e9)))
def test_limits_come_back_from_what_they_are_written_as(quota):
    assert Quota().override(quota.to_dict()) == quota


def test_limits_are_read_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("EOCENE_QUOTA", '{"requests": 60}')
    assert Quota.of_environment() == Quota(requests=60)
    (tmp_path / "quota.json").write_text('{"jobs": 2}')
    monkeypatch.setenv("EOCENE_QUOTA", str(tmp_path / "quota.json"))
    assert Quota.of_environment() == Quota(jobs=2)
    monkeypatch.setenv("EOCENE_QUOTA", "{")
    with pytest.raises(InputError, match="EOCENE_QUOTA"):
        Quota.of_environment()
