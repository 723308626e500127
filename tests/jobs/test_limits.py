"""A job costs what it may and no more, and its results stay as long as was said."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
from tests.jobs.test_worker import PROCESS, work, write_two

from eocene.jobs.limits import DAY_S, JobLimits
from eocene.model import InputError


def test_a_job_that_is_estimated_above_its_budget_is_refused_before_it_computes(store):
    job = store.queue(store.create(PROCESS, budget=2).id)
    estimate = SimpleNamespace(estimate=lambda: SimpleNamespace(cpu_seconds=121.0))
    work(store, write=lambda *_a, **_k: pytest.fail("it was computed"), plan=lambda *_: estimate)
    line = store.logs(job.id)[-1]
    assert (store.get(job.id).status, line["code"]) == ("error", "PaymentRequired")
    assert "its budget is 2" in line["message"]


def burn(plan, folder, info, *, work, progress, should_stop):
    while not should_stop():
        sum(range(1000))


def test_a_job_that_has_used_its_processor_time_is_stopped_and_says_so(store):
    job = store.queue(store.create(PROCESS).id)
    estimate = SimpleNamespace(estimate=lambda: SimpleNamespace(cpu_seconds=0.0))
    work(store, write=burn, plan=lambda *_: estimate, limits=JobLimits(cpu_s=0.2))
    ended = store.get(job.id)
    assert (ended.status, store.logs(job.id)[-1]["code"]) == ("error", "PaymentRequired")
    assert ended.cpu_s >= 0.2
    assert ended.to_openeo()["costs"] == pytest.approx(ended.cpu_s / 60, abs=1e-4)


def test_a_job_that_holds_too_much_memory_is_stopped_and_says_so(store):
    job = store.queue(store.create(PROCESS).id)
    work(store, write=burn, limits=JobLimits(memory_bytes=1 << 20))
    assert "MiB of memory are more than the 1 MiB" in store.logs(job.id)[-1]["message"]


def test_what_earlier_workers_used_counts(store):
    store.queue(store.create(PROCESS).id)
    held = store.claim("far-away:1:0")
    from eocene.jobs.limits import Usage

    store.renew(held, 10.0, Usage(cpu_s=5.0, wall_s=7.0, memory_bytes=3.0))
    store.release(held)
    again = store.claim("w")
    assert (again.cpu_s, again.wall_s, again.memory_bytes) == (5.0, 7.0, 3.0)


def test_results_are_removed_when_their_time_is_over_and_never_silently(store, clock):
    job = store.queue(store.create(PROCESS).id)
    work(store, limits=JobLimits(keep_days=2))
    shown = store.get(job.id).to_openeo()
    assert shown["unpublished"] == "2023-11-16T22:13:20Z"
    assert any("kept until 2023-11-16T22:13:20Z" in line["message"] for line in store.logs(job.id))
    clock.wait(2 * DAY_S - 1)
    assert store.expire() == 0
    assert store.results_folder(job.id).is_dir()
    clock.wait(2)
    assert store.expire() == 1
    assert not store.results_folder(job.id).exists()
    assert store.get(job.id).status == "created"
    assert "their time was over" in store.logs(job.id)[-1]["message"]
    assert store.expire() == 0


@pytest.mark.parametrize("text", ['{"cpu": 1}', "[1]", '{"cpu_s": -1}', '{"cpu_s": true}', "{"])
def test_wrong_limits_of_an_operator_are_refused(monkeypatch, text):
    monkeypatch.setenv("EOCENE_JOBS", text)
    with pytest.raises(InputError, match="EOCENE_JOBS"):
        JobLimits.of_environment()


def test_the_limits_of_an_operator_are_read(monkeypatch):
    monkeypatch.setenv("EOCENE_JOBS", '{"cpu_s": 3600, "keep_days": 90}')
    assert JobLimits.of_environment() == JobLimits(cpu_s=3600, keep_days=90)


def test_a_block_that_takes_long_does_not_keep_a_canceled_job_running(store):
    job = store.queue(store.create(PROCESS).id)
    begun, ended, over = threading.Event(), threading.Event(), threading.Event()

    def block(plan, folder, info, **_):
        begun.set()
        over.wait(20)

    options = {"write": block, "end_process": ended.set, "beat_s": 0.5}
    thread = threading.Thread(target=work, args=(store,), kwargs=options)
    thread.start()
    assert begun.wait(60)
    since = time.monotonic()
    store.cancel(job.id)
    assert ended.wait(30)
    taken = time.monotonic() - since
    over.set()
    thread.join()
    assert taken < 4  # 2 s on a machine that is not busy


def test_results_of_an_earlier_start_are_gone_when_a_job_is_queued_again(store):
    job = store.queue(store.create(PROCESS).id)
    work(store, write=write_two)
    first = store.get(job.id).run
    again = store.queue(job.id)
    assert again.run != first
    assert not list(store.layout.results.iterdir())
