from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from vae.config import TrainConfig
from vae.events import EpochRecord
from vae.schedule import FLOOR, best_epoch, has_given_up, is_over, learning_rate, score, warmed

Make = Callable[..., TrainConfig]


def rows(*losses: float, val: bool = True) -> list[EpochRecord]:
    """Epochs with these validation losses, or training losses; the other loss falls steadily."""
    found = []
    for epoch, loss in enumerate(losses, start=1):
        falling = 1 / epoch
        train, held_back = (falling, loss) if val else (loss, None)
        found.append(
            EpochRecord(
                epoch, train, train, 0.0, 0.0, 0.1, 9, 1.0, 9.0,
                val_loss=held_back, val_reconstruction_loss=held_back,
                val_kl_loss=0.0 if val else None,
            )
        )  # fmt: skip
    return found


def test_the_best_epoch_is_told_by_validation_images_if_there_are_any(tiny: Make) -> None:
    values = tiny(val_fraction=0.3).to_dict()
    best = best_epoch(rows(3, 1, 2), values)
    assert best is not None and best.epoch == 2
    assert best_epoch([], values) is None
    # An epoch whose validation loss was not finite is never the best.
    assert score(rows(0.1, val=False)[0], values) == math.inf
    best = best_epoch(rows(3, 1, 2, 0.5, val=False), tiny().to_dict())
    assert best is not None and best.epoch == 4


def test_epochs_are_compared_at_the_weights_of_now(tiny: Make) -> None:
    # The loss of the first was low, since its weight of KL was still small.
    early = EpochRecord(1, 0.5, 0.1, 3.0, 0.0, 0, 9, 1, 9, beta=0.0)
    later = EpochRecord(2, 1.5, 0.1, 1.0, 0.0, 0, 9, 1, 9, beta=1.0)
    assert best_epoch([early, later], tiny(kl_warmup=2).to_dict()) is later
    assert best_epoch([early, later], tiny(beta=0.0).to_dict()) is early


def test_with_a_balanced_weight_the_bound_decides_and_not_the_loss(tiny: Make) -> None:
    values = tiny(kl_balance="auto", latent_dim=4, val_fraction=0.3).to_dict()
    # The loss alone would prefer the first, whose weight of KL was still small.
    low_loss = EpochRecord(1, 0.1, 0.5, 0.1, 0, 0, 9, 1, 9, val_loss=0.1,
                           val_reconstruction_loss=0.5, val_kl_loss=0.1)  # fmt: skip
    better = EpochRecord(2, 0.2, 0.1, 0.2, 0, 0, 9, 1, 9, val_loss=0.2,
                         val_reconstruction_loss=0.1, val_kl_loss=0.2)  # fmt: skip
    assert best_epoch([low_loss, better], values) is better
    pixels = 16 * 16 * 3
    expected = 0.5 * math.log(0.1) + 4 * 0.2 / pixels
    assert score(better, values) == pytest.approx(expected)


def test_early_stopping_counts_from_the_best_epoch(tiny: Make) -> None:
    config = tiny(early_stopping=2, val_fraction=0.3)
    assert not has_given_up(rows(3, 1, 2), config.to_dict())
    assert has_given_up(rows(3, 1, 2, 1), config.to_dict())
    assert not has_given_up(rows(3, 1, 2, 0.9), config.to_dict())
    assert not has_given_up(rows(3, 1, 2, 1), tiny().to_dict())


def test_a_run_is_over_when_all_its_epochs_are_done_or_no_more_are_worth_it(tiny: Make) -> None:
    values = tiny(early_stopping=2, val_fraction=0.3, num_epochs=5).to_dict()
    assert not is_over(rows(3, 1, 2), values)
    assert is_over(rows(3, 1, 2, 1), values)
    assert is_over(rows(5, 4, 3, 2, 1), values)


def test_plateau_halves_after_five_epochs_without_improvement(tiny: Make) -> None:
    config = tiny(lr=0.8, lr_schedule="plateau", val_fraction=0.3)
    assert learning_rate(rows(1, 2, 2, 2, 2), config)(1.0) == 0.8
    assert learning_rate(rows(1, 2, 2, 2, 2, 2), config)(1.0) == 0.4
    assert learning_rate(rows(1, *[2] * 5, 0.5, *[2] * 4), config)(1.0) == 0.4
    assert learning_rate(rows(1, *[2] * 10), config)(1.0) == 0.2
    assert learning_rate(rows(1, *[2] * 500), config)(1.0) == 0.8 / 1024


def test_cosine_falls_from_the_full_rate_to_a_hundredth(tiny: Make) -> None:
    config = tiny(lr=0.8, lr_schedule="cosine", num_epochs=4)
    assert learning_rate([], config)(0.0) == 0.8
    assert learning_rate(rows(1), config)(1.0) == pytest.approx(0.8 * (1 + FLOOR) / 2)
    assert learning_rate(rows(1, 1, 1), config)(1.0) == pytest.approx(0.8 * FLOOR)


def test_a_warm_up_rises_within_epochs(tiny: Make) -> None:
    config = tiny(lr=0.8, lr_warmup=2)
    rates = [learning_rate([], config)(0.5), learning_rate(rows(1), config)(0.5)]
    assert rates == pytest.approx([0.2, 0.6])
    assert learning_rate(rows(1, 1), config)(0.1) == 0.8
    assert warmed(0.0, 3) == 0 and warmed(7.0, 3) == 1 and warmed(0.0, 0) == 1
