"""What a training will need, as runs like it have shown, or a few real steps on random data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from vae.adam import Adam
from vae.config import ConfigError, TrainConfig
from vae.devices import choose_device, choose_threads, describe
from vae.errors import StopRequested
from vae.language import _
from vae.loss import vae_loss
from vae.memory import check_memory, is_out_of_memory, needed_bytes
from vae.model import build_model

# The first step is of few images; one that counts is of as many as take about so long.
FEW_IMAGES = 2
STEP_SECONDS = 3.0
ENOUGH_SECONDS = 0.5  # that short steps are timed for together


@dataclass(frozen=True)
class Estimate:
    """Memory in bytes, 0 on a GPU, whose need is not known; seconds of an epoch; the device.

    The seconds are 0 as long as they are not known; `problem` says in a sentence why they cannot
    be. `run` says when a run like this one began, if the seconds are what its epochs took.
    """

    memory: int
    seconds: float
    device: str
    problem: str = ""
    run: str = ""


def estimate(
    config: TrainConfig,
    images: int,
    should_stop: Callable[[], bool],
    known: tuple[float, str] = (0.0, ""),
) -> Estimate:
    """Take the pace that is `known` of a run like this one (see vae.runs), or time a step of it.

    Raises StopRequested.
    """
    memory, name = 0, ""
    try:
        device, dtype = choose_device(config.device, config.precision)
        threads = choose_threads(config.threads)
        name = describe(device, threads, dtype)[0]
        if device.type == "cpu":
            memory = needed_memory(config)
            check_memory(config)
        torch.set_num_threads(threads)
        seconds, run = known
        seconds = seconds or _seconds_an_image(config, device, dtype, should_stop)
    except ConfigError as error:
        return Estimate(memory, 0, name, str(error))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        text = _("This network needs more memory than {device} has: take a smaller batch_size.")
        return Estimate(memory, 0, name, text.format(device=name))
    finally:
        torch.cuda.empty_cache()
    return Estimate(memory, seconds * images, name, run=run)


def needed_memory(config: TrainConfig) -> int:
    """Bytes that training needs on the CPU."""
    fixed, an_image = needed_bytes(config)
    return fixed + config.batch_size * an_image


def _seconds_an_image(
    config: TrainConfig,
    device: torch.device,
    dtype: torch.dtype,
    should_stop: Callable[[], bool],
) -> float:
    """Seconds for each image of a batch, forward, backward and the optimizer's step."""
    model = build_model(config).to(device).to(memory_format=torch.channels_last)
    optimizer = Adam(model.parameters(), config.lr)

    def step(images: int) -> float:
        """Seconds of a step; a first one of its size prepares much and says little."""
        if should_stop():
            raise StopRequested
        shape = (images, config.in_channels, config.img_size, config.img_size)
        began = time.perf_counter()
        x = torch.rand(shape, device=device).contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad()
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            recon, mu, logvar = model(x)
        loss = vae_loss(recon, x, mu, logvar, config)
        loss.total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        next(model.parameters()).sum().item()  # waits until a GPU is done
        return time.perf_counter() - began

    few = min(FEW_IMAGES, config.batch_size)
    step(few)
    images = min(config.batch_size, max(few, int(STEP_SECONDS * few / step(few))))
    step(images)
    steps, seconds = 0, 0.0
    while seconds < ENOUGH_SECONDS:
        seconds += step(images)
        steps += 1
    return seconds / (steps * images)
