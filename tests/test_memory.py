from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vae import memory
from vae.config import ConfigError, TrainConfig
from vae.limits import FreeMemory
from vae.memory import check_memory, is_out_of_memory, needed_bytes
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


@pytest.mark.parametrize(
    "text",
    [
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes.",
        "MPS backend out of memory (MPS allocated: 1 GB)",
    ],
)
def test_memory_that_ran_out_is_recognized_on_every_system(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(
    ("values", "measured"),  # bytes at the peak of three steps, by resource.getrusage
    [
        ({"batch_size": 64}, 1.55e9),
        ({"img_size": 256, "batch_size": 32, "latent_dim": 128}, 1.63e9),
        ({"img_size": 512, "batch_size": 8}, 10.67e9),
        ({"img_size": 512, "batch_size": 16, "latent_dim": 64, "in_channels": 1}, 2.33e9),
        ({"img_size": 64, "batch_size": 512, "depth": 3}, 1.6e9),
        ({"batch_size": 64, "ema": 0.9}, 1.81e9),
        ({"batch_size": 64, "decoder": "upsample"}, 1.82e9),
        ({"img_size": 256, "batch_size": 32, "latent_dim": 128, "decoder": "upsample"}, 2.34e9),
        ({"img_size": 64, "batch_size": 256, "depth": 3, "decoder": "upsample"}, 1.64e9),
    ],
)
def test_the_estimate_is_near_what_was_measured(values: dict[str, Any], measured: float) -> None:
    config = TrainConfig(file_path=".", **values)
    fixed, an_image = needed_bytes(config)
    assert 0.95 < (fixed + config.batch_size * an_image) / measured < 1.35


def test_what_cannot_fit_is_refused_with_the_batch_size_that_does(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(size: int, limited: bool = False) -> None:
        monkeypatch.setattr(memory, "free_memory", lambda: FreeMemory(size, limited))

    large = TrainConfig(file_path=".", img_size=512, batch_size=64, latent_dim=64)
    fixed, an_image = needed_bytes(large)
    leave(fixed + 5 * an_image)
    with pytest.raises(ConfigError, match=r"take batch_size 5 or less") as caught:
        check_memory(large)
    assert list(caught.value.problems) == ["batch_size"]
    assert "container" not in str(caught.value)
    leave(fixed + 5 * an_image, limited=True)
    with pytest.raises(ConfigError, match="what this container or job is allowed to take"):
        check_memory(large)
    leave(1000)
    with pytest.raises(ConfigError, match="smaller img_size"):
        run_vae_training(tiny())


@pytest.mark.parametrize("text", ["CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED when"])
def test_memory_of_a_gpu_runs_out_in_other_words_too(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    assert not is_out_of_memory(RuntimeError("CUDA error: invalid argument"))
