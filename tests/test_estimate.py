from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from vae import estimate as module
from vae import memory
from vae.config import TrainConfig
from vae.errors import StopRequested
from vae.estimate import estimate
from vae.limits import FreeMemory

Make = Callable[..., TrainConfig]


def never() -> bool:
    return False


def test_an_epoch_of_twice_the_images_takes_twice_as_long(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_seconds_an_image", lambda *arguments: 0.5)
    assert [estimate(tiny(device="cpu"), n, never).seconds for n in (10, 20)] == [5, 10]


def test_what_a_run_like_it_took_is_not_timed(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_seconds_an_image", lambda *arguments: pytest.fail("timed"))
    found = estimate(tiny(device="cpu"), 20, never, (0.25, "2026-01-02 03:04"))
    assert (found.seconds, found.run) == (5, "2026-01-02 03:04") and found.memory


def test_steps_of_the_real_network_are_timed(tiny: Make) -> None:
    found = estimate(tiny(device="cpu"), 1000, never)
    fixed, an_image = memory.needed_bytes(tiny())
    assert 0 < found.seconds < 60
    assert (found.device, found.problem) == ("CPU", "")
    assert found.memory == fixed + 5 * an_image


def test_of_a_long_batch_only_a_part_is_timed(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP_SECONDS", 0)
    sizes: list[int] = []
    real = module.vae_loss

    def count(recon: torch.Tensor, *others: object) -> object:
        sizes.append(len(recon))
        return real(recon, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "vae_loss", count)
    estimate(tiny(device="cpu", batch_size=50), 1000, never)
    assert set(sizes) == {2}


def test_nothing_is_timed_where_memory_does_not_suffice(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(1000, False))
    monkeypatch.setattr(module, "_seconds_an_image", lambda *arguments: pytest.fail("timed"))
    found = estimate(tiny(device="cpu"), 10, never)
    assert "of memory" in found.problem
    assert (found.seconds, found.memory > 1000) == (0, True)


def test_memory_that_runs_out_is_told(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*arguments: object) -> float:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(module, "_seconds_an_image", run_out)
    assert "take a smaller batch_size" in estimate(tiny(device="cpu"), 10, never).problem


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="there is such a device")
def test_a_device_that_is_not_there_is_told(tiny: Make) -> None:
    assert "device mps is not available" in estimate(tiny(device="mps"), 10, never).problem


def test_an_estimate_stops_when_asked(tiny: Make) -> None:
    calls = iter([False, False, True])
    with pytest.raises(StopRequested):
        estimate(tiny(device="cpu"), 10, lambda: next(calls))
