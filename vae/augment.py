"""Training images varied a little, anew in each epoch."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# Largest turn in degrees; shift, as a share of the side; change of size, brightness and contrast.
TURN, SHIFT, SCALE, BRIGHTNESS, CONTRAST = 5.0, 0.04, 0.05, 0.1, 0.1


def augment(x: Tensor, kind: str, random: torch.Generator) -> Tensor:
    """Images (B, C, H, W) in [-1, 1], each turned, moved, scaled, lighter or darker by chance.

    kind "none" gives them as they are, "flip" mirrors half of them too. What comes in from outside
    is the border's colour. Cubic interpolation keeps 0.8 of the Laplacian variance of X-rays and
    blood smears, linear only half: the network would learn to blur.
    """
    if kind == "none":
        return x
    if x.device.type == "mps":  # whose grid_sample has no borders before PyTorch 2.13
        return augment(x.cpu(), kind, random).to(x.device)
    # Drawn on the CPU, so that each device gets the same.
    draws = torch.rand(7, len(x), generator=random, pin_memory=x.device.type == "cuda")
    draws = 2 * draws.to(x.device, non_blocking=True) - 1
    angle, size = draws[0] * math.radians(TURN), 1 + SCALE * draws[1]
    mirror = torch.where((draws[6] < 0) & (kind == "flip"), -1.0, 1.0)
    cos, sin = angle.cos() / size, angle.sin() / size
    shifts = 2 * SHIFT * draws[2:4]  # the side is 2 in the grid's coordinates
    matrix = torch.stack([cos * mirror, -sin, shifts[0], sin * mirror, cos, shifts[1]], 1)
    grid = F.affine_grid(matrix.view(-1, 2, 3), list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, "bicubic", padding_mode="border", align_corners=False)
    brightness, contrast = BRIGHTNESS * draws[4], 1 + CONTRAST * draws[5]
    return (moved * contrast[:, None, None, None] + brightness[:, None, None, None]).clamp(-1, 1)
