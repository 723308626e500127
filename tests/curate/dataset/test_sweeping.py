"""What a process that was killed had begun to build is swept by the next one, and never what is in use."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest

from eocene.curate import DatasetWriter, Layer
from eocene.model.files import sweep_folders

BUILDER = """
import sys
import numpy as np
from eocene.curate import DatasetWriter, Layer

with DatasetWriter(sys.argv[1], {"features": Layer({"features": ("a", "b")})}, epsg=32631) as writer:
    writer.append({"features": np.ones((500, 2), np.float32)}, np.ones(500, int), np.ones(500), np.ones(500))
    print("in the middle", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def builder(tmp_path):
    """A process in the middle of a data set."""
    command = [sys.executable, "-c", BUILDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"in the middle\n"
        yield process
        process.kill()


def build(folder):
    with DatasetWriter(folder, {"features": Layer({"features": ("a",)})}, epsg=32631) as writer:
        writer.append({"features": np.ones((3, 1), np.float32)}, np.ones(3, int), np.ones(3), np.ones(3))
        return writer.finish()


def hidden(folder) -> list[str]:
    return [path.name for path in folder.glob(".*")]


def test_what_a_killed_builder_left_is_swept_when_the_next_data_set_is_built(builder, tmp_path):
    builder.send_signal(signal.SIGKILL)
    assert builder.wait() == -signal.SIGKILL
    left = hidden(tmp_path)
    assert len(left) == 1
    assert any((tmp_path / left[0]).iterdir())
    made = build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [made.name]


def test_what_another_process_is_building_stays(builder, tmp_path):
    (begun,) = hidden(tmp_path)
    build(tmp_path)
    sweep_folders(tmp_path)
    assert hidden(tmp_path) == [begun]
    builder.communicate()  # it goes on, and cleans up by itself
    assert builder.returncode == 0
    assert hidden(tmp_path) == []


def test_what_this_process_is_building_stays(tmp_path):
    with DatasetWriter(tmp_path, {"features": Layer({"features": ("a",)})}, epsg=32631):
        begun = hidden(tmp_path)
        build(tmp_path)
        assert hidden(tmp_path) == begun
    assert hidden(tmp_path) == []


def test_hidden_folders_files_and_links_of_others_stay(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".note.0123abcd").write_text("a file")
    (tmp_path / ".link.0123abcd").symlink_to(tmp_path / ".git")
    build(tmp_path)
    assert sorted(hidden(tmp_path)) == [".git", ".link.0123abcd", ".note.0123abcd"]
