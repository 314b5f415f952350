from __future__ import annotations

import numpy as np
import torch

from vae.randomness import batch_order, generator


def test_the_order_is_a_new_permutation_each_epoch_and_the_same_again() -> None:
    orders = [batch_order(5, epoch, 100) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert not np.array_equal(*orders)
    assert np.array_equal(orders[1], batch_order(5, 1, 100))


def test_each_purpose_and_place_has_numbers_of_its_own_and_the_same_again() -> None:
    def draw(*key: object) -> list[float]:
        return torch.randn(4, generator=generator(*key)).tolist()  # type: ignore[arg-type]

    keys = [(0, "noise", 0, 0), (0, "noise", 0, 5), (0, "noise", 1, 0), (1, "noise", 0, 0)]
    assert len({tuple(draw(*key)) for key in [*keys, (0, "samples"), (0, "weights")]}) == 6
    assert draw(*keys[1]) == draw(*keys[1])
