"""Mirror a collection of a STAC API or static catalogue: only what is new, from where it was cut off.

All that a run has to know of earlier ones stands in the catalogue: each item says by a link ``via`` which
state of its source it was made of. An item is put when its files are whole, in one transaction; whatever was
fetched before a run was killed is found by its name and used.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapely.errors import ShapelyError

from eocene.archive.definition import complete_collection
from eocene.archive.fetch import is_remote
from eocene.archive.hot.locks import lock_file
from eocene.archive.inspection import Inspector
from eocene.archive.integrity.versions import keep_versions, list_versions
from eocene.archive.majortom import name_cells
from eocene.archive.mirror.presets import Preset, find_origin, find_preset
from eocene.archive.mirror.sync_documents import Documents
from eocene.archive.mirror.sync_fetch import Fetcher, Part, name_plainly
from eocene.archive.mirror.sync_items import (
    choose_assets,
    decode_pixels,
    is_same,
    make_item,
    name_state,
    read_key,
    what_lasts,
)
from eocene.archive.mirror.sync_report import SyncOptions, SyncReport
from eocene.archive.mirror.sync_source import Wanted, open_source
from eocene.archive.mirror.sync_trust import trust_sources
from eocene.archive.normalise import normalise_collection
from eocene.archive.product import make_collection
from eocene.model.errors import EoceneError, InputError, NotFoundError, StateError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from eocene.archive.catalogue.interface import Catalogue
    from eocene.archive.fetch import Door
    from eocene.archive.mirror.sync_fetch import Fetched

    Progress = Callable[[int, int], None]

_AT_ONCE = 100
"""Items put in one transaction at most, if their files come faster than items are put."""
_FAULTS = (EoceneError, ShapelyError, AttributeError, KeyError, TypeError, ValueError)
"""What an item that a stranger wrote may come to."""


def sync_collection(
    catalogue: Catalogue,
    door: Door,
    folder: Path,
    source: str | Preset,
    wanted: Wanted,
    options: SyncOptions,
    progress: Progress | None = None,
) -> SyncReport:
    """Mirror a collection; see :meth:`Archive.sync`."""
    preset = find_preset(source) if isinstance(source, str) else source
    if not options.copy and not preset.can_read_in_place:
        raise UnavailableError(
            "Files of this source are not read in place: its tokens end and are not kept.", "Copy the files."
        )
    wider = door.widen((*preset.reachable, *options.allow))
    home = folder / name_plainly(wanted.collection)
    with _hold(home, wanted.collection):
        trust_sources(folder, (*preset.reachable, *options.allow))
        run = _Run(catalogue, wider, home, preset, wanted, options)
        return run.mirror(progress)


@contextmanager
def _hold(home: Path, collection: str) -> Iterator[None]:
    with lock_file(home / ".lock", wait=False) as ours:
        if not ours:
            raise StateError(f"The collection {collection!r} is being mirrored already.", "Wait for it.")
        yield


@dataclass
class _Pending:
    """An item whose files are on their way."""

    item: dict[str, Any]
    url: str
    known: dict[str, Any] | None
    chosen: dict[str, dict[str, Any]]
    parts: list[Future[Fetched]]


@dataclass(frozen=True)
class _Ready:
    """An item of ours that is about to be put, the one that it replaces, and its files."""

    item: dict[str, Any]
    known: dict[str, Any] | None
    fetched: list[Fetched]


class _Run:
    """One run: items are listed, their files fetched side by side, and put in the order of the list."""

    def __init__(
        self,
        catalogue: Catalogue,
        door: Door,
        home: Path,
        preset: Preset,
        wanted: Wanted,
        options: SyncOptions,
    ) -> None:
        self._catalogue, self._door, self._home = catalogue, door, home
        self._preset, self._wanted, self._options = preset, wanted, options
        self._fetcher = Fetcher(door, preset)
        self._report = SyncReport(wanted.collection)
        self._collection: dict[str, Any] = {}
        self._listed = self._done = 0
        self._progress: Progress | None = None
        self._ready: list[_Ready] = []

    def mirror(self, progress: Progress | None) -> SyncReport:
        self._progress = progress
        source = open_source(Documents(self._door), self._preset.url, self._wanted)
        self._collection = self._describe(source.collection)
        waiting: deque[_Pending] = deque()
        pool = ThreadPoolExecutor(self._options.workers)
        try:
            for item, url in _each_once(source.items):
                self._listed += 1
                pending = self._start(item, url, pool)
                if pending is not None:
                    waiting.append(pending)
                while len(waiting) > 2 * self._options.workers:
                    self._finish(waiting.popleft(), waiting[0])
            while waiting:
                self._finish(waiting.popleft(), waiting[0] if waiting else None)
            self._flush()
            self._step(0, more=False)
        finally:
            pool.shutdown(cancel_futures=True)
        return self._report

    def _describe(self, collection: dict[str, Any] | None) -> dict[str, Any]:
        name = self._wanted.collection
        if collection is None:
            return make_collection(name, name, f"Items of {find_origin(self._preset.url)}")
        described = normalise_collection({**collection, "id": name})
        drawn = {key: value for key, value in described.items() if key != "assets"}
        return drawn | {"links": [link for link in drawn["links"] if is_remote(link.get("href"))]}

    def _start(self, item: dict[str, Any], url: str, pool: ThreadPoolExecutor) -> _Pending | None:
        """Return an item with its files on their way; None if there is nothing to do."""
        name = self._wanted.collection
        item = item | {"collection": name}
        try:
            known = self._find(name, item["id"])
            chosen = choose_assets(item, url, self._options.assets, self._preset, known)
            state = name_state(item, url)
            if known is not None and not self._options.recheck and is_same(known, state, chosen):
                self._report.unchanged += 1
                self._step()
                return None
        except _FAULTS as error:
            self._fail(item["id"], error)
            return None
        had = {read_key(asset): asset for asset in (known or {"assets": {}})["assets"].values()}
        folder = self._home / name_plainly(item["id"])
        parts = [Part(key, asset, state, folder, had.get(key)) for key, asset in chosen.items()]
        take = self._fetcher.fetch if self._options.copy else self._fetcher.refer
        return _Pending(item, url, known, chosen, [pool.submit(take, part) for part in parts])

    def _finish(self, pending: _Pending, following: _Pending | None = None) -> None:
        """Make an item whose files are here; put it with others, unless the following one takes long."""
        try:
            fetched = [part.result() for part in pending.parts]
            made = make_item(pending.item, pending.url, pending.chosen, fetched)
            made = name_cells(Inspector(self._door).inspect_item(made, lambda: None))
            if not all(part.is_vouched for part in fetched):
                decode_pixels(made, self._door)
        except _FAULTS as error:
            _give_up(pending)
            self._fail(pending.item["id"], error)
        else:
            self._ready.append(_Ready(made, pending.known, fetched))
        is_near = following is not None and all(part.done() for part in following.parts)
        if not is_near or len(self._ready) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        """Put the items that are ready; if one of them cannot be put, the others one by one."""
        ready, self._ready = self._ready, []
        if not ready:
            return
        try:
            self._put(ready)
        except _FAULTS as error:
            if len(ready) == 1:
                self._fail(ready[0].item["id"], error)
                return
            for one in ready:
                self._ready = [one]
                self._flush()
            return
        for one in ready:
            self._count(one)
            self._sweep(one.item["id"])
            self._step()

    def _count(self, one: _Ready) -> None:
        self._report.files += sum(part.bytes > 0 for part in one.fetched)
        self._report.bytes += sum(part.bytes for part in one.fetched)
        if one.known is None:
            self._report.added += 1
        elif what_lasts(self._catalogue.item(one.item["collection"], one.item["id"])) == what_lasts(
            one.known
        ):
            self._report.unchanged += 1
        else:
            self._report.updated += 1

    def _put(self, ready: Sequence[_Ready]) -> None:
        items = [one.item for one in ready]
        put, versions = keep_versions(self._catalogue, items)
        collection = complete_collection(self._collection, self._find_collection(), items)
        hrefs = {part.href for one in ready for part in one.fetched}
        roots = {find_origin(href) for href in hrefs if is_remote(href)}
        self._catalogue.put_items(put, collections=[collection, *versions], roots=self._narrow(roots))

    def _narrow(self, origins: set[str]) -> list[str]:
        """Return the prefixes that let items be read in place: as narrow as the operator gave them."""
        given = (*self._preset.prefixes, *self._options.allow, find_origin(self._preset.url))
        return sorted({prefix for prefix in given if find_origin(prefix) in origins})

    def _sweep(self, name: str) -> None:
        """Delete files that no version of an item has: parts of what was superseded on its way."""
        folder = self._home / name_plainly(name)
        if not folder.is_dir():
            return
        versions = list_versions(self._catalogue, self._wanted.collection, name)
        used = {asset["href"] for item in versions for asset in item["assets"].values()}
        for file in folder.iterdir():
            if str(file) not in used:
                file.unlink(missing_ok=True)

    def _find(self, collection: str, name: str) -> dict[str, Any] | None:
        try:
            return self._catalogue.item(collection, name)
        except NotFoundError:
            return None

    def _find_collection(self) -> dict[str, Any] | None:
        try:
            return self._catalogue.collection(self._wanted.collection)
        except NotFoundError:
            return None

    def _fail(self, name: str, error: Exception) -> None:
        if not isinstance(error, EoceneError):
            error = InputError(f"The item is no valid STAC ({error!r}).", "Report it at the source.")
        self._report.failed.append({"item": name, "error": f"{error.code}: {error}"})
        self._step()

    def _step(self, items: int = 1, *, more: bool = True) -> None:
        """Tell the progress; as long as items are listed there is at least one more to do."""
        self._done += items
        if self._progress is not None:
            self._progress(self._done, self._listed + more)


def _each_once(pairs: Iterable[tuple[dict[str, Any], str]]) -> Iterator[tuple[dict[str, Any], str]]:
    seen: set[str] = set()
    for item, url in pairs:
        if item["id"] not in seen:
            seen.add(item["id"])
            yield item, url


def _give_up(pending: _Pending) -> None:
    """Stop what is under way, and delete files that nothing vouches for: they would be taken for right."""
    used = {asset["href"] for asset in (pending.known or {"assets": {}})["assets"].values()}
    for part in pending.parts:
        if part.cancel() or part.exception() is not None:
            continue
        fetched = part.result()
        if not fetched.is_vouched and fetched.href not in used:
            Path(fetched.href).unlink(missing_ok=True)
