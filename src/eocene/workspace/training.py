"""Training data of a workspace: samples drawn out of its graphs, and the features that are kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eocene.workspace.arguments import FLAG, PROGRESS, TEXT, Kind, instance_of, takes
from eocene.workspace.rooms import Rooms

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.curate import Dataset, Draw


def _read_draw(value: object) -> Any:
    from eocene.curate import Draw

    return instance_of(Draw)(value)


_DRAW = Kind("a Draw", "Make one, such as eocene.curate.Draw('pixels', per_stratum=50).", _read_draw)
_LABELS = replace(TEXT, remedy="Write COLLECTION:BAND, or table:COLLECTION:COLUMN.")


class TrainingData(Rooms):
    """The part of a workspace that makes data sets."""

    @takes(labels=_LABELS, draw=_DRAW, name=TEXT, time=TEXT, pixel_labels=FLAG, progress=PROGRESS)
    def sample(
        self,
        graph: Any,
        labels: str,
        draw: Draw | None = None,
        *,
        name: str = "samples",
        time: str | None = None,
        pixel_labels: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Dataset:
        """Draw labelled samples of a feature graph and store them as a data set.

        Parameters
        ----------
        graph : dict, path of a JSON file, or openeo.DataCube
            What the features are.
        labels : str
            ``COLLECTION:BAND`` with whole class values, or ``table:COLLECTION:COLUMN`` of points, polygons or
            posts.
        draw : Draw, optional
            What a sample is, and by which design they are drawn: ``Draw("chips", 32, per_stratum=50,
            by=("label", "region", "season", "cloud"), dates="each")``.
        name : str
            The readable part of the id.
        time : str, optional
            The column of a table that tells when each label was seen.
        pixel_labels : bool
            Whether the class values of the pixels of chips are kept, too.
        progress : callable, optional
            Called with (finished windows, all windows).

        Raises
        ------
        InputError
            If the graph or the labels cannot be used, or they do not meet.
        """
        from eocene.apps.samples import draw_samples
        from eocene.curate import Draw as Drawing
        from eocene.process import make_plan

        return draw_samples(
            self.archive, make_plan(graph, self.archive), labels, draw or Drawing(),
            name=name, time=time, pixel_labels=pixel_labels, progress=progress,
        )  # fmt: skip
