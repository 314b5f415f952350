from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from vae import language
from vae.comparison import NO_OTHERS, Compared, Comparison
from vae.config import DEFAULTS
from vae.curve import (
    Line,
    Weights,
    draw_loss,
    part_lines,
    run_lines,
    smoothed,
    spread,
    write_loss_curve,
)
from vae.events import EpochRecord


def lines_of(history: list[EpochRecord]) -> list[Line]:
    """The lines of a run that is compared with none."""
    return run_lines(NO_OTHERS.drawn(Compared("", history)))


def test_the_curve_is_drawn_from_high_to_low(tmp_path: Path) -> None:
    losses = [4.0, 2.0, 1.0, 0.5]
    history = [EpochRecord(i, x, 0, 0, 0, 0, 1, 1, 1) for i, x in enumerate(losses, start=1)]
    write_loss_curve(tmp_path / "curve.png", history, DEFAULTS)
    with Image.open(tmp_path / "curve.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    blue = (pixels[..., 2] - pixels[..., 0]) > 100
    columns = np.flatnonzero(blue.any(axis=0))
    first, last = (np.flatnonzero(blue[:, column]).mean() for column in columns[[0, -1]])
    assert last - first > image.height / 3  # rows count downwards


def test_the_curve_that_a_run_leaves_is_the_same_in_every_language(tmp_path: Path) -> None:
    history = [EpochRecord(i, 1 / i, 0, 0, 0, 0, 1, 1, 1) for i in range(1, 5)]
    try:
        for code in ("en", "sk"):
            language.use(code)
            write_loss_curve(tmp_path / f"{code}.png", history, DEFAULTS)
    finally:
        language.use("en")
    assert (tmp_path / "en.png").read_bytes() == (tmp_path / "sk.png").read_bytes()


def test_the_weighted_parts_add_up_to_the_total() -> None:
    history = [EpochRecord(i, 5 * i + 1 * i + 10 * i, i, i, i, 0, 1, 1, 1) for i in (1, 2, 3)]
    total, *parts = part_lines(history, Weights(5, 1, 10))
    assert [sum(values) for values in zip(*(part.values for part in parts), strict=True)] == list(
        total.values
    )
    assert len({part.dashes for part in (total, *parts)}) == 4


def test_the_kl_part_has_the_weight_of_its_epoch() -> None:
    history = [EpochRecord(i, 1, 1, 2, 0, 0, 1, 1, 1, beta=0.5 * i) for i in (1, 2)]
    _total, _reconstruction, kl, _blur = part_lines(history, Weights(5, 1, 10))
    assert kl.values == (1.0, 2.0)


def test_with_free_bits_the_parts_add_up_to_what_was_charged() -> None:
    history = [EpochRecord(1, 5 * 2 + 1 * 7 + 10 * 3, 2, 0.1, 3, 0, 1, 1, 1)]
    _total, _reconstruction, kl, _blur = part_lines(history, Weights(5, 1, 10, free_bits=0.5))
    assert kl.values == (7.0,)


def test_a_single_epoch_of_any_run_is_seen() -> None:
    history = [EpochRecord(1, 1, 1, 1, 1, 0, 1, 1, 1)]
    axes = Figure().subplots()
    draw_loss(axes, Comparison((Compared("other", history),)).drawn(Compared("", history)), None)
    assert [line.get_marker() for line in axes.lines] == [".", "."]


def test_the_validation_line_has_the_epochs_that_were_measured() -> None:
    history = [EpochRecord(i, 1, 1, 1, 1, 0, 1, 1, 1) for i in (1, 2, 3)]
    assert len(lines_of(history)) == 1
    history[1:] = [dataclasses.replace(row, val_loss=7.0 * row.epoch) for row in history[1:]]
    line = lines_of(history)[1]
    assert (line.epochs, line.values) == ((2, 3), (14.0, 21.0))


def test_all_lines_of_one_picture_differ_in_dashes_too() -> None:
    history = [EpochRecord(1, 1, 1, 1, 1, 0, 1, 1, 1, val_loss=1.0)]
    others = tuple(Compared(name, history) for name in "abc")
    lines = run_lines(Comparison(others).drawn(Compared("", history)))
    assert len({line.dashes for line in lines}) == 5


def test_smoothing_keeps_a_level_and_calms_a_noise() -> None:
    assert smoothed([2.0] * 5, 0.9) == pytest.approx([2.0] * 5)
    assert smoothed([3.0, 1.0, 3.0], 0.0) == [3.0, 1.0, 3.0]
    noise = [1.0, 3.0] * 20
    assert np.std(smoothed(noise, 0.9)[10:]) < np.std(smoothed(noise, 0.6)[10:]) < np.std(noise)


def test_labels_that_would_overlap_are_moved_apart_and_keep_their_order() -> None:
    assert spread([1, 50, 99], 10, 0, 100) == [1, 50, 99]  # far enough
    assert spread([50, 50], 10, 0, 100) == [45, 55]  # both give way
    wanted = [30.0, 31.0, 29.0, 98.0, 99.0, 2.0, 1.0]
    places = spread(wanted, 10, 0, 100)
    assert sorted(range(7), key=places.__getitem__) == sorted(range(7), key=wanted.__getitem__)
    ordered = sorted(places)
    assert all(b - a >= 10 - 1e-9 for a, b in itertools.pairwise(ordered))
    assert ordered[0] >= 0 and ordered[-1] <= 100
    assert spread([], 10, 0, 100) == []
