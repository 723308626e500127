"""The plans of layers, kept as long as neither the layer nor the catalogue changes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eocene.model import EoceneError, InputError, NotFoundError
from eocene.serve.engine import make_plan
from eocene.serve.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive import Archive
    from eocene.jobs import JobStore, Layer, Layers
    from eocene.jobs.own_processes import OwnProcesses
    from eocene.model import Lattice

_KEPT = 128


class LayerPlans:
    """Plans of layers on the pixel grids that were asked for; any thread may ask.

    Parameters
    ----------
    archive : Archive
        Where the plans read.
    own_processes : OwnProcesses
        The processes that users have defined: a layer's graph may name those of its owner.
    """

    def __init__(self, archive: Archive, own_processes: OwnProcesses, store: JobStore) -> None:
        self._archive, self._own, self._store = archive, own_processes, store
        self._plans: Recent[Any] = Recent(_KEPT)

    def find(self, layer: Layer, lattice: Lattice | None = None) -> Any:
        """Return the plan of a raster layer on a lattice, by default on its own.

        Raises
        ------
        InputError
            If the layer's process does not end in a cube with pixels.
        """

        def make() -> Any:
            archive = self._archive.of(layer.owner, self._store.ownership(layer.owner))
            known = self._own.of(layer.owner)
            plan = make_plan(archive, layer.process or {}, lattice=lattice, processes=known)
            if not plan.is_cube:
                raise InputError(
                    f"The layer {layer.id!r} has no pixels.", "Let its process end in a data cube."
                )
            return plan

        return self._plans.find((layer.id, layer.updated, self.stamp(), lattice), make)

    def stamp(self) -> tuple[int, ...]:
        """Return what changes when items are added, so that no map outlives its data."""
        return self._archive.catalogue.stamp()


@contextmanager
def telling(layers: Layers, layer: Layer) -> Iterator[None]:
    """Write into a layer's log why it could not be shown; what is asked for and not there is no fault."""
    try:
        yield
    except NotFoundError:
        raise
    except EoceneError as error:
        layers.tell_fault(layer, error)
        raise
