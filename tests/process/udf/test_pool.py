"""Processes are warm, belong to one owner, and end with it."""

from __future__ import annotations

import gc
import pickle
import threading
import time
from typing import Any

import numpy as np
import pytest

from eocene.model import InputError, UnavailableError
from eocene.process import make_plan
from eocene.process.graph import parse_graph
from eocene.process.udf import Limits, SandboxRunner, UdfCall, UdfError, UnsafeRunner, offering
from eocene.process.udf.owners import UdfCode, UdfOwner, bind_code
from eocene.process.udf.pool import Pool
from eocene.process.udf.runners import choose_runner
from eocene.process.udf.seccomp import PROCESSORS, assemble_filter, find_processor
from tests.process.udf.places import SMALL, cube, needs_walls

CODE = "def apply_datacube(cube, context):\n    return cube * 2\n"
COUNT = "n = 0\ndef apply_datacube(cube, context):\n    global n\n    n += 1\n    return cube * 0 + n\n"


class Pretended:
    """Stands for a process, so that the pool alone is looked at."""

    made = 0

    def __init__(self, limits: Limits) -> None:
        Pretended.made += 1
        self.is_alive = True
        self.number = Pretended.made

    def wait_ready(self) -> None:
        """Be ready at once."""

    def kill(self) -> None:
        self.is_alive = False


def test_an_owner_meets_its_own_process_again_and_nobody_elses() -> None:
    pool = Pool(start=Pretended)
    with pool.lend("a") as first:
        pass
    with pool.lend("a") as again, pool.lend("b") as other:
        assert again is first
        assert other is not first
    pool.release("a")
    assert not first.is_alive
    with pool.lend("a") as new, pool.lend("b") as kept:
        assert new is not first
        assert kept is other
    pool.close()
    assert not other.is_alive


def test_no_more_processes_live_than_may() -> None:
    pool = Pool(Limits(wall_s=0.1, start_s=0.1), most=2, start=Pretended)
    with pool.lend("a"), pool.lend("a"), pytest.raises(UnavailableError, match="busy"), pool.lend("b"):
        pass
    with pool.lend("b") as other, pool.lend("b"):  # those of a rest, and make room
        assert other.is_alive
    pool.close()


def test_many_threads_share_the_pool_and_never_a_process() -> None:
    pool, busy, shared = Pool(most=3, start=Pretended), set(), []

    def work(owner: str) -> None:
        for _ in range(50):
            with pool.lend(owner) as sandbox:
                shared.append(sandbox.number in busy)
                busy.add(sandbox.number)
                time.sleep(0.0005)
                busy.discard(sandbox.number)

    threads = [threading.Thread(target=work, args=(f"owner {n % 4}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.close()
    assert len(shared) == 400
    assert not any(shared)


def test_a_process_that_rests_too_long_is_ended() -> None:
    pool = Pool(idle_s=0.1, start=Pretended)
    with pool.lend("a") as first:
        pass
    deadline = time.monotonic() + 10
    while first.is_alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not first.is_alive
    pool.close()


@needs_walls
def test_the_processes_of_a_plan_end_with_it_and_state_lives_as_long() -> None:
    runner = SandboxRunner()
    step = {"process_id": "run_udf", "result": True}
    step["arguments"] = {"data": {"from_parameter": "cube"}, "udf": COUNT, "runtime": "Python"}
    with offering(runner):
        plan = make_plan({"u": step}, None, {"cube": cube()})
        other = make_plan({"u": step}, None, {"cube": cube()})
        assert np.nanmax(plan.run().values) == 2  # the trial on one pixel was the first call
        assert np.nanmax(other.run().values) == 2
        assert len(runner.pool.owners) == 2
        del plan
        gc.collect()
        deadline = time.monotonic() + 10
        while len(runner.pool.owners) > 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(runner.pool.owners) == 1
    runner.close()


def test_code_keeps_its_owner_on_the_way_to_another_process() -> None:
    code = UdfCode.of(CODE, UdfOwner())
    again = pickle.loads(pickle.dumps(code))  # noqa: S301 (as Dask does with plans)
    assert (str(again), again.owner.token) == (CODE, code.owner.token)


@needs_walls
def test_all_code_of_a_plan_has_one_owner_and_of_two_plans_two() -> None:
    step = {"process_id": "run_udf", "arguments": {"data": 1, "udf": CODE, "runtime": "Python"}}
    graph = parse_graph({"a": step, "b": step | {"result": True}})
    first, second = bind_code(graph, {}, None), bind_code(graph, {}, None)
    tokens = [[node.arguments["udf"].owner.token for node in g.nodes] for g in (first, second)]
    assert tokens[0][0] == tokens[0][1] != tokens[1][0]


@pytest.mark.parametrize("processor", PROCESSORS.values(), ids=list(PROCESSORS))
def test_the_filter_allows_what_is_listed_and_refuses_all_else(processor: Any) -> None:
    program = np.frombuffer(assemble_filter(processor), np.dtype("<u2,u1,u1,<u4"))
    for number in range(460):
        allowed = interpret(program, processor.audit, number) == 0x7FFF0000
        assert allowed == (number in processor.allowed.values()), number
    assert interpret(program, 0x40000003, 4) == 0x80000000  # a call by the numbers of 32-bit Intel
    for name in ("clone", "clone3", "socket", "ptrace", "mount", "unshare", "memfd_create", "io_uring_setup"):
        assert name not in processor.allowed


def interpret(program: Any, audit: int, number: int) -> int:
    """Run a filter as the kernel does (linux/filter.h), for the three instructions that it uses."""
    place, value = 0, 0
    while True:
        code, yes, no, operand = (int(v) for v in program[place])
        place += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            value = {0: number, 4: audit}[operand]
        else:
            assert code == 0x15
            place += yes if value == operand else no


def test_an_unknown_processor_has_no_filter() -> None:
    assert find_processor("vax") is None


def test_the_operators_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOCENE_UDF", "off")
    with pytest.raises(UnavailableError, match="switched"):
        choose_runner()
    monkeypatch.setenv("EOCENE_UDF", "perhaps")
    with pytest.raises(InputError, match="sandbox, unsafe or off"):
        choose_runner()
    monkeypatch.setenv("EOCENE_UDF", "unsafe")
    assert isinstance(choose_runner(), UnsafeRunner)
    monkeypatch.setenv("EOCENE_UDF", "sandbox")
    monkeypatch.setattr("eocene.process.udf.runners.find_obstacle", lambda: "bubblewrap is not installed")
    with pytest.raises(UnavailableError, match=r"bubblewrap is not installed.*EOCENE_UDF=unsafe"):
        choose_runner()


def test_without_walls_the_same_code_gives_the_same_errors_and_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def call(code: str) -> Any:
        return UnsafeRunner().run(UdfCall(code, "Python", None, SMALL, None, {}))

    with caplog.at_level("INFO", "eocene.inspect"):
        found = call("def apply_datacube(cube, context):\n    print('seen', 1)\n    return cube * 2\n")
    np.testing.assert_array_equal(found.values, SMALL.values * 2)
    assert caplog.messages == ["[User] seen 1"]
    with pytest.raises(UdfError, match=r"line 2.*NameError") as caught:
        call("def apply_datacube(cube, context):\n    return nothing\n")
    assert caught.value.line == 2
