from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf
from threadpoolctl import threadpool_limits

from tests.conftest import fail_saving
from tests.test_training import assert_same_end, stop_after
from vae import sampler_file, samplers
from vae.checkpoint import checkpoint_files, load
from vae.cli import main
from vae.config import PARAMETERS, TrainConfig
from vae.decoding import DataError
from vae.drawing import draw
from vae.events import EpochRecord, Trouble
from vae.explain import TrainingError
from vae.files import SAMPLER_NAMES, samples_name
from vae.header import DamagedError
from vae.model import VAE
from vae.samples import fixed_latents
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
ROW = EpochRecord(1, 0.5, 0.4, 0.3, 0.2, 0.001, 12, 1.0, 12.0)
FACTS = sampler_file.fitted_to("gmm", "abc", [ROW], 0)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_heaps(count: int = 400) -> np.ndarray:
    """Latents around (4, 4) and (-4, -4), and a third dimension that nobody uses."""
    noise = np.random.default_rng(0).normal(size=(count, 3)) * [0.5, 0.5, 0]
    sides = np.where(np.arange(count) % 3 == 0, 4, -4)[:, None] * [1, 1, 0]
    return (noise + sides).astype(np.float32)


def test_a_gaussian_has_the_mean_and_the_covariance_of_the_codes() -> None:
    root = np.array([[2, 0, 0], [1, 1, 0], [0, 0.5, 0.1]])
    codes = np.random.default_rng(0).normal(size=(5000, 3)) @ root.T + [1, -2, 3]
    drawn = samplers.fit("gaussian", codes, 0).draw(20_000, 1.0, random()).numpy()
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), root @ root.T, atol=0.15)


@pytest.mark.parametrize("shape", [(60, 5), (30, 80), (2, 4), (9, 1)])
def test_the_covariance_is_that_of_ledoit_and_wolf(shape: tuple[int, int]) -> None:
    codes = np.random.default_rng(0).normal(size=shape) @ np.diag(np.arange(shape[1]) + 1)
    s = samplers.fit("gaussian", codes, 0)
    across = np.eye(shape[1]) - s.directions.T @ s.directions
    covariance = (s.directions.T * s.scales**2) @ s.directions + s.rest**2 * across
    np.testing.assert_allclose(covariance, ledoit_wolf(codes)[0], rtol=1e-3, atol=1e-3)


def test_one_noise_is_near_one_latent_whatever_way_the_directions_point() -> None:
    codes = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)
    first, again = (
        samplers.fit("gaussian", c, 0).draw(64, 1.0, random()) for c in (codes, codes[1:])
    )
    assert (first - again).abs().max() < 0.1
    # Codes that fill N(0, I) give almost what the prior gives.
    assert (first - fixed_latents(64, 6, random())).abs().max() < 0.5


def test_codes_of_a_broken_network_leave_the_prior(tmp_path: Path) -> None:
    codes = np.full((20, 3), np.nan)
    sampler = samplers.fit("gmm", codes, 0)
    assert torch.equal(sampler.draw(9, 1.0, random()), fixed_latents(9, 3, random()))
    sampler_file.save(tmp_path / "s", sampler, FACTS)
    assert sampler_file.load(tmp_path / "s", FACTS) is not None
    codes[5:] = np.random.default_rng(0).normal(size=(15, 3))
    assert samplers.fit("gmm", codes, 0).draw(9, 1.0, random()).isfinite().all()


def test_the_fit_does_not_depend_on_the_number_of_threads_nor_change_it() -> None:
    codes = np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)
    fits, before = [], torch.get_num_threads()
    for threads in (1, 2):
        with threadpool_limits(threads):
            fits.append(samplers.fit("gmm", codes, 0))
    assert torch.get_num_threads() == before
    for name, part in vars(fits[0]).items():
        np.testing.assert_array_equal(part, getattr(fits[1], name))


def test_a_mixture_finds_both_heaps_and_nothing_between() -> None:
    sampler = samplers.fit("gmm", two_heaps(), 0)
    drawn = sampler.draw(3000, 1.0, random()).numpy()
    assert len(sampler.weights) == 2
    assert (drawn[:, 0] > 0).mean() == pytest.approx(1 / 3, abs=0.05)
    assert (np.abs(drawn[:, 0]) < 2).mean() < 0.01
    assert np.abs(drawn[:, 2]).max() < 0.2
    # One Gaussian puts many where no code is.
    single = samplers.fit("gaussian", two_heaps(), 0).draw(3000, 1.0, random()).numpy()
    assert (np.abs(single[:, 0]) < 2).mean() > 0.2


def test_few_images_take_diagonal_components_and_many_slanted_ones_full() -> None:
    noise = np.random.default_rng(0).normal(size=(900, 8))
    sides = np.where(np.arange(900) % 3 == 0, 6, -6)[:, None] * (np.arange(8) == 0)
    slanted = noise.copy()
    slanted[:, 1] = np.where(np.arange(900) % 3 == 0, 1, -1) * noise[:, 2] + 0.1 * noise[:, 1]
    for codes, full in ((noise[:90] + sides[:90], False), (slanted + sides, True)):
        factors = samplers.fit("gmm", codes, 0).factors
        assert len(factors) >= 2
        assert bool(np.any(factors * (1 - np.eye(8)))) == full


def test_a_low_temperature_stays_near_the_middle_of_each_heap() -> None:
    sampler = samplers.fit("gmm", two_heaps(), 0)
    cold, warm = (sampler.draw(1000, t, random()).numpy() for t in (0.1, 1.0))
    for side in (-4, 4):
        spread = [part[np.sign(part[:, 0]) == np.sign(side)][:, 0].std() for part in (cold, warm)]
        assert spread[0] == pytest.approx(0.1 * spread[1], rel=0.2)
    prior = samplers.latents(None, (5, 3), 0.5, random())
    assert torch.equal(prior, 0.5 * fixed_latents(5, 3, random()))


@pytest.mark.parametrize("kind", ["gaussian", "gmm"])
@pytest.mark.parametrize("shape", [(1, 4), (2, 4), (3, 1), (9, 40), (40, 9)])
def test_few_images_are_enough(kind: str, shape: tuple[int, int]) -> None:
    codes = np.random.default_rng(0).normal(size=shape)
    drawn = samplers.fit(kind, codes, 0).draw(50, 1.0, random())
    assert drawn.shape == (50, shape[1]) and drawn.isfinite().all()
    constant = samplers.fit(kind, np.ones(shape), 0).draw(5, 1.0, random())
    assert torch.allclose(constant, torch.ones(1), atol=1e-3)


def test_the_same_codes_and_seed_give_the_same_latents() -> None:
    first, second = (samplers.fit("gmm", two_heaps(), 2**63 - 1) for _ in range(2))
    assert torch.equal(first.draw(9, 1.0, random()), second.draw(9, 1.0, random()))


def test_a_sampler_comes_back_from_its_file(tmp_path: Path) -> None:
    sampler = samplers.fit("gmm", two_heaps(), 0)
    sampler_file.save(tmp_path / "s", sampler, FACTS)
    found = sampler_file.load(tmp_path / "s", FACTS)
    assert found is not None
    assert torch.equal(found.draw(9, 1.0, random()), sampler.draw(9, 1.0, random()))
    other = {"epoch": 4, "images_done": 1, "data": "x", "sampler": "gaussian", "loss": 0.51}
    assert other.keys() == FACTS.keys()
    for name, value in other.items():
        assert sampler_file.load(tmp_path / "s", {**FACTS, name: value}) is None
    assert sampler_file.load(tmp_path / "none", FACTS) is None


def test_a_damaged_or_crafted_file_is_refused(tmp_path: Path) -> None:
    path, sampler = tmp_path / "s", samplers.fit("gmm", two_heaps(), 0)
    sampler_file.save(path, sampler, FACTS)
    whole, drawn = path.read_bytes(), sampler.draw(2, 1.0, random())
    for place in range(0, len(whole), 5):
        for damaged in (
            whole[:place],
            whole[:place] + b"%c" % (whole[place] ^ 9) + whole[place + 1 :],
        ):
            path.write_bytes(damaged)
            with contextlib.suppress(DamagedError):
                found = sampler_file.load(path, FACTS)  # a byte that is not looked at, if at all
                assert found is None or torch.equal(found.draw(2, 1.0, random()), drawn)
    infinite = np.full_like(sampler.centre, np.inf)
    wrong = [
        {"centre": sampler.centre[:2]}, {"centre": infinite}, {"weights": -sampler.weights},
        {"factors": sampler.factors[:1]}, {"scales": sampler.scales.astype(np.float64)},
        {"rest": sampler.scales}, {"directions": sampler.directions[:1]},
    ]  # fmt: skip
    for part in wrong:
        sampler_file.save(path, dataclasses.replace(sampler, **part), FACTS)
        with pytest.raises(DamagedError):
            sampler_file.load(path, FACTS)
    pickled, packed = tmp_path / "pickled.npz", tmp_path / "packed.npz"
    np.savez(pickled, facts=np.array([object()], dtype=object))
    np.savez_compressed(packed, facts=np.array(json.dumps(FACTS)), **vars(sampler))
    for path in (pickled, packed):
        with pytest.raises(DamagedError):
            sampler_file.load(path, FACTS)


def test_each_kind_that_is_fitted_has_its_file() -> None:
    assert ("prior", *SAMPLER_NAMES) == PARAMETERS["sampler"].choices


def test_a_fitted_sampler_changes_the_samples_and_not_the_weights(tiny: Make) -> None:
    grids, ends = [], []
    for kind in ("prior", "gaussian", "gmm"):
        config = tiny(kind, num_epochs=2, sampler=kind)
        run_vae_training(config)
        grids.append((Path(config.output_dir) / samples_name(2)).read_bytes())
        path = checkpoint_files(Path(config.model_save_dir))[0][1]
        ends.append(load(path)[0])
        assert [p.name for p in path.parent.glob("sampler*")] == [
            name for of, name in SAMPLER_NAMES.items() if of == kind
        ]
    assert len(set(grids)) == 3
    for name, weights in ends[0].items():
        np.testing.assert_array_equal(weights, ends[1][name])


@pytest.mark.parametrize("calls", [3, 9, 11, 13, 16, 20])
def test_a_stopped_run_draws_the_same_samples(tiny: Make, calls: int) -> None:
    values = {"num_epochs": 2, "sampler": "gmm", "val_fraction": 0.3}
    whole, broken = tiny("whole", **values), tiny("broken", **values)
    run_vae_training(whole)
    run_vae_training(broken, should_stop=stop_after(calls))
    run_vae_training(broken)
    assert_same_end(whole, broken)
    for epoch in (1, 2):
        pictures = [Path(c.output_dir) / samples_name(epoch) for c in (whole, broken)]
        assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_other_samples_take_the_sampler_beside_the_checkpoint(
    tiny: Make, images: Path, tmp_path: Path
) -> None:
    config = tiny(num_epochs=1, sampler="gmm")
    run_vae_training(config)
    folder, out = Path(config.model_save_dir), tmp_path / "out"
    told: list[str] = []
    beside = draw(folder, out, 7, told.append).path.read_bytes()
    # Without the file it is fitted anew, with the same result; without the images it cannot be.
    kept = folder / SAMPLER_NAMES["gmm"]
    kept.write_bytes(b"damaged")
    assert draw(folder, out, 7, told.append).path.read_bytes() == beside
    assert len(told) == 1 and "sampler_gmm.npz cannot be used (it is not a sampler" in told[0]
    kept.unlink()
    assert draw(folder, out, 7, told.append).path.read_bytes() == beside
    assert len(told) == 1
    extra = next(images.iterdir())
    shutil.copy(extra, images / f"zz{extra.suffix}")
    (images / f"zz{extra.suffix}").write_bytes(extra.read_bytes())
    next(images.iterdir()).unlink()
    assert draw(folder, out, 7, print).path.read_bytes() == beside  # by the one that was kept
    kept.unlink()
    with pytest.raises(DataError, match="Bring them back, or take the sampler prior"):
        draw(folder, out, 7, print)
    prior = draw(folder, out, 7, print, values={"sampler": "prior"})
    assert "prior" in prior.path.name and prior.path.read_bytes() != beside


def test_the_terminal_takes_any_sampler(
    tiny: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    where = [f"--model_save_dir={config.model_save_dir}", f"--output_dir={tmp_path / 'o'}"]
    for kind in ("prior", "gaussian", "gmm"):
        assert main(["sample", *where, "--sampler", kind, "--temperature", "0.8"]) == 0
    assert len(list((tmp_path / "o").iterdir())) == 3
    for name in SAMPLER_NAMES.values():
        assert (Path(config.model_save_dir) / name).is_file()
    assert main(["sample", *where, "--temperature", "-1"]) == 2
    assert "temperature -1.0 must be greater than 0" in capsys.readouterr().err


def test_a_grid_at_another_temperature_has_another_name(tiny: Make, tmp_path: Path) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    folder = Path(config.model_save_dir)
    names = {
        draw(folder, tmp_path, 7, print, values={"temperature": warmth}).path.name
        for warmth in (1.0, 0.8)
    }
    assert names == {
        "sample_prior_seed_7_epoch_0001.png", "sample_prior_temperature_0.8_seed_7_epoch_0001.png"
    }  # fmt: skip


def test_weights_that_are_not_finite_are_told_of_with_any_sampler(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = samplers.encoded

    def encoded(model: VAE, *arguments: Any) -> np.ndarray:
        model.fc_mu.bias.data.fill_(np.nan)  # behind the loss's back
        return encode(model, *arguments)

    monkeypatch.setattr(samplers, "encoded", encoded)
    with pytest.raises(TrainingError, match="weights became NaN"):
        run_vae_training(tiny(num_epochs=1, sampler="gmm"))


def test_a_sampler_makes_no_checkpoint_folder_that_is_gone(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its drive may be back in a moment; a folder in its place would be taken for it."""
    config = tiny(num_epochs=2, sampler="gaussian")
    folder, encode = Path(config.model_save_dir), samplers.encoded

    def encoded(*arguments: Any) -> np.ndarray:
        if folder.exists():
            folder.rename(folder.with_name("away"))
        return encode(*arguments)

    monkeypatch.setattr(samplers, "encoded", encoded)
    with pytest.raises(TrainingError):
        run_vae_training(config)
    assert not folder.exists()


def test_a_sampler_follows_the_checkpoints_to_another_folder(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tiny(num_epochs=2, sampler="gaussian")
    fail_saving(monkeypatch, after=0, until=1)
    other = tmp_path / "other"

    def move(trouble: Trouble) -> Path:
        other.mkdir(exist_ok=True)
        return other

    run_vae_training(config, decide=move)
    told: list[str] = []
    (Path(config.file_path)).rename(tmp_path / "images_gone")
    assert draw(other, tmp_path / "out", 1, told.append).epoch == 2  # the images are not needed
    assert not told
