"""Parameters are called in the window as the form calls them."""

from __future__ import annotations

import pytest

from vae.gui.labels import labelled, values_labelled


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
    assert values_labelled("phantoms  2026-01-01 10:00") == "phantoms  2026-01-01 10:00"
