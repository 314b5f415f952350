from __future__ import annotations

import errno
import itertools
import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.faults import unreachable
from tests.test_fidelity import network_file
from vae import evaluation
from vae.cli import main
from vae.config import TrainConfig
from vae.decoding import DataError
from vae.errors import StopRequested
from vae.evaluation import evaluate, facts, table
from vae.events import Progress
from vae.files import SAMPLER_NAMES
from vae.training import run_vae_training
from vae.validation import measures_of
from vae.words import PHASES

Make = Callable[..., TrainConfig]


@pytest.mark.parametrize("kl_balance", ["fixed", "auto"])
def test_a_checkpoint_is_measured_on_the_images_held_out(tiny: Make, kl_balance: str) -> None:
    config = tiny(val_fraction=0.5, num_epochs=2, kl_balance=kl_balance)
    last = run_vae_training(config).history[-1]
    folder, notes = Path(config.model_save_dir), list[str]()
    found = evaluate(folder, notes.append, k=5, seed=3)
    assert found.held_out and found.epoch == 2 and not notes
    assert found.images == found.samples == 12 - last.images
    # The training measured the same images in the same way.
    assert found.measures["psnr"] == last.psnr and found.measures["ssim"] == last.ssim
    assert found.losses["loss"] == pytest.approx(last.val_loss)
    assert len(found.kl_per_dimension) == 4 and min(found.kl_per_dimension) >= 0
    assert math.isfinite(found.iwae_bound) and 0 < found.iwae_bits < 20
    assert found.memorisation.pixels.share is not None
    assert "not far below those held out" in table(found)
    assert evaluate(folder, notes.append, k=5, seed=3) == found
    assert evaluate(folder, notes.append, k=5, seed=4).measures["swd"] != found.measures["swd"]


def test_without_validation_images_it_says_that_it_took_others(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    found = evaluate(Path(config.model_save_dir), print, count=9, k=2)
    assert not found.held_out and found.images == 9
    assert found.memorisation.latents.share is None
    assert "9 training images (the numbers are too good)" in table(found)
    assert "Nearest training image by pixels" in table(found) and "held out" not in table(found)
    # Of a few images it is chance which of them are near to a sample.
    assert found.prdc is None and "not told of fewer than 40 images" in table(found)
    monkeypatch.setattr(evaluation, "FEWEST_COMPARED", 9)
    found = evaluate(Path(config.model_save_dir), print, count=9, k=2)
    assert found.prdc is not None and 0 <= found.prdc.recall <= 1
    assert json.loads(json.dumps(facts(found), allow_nan=False))["prdc"]["recall"] >= 0


def test_images_that_are_gone_are_named_and_others_are_told(tiny: Make, images: Path) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    folder, notes = Path(config.model_save_dir), list[str]()
    Image.new("RGB", (20, 20)).save(images / "new.png")
    evaluate(folder, notes.append, k=1)
    assert len(notes) == 1 and "changed, added or removed" in notes[0]
    with (
        unreachable({images: errno.ESTALE}),
        pytest.raises(DataError, match=r"no longer in .* connect its drive"),
    ):
        evaluate(folder, notes.append)
    shutil.rmtree(images)
    with pytest.raises(DataError, match="no longer in"):
        evaluate(folder, notes.append)


def test_it_can_be_stopped(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    with pytest.raises(StopRequested):
        evaluate(Path(config.model_save_dir), print, should_stop=lambda: True)


def test_how_far_it_is_is_told_phase_by_phase(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(num_epochs=1, val_fraction=0.5, batch_size=4, sampler="gaussian")
    images = run_vae_training(config).history[-1].images
    monkeypatch.setattr(evaluation, "PROGRESS_SECONDS", -1.0)
    (Path(config.model_save_dir) / SAMPLER_NAMES["gaussian"]).unlink()  # so that it is fitted anew
    told: list[Progress] = []
    evaluate(Path(config.model_save_dir), print, k=2, emit=told.append)
    assert {progress.phase for progress in told} <= PHASES.keys()
    phases = [phase for phase, _steps in itertools.groupby(told, key=lambda p: p.phase)]
    assert [phase for phase in phases if phase != "decode"] == [
        "scan", "encode", "sample", "read", "reconstruct", "bound", "encode", "nearest", "encode",
    ]  # fmt: skip
    nearest = [(p.done, p.total) for p in told if p.phase == "nearest"]
    assert nearest == [(first, images) for first in range(0, images, 4)]
    assert all(p.done < p.total for p in told if p.phase not in ("scan", "decode"))


def test_a_stop_does_not_wait_for_the_bound_of_a_batch(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=1)  # of twelve images, which are one batch
    run_vae_training(config)
    monkeypatch.setattr(evaluation, "PROGRESS_SECONDS", -1.0)
    monkeypatch.setattr("vae.metrics.DECODED", 1)
    told: list[Progress] = []
    with pytest.raises(StopRequested):
        evaluate(
            Path(config.model_save_dir), print, k=2, emit=told.append,
            should_stop=lambda: bool(told) and told[-1] == Progress("bound", 2, 12),
        )  # fmt: skip


def test_the_terminal_shows_a_bar_where_somebody_looks(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    command = ["evaluate", f"--model_save_dir={config.model_save_dir}", "--k=2", "--json"]
    assert main(command) == 0
    quiet = capsys.readouterr()
    monkeypatch.setattr(evaluation, "PROGRESS_SECONDS", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(command) == 0
    watched = capsys.readouterr()
    assert quiet.err == "" and watched.out == quiet.out
    for phase in ("sample", "reconstruct", "bound", "nearest"):
        assert PHASES[phase] in watched.err


def test_the_terminal_prints_a_table_or_all_as_json(
    tiny: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(num_epochs=1, val_fraction=0.5)
    run_vae_training(config)
    command = ["evaluate", f"--model_save_dir={config.model_save_dir}", "--k=2"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Epoch 1, ") and "held-out images" in lines[0]
    assert any(line.startswith("PSNR ") and " dB " in line for line in lines)
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["measures"]["psnr"] > 0 and len(told["memorisation"]["pixels"]["pairs"]) > 0
    assert told["frechet"] is None and told["copies"] is None
    assert "image_0" not in json.dumps(told)


def test_the_distance_by_a_network_of_ones_own_is_told(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    command = ["evaluate", f"--model_save_dir={config.model_save_dir}", "--k=2"]
    path = network_file(tmp_path)
    assert main([*command, f"--fid_network={path}"]) == 0
    assert "Fréchet distance" in capsys.readouterr().out
    assert main([*command, f"--fid_network={tmp_path / 'none.pt'}"]) == 1
    assert "none.pt" in capsys.readouterr().err


def test_a_checkpoint_knows_its_images_from_any_folder(
    tiny: Make, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(images.parent)
    config = tiny(file_path=images.name, num_epochs=1)
    run_vae_training(config)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert evaluate(Path(config.model_save_dir), print, k=1).images == 12


def test_losses_that_are_not_finite_leave_the_rest(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_losses(*arguments: Any, **named: Any) -> dict[str, float]:
        found = measures_of(*arguments, **named)
        return {name: value for name, value in found.items() if not name.startswith("val_")}

    config = tiny(num_epochs=1)
    run_vae_training(config)
    monkeypatch.setattr(evaluation, "measures_of", without_losses)
    found = evaluate(Path(config.model_save_dir), print, k=2)
    assert not found.losses and math.isfinite(found.iwae_bound)
    assert "PSNR" in table(found)
    json.dumps(facts(found), allow_nan=False)
