"""What the measures of an epoch are called, and when they are good: for people to read."""

from __future__ import annotations

import math
from typing import NamedTuple

from vae.language import marked


class Measure(NamedTuple):
    """A column of the log as a person reads it; `form` is how its number is written.

    What first epochs have below `least` needs no room in a plot.
    """

    name: str
    label: str
    good: str
    unit: str = ""
    form: str = ".3g"
    least: float = -math.inf


MEASURES = (
    Measure("psnr", "PSNR", marked("reconstructions; higher is better"), "dB", ".1f"),
    Measure("ssim", "SSIM", marked("likeness of reconstructions; 1 is best"), "", ".3f"),
    Measure("explained_variance", marked("Explained variance"),
            marked("0: no better than the mean image; 1 is best"), "", ".2f", -0.2),
    Measure("active_units", marked("Active latents"), marked("latents in use"), "", ".0f"),
    Measure("beta", marked("KL weight in use"), marked("mean of the epoch")),
    Measure("sharpness", marked("Sharpness"), marked("of reconstructions; 1: as the originals"),
            "", ".2f"),
    Measure("swd", marked("Sample distance"), marked("grey levels; lower is better"), "", ".1f"),
    Measure("checkerboard", marked("Checkerboard"), marked("pattern of 2 or 4 pixels; 1: none"),
            "", ".1f"),
    Measure("dead_channels", marked("Dead channels"), marked("share that never fires; 0 is best"),
            "", ".2f"),
)  # fmt: skip
