from __future__ import annotations

import pytest
import torch

from vae import devices
from vae.config import ConfigError
from vae.devices import choose_device, choose_threads, describe


def test_auto_takes_the_gpu_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(torch, "set_float32_matmul_precision", asked.append)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(devices.torch.cuda, "is_available", lambda: True)
    assert choose_device("auto", "auto") == (torch.device("cuda"), torch.float16)
    assert torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.allow_tf32
    assert asked == ["high"]
    assert choose_device("cpu", "auto") == (torch.device("cpu"), torch.float32)
    monkeypatch.setattr(devices.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices.torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto", "bfloat16") == (torch.device("cpu"), torch.bfloat16)
    with pytest.raises(ConfigError, match="take auto or cpu"):
        choose_device("cuda", "auto")


def test_threads_are_as_asked_else_the_checkpoints_else_automatic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(devices, "cores", lambda: 4)
    assert choose_threads(0) == 4
    assert choose_threads(7, 2) == 7
    assert choose_threads(0, 2) == 2
    assert choose_threads(0, 63) == 4  # of a larger computer
    monkeypatch.setattr(devices, "cores", lambda: 16)
    assert choose_threads(0) == 15  # one is left to the window


def test_the_device_is_described_for_a_person() -> None:
    assert describe(torch.device("cpu"), 1, torch.bfloat16) == ("CPU", "1 thread", "bfloat16")
