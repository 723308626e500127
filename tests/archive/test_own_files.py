"""What accounts see of a workspace that they share: their own files and results, and all of the data."""

from __future__ import annotations

import pytest

from eocene.archive.fetch import MissingError


@pytest.fixture
def shared(archive):
    """An archive with uploads and results of Ada and Bo."""
    root = archive.layout.root
    for name in ("files/ada/a.json", "files/bo/b.json", "results/job-a/x.tif", "results/job-b/x.tif",
                 "incoming/part", "assets/t.parquet", "exports/e.tif"):  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return archive


SEEN = ("files/ada/a.json", "results/job-a/x.tif", "assets/t.parquet", "exports/e.tif")
HIDDEN = ("files/bo/b.json", "results/job-b/x.tif", "incoming/part")


def test_an_account_sees_its_own_and_the_data_of_all(shared):
    door = shared.of("ada", {"job-a"}.__contains__).door()
    for name in SEEN:
        assert door.resolve(name, shared.layout.root).read_text() == name


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_another_accounts_is_as_missing_as_what_is_not_there(shared, name):
    door = shared.of("ada", {"job-a"}.__contains__).door()
    (shared.layout.root / "files/ada/link").symlink_to(shared.layout.root / name)
    for way in (name, str(shared.layout.root / name), f"files/ada/../../{name}", "files/ada/link"):
        with pytest.raises(MissingError, match="does not exist"):
            door.resolve(way, shared.layout.root)


def test_without_accounts_all_of_it_is_there(shared):
    door = shared.door()
    for name in (*SEEN, *HIDDEN):
        assert door.resolve(name, shared.layout.root).read_text() == name
