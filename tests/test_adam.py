from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn import Parameter

from vae.adam import Adam
from vae.demo import make_demo_data


def network() -> torch.nn.Sequential:
    torch.manual_seed(1)
    layers = torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.Conv2d(8, 1, 3)
    return torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)


def batches(count: int) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    for _ in range(count):
        yield torch.rand(4, 3, 8, 8, generator=generator)


def assert_equal(ours: list[Parameter], theirs: list[Parameter]) -> None:
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("fused", [True, False])
def test_its_steps_are_those_of_torch_optim(fused: bool) -> None:
    model, other = network(), network()
    ours = Adam(model.parameters(), 1e-2)
    assert ours.fused  # as on a GPU
    ours.fused = fused
    theirs = torch.optim.Adam(other.parameters(), 1e-2, fused=fused)
    for number, x in enumerate(batches(5)):
        ours.lr = theirs.param_groups[0]["lr"] = 1e-2 / (1 + number)
        for optimizer, net in ((ours, model), (theirs, other)):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
    assert_equal(list(model.parameters()), list(other.parameters()))
    for index, parameter in enumerate(other.parameters()):
        state = theirs.state[parameter]
        assert ours.steps[index] == state["step"] == 5
        for moment in ("exp_avg", "exp_avg_sq"):
            mine = getattr(ours, moment)[index]
            torch.testing.assert_close(mine, state[moment], rtol=0, atol=0)
            assert mine.stride() == state[moment].stride()


@pytest.mark.parametrize("fused", [True, False])
def test_a_step_with_found_inf_changes_nothing(fused: bool) -> None:
    model = network()
    optimizer = Adam(model.parameters(), 1e-2)
    optimizer.fused = fused
    for x, found in zip(batches(2), (0.0, 1.0), strict=True):
        before = [parameter.clone() for parameter in model.parameters()]
        optimizer.zero_grad()
        (model(x).mean() / (1 - found)).backward()  # with gradients that are not finite
        optimizer.found_inf = torch.tensor(found)
        optimizer.step()
    assert_equal([*model.parameters()], [Parameter(tensor) for tensor in before])
    assert all(step == 1 for step in optimizer.steps)
    assert all(moment.isfinite().all() for moment in optimizer.exp_avg_sq)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("unscaled", [True, False], ids=["unscaled first", "scaled"])
def test_a_grad_scaler_takes_it_for_torch_optim_s(fused: bool, unscaled: bool) -> None:
    model, other = network(), network()
    ours = Adam(model.parameters(), 1e-2)
    ours.fused = fused
    theirs = torch.optim.Adam(other.parameters(), 1e-2, fused=fused)
    scales = []
    for optimizer, net in ((ours, model), (theirs, other)):
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        for number, x in enumerate(batches(4)):
            optimizer.zero_grad()
            loss = net(x).square().mean() * (float("inf") if number == 2 else 1)
            scaler.scale(loss).backward()
            if unscaled:
                scaler.unscale_(optimizer)  # type: ignore[arg-type]
            scaler.step(optimizer)  # type: ignore[arg-type]
            scaler.update()
        scales.append(scaler.get_scale())
    assert scales == [512, 512]
    assert_equal(list(model.parameters()), list(other.parameters()))


def test_training_imports_no_compiler(tmp_path: Path) -> None:
    make_demo_data(tmp_path / "images", 4, 32)
    program = (
        "import sys; from vae.config import TrainConfig; from vae.training import run_vae_training;"
        "run_vae_training(TrainConfig(file_path='images', num_epochs=1, img_size=32, latent_dim=4,"
        " depth=2, base_channels=2, batch_size=2, val_fraction=0.25, clip_norm=1, threads=1));"
        "print([name for name in sys.modules if name.startswith('torch._dynamo')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr
