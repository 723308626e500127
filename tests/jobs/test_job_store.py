"""A job goes through the states of the openEO specification and no others."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import update

from eocene.jobs import JobStore
from eocene.jobs.database import StateUnavailableError, open_database
from eocene.jobs.tables import settings
from eocene.model import DamageError, InputError, NotFoundError, StateError, UnavailableError

PROCESS = {
    "process_graph": {"add1": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}},
}


def test_a_new_job_is_created_and_its_log_begins(store):
    job = store.create(PROCESS, title="NDVI", description="monthly")
    assert (job.status, job.title, job.description) == ("created", "NDVI", "monthly")
    assert [line["message"] for line in store.logs(job.id)] == ["The job was created."]
    assert store.get(job.id) == job


@pytest.mark.parametrize(
    ("process", "code"),
    [
        (None, "ProcessInvalid"),
        ([], "ProcessInvalid"),
        ({}, "ProcessGraphMissing"),
        ({"process_graph": {}}, "ProcessGraphMissing"),
        ({"process_graph": [1]}, "ProcessGraphMissing"),
    ],
)
def test_a_job_without_a_process_graph_is_refused_and_nothing_is_stored(store, process, code):
    with pytest.raises(InputError) as caught:
        store.create(process)
    assert caught.value.code == code
    assert store.list() == ()


def test_another_users_job_does_not_exist(store):
    job = store.create(PROCESS, owner="ada")
    for call in (store.get, store.delete, store.queue, store.cancel, store.logs):
        with pytest.raises(NotFoundError) as caught:
            call(job.id, "bob")
        assert caught.value.code == "JobNotFound"
    assert store.list("bob") == ()
    assert store.list("ada") == (job,)


def test_the_way_of_a_job_from_created_to_finished(store):
    job = store.create(PROCESS)
    assert store.claim("w") is None
    assert store.queue(job.id).status == "queued"
    held = store.claim("w")
    assert (held.id, held.status) == (job.id, "running")
    assert store.claim("other") is None
    published = []
    assert store.finish(held, lambda: published.append(1))
    done = store.get(job.id)
    assert (done.status, done.progress, done.lease) == ("finished", 100.0, None)
    assert published == [1]
    assert [line["message"] for line in store.logs(job.id)] == [
        "The job was created.",
        "The job was queued.",
        "Processing started.",
        "The results are complete.",
    ]


def test_jobs_are_claimed_in_the_order_in_which_they_were_queued(store, clock):
    first, second = store.create(PROCESS), store.create(PROCESS)
    store.queue(second.id)
    clock.wait(1)
    store.queue(first.id)
    assert [store.claim("w").id, store.claim("w").id] == [second.id, first.id]


def test_eight_workers_at_once_never_claim_the_same_job(store):
    ids = {store.queue(store.create(PROCESS).id).id for _ in range(12)}
    with ThreadPoolExecutor(8) as pool:
        claimed = [job.id for job in pool.map(lambda n: store.claim(f"w{n}"), range(16)) if job]
    assert sorted(claimed) == sorted(ids)


def test_queueing_a_queued_or_running_job_changes_nothing(store):
    job = store.queue(store.create(PROCESS).id)
    assert store.queue(job.id) == job
    held = store.claim("w")
    assert store.queue(job.id).lease == held.lease


def test_queueing_a_finished_job_discards_its_results(store):
    job = store.queue(store.create(PROCESS).id)
    folder = store.results_folder(job.id)
    store.finish(store.claim("w"), lambda: folder.mkdir(parents=True))
    assert folder.is_dir()
    again = store.queue(job.id)
    assert (again.status, again.progress) == ("queued", 0.0)
    assert list(folder.parent.iterdir()) == []


def test_canceling_a_queued_job_makes_it_created_again(store):
    job = store.queue(store.create(PROCESS).id)
    assert store.cancel(job.id).status == "created"
    assert store.claim("w") is None


def test_canceling_a_running_job_takes_it_from_its_worker(store):
    job = store.queue(store.create(PROCESS).id)
    held = store.claim("w")
    assert store.renew(held, 40.0)
    canceled = store.cancel(job.id)
    assert (canceled.status, canceled.progress) == ("created", 0.0)
    assert not store.renew(held, 50.0)
    assert not store.finish(held, lambda: pytest.fail("results were published after the cancellation"))
    assert store.get(job.id).status == "created"


def test_canceling_a_running_job_of_which_blocks_are_finished_keeps_these(store):
    job = store.queue(store.create(PROCESS).id)
    held = store.claim("w")
    work = store.run_folder(held).path
    (work / "finished").mkdir(parents=True)
    (work / "finished" / "write-1.json").write_text("{}")
    (work / "draft" / "cube.zarr").mkdir(parents=True)
    (work / "draft" / "collection.json").write_text('{"assets": {}}')
    store.renew(held, 40.0)
    canceled = store.cancel(job.id)
    assert (canceled.status, canceled.progress) == ("canceled", 40.0)
    kept = json.loads((store.results_folder(job.id) / "collection.json").read_text())
    assert kept["openeo:status"] == "canceled"
    assert [path.name for path in store.layout.results.iterdir()] == [job.id]


def test_canceling_a_job_at_rest_changes_nothing(store):
    job = store.create(PROCESS)
    assert store.cancel(job.id) == job


def test_the_progress_never_goes_backwards(store):
    store.queue(store.create(PROCESS).id)
    held = store.claim("w")
    shown = []
    for percent in (10.0, 60.0, 30.0, 70.0):
        store.renew(held, percent)
        shown.append(store.get(held.id).progress)
    assert shown == [10.0, 60.0, 60.0, 70.0]


def test_a_job_whose_worker_is_silent_goes_to_the_next_worker(store, clock):
    job = store.queue(store.create(PROCESS).id)
    lost = store.claim("far-away:1:0")
    clock.wait(29)
    assert store.claim("b") is None
    clock.wait(2)
    held = store.claim("b")
    assert (held.id, held.attempts) == (job.id, 2)
    assert not store.renew(lost, 50.0)
    assert not store.fail(lost, "Internal", "late")
    assert store.renew(held, 1.0)


def test_a_renewed_lease_does_not_expire(store, clock):
    store.queue(store.create(PROCESS).id)
    held = store.claim("far-away:1:0")
    for _ in range(4):
        clock.wait(20)
        assert store.renew(held, 0.0)
    assert store.claim("b") is None


def test_a_job_that_kills_its_worker_three_times_ends_in_error(store, clock):
    job = store.queue(store.create(PROCESS).id)
    for _ in range(3):
        assert store.claim("far-away:1:0") is not None
        clock.wait(31)
    assert store.claim("w") is None
    assert store.get(job.id).status == "error"
    assert "given up" in store.logs(job.id, level="error")[-1]["message"]


def test_a_released_job_is_queued_and_keeps_its_attempts(store):
    store.queue(store.create(PROCESS).id)
    held = store.claim("w")
    assert store.release(held)
    again = store.get(held.id)
    assert (again.status, again.attempts) == ("queued", 0)


def test_a_failed_job_says_why(store):
    store.queue(store.create(PROCESS).id)
    held = store.claim("w")
    store.fail(held, "CollectionNotFound", "There is no collection s3.")
    line = store.logs(held.id, level="error")[-1]
    assert (line["code"], line["message"]) == ("CollectionNotFound", "There is no collection s3.")
    assert store.get(held.id).status == "error"


def test_a_job_at_rest_can_be_changed_and_an_active_one_is_locked(store):
    job = store.create(PROCESS)
    assert store.update(job.id, title="new").title == "new"
    store.queue(job.id)
    with pytest.raises(StateError) as caught:
        store.update(job.id, title="newer")
    assert caught.value.code == "JobLocked"
    assert store.get(job.id).title == "new"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "NoDataForUpdate"),
        ({"status": "finished"}, "PropertyNotEditable"),
        ({"process": 1}, "ProcessInvalid"),
    ],
)
def test_wrong_changes_are_refused(store, changes, code):
    job = store.create(PROCESS)
    with pytest.raises(InputError) as caught:
        store.update(job.id, **changes)
    assert caught.value.code == code
    assert store.get(job.id) == job


def test_deleting_a_job_takes_its_log_and_results_with_it(store):
    job = store.queue(store.create(PROCESS).id)
    held = store.claim("w")
    store.results_folder(job.id).mkdir(parents=True)
    store.delete(job.id)
    assert not store.results_folder(job.id).exists()
    assert not store.renew(held, 1.0)
    store.log(job.id, "info", "a late word of its worker")
    with pytest.raises(NotFoundError):
        store.logs(job.id)


def test_log_lines_are_read_from_an_offset_and_by_level(store):
    job = store.create(PROCESS)
    store.log(job.id, "warning", "one")
    store.log(job.id, "debug", "not kept, since the job asked for info")
    store.log(job.id, "error", "two")
    lines = store.logs(job.id)
    assert [line["message"] for line in lines] == ["The job was created.", "one", "two"]
    assert [line["message"] for line in store.logs(job.id, offset=lines[0]["id"])] == ["one", "two"]
    assert [line["message"] for line in store.logs(job.id, level="error")] == ["two"]
    with pytest.raises(InputError):
        store.logs(job.id, offset="1; drop table jobs")


def test_the_state_survives_the_process(layout, store):
    job = store.create(PROCESS, title="kept")
    other = JobStore(layout)
    assert other.get(job.id) == job
    other.close()


def test_a_damaged_state_is_named(layout):
    layout.state.write_bytes(b"this is not a database, but a text" * 100)
    with pytest.raises(DamageError, match=r"state\.sqlite"):
        JobStore(layout)


def test_a_state_of_a_newer_version_is_left_alone(layout, store):
    with closing(open_database(layout)) as database, database.write() as connection:
        connection.execute(update(settings).where(settings.c.name == "schema").values(value="99"))
    with pytest.raises(UnavailableError, match="99"):
        JobStore(layout)


def test_another_database_is_chosen_by_its_url(tmp_path, layout, monkeypatch):
    monkeypatch.setenv("EOCENE_DATABASE", f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    elsewhere = JobStore(layout)
    elsewhere.create(PROCESS)
    elsewhere.close()
    assert (tmp_path / "elsewhere.sqlite").exists()
    assert not layout.state.exists()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("code", "kind"),
    [("XX001", DamageError), ("XX000", StateUnavailableError), ("53100", StateUnavailableError)],
)
def test_what_postgres_says_of_its_disk_is_told_in_words(store, code, kind):
    wrong = f"DO $$ BEGIN RAISE EXCEPTION 'a page is wrong' USING ERRCODE = '{code}'; END $$"
    with pytest.raises(DamageError, match="a page is wrong") as told, store._database.write() as connection:
        connection.exec_driver_sql(wrong)
    assert type(told.value) is kind
