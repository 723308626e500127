"""Models of chips over areas of any size: how a plane is cut, and what each pixel's answer rests on."""

from eocene.learn.inference.freeing import free_size
from eocene.learn.inference.reach import measure_reach
from eocene.learn.inference.tiling import Reach, Tiling, choose_tiling
from eocene.learn.inference.windows import predict_window

__all__ = ["Reach", "Tiling", "choose_tiling", "free_size", "measure_reach", "predict_window"]
