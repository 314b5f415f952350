from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from vae.config import DEFAULTS, TrainConfig, Value, check
from vae.demo import make_demo_data
from vae.events import EpochRecord
from vae.findings import FEWEST, Finding, findings, no_fault
from vae.schedule import balance
from vae.training import run_vae_training

SOUND: dict[str, Value] = {
    **DEFAULTS, "file_path": "images", "img_size": 32, "in_channels": 1, "latent_dim": 32,
    "kl_balance": "auto", "sampler": "gmm", "gamma": 0.0, "lr": 0.001, "val_fraction": 0.1,
}  # fmt: skip


# At which the weight of KL is the balanced one.
BALANCE = balance(5.0, 32, 32 * 32)


def epochs(count: int = 12, **facts: Any) -> list[EpochRecord]:
    """A sound run; a fact is a value for all epochs, or a function of the epoch."""
    rows = []
    for epoch in range(1, count + 1):
        mse = 0.1 / epoch**0.5
        row = EpochRecord(
            epoch, mse, mse, 1.5, 0.0, 0.001, 200, 1.0, 200.0, beta=BALANCE * mse,
            val_loss=mse, val_reconstruction_loss=1.1 * mse, val_kl_loss=1.5, val_blur_loss=0.0,
            psnr=24.0, ssim=0.8, active_units=32.0, sharpness=0.5, checkerboard=1.5,
            dead_channels=0.1, swd=12.0, explained_variance=0.8,
        )  # fmt: skip
        given = {name: f(epoch) if callable(f) else f for name, f in facts.items()}
        rows.append(dataclasses.replace(row, **given))
    return rows


def only(history: list[EpochRecord], values: Mapping[str, Value] = SOUND) -> Finding:
    """The one finding, whose remedy the form takes."""
    (found,) = findings(history, values)
    assert not check({**values, **found.remedy})
    assert all(values[name] != value for name, value in found.remedy.items())
    assert "{" not in found.message
    return found


def test_a_sound_run_has_nothing() -> None:
    for count in range(30):
        assert findings(epochs(count), SOUND) == ()


def test_without_a_fault_it_says_whether_the_run_still_learns_and_how_blurred_it_is() -> None:
    assert no_fault(epochs(1)) == (
        "No fault was found in the training after 1 epoch. Whether its images are good enough, "
        "only a look at them tells."
    )
    rising = no_fault(epochs(12, psnr=lambda epoch: 20 + 0.2 * epoch, sharpness=0.24))
    assert "after 12 epochs. It still learns: the PSNR rose by 0.8 dB" in rising
    assert "keep 24 % of the images' sharpness" in rising


def test_logs_without_measures_have_nothing() -> None:
    bare = [EpochRecord(i, 0.1 / i, 0.1 / i, 1.5, 0, 0.001, 200, 1, 200) for i in range(1, 9)]
    assert findings(bare, {**SOUND, "beta": 0.001}) == ()


def test_a_kl_weight_far_above_the_balanced_one_is_a_collapse() -> None:
    values = {**SOUND, "kl_balance": "fixed", "sampler": "prior"}
    found = only(epochs(beta=1.0, kl_loss=0.05, swd=20.0), values)
    assert found.kind == "collapse" and "carries 0.05 nats" in found.message
    assert found.remedy == {"kl_balance": "auto", "sampler": "gmm"}
    assert "mean image" not in found.message
    worse = only(epochs(beta=1.0, kl_loss=0.05, swd=20.0, explained_variance=-3.0), values)
    assert worse.kind == "collapse" and "mean image would be nearer" in worse.message
    # Latents that carry something have not collapsed, whatever the weight.
    assert not findings(epochs(beta=1.0, kl_loss=0.9, swd=20.0), values)
    assert not findings(epochs(FEWEST - 1, beta=1.0, kl_loss=0.05), values)
    factor = {**SOUND, "beta": 50.0}
    assert only(epochs(beta=1.0, kl_loss=0.05), factor).remedy == {"beta": 1.0}


def test_a_jump_of_the_error_says_that_the_learning_rate_is_too_high() -> None:
    jump = epochs(reconstruction_loss=lambda e: 0.3 if e == 7 else 0.1 / e)
    found = only(jump)
    assert found.kind == "rate" and "In epoch 7" in found.message
    assert found.remedy == {"lr": 0.0001, "clip_norm": 1.0}
    rising = {**SOUND, "kl_warmup": 10}
    assert not findings(jump, rising)


def test_an_error_that_never_falls_at_a_high_rate_too() -> None:
    flat: dict[str, Any] = {"reconstruction_loss": lambda e: 0.2 - 0.001 * e}
    assert only(epochs(**flat), {**SOUND, "lr": 0.03}).kind == "rate"
    assert not findings(epochs(**flat), SOUND)


def test_dead_channels_hide_what_follows_from_them() -> None:
    found = only(epochs(dead_channels=0.7, checkerboard=50.0))
    assert found.kind == "dead" and "70 %" in found.message and found.remedy == {"lr": 0.0001}
    assert not findings(epochs(dead_channels=lambda e: 0.7 if e == 12 else 0.1), SOUND)
    # But a KL weight that outweighs the images does not come from them.
    outweighed = epochs(dead_channels=0.7, beta=4.0, kl_loss=0.0, active_units=0.0)
    found = findings(outweighed, {**SOUND, "kl_balance": "fixed", "beta": 4.0})
    assert [finding.kind for finding in found] == ["dead", "collapse"]


def test_validation_that_gets_worse_is_overfitting_and_far_apart_learning_by_heart() -> None:
    def val(factor: float) -> Any:
        return lambda e: factor * max(0.1 / e**0.5, 0.1 / 4**0.5)

    def worse(factor: float) -> list[EpochRecord]:
        rows = epochs(val_reconstruction_loss=val(factor))
        grown = [dataclasses.replace(r, val_kl_loss=1.5 + 0.2 * max(0, r.epoch - 4)) for r in rows]
        return grown

    found = only(worse(1.1))
    assert (found.kind, found.title) == ("overfitting", "Overfitting")
    assert "Since epoch 4" in found.message
    assert found.remedy == {"early_stopping": 10, "augment": "light"}
    assert only(worse(3.0)).kind == "memorisation"
    # It explains why validation images get no better, however poor they are.
    poor = [dataclasses.replace(row, psnr=17.0) for row in worse(3.0)]
    assert only(poor, {**SOUND, "num_epochs": 12}).kind == "memorisation"
    assert only(worse(1.1), {**SOUND, "augment": "flip"}).remedy == {"early_stopping": 10}
    assert found.fresh  # early stopping would end a run that goes on at once


def test_validation_that_still_gets_better_now_and_then_is_no_overfitting() -> None:
    """As of few images, whose error goes up and down while it falls."""
    fallen: dict[str, Any] = {
        "val_reconstruction_loss": lambda e: 0.03 - 0.0002 * e + (0.004 if e % 9 else 0.0),
        "reconstruction_loss": lambda e: 0.02 - 0.0002 * e,
        "kl_loss": 1.5, "beta": None, "val_kl_loss": 1.5,
    }  # fmt: skip
    values = {**SOUND, "kl_balance": "fixed", "alpha": 1.0, "beta": 0.0}
    for count in range(40, 70):
        assert "overfitting" not in {f.kind for f in findings(epochs(count, **fallen), values)}

    def risen(epoch: int) -> float:
        return 0.03 if epoch < 31 else 0.02 if epoch == 31 else 0.03 + 0.0001 * epoch

    ill: dict[str, Any] = {**fallen, "val_reconstruction_loss": risen}
    kinds = [{f.kind for f in findings(epochs(count, **ill), values)} for count in (36, 40)]
    assert kinds[0].isdisjoint({"overfitting"}) and "overfitting" in kinds[1]
    # It is told no more in the epoch that is better again.
    better = [*epochs(40, **ill)[:-1], dataclasses.replace(epochs(40)[-1], val_loss=0.01,
              val_reconstruction_loss=0.01, val_kl_loss=0.0)]  # fmt: skip
    assert "overfitting" not in {f.kind for f in findings(better, values)}


def test_images_without_edges_are_told_as_empty() -> None:
    black = only(epochs(sharpness=5000.0, kl_loss=0.0, active_units=0.0))
    assert (black.kind, black.title, black.remedy) == ("data", "Empty images", {})
    assert only(epochs(sharpness=None)).kind == "data"
    assert not findings(epochs(sharpness=lambda e: 5000.0 if e < 3 else 1.0), SOUND)


def test_images_that_use_few_of_the_grey_levels_are_told() -> None:
    def faint(levels: float) -> Any:
        return lambda e: 1 - 1.1 * 0.1 / e**0.5 / (levels / 127.5) ** 2

    found = only(epochs(explained_variance=faint(2.5)))
    assert (found.kind, found.title, found.remedy) == ("data", "Hardly any contrast", {})
    assert "by 2.5 of 255 grey levels" in found.message
    assert found.title not in {
        f.title for f in findings(epochs(explained_variance=faint(8)), SOUND)
    }
    assert not findings(epochs(explained_variance=None), SOUND)  # a log without that figure


def test_a_mean_error_that_few_images_make_tells_that_most_are_empty() -> None:
    found = only(epochs(psnr=40.0))
    assert (found.kind, found.title, found.remedy) == ("data", "Most images are empty", {})
    assert "is 40.0 dB, that of their mean error 21.4 dB" in found.message
    assert not findings(epochs(psnr=lambda e: 16 + 5 * math.log10(e) + 7.5), SOUND)
    # Validation images of which a network knows copies by heart are no empty ones.
    assert not findings(epochs(psnr=40.0, reconstruction_loss=0.0008), SOUND)


def test_without_validation_images_it_says_what_more_epochs_may_bring() -> None:
    values: dict[str, Value] = {**SOUND, "num_epochs": 12, "val_fraction": 0.0}
    rising: dict[str, Any] = {"psnr": lambda epoch: 20.0 + 0.4 * epoch}
    none = dict.fromkeys(("val_loss", "val_reconstruction_loss", "val_kl_loss", "val_blur_loss"))
    assert "only a run with val_fraction tells" in only(epochs(**rising, **none), values).message
    values["val_fraction"] = 0.1
    assert "val_fraction" not in only(epochs(**rising), values).message


def test_a_network_that_has_learned_nothing_is_named() -> None:
    grey: dict[str, Any] = {"psnr": 12.6, "active_units": 0.0, "kl_loss": 0.0, "swd": 5.0}
    slow = {**SOUND, "lr": 0.0001, "num_epochs": 6}
    found = only(epochs(6, **grey), slow)
    assert found.kind == "unlearned" and "After 120 steps" in found.message
    assert "a PSNR of 12.6 dB" in found.message
    assert found.remedy == {"lr": 0.001, "num_epochs": 12}
    # One that goes on may still learn, but not for ever.
    assert not findings(epochs(6, **grey), {**slow, "num_epochs": 50})
    assert only(epochs(20, **grey), {**slow, "num_epochs": 50}).remedy == {"lr": 0.001}
    # Nor is anything wrong with one that gets better, however poor it still is.
    rising = {**grey, "psnr": lambda e: 11 + 0.3 * e}
    assert not findings(epochs(20, **rising), {**slow, "num_epochs": 50})
    kinds = [f.kind for f in findings(epochs(20, **rising), {**slow, "num_epochs": 20})]
    assert kinds == ["unfinished"]
    # A better reason is told alone.
    assert [f.kind for f in findings(epochs(20, **{**grey, "beta": 20.0}), slow)] == ["collapse"]


def test_a_network_that_is_hardly_better_than_the_mean_image_is_named() -> None:
    values = {**SOUND, "num_epochs": 20}
    found = only(epochs(20, psnr=23.2, explained_variance=0.24), values)
    assert found.kind == "unlearned" and "23.2 dB and get no better" in found.message
    assert "Reconstructions explain 24 %" in found.message
    assert found.remedy == {"num_epochs": 40}
    assert "explain 0 %" in only(epochs(20, explained_variance=-2.9), values).message
    assert not findings(epochs(20, psnr=23.2, explained_variance=0.4), values)
    slow: dict[str, Any] = {"explained_variance": lambda e: 0.01 * e}  # which still rises
    assert not findings(epochs(20, **slow), {**values, "num_epochs": 50})
    # By cosine, a run that still learned at its end is too short only if it is poor.
    rising: dict[str, Any] = {"psnr": lambda e: 20 + 0.2 * e, "explained_variance": 0.2}
    found = only(epochs(20, **rising), {**values, "lr_schedule": "cosine"})
    assert found.kind == "unfinished" and "explain 20 %" in found.message
    rising["explained_variance"] = 0.4
    assert not findings(epochs(20, **rising), {**values, "lr_schedule": "cosine"})


def test_weights_that_hold_latents_down_are_told_by_what_is_in_use() -> None:
    ill: dict[str, Any] = {"beta": 20.0, "kl_loss": 0.4}
    assert only(epochs(**ill)).title == "Latents carry too little"
    assert only(epochs(**ill, active_units=3.0)).title == "Latents have collapsed"
    assert only(epochs(beta=20.0, kl_loss=0.05)).title == "Latents carry too little"


def test_a_checkerboard_is_named_with_its_cause() -> None:
    dotted = epochs(checkerboard=60.0)
    assert only(dotted, {**SOUND, "gamma": 10.0}).remedy == {"gamma": 0.0}
    assert only(dotted).remedy == {"decoder": "upsample"}
    assert only(dotted, {**SOUND, "decoder": "upsample"}).remedy == {}
    assert not findings(epochs(checkerboard=60.0, psnr=12.0), SOUND)  # nothing to see yet


def test_samples_off_the_images_want_a_fitted_sampler() -> None:
    values = {**SOUND, "sampler": "prior"}
    found = only(epochs(swd=50.0), values)
    assert found.kind == "prior" and found.remedy == {"sampler": "gmm"}
    assert "50 grey levels" in found.message
    assert not findings(epochs(swd=50.0), SOUND) and not findings(epochs(swd=18.0), values)
    sparse = epochs(swd=lambda e: 50.0 if e % 3 == 0 else None)
    assert only(sparse, values).kind == "prior"


def test_a_latent_that_is_full_and_too_narrow_is_named() -> None:
    stalled: dict[str, Any] = {"sharpness": 0.15, "kl_loss": 3.6}
    found = only(epochs(14, **stalled))
    assert found.kind == "narrow" and found.remedy == {"latent_dim": 128}
    assert "carries 3.6 nats" in found.message and "in 10 epochs" in found.message
    assert not findings(epochs(8, **stalled), SOUND)
    assert not findings(epochs(14, **stalled, psnr=lambda e: 20 + 0.1 * e), SOUND)
    # Blurred for another reason: four times as many would carry no more together.
    assert not findings(epochs(14, sharpness=0.15, kl_loss=2.7), SOUND)
    # Latents that have collapsed carry nothing, however far the weight is above the balanced one.
    silent: dict[str, Any] = {"beta": 20.0, "kl_loss": 0.01, "sharpness": 0.15}
    assert [f.kind for f in findings(epochs(14, **silent), SOUND)] == ["collapse"]
    assert not findings(epochs(14, beta=20.0, kl_loss=0.6, sharpness=0.15), SOUND)
    light = {"beta": lambda e: 0.1 * BALANCE * 0.1 / e**0.5}
    assert not findings(epochs(14, **stalled, **light), SOUND)
    # A network that learns by heart is not given more room for it.
    worse: dict[str, Any] = dict.fromkeys(
        ("val_loss", "val_reconstruction_loss"), lambda e: 0.1 + 0.01 * e
    )
    assert only(epochs(14, **stalled, **worse)).kind == "memorisation"


def test_far_too_high_a_blur_weight_makes_edges_up() -> None:
    values = {**SOUND, "gamma": 1000.0}
    found = only(epochs(sharpness=2.5), values)
    assert found.kind == "checkerboard" and found.remedy == {"gamma": 0.0}
    assert not findings(epochs(sharpness=2.5), {**SOUND, "gamma": 10.0})


def test_what_was_found_does_not_flicker() -> None:
    values = {**SOUND, "sampler": "prior"}
    seen = [
        bool(findings(epochs(n, swd=lambda e: 18.0 if e in (9, 13) or e > 14 else 50.0), values))
        for n in range(1, 22)
    ]
    first = seen.index(True)
    assert first < 6 and all(seen[first:14]) and not any(seen[18:])


def test_few_images_or_empty_ones_have_no_remedy() -> None:
    assert only(epochs(images=12)).kind == "few"
    empty = only(epochs(reconstruction_loss=1e-6))
    assert empty.kind == "data" and empty.remedy == {} and "Data tab" in empty.message


# ---- runs made to be ill, and sound ones


def clouds(count: int, side: int = 32) -> np.ndarray:
    """Smooth random images, each of its own brightness, uint8 (count, side, side)."""
    random = np.random.default_rng(0)
    noise = random.normal(size=(count, side, side)).astype(np.float32)
    soft = np.stack([cv2.GaussianBlur(image, (0, 0), 2) for image in noise])
    shades = random.normal(128, 20, size=(count, 1, 1))
    return (soft / soft.std() * 30 + shades).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    make_demo_data(folder, 120, 48)
    return folder


def cells(count: int, side: int = 40) -> np.ndarray:
    """A dark disc on a ground, each of its own colour, uint8 (count, side, side, 3)."""
    random = np.random.default_rng(0)
    images = np.empty((count, side, side, 3), np.uint8)
    for image in images:
        image[:] = random.uniform(140, 240) * np.array([1.0, 0.8, 0.9])
        centre, radius = random.integers(12, side - 12, 2).tolist(), int(random.integers(6, 12))
        cv2.circle(image, centre, radius, random.uniform(20, 110, 3).tolist(), -1, cv2.LINE_AA)
    return images


def save(folder: Path, images: Iterable[np.ndarray]) -> Path:
    """Images, each as a file of its own."""
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{i}.png")
    return folder


def told(folder: Path, place: Path, **values: Any) -> list[tuple[Finding, ...]]:
    """Train, go on with what lies at the place, and give what is found after each epoch."""
    config = TrainConfig(
        file_path=str(folder), log_file=str(place / "log.csv"), output_dir=str(place / "out"),
        model_save_dir=str(place / "checkpoints"), threads=1, checkpoint_every=1000,
        **{
            "img_size": 32, "in_channels": 1, "latent_dim": 16, "depth": 3, "base_channels": 8,
            "num_epochs": 14, "val_fraction": 0.15, "lr": 0.002, "kl_balance": "auto",
            "gamma": 0.0, "sampler": "gmm", "batch_size": 6, **values,
        },
    )  # fmt: skip
    history = run_vae_training(config).history
    counts = range(1, len(history) + 1)
    # As if more epochs were to come.
    planned = {**config.to_dict(), "num_epochs": 1000}
    return [findings(history[:n], planned) for n in counts]


def kinds(folder: Path, place: Path, **values: Any) -> list[set[str]]:
    """As `told`, but only what the findings are called."""
    return [{finding.kind for finding in found} for found in told(folder, place, **values)]


def test_a_sound_run_stays_silent_all_along(phantoms: Path, tmp_path: Path) -> None:
    assert not any(kinds(phantoms, tmp_path))


def test_so_does_one_of_colour_images_of_another_size(tmp_path: Path) -> None:
    """By the other decoder, from images that are varied a little."""
    folder = save(tmp_path / "cells", cells(150))
    values: dict[str, Any] = {"img_size": 40, "in_channels": 3, "decoder": "upsample"}
    assert not any(kinds(folder, tmp_path, **values, augment="light"))


def test_so_does_one_that_was_resumed(phantoms: Path, tmp_path: Path) -> None:
    """Without validation images, and with a fixed weight of KL near the balanced one."""
    values: dict[str, Any] = {"kl_balance": "fixed", "beta": 0.03, "gamma": 10.0}
    before = kinds(phantoms, tmp_path, **values, val_fraction=0.0, num_epochs=7)
    after = kinds(phantoms, tmp_path, **values, val_fraction=0.0, num_epochs=16)
    assert len(before) == 7 and len(after) == 16 and not any(after)


def test_a_run_that_ends_while_it_learns_should_go_on() -> None:
    values: dict[str, Value] = {**SOUND, "num_epochs": 12, "lr": 0.0001}
    rising = epochs(psnr=lambda epoch: 10.0 + 0.4 * epoch)
    found = only(rising, values)
    assert found.kind == "unfinished" and "rose by 1.6 dB" in found.message
    assert found.remedy == {"num_epochs": 24, "lr": 0.001}
    assert "hardly be recognised" in found.message
    # Not while it goes on, and not once it has learned what it can.
    assert not findings(rising[:-1], values)
    assert not findings(epochs(psnr=lambda epoch: 24 - 8 / epoch), values)
    assert not findings(
        epochs(psnr=lambda epoch: 20.0 + 0.4 * epoch), {**values, "lr_schedule": "cosine"}
    )
    good = only(epochs(psnr=lambda epoch: 20.0 + 0.4 * epoch), values)
    assert good.remedy == {"num_epochs": 24} and "recognised" not in good.message


def test_published_weights_collapse(phantoms: Path, tmp_path: Path) -> None:
    ill = kinds(phantoms, tmp_path, kl_balance="fixed", sampler="prior", gamma=10.0)
    assert all("collapse" in found for found in ill[FEWEST - 1 :])


def test_balanced_latents_do_not_fill_the_prior(phantoms: Path, tmp_path: Path) -> None:
    assert kinds(phantoms, tmp_path, sampler="prior")[-1] == {"prior"}


def test_too_high_a_learning_rate_kills_channels(phantoms: Path, tmp_path: Path) -> None:
    """With other seeds 0.54 to 0.66 of them die; 0.4 are told."""
    assert kinds(phantoms, tmp_path, lr=0.05, num_epochs=10)[-1] == {"dead"}


def test_a_learning_rate_that_was_raised_too_far_is_told(phantoms: Path, tmp_path: Path) -> None:
    assert not any(kinds(phantoms, tmp_path, num_epochs=12))
    ill = kinds(phantoms, tmp_path, lr=0.05, num_epochs=16)
    assert ill[11] == set() and ill[-1] == {"rate"}


def test_a_latent_too_narrow_for_the_images_is_told(tmp_path: Path) -> None:
    """With other seeds 2 dimensions carry 3.9 nats (3.4 are told), at a sharpness of 0.18 (0.3)."""
    make_demo_data(tmp_path / "phantoms", 240, 48)
    values: dict[str, Any] = {"img_size": 48, "latent_dim": 2, "lr": 0.003, "num_epochs": 25}
    ill = kinds(tmp_path / "phantoms", tmp_path, **values, sample_every=100)
    assert ill[-1] == {"narrow"} and not any(ill[:10])


def test_texture_that_the_network_cannot_learn_becomes_dots_by_the_blur_weight(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    slopes = [np.linspace(0, random.uniform(-60, 60), 32) for _ in range(80)]
    textures = [random.normal(128 + slope, 12, (32, 32)) for slope in slopes]
    save(tmp_path / "texture", [texture.clip(0, 255).astype(np.uint8) for texture in textures])
    values: dict[str, Any] = {"gamma": 10.0, "num_epochs": 12, "base_channels": 4}
    assert kinds(tmp_path / "texture", tmp_path / "dots", **values)[-1] == {"checkerboard"}
    assert kinds(tmp_path / "texture", tmp_path / "none", **values | {"gamma": 0.0})[-1] == set()


def test_few_images_are_overfitted(tmp_path: Path) -> None:
    """With other seeds it is told from epoch 23 on at the latest; their errors are 1.5 to 1.7 times
    those of training, and 1.3 to 3 are told."""
    make_demo_data(tmp_path / "phantoms", 120, 96)
    values: dict[str, Any] = {"latent_dim": 3, "base_channels": 32, "lr": 0.003, "num_epochs": 30}
    ill = kinds(tmp_path / "phantoms", tmp_path, **values, val_fraction=0.5, sample_every=100)
    assert ill[-1] == {"overfitting"} and not any(ill[:10])


def test_images_without_anything_in_common_are_learned_by_heart(tmp_path: Path) -> None:
    """With other seeds it is told from epoch 31 on at the latest, at 4.9 times the error of
    training or more; 3 are told."""
    folder = save(tmp_path / "clouds", clouds(110))
    values: dict[str, Any] = {"latent_dim": 8, "base_channels": 16, "num_epochs": 36}
    ill = kinds(folder, tmp_path, **values, val_fraction=0.5, sample_every=100)
    assert ill[-1] == {"memorisation"} and not any(ill[:10])


def pixels(phantoms: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in sorted(phantoms.iterdir())]


def test_twelve_bits_in_files_of_sixteen_are_told(phantoms: Path, tmp_path: Path) -> None:
    """Images differ by 2.3 grey levels from the mean image; below 6 is told, phantoms have 36."""
    folder = save(tmp_path / "faint", [image.astype(np.uint16) * 16 for image in pixels(phantoms)])
    ill = told(folder, tmp_path, num_epochs=8)
    assert all([f.title for f in found] == ["Hardly any contrast"] for found in ill[FEWEST - 1 :])


def test_black_images_among_which_few_are_not_are_told(phantoms: Path, tmp_path: Path) -> None:
    """The means of PSNR and of the error lie 12 dB apart or more; 8 are told, sound sets have 1."""
    random = np.random.default_rng(0)
    black = [random.integers(0, 3, (48, 48)).astype(np.uint8) for _ in range(108)]
    folder = save(tmp_path / "black", [*pixels(phantoms)[:12], *black])
    ill = told(folder, tmp_path, num_epochs=10)
    assert [finding.title for finding in ill[-1]] == ["Most images are empty"]


def test_of_noise_nothing_is_learned(tmp_path: Path) -> None:
    """The mean image explains as much as any reconstruction; below 30 % is told."""
    random = np.random.default_rng(0)
    noise = [random.normal(128, 24, (32, 32)).clip(0, 255).astype(np.uint8) for _ in range(120)]
    ill = told(save(tmp_path / "noise", noise), tmp_path, num_epochs=20, sample_every=100)
    (found,) = ill[-1]
    assert found.kind == "unlearned" and "explain 0 %" in found.message
    assert "too little in common" in found.message


def test_images_that_are_all_alike_are_told(tmp_path: Path) -> None:
    grey = np.full((60, 32, 32), 120, np.uint8)
    for i, level in enumerate(grey):
        level[0, :2] = 120 + i % 8, 120 + i // 8  # or they would be copies of each other
    assert kinds(save(tmp_path / "grey", grey), tmp_path, num_epochs=40, lr_schedule="cosine")[
        -1
    ] == {"data"}


def test_an_error_of_zero_is_no_crash() -> None:
    errors = {1: 0.1, 5: 1e-9}
    rows = epochs(reconstruction_loss=lambda e: errors.get(e, 0.0))
    assert {finding.kind for finding in findings(rows, SOUND)} & {"data", "rate"}
    findings(epochs(reconstruction_loss=0.0), SOUND)
