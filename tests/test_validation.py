from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import make_images
from tests.test_training import assert_same_end
from vae import training, validation
from vae.checkpoint import checkpoint_files, load
from vae.config import ConfigError, TrainConfig
from vae.evaluation import evaluate
from vae.events import EpochDone, EpochRecord, Event, HeldBack, Warned
from vae.files import checkpoint_name, samples_name
from vae.history import read_log
from vae.state import load_model
from vae.training import TrainingError, run_vae_training
from vae.validation import most_detailed
from vae.words import result_words

Make = Callable[..., TrainConfig]


def train(config: TrainConfig) -> tuple[list[EpochRecord], list[Event]]:
    events: list[Event] = []
    run_vae_training(config, events.append)
    return [event.record for event in events if isinstance(event, EpochDone)], events


def test_validation_images_are_measured_and_not_trained_on(tiny: Make) -> None:
    records, events = train(tiny(val_fraction=0.3))
    held_back = next(event for event in events if isinstance(event, HeldBack))
    assert held_back.validation + held_back.training == 12
    assert {record.images for record in records} == {held_back.training}
    for r in records:
        assert r.val_loss is not None and r.val_reconstruction_loss is not None
        assert r.val_kl_loss is not None and r.val_blur_loss is not None
        parts = 5 * r.val_reconstruction_loss + r.val_kl_loss + 10 * r.val_blur_loss
        assert r.val_loss == pytest.approx(parts)
        assert r.beta == 1.0


def test_without_validation_images_there_is_no_validation_loss(tiny: Make) -> None:
    records, _events = train(tiny())
    assert all(record.val_loss is None and record.psnr for record in records)


def test_a_run_ends_when_nothing_improves_and_its_best_checkpoint_stays(tiny: Make) -> None:
    # So high a learning rate that the first epochs are the best.
    config = tiny(num_epochs=50, val_fraction=0.3, early_stopping=6, lr=0.02, keep_checkpoints=2,
                  checkpoint_every=100, sample_every=100)  # fmt: skip
    result = run_vae_training(config)
    assert result.gave_up and not result.stopped and result.best is not None
    assert result.epoch == result.best.epoch + 6 < 50
    assert "ended early" in result_words(result)[1]
    lowest = min(record.val_loss or 0 for record in result.history)
    assert result.best.val_loss == lowest
    files = checkpoint_files(Path(config.model_save_dir))
    epochs = [len(load(path)[1].history) for _number, path in files]
    assert epochs[0] == result.epoch and result.best.epoch in epochs
    # It can be taken: measured, it has that epoch's figures.
    folder = Path(config.model_save_dir)
    found = evaluate(folder, print, k=1, best=True)
    assert found.epoch == result.best.epoch and found.measures["psnr"] == result.best.psnr
    assert evaluate(folder, print, k=1).epoch == result.epoch
    # And it is over for good; the last epoch has its pictures.
    assert (Path(config.output_dir) / samples_name(result.epoch)).exists()
    again = run_vae_training(config)
    assert not again.trained and again.gave_up
    # What ends with the last epoch does not end early.
    whole = dataclasses.replace(config, num_epochs=result.epoch)
    assert not run_vae_training(whole).gave_up
    # The sequence number alone tells the newest; the best is only kept.
    assert files[0][1].name == checkpoint_name(files[0][0], result.epoch)


def test_early_stopping_asks_for_images_to_measure_on(tiny: Make) -> None:
    with pytest.raises(ConfigError, match=r"val_fraction of 0\.1"):
        tiny(early_stopping=3)


def test_a_pattern_that_is_none_is_refused(tiny: Make) -> None:
    with pytest.raises(ConfigError, match=r"group_pattern person\(\[0-9\] is no regular"):
        tiny(group_pattern="person([0-9]")


def test_averaged_weights_make_the_pictures_and_are_what_is_loaded(tiny: Make) -> None:
    config = tiny(ema=0.9, num_epochs=2)
    run_vae_training(config)
    path = checkpoint_files(Path(config.model_save_dir))[0][1]
    tensors, _record = load(path)
    model = load_model(path.parent, lambda text: None).model
    for name, weight in model.named_parameters():
        assert (weight.detach().numpy() == tensors[f"average.{name}"]).all()
    names = [name for name, _weight in model.named_parameters()]
    assert any((tensors[f"average.{n}"] != tensors[f"model.{n}"]).any() for n in names)


def test_averaging_can_begin_and_end_with_a_resume(tiny: Make) -> None:
    run_vae_training(tiny(num_epochs=1))
    run_vae_training(tiny(num_epochs=2, ema=0.5))
    run_vae_training(tiny(num_epochs=3))
    names = load(checkpoint_files(Path(tiny().model_save_dir))[0][1])[0]
    assert not [name for name in names if name.startswith("average.")]


def test_the_balanced_weight_is_logged_and_goes_with_the_error(tiny: Make) -> None:
    records, _events = train(tiny(kl_balance="auto", num_epochs=6, lr=0.003))
    betas = [record.beta or 0 for record in records]
    assert betas[0] > betas[-1] > 0
    pixels = 16 * 16 * 3
    last = records[-1]
    assert betas[-1] == pytest.approx(2 * 5 * 4 * last.reconstruction_loss / pixels, rel=0.3)


def test_kl_warm_up_raises_the_weight_from_nothing(tiny: Make) -> None:
    records, _events = train(tiny(kl_warmup=2, batch_size=6))
    assert [record.beta for record in records] == pytest.approx([0.125, 0.625, 1.0])


def test_clipping_bounds_the_step(tiny: Make) -> None:
    # Adam does not see the scale of gradients, but with a norm of nothing there is no direction.
    whole, _events = train(tiny("whole", num_epochs=2))
    clipped, _events = train(tiny("clipped", num_epochs=2, clip_norm=1e-9))
    assert clipped[1].loss > whole[1].loss


def test_all_measures_are_in_the_record_and_the_distance_where_samples_are(tiny: Make) -> None:
    records, _events = train(tiny(val_fraction=0.3, num_epochs=2, sample_every=2))
    for r in records:
        assert r.psnr is not None and 0 < r.psnr < 60
        assert r.ssim is not None and -1 <= r.ssim <= 1
        assert r.sharpness is not None and r.sharpness >= 0
        assert r.checkerboard is not None and r.checkerboard > 0
        assert r.dead_channels is not None and 0 <= r.dead_channels < 1
        assert r.active_units is not None and 0 <= r.active_units <= 4
    assert records[0].swd is None
    assert records[1].swd is not None and 0 < records[1].swd < 255


def test_only_one_sample_at_a_time_is_large(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    real, sizes = validation.to_device, list[int]()

    def to_device(batch: np.ndarray, device: torch.device) -> torch.Tensor:
        sizes.append(len(batch))
        return real(batch, device)

    monkeypatch.setattr(validation, "to_device", to_device)
    train(tiny(num_epochs=1))
    assert sizes == [1] * 64


def test_measuring_changes_nothing_of_the_training(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, _events = train(tiny("measured"))
    monkeypatch.setattr(training, "measure", lambda *arguments: {})
    plain, _events = train(tiny("plain"))
    assert [r.loss for r in measured] == [r.loss for r in plain]
    ends = [load(checkpoint_files(Path(tiny(name).model_save_dir))[0][1])[0]
            for name in ("measured", "plain")]  # fmt: skip
    for name, weights in ends[0].items():
        assert (weights == ends[1][name]).all()


def test_a_measure_without_a_finite_value_is_left_out(tiny: Make, images: Path) -> None:
    for i, path in enumerate(sorted(images.iterdir())):
        Image.new("RGB", (20, 20), (10 * i, 90, 20 * i)).save(path)
    records, _events = train(tiny(num_epochs=1))
    assert records[0].sharpness is None and records[0].psnr is not None


def test_fewer_of_large_images_are_looked_at_in_detail(tiny: Make) -> None:
    assert [most_detailed(tiny(img_size=side)) for side in (64, 512, 2048)] == [64, 21, 4]


def test_a_validation_loss_that_is_not_finite_ends_nothing(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = validation.vae_loss

    def infinite(*arguments: Any) -> Any:
        loss = real(*arguments)
        return loss._replace(total=loss.total + float("inf"))

    config = tiny(val_fraction=0.3, num_epochs=2)
    monkeypatch.setattr(validation, "vae_loss", infinite)
    run_vae_training(dataclasses.replace(config, num_epochs=1))
    monkeypatch.undo()
    result = run_vae_training(config)
    assert [record.val_loss is None for record in read_log(Path(config.log_file))] == [True, False]
    assert result.best is not None and result.best.epoch == 2


def test_of_many_images_as_many_are_looked_at_in_detail(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "MOST_IMAGES", 40)
    monkeypatch.setattr(validation, "DETAILED", 16)
    seen: list[int] = []
    monkeypatch.setattr(validation, "ssim", lambda a, b: float(seen.append(len(a)) or 0.5))
    folder = make_images(tmp_path / "many", 140)
    train(tiny(file_path=str(folder), val_fraction=0.5, num_epochs=1))
    assert seen == [16]


def test_memory_that_runs_out_while_measuring_loses_no_epoch(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> dict[str, float]:
        raise MemoryError

    broken, whole = (tiny(name, num_epochs=2, checkpoint_every=9) for name in ("broken", "whole"))
    monkeypatch.setattr(training, "measure", full)
    with pytest.raises(TrainingError, match="emory"):
        run_vae_training(broken)
    _tensors, record = load(checkpoint_files(Path(broken.model_save_dir))[0][1])
    assert (len(record.history), record.images_done) == (0, 12)
    monkeypatch.undo()
    run_vae_training(broken)
    run_vae_training(whole)
    assert_same_end(broken, whole)


def test_a_pattern_that_leaves_images_ungrouped_is_told(tiny: Make) -> None:
    for pattern, told in (("person[0-9]+", True), ("image_0[0-9]([0-9])", False)):
        config = tiny(pattern[:5], num_epochs=1, val_fraction=0.4, group_pattern=pattern)
        notes = [event.message for event in train(config)[1] if isinstance(event, Warned)]
        assert any("12 of the 12" in note and "too good" in note for note in notes) == told


def test_names_that_tell_of_patients_are_told_where_no_pattern_keeps_them_together(
    tiny: Make, images: Path
) -> None:
    for i, path in enumerate(sorted(images.iterdir())):
        path.rename(path.with_name(f"patient{i // 2}_{i}.png"))
    pattern = r"(?i)patient[ _-]?\d+"
    for place, values, told in (
        ("no pattern", {"val_fraction": 0.4}, True),
        ("all learned from", {}, False),
        ("pattern", {"val_fraction": 0.4, "group_pattern": pattern}, False),
    ):
        _result, events = train(tiny(place, num_epochs=1, **values))
        notes = [event.message for event in events if isinstance(event, Warned)]
        assert [pattern in note for note in notes if "6 patients" in note] == [True] * told
    # A run that goes on cannot take another pattern.
    _result, events = train(tiny("no pattern", num_epochs=2, val_fraction=0.4))
    assert not any("6 patients" in event.message for event in events if isinstance(event, Warned))
