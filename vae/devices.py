"""Where a run computes, with how many threads, in which number format."""

from __future__ import annotations

import torch

from vae.config import ConfigError
from vae.language import _
from vae.limits import cores

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    """Resolve "auto": the GPU if there is one; float16 on CUDA, float32 elsewhere.

    Raises ConfigError when the named device is not there.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        device = next(name for name, there in present.items() if there)
    elif not present[device]:
        problem = _("device {name} is not available here: take auto or cpu.")
        raise ConfigError({"device": problem.format(name=device)})
    if precision == "auto":
        precision = "float16" if device == "cuda" else "float32"
    if device == "cuda":
        # Shapes repeat, so that searching for the fastest convolution pays.
        torch.backends.cudnn.benchmark = True
        # TensorFloat-32, in products of matrices and in convolutions.
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
    return torch.device(device), PRECISIONS[precision]


def choose_threads(asked: int, checkpoint: int = 0) -> int:
    """CPU threads: as asked, else the checkpoint's (a resume is exact only then), else automatic.

    A checkpoint's count beyond the cores that can be used does not count. With more than four
    cores one is left to the window.
    """
    if asked:
        return asked
    usable = cores()
    if 0 < checkpoint <= usable:
        return checkpoint
    return usable - 1 if usable > 4 else usable


def describe(device: torch.device, threads: int, dtype: torch.dtype) -> tuple[str, str, str]:
    """Device, detail and precision in English: "CPU", "2 threads", "float32"."""
    precision = str(dtype).removeprefix("torch.")
    if device.type == "cuda":
        return torch.cuda.get_device_name(device), "CUDA", precision
    if device.type == "mps":
        return "Apple GPU", "MPS", precision
    return "CPU", f"{threads} thread{'s' if threads > 1 else ''}", precision
