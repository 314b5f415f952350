from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.test_training import assert_same_end, stop_after
from vae import samplers
from vae.checkpoint import checkpoint_files, load
from vae.cli import main
from vae.config import TrainConfig
from vae.decoding import DataError
from vae.drawing import draw
from vae.files import SAMPLER_NAME, samples_name
from vae.samples import fixed_latents
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
FACTS = samplers.fitted_to("gmm", "abc", 3, 0)


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
    samplers.save(tmp_path / "s", sampler, FACTS)
    found = samplers.load(tmp_path / "s", FACTS)
    assert found is not None
    assert torch.equal(found.draw(9, 1.0, random()), sampler.draw(9, 1.0, random()))
    for name, other in (("epoch", 4), ("images_done", 1), ("data", "x"), ("sampler", "gaussian")):
        assert samplers.load(tmp_path / "s", {**FACTS, name: other}) is None
    assert samplers.load(tmp_path / "none", FACTS) is None


def test_a_damaged_or_crafted_file_counts_as_none(tmp_path: Path) -> None:
    path, sampler = tmp_path / "s", samplers.fit("gmm", two_heaps(), 0)
    samplers.save(path, sampler, FACTS)
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        for damaged in (whole[:place], whole[:place] + b"\xff\x00" + whole[place + 2 :]):
            path.write_bytes(damaged)
            if found := samplers.load(path, FACTS):  # a byte that is not looked at
                assert found.draw(2, 1.0, random()).isfinite().all()
    infinite = np.full_like(sampler.centre, np.inf)
    wrong = [
        {"centre": sampler.centre[:2]}, {"centre": infinite}, {"weights": -sampler.weights},
        {"factors": sampler.factors[:1]}, {"basis": sampler.basis.astype(np.float64)},
    ]  # fmt: skip
    for part in wrong:
        samplers.save(path, dataclasses.replace(sampler, **part), FACTS)
        assert samplers.load(path, FACTS) is None
    np.savez(tmp_path / "pickled.npz", facts=np.array([object()], dtype=object))
    assert samplers.load(tmp_path / "pickled.npz", FACTS) is None


def test_a_fitted_sampler_changes_the_samples_and_not_the_weights(tiny: Make) -> None:
    grids, ends = [], []
    for kind in ("prior", "gaussian", "gmm"):
        config = tiny(kind, num_epochs=2, sampler=kind)
        run_vae_training(config)
        grids.append((Path(config.output_dir) / samples_name(2)).read_bytes())
        path = checkpoint_files(Path(config.model_save_dir))[0][1]
        ends.append(load(path)[0])
        assert (path.parent / SAMPLER_NAME).exists() == (kind != "prior")
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
    beside = draw(folder, out, 7, print).path.read_bytes()
    # Without the file it is fitted anew, with the same result; without the images it cannot be.
    (folder / SAMPLER_NAME).unlink()
    assert draw(folder, out, 7, print).path.read_bytes() == beside
    extra = next(images.iterdir())
    shutil.copy(extra, images / f"zz{extra.suffix}")
    (images / f"zz{extra.suffix}").write_bytes(extra.read_bytes())
    next(images.iterdir()).unlink()
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
    assert main(["sample", *where, "--temperature", "-1"]) == 2
    assert "temperature -1.0 must be greater than 0" in capsys.readouterr().err
