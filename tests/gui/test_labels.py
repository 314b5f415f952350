"""Parameters are called in the window as the form calls them."""

from __future__ import annotations

import pytest

from vae.gui.labels import labelled, shortened, values_labelled


@pytest.mark.parametrize(
    "text, told",
    [
        ("img_size 100: take 96.", "Image size 100: take 96."),
        ("Try batch_size 32.", "Try Batch size 32."),
        ("beta is 1.0, it was 2.0.", "KL weight β is 1.0, it was 2.0."),
        ("Left untouched. depth is 3, it was 4.", "Left untouched. Depth is 3, it was 4."),
        ("Words of a seed and a device stay.", "Words of a seed and a device stay."),
        ("/home/img_size/x.png cannot be read.", "/home/img_size/x.png cannot be read."),
        ("sample_every.png is no parameter.", "sample_every.png is no parameter."),
    ],
)
def test_a_parameter_has_the_label_of_its_field(text: str, told: str) -> None:
    assert labelled(text) == told


def test_each_of_several_values_has_the_label_of_its_field() -> None:
    assert values_labelled("kl_balance auto, beta 0.3") == "KL balance auto, KL weight β 0.3"
    for name in ("phantoms  2026-01-01 10:00", "log of latent_dim 64", "run_beta 2", "seed"):
        assert values_labelled(name) == name  # of a folder or a log


def test_a_name_beside_a_line_keeps_what_tells_it_from_others() -> None:
    assert shortened("KL weight β 0.5", 36) == "KL weight β 0.5"
    name = shortened("KL weight β 0.5, Latent dimension 1024", 36)
    assert name == "KL weight β 0.5, Latent dimens… 1024" and len(name) <= 36
    names = ["KL weight β", "Latent dimension", "Depth", "Learning rate", "Decoder"]
    values = ["1.0", "64", "4", "0.0001", "transposed"]
    for count in range(2, 6):
        pairs = list(zip(names[:count], values[:count], strict=True))
        short = shortened(", ".join(map(" ".join, pairs)), 36)
        parts = short.split(", ")
        assert len(short) <= 36
        assert all(part.endswith(v) for part, v in zip(parts, values, strict=False))
    assert shortened("patients, cohort_2024_of_three_hospitals", 20).endswith("hospitals"[-8:])
    log = shortened("experiments_of_the_second_week_17", 20)
    assert log.startswith("experimen") and log.endswith("week_17") and len(log) <= 20
