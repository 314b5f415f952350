"""Which runs are drawn beside one another, and what of them compares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vae.comparison import (
    NO_OTHERS,
    Compared,
    Comparison,
    common,
    on_validation,
    same_images,
    same_losses,
)
from vae.config import DEFAULTS
from vae.events import EpochRecord


def epochs(count: int, validated: bool = False) -> list[EpochRecord]:
    rows = [EpochRecord(i, 1 / i, 1 / i, 1, 0, 0, 1, 1, 1) for i in range(1, count + 1)]
    return [replace(row, val_loss=row.loss) for row in rows] if validated else rows


def run(name: str = "run", count: int = 3, **values: Any) -> Compared:
    return Compared(name, epochs(count), {**DEFAULTS, "model_save_dir": "/here", **values})


def names(comparison: Comparison, shown: Compared) -> list[tuple[str, int]]:
    return [(drawn.run.name, drawn.place) for drawn in comparison.drawn(shown)]


def test_the_run_that_is_shown_is_drawn_unless_others_stand_alone() -> None:
    shown, other = run("", 5), run("other", model_save_dir="/there")
    assert names(NO_OTHERS, shown) == [("", 0)]
    assert names(NO_OTHERS.beside(other), shown) == [("", 0), ("other", 1)]
    assert names(Comparison((other,), alone=True), shown) == [("other", 1)]
    assert names(Comparison(alone=True), shown) == [("", 0)]  # there is nothing else to see


def test_the_run_that_is_shown_is_known_among_those_compared() -> None:
    shown, mine, other = run("", 5), run("mine", 3), run("other", model_save_dir="/there")
    found = Comparison((other, mine), alone=True).drawn(shown)
    assert [(drawn.run.name, drawn.place) for drawn in found] == [("other", 1), ("mine", 0)]
    assert len(found[1].run.history) == 5  # the epochs since it was recorded, too
    ahead = replace(mine, history=epochs(9))  # than the checkpoint it goes on from
    assert [len(d.run.history) for d in Comparison((ahead,)).drawn(shown)] == [9]
    # Started fresh in the same folder it is another one, and so is one without an epoch.
    fresh = replace(shown, history=epochs(5, validated=True))
    assert names(Comparison((mine,)), fresh) == [("", 0), ("mine", 1)]
    assert names(Comparison((mine,)), run("", 0)) == [("", 0), ("mine", 1)]
    assert names(Comparison((Compared("a log", epochs(3)),)), shown) == [("", 0), ("a log", 1)]


def test_runs_are_compared_on_validation_images_if_all_have_some() -> None:
    with_some = Compared("a", epochs(3, validated=True))
    assert on_validation([with_some, with_some])
    assert not on_validation([with_some, Compared("b", epochs(3))])
    assert on_validation([with_some, Compared("failed", ())])  # it has nothing to compare


def test_what_is_known_to_differ_stays_known_beside_a_log() -> None:
    log = Compared("a log", epochs(3))
    assert same_losses([run(), run(lr=0.1), log]) and not same_losses([run(), run(beta=9.0), log])
    assert not same_losses([run(kl_balance="auto"), run(kl_balance="auto", lr=0.1)])
    assert same_images([run(), run(beta=9.0), log])
    assert not same_images([run(), run(img_size=64)])
    assert not same_images([run(), run(augment="light")])  # of training, which differ then
    both = [replace(one, history=epochs(3, validated=True)) for one in (run(), run(augment="flip"))]
    assert same_images(both) and same_losses(both)
    fewer = replace(run(), history=[replace(row, images=7) for row in epochs(3)])
    assert not same_images([run(), fewer])


def test_only_what_all_are_known_to_share_is_common() -> None:
    assert "lr" not in common([run(), run(lr=0.1)]) and common([run(), run()])["lr"] == 0.0001
    assert common([run(), Compared("a log", ())]) == {} == common([])


def test_a_run_is_taken_out_by_what_it_is_and_not_by_its_name() -> None:
    here, there = run("beta 1", 3), run("beta 2", model_save_dir="/there")
    both = Comparison((here, there), alone=True)
    assert both.without([run("", 2)]) == Comparison((there,), alone=True)
    assert both.without([run("beta 1", model_save_dir="/elsewhere")]) == both


def test_runs_on_other_images_are_left_out_as_far_as_it_is_known() -> None:
    mine, other = run("mine", file_path="/images"), run("other", file_path="/others")
    log = Compared("a log", epochs(3))
    assert Comparison((mine, other, log)).on_images_in("/images") == Comparison((mine, log))
