"""Opening a workspace, or making one."""

from __future__ import annotations

from errno import ENAMETOOLONG
from pathlib import Path

from eocene._version import __version__
from eocene.model import InputError, Layout, UnavailableError
from eocene.model.files import write_json
from eocene.workspace.arguments import FLAG, PATH, takes
from eocene.workspace.workspace import Workspace


@takes(path_or_url=PATH, create=FLAG)
def open(path_or_url: str | Path, *, create: bool = True) -> Workspace:  # noqa: A001 (the public name)
    """Open a workspace folder, or make one where there is nothing yet.

    Parameters
    ----------
    path_or_url : str or Path
        The folder.
    create : bool
        Whether a missing or empty folder becomes a workspace.

    Raises
    ------
    InputError
        If the path is a file or a folder that holds something else; it is left as it is.
    UnavailableError
        If it is a URL: a workspace on another machine is reached through its HTTP interfaces.
    """
    text = str(path_or_url)
    if "://" in text:
        raise UnavailableError(
            f"Opening the remote workspace {text} from Python is not built.",
            "Connect to it with openeo.connect(url) or pystac_client.Client.open(url + '/stac').",
        )
    layout = Layout(Path(text).expanduser().absolute())
    _check_length(layout)
    if layout.marker.is_file():
        return Workspace(layout)
    if layout.root.exists() and (not layout.root.is_dir() or any(layout.root.iterdir())):
        raise InputError(
            f"{layout.root} is not an Eocene workspace.",
            "Name an empty or new folder, or one that holds eocene.json.",
            code="FilePathInvalid",
        )
    if not create:
        raise InputError(
            f"There is no workspace at {layout.root}.", "Make one with eocene.open(path).",
            code="FilePathInvalid",
        )  # fmt: skip
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        write_json(layout.marker, {"format": 1, "made_by": f"eocene {__version__}"})
    except OSError as error:
        raise InputError(
            f"A workspace cannot be made at {layout.root}: {error.strerror}.",
            "Name a folder in which you may write.",
            code="FilePathInvalid",
        ) from error
    return Workspace(layout)


def _check_length(layout: Layout) -> None:
    try:
        layout.marker.stat()
    except OSError as error:
        if error.errno == ENAMETOOLONG:
            raise InputError(
                "The path of the workspace is too long for a file system.", "Name a shorter one.",
                code="FilePathInvalid",
            ) from error  # fmt: skip
