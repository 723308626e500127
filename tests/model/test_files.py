"""A reader sees the old file or the new one, whatever happens to the writer."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.model import Layout
from eocene.model.files import replace_file, write_json, write_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def fail_midway(path: Path, error: type[BaseException]) -> None:
    with replace_file(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise error("disk full")


def test_a_written_text_is_read_back_and_nothing_else_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder" / "note.txt"
    write_text(path, "Größe: 10 m²\n")
    assert path.read_text(encoding="utf-8") == "Größe: 10 m²\n"
    assert names(path.parent) == ["note.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failing_writer_leaves_the_old_file_and_no_rest(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(b"old")
    with pytest.raises(error):
        fail_midway(path, error)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["image.tif"]


def test_a_failing_writer_of_a_new_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        fail_midway(tmp_path / "new.tif", RuntimeError)
    assert names(tmp_path) == []


def test_a_writer_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError), replace_file(path):
        pass
    assert path.read_bytes() == b"old"


def test_the_temporary_file_is_hidden_on_the_same_disk_and_keeps_the_suffix(tmp_path: Path) -> None:
    with replace_file(tmp_path / "image.tif") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        assert temporary.suffix == ".tif"
        temporary.touch()


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_json(path, {"generation": 1})
    script = (
        "import os, sys; from pathlib import Path; from eocene.model.files import replace_file\n"
        "with replace_file(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('{\"generation\":'); os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -9
    assert json.loads(path.read_text()) == {"generation": 1}


def test_readers_beside_many_writers_never_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    texts = {letter * 50_000 for letter in "abcd"}
    write_text(path, "a" * 50_000)

    def write(letter: str) -> None:
        for _ in range(10):
            write_text(path, letter * 50_000)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_text() in texts
    for writer in writers:
        writer.join()
    assert names(tmp_path) == ["state.json"]


@given(values)
def test_json_is_read_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.mktemp("json") / "value.json"
    write_json(path, value)
    assert json.loads(path.read_text(encoding="utf-8")) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}, object()])
def test_what_json_cannot_say_is_refused_before_the_old_file_is_touched(
    tmp_path: Path, value: object
) -> None:
    path = tmp_path / "value.json"
    write_json(path, 1)
    with pytest.raises((ValueError, TypeError)):
        write_json(path, value)
    assert path.read_text() == "1\n"
    assert names(tmp_path) == ["value.json"]


def test_a_layout_is_a_pure_value_inside_its_root(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "workspace")
    paths = [getattr(layout, name) for name in dir(Layout) if isinstance(getattr(Layout, name), property)]
    assert len(set(paths)) == len(paths) >= 8
    assert all(path.parent == layout.root for path in paths)
    assert not layout.root.exists()
