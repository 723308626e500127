"""A training that was cut off goes on: one safetensors file, replaced whole, whose header holds JSON.

There is no state of random generators in it: every draw is seeded by the number of its step, so the number is
the state.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.learn.extra import import_extra
from eocene.model import DamageError, InputError
from eocene.model.files import replace_file, sweep_leftovers

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer

CHECKPOINT = "checkpoint.safetensors"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class Progress:
    """Where a training stands.

    Parameters
    ----------
    epoch, step : int
        The batch that comes next: its epoch and its number in it.
    loss, weight : float
        Sums over the batches of this epoch.
    history : list of dict
        What was measured after each epoch.
    best : float or None
        The lowest loss on the part held out.
    best_epoch : int
        When that was.
    """

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    weight: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best: float | None = None
    best_epoch: int = -1


def save_checkpoint(
    folder: Path,
    name: str,
    network: nn.Module,
    optimiser: Optimizer,
    state: tuple[Progress, dict[str, Tensor]],
) -> None:
    """Write the state of a training.

    Parameters
    ----------
    folder : Path
    name : str
        What is trained: a digest of everything that decides the result.
    network, optimiser
        As they stand after a step.
    state : Progress and the best weights
    """
    progress, best = state
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tensors |= {f"best.{key}": value for key, value in best.items()}
    for number, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{key}": moments[key] for key in _MOMENTS}
    plain = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    header = {"name": name, "progress": json.dumps(asdict(progress))}
    with replace_file(folder / CHECKPOINT) as temporary:
        import_extra("safetensors.torch").save_file(plain, temporary, metadata=header)


def load_checkpoint(
    folder: Path, name: str, network: nn.Module, optimiser: Optimizer
) -> tuple[Progress, dict[str, Tensor]] | None:
    """Bring network and optimiser to where a checkpoint left them; None if there is none.

    Raises
    ------
    InputError
        If the folder holds the checkpoint of another training.
    DamageError
        If the file cannot be read.
    """
    path = folder / CHECKPOINT
    if folder.is_dir():
        sweep_leftovers(folder)
    if not path.is_file():
        return None
    try:
        with import_extra("safetensors").safe_open(path, "pt") as file:
            header = file.metadata()
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        told, progress = header["name"], Progress(**json.loads(header["progress"]))
    except (OSError, ValueError, KeyError, TypeError, import_extra("safetensors").SafetensorError) as error:
        raise DamageError(f"{path} cannot be read: {error}.", "Delete it and train anew.") from error
    if told != name:
        raise InputError(
            f"{folder} holds the checkpoint of another training.",
            "Choose another folder, or delete this one to train anew.",
        )
    network.load_state_dict(_under("network.", tensors))
    _restore(optimiser, _under("optimiser.", tensors))
    return progress, _under("best.", tensors)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _restore(optimiser: Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        number, moment = key.split(".")
        state.setdefault(int(number), {})[moment] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
