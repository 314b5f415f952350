from __future__ import annotations

import numpy as np
import pytest

from vae.grid import image_grid


@pytest.mark.parametrize("channels", [1, 3])
def test_the_grid_goes_row_by_row_with_black_gaps(channels: int) -> None:
    images = np.stack([np.full((4, 4, channels), i + 1, np.uint8) for i in range(10)])
    grid = image_grid(images)
    assert grid.shape[:2] == (2 * 4 + 2, 8 * 4 + 7 * 2)
    cells = grid.reshape(*grid.shape[:2], -1)[..., 0]
    assert [cells[0, 6 * i] for i in range(8)] == list(range(1, 9))
    assert [cells[6, 6 * i] for i in range(3)] == [9, 10, 0]
    assert not cells[4:6].any() and not cells[:, 4:6].any()
