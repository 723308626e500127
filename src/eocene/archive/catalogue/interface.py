"""The catalogue: what it can do, whatever keeps it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eocene.archive.catalogue.collection_search import CollectionSearch, find_collections
from eocene.archive.catalogue.search import Page, Search
from eocene.model.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Mode = Literal["upsert", "create", "update"]
GROUPS = ("collection", "month", "cloud_cover", "square", "cell")


class Catalogue(ABC):
    """Collections and items of a workspace; every method may be called from any thread."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections of all threads."""

    # -- collections ---------------------------------------------------------------------------

    @abstractmethod
    def collections(self) -> list[dict[str, Any]]:
        """Return all collections, by id, with the extents and summaries of their items."""

    @abstractmethod
    def collection(self, id: str) -> dict[str, Any]:  # noqa: A002
        """Return one collection.

        Raises
        ------
        NotFoundError
            CollectionNotFound, with the names that come near.
        """

    def put_collection(self, collection: dict[str, Any]) -> None:
        """Add a STAC collection or replace the one with its id; its items stay.

        Raises
        ------
        InputError
            If it has no id or is not JSON.
        """
        self.put_items([], collections=[collection])

    @abstractmethod
    def delete_collection(self, id: str) -> int:  # noqa: A002
        """Delete a collection with all its items, and return how many these were.

        Raises
        ------
        NotFoundError
            If there is no such collection.
        """

    def collections_found(self, query: CollectionSearch) -> list[dict[str, Any]]:
        """Return the collections that a search for collections finds, by id."""
        return find_collections(self.collections(), query)

    # -- items ---------------------------------------------------------------------------------

    @abstractmethod
    def put_items(
        self,
        items: Iterable[dict[str, Any]],
        *,
        collections: Iterable[dict[str, Any]] = (),
        roots: Iterable[Path | str] = (),
        mode: Mode = "upsert",
    ) -> int:
        """Add items, or replace those with the same collection and id, in one transaction.

        Parameters
        ----------
        items : iterable of dict
            STAC items with ``collection``; what comes from a generator is taken in batches, so that a million
            need no memory, while nobody else can write.
        collections : iterable of dict
            Collections to put in the same transaction, before the items.
        roots : iterable of Path or str
            Folders or files that assets may lie in from now on, or prefixes of their addresses.
        mode : {'upsert', 'create', 'update'}
            Whether items must not exist yet (create), or must exist (update).

        Returns
        -------
        int
            How many items were put.

        Raises
        ------
        InputError
            If an item is not valid: it and the field are named, and nothing is written. With the code
            ItemExists if it exists and should not.
        NotFoundError
            If an item's collection does not exist, or the item does not and should.
        """

    @abstractmethod
    def patch_item(self, collection: str, id: str, patch: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
        """Change fields of an item by a JSON merge patch (RFC 7396), and return it as it is now.

        Raises
        ------
        NotFoundError
            If there is no such item.
        InputError
            If the patch changes id or collection, or makes the item invalid.
        """

    @abstractmethod
    def delete_items(self, collection: str, ids: Iterable[str]) -> int:
        """Delete items of a collection and return how many there were."""

    @abstractmethod
    def item(self, collection: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Return one item.

        Raises
        ------
        NotFoundError
            If there is no such collection (CollectionNotFound) or item (ItemNotFound).
        """

    # -- search --------------------------------------------------------------------------------

    @abstractmethod
    def search(self, query: Search) -> list[dict[str, Any]]:
        """Return the items that match, newest first unless ``sortby`` says otherwise.

        Raises
        ------
        InputError
            If the search is wrong: bbox, geometry, filter or sort field.
        """

    @abstractmethod
    def page(self, query: Search, token: str | None = None, *, counted: bool = False) -> Page:
        """Return the next ``limit`` items (10 if that is not given) after those of the page before.

        Pages continue after an item, not at a number: what is put or deleted meanwhile neither
        doubles nor hides an item that stays.

        Parameters
        ----------
        query : Search
            The same for all pages; its ``offset`` only counts on the first one.
        token : str, optional
            ``next`` of the page before.
        counted : bool
            Whether to count all items that match, which takes longer than a page.

        Raises
        ------
        InputError
            If the search is wrong, or the token is not one of it.
        """

    @abstractmethod
    def count(self, query: Search) -> int:
        """Return how many items match, whatever ``limit`` and ``offset`` say."""

    @abstractmethod
    def aggregate(self, query: Search, by: str) -> dict[str, int]:
        """Return how many items match in each group that has any, whatever ``limit`` says.

        Parameters
        ----------
        query : Search
            Which items count.
        by : {'collection', 'month', 'cloud_cover', 'square', 'cell'}
            Collections; months of their beginning (``2024-05``); cloud cover in steps of ten percent, by
            their lower end (``20``, items without it left out); squares of one degree by the west and south
            sides (``-12/51``) of the one that the middle of the box lies in; cells of the Major TOM grid.

        Raises
        ------
        InputError
            If the search is wrong or there are no such groups.
        """

    def iterate(self, query: Search, batch: int = 1_000) -> Iterator[dict[str, Any]]:
        """Yield all items that match, in order, holding only one batch at a time."""
        token: str | None = None
        while True:
            page = self.page(replace(query, limit=batch), token)
            yield from page.items
            if page.next is None:
                return
            token = page.next

    # -- roots ---------------------------------------------------------------------------------

    @abstractmethod
    def stamp(self) -> tuple[int, ...]:
        """Return numbers that are others after every change, so that nothing made of items outlives them."""

    @abstractmethod
    def roots(self) -> list[str]:
        """Return the folders, files and prefixes, outside the workspace, that assets may lie in."""


def in_batches(items: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """Yield the items in lists of at most this length."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def merge_patch(item: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Return the item with a JSON merge patch applied.

    Raises
    ------
    InputError
        If it would become another item.
    """
    result: dict[str, Any] = _merge(item, patch)
    for name in ("id", "collection"):
        if result.get(name) != item[name]:
            raise InputError(
                f"The patch of the item {item['id']!r} changes its {name}.",
                f"Leave the {name} out of the patch, or put a new item and delete this one.",
            )
    return result


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    kept = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = _merge(kept.get(name), value)
    return kept


def no_item(collection: str, name: str) -> NotFoundError:
    """Return the error of an item that does not exist in a collection that does."""
    return NotFoundError(
        f"The collection {collection!r} has no item {name!r}.",
        "Search the collection for its items.",
        code="ItemNotFound",
    )


def item_exists(collection: str, name: str) -> InputError:
    """Return the error of an item that exists and should not."""
    return InputError(
        f"The collection {collection!r} has an item {name!r} already; nothing was written.",
        "Update it, or give the new one another id.",
        code="ItemExists",
    )


def root_text(root: Path | str) -> str:
    """Return a folder as an absolute path, and the address of something remote as it is."""
    text = str(root)
    return text if "://" in text else str(Path(root).resolve())


def check_group(by: str) -> None:
    """Raise InputError unless items can be counted by this."""
    if by not in GROUPS:
        raise InputError(f"Items cannot be counted by {by!r}.", f"Choose one of {', '.join(GROUPS)}.")
