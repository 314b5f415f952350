"""Many images as one picture."""

from __future__ import annotations

import numpy as np

GRID_SIDE = 8
GRID_GAP = 2


def image_grid(images: np.ndarray, columns: int = GRID_SIDE) -> np.ndarray:
    """Tile uint8 images (N, H, W, C) row by row with black gaps: (h, w, 3), or (h, w) if C is 1."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    cell = (height + GRID_GAP, width + GRID_GAP)
    grid = np.zeros((rows * cell[0] - GRID_GAP, columns * cell[1] - GRID_GAP, channels), np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * cell[0], i % columns * cell[1]
        grid[y : y + height, x : x + width] = image
    return grid[:, :, 0] if channels == 1 else grid
