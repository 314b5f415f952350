"""Whether a run fits into memory: said before the system kills it without a word."""

from __future__ import annotations

import torch

from vae.config import SHAPE, ConfigError, TrainConfig, parameter_count
from vae.language import _, joined, number
from vae.limits import free_memory

# A weight, its gradient and Adam's two moments, four bytes each.
BYTES_A_WEIGHT = 16
AVERAGE_BYTES = 4  # of the moving average of a weight
# The process with PyTorch, before it trains.
BYTES_AT_REST = 7 * 10**8
# Activations wait for the backward pass, and then have gradients and copies in other layouts.
COPIES = 3
NO_MEMORY = (
    "can't allocate memory",  # Linux, macOS
    "DefaultCPUAllocator: not enough memory",  # Windows
    "MPS backend out of memory",
    "CUDA error: out of memory",  # of pinned memory, and of the driver's own
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def check_memory(config: TrainConfig) -> None:
    """Raise ConfigError if training on the CPU needs more memory than is free.

    A GPU answers with an error that can be told; of a computer that runs out of memory, the system
    ends the process.
    """
    free, limited = free_memory()
    fixed, an_image = needed_bytes(config)
    needed = fixed + config.batch_size * an_image
    if needed <= free:
        return
    fitting = (free - fixed) // an_image
    if fitting >= 1:
        field, remedy = "batch_size", _("batch_size {size} or less").format(size=fitting)
    else:
        field, remedy = "img_size", _("a smaller img_size, latent_dim or base_channels")
    text = _(
        "{field}: this network needs about {needed} GB of memory at img_size {img_size} and "
        "batch_size {batch_size}, and {free} GB is free: take {remedy}, or close other programs."
    ).format(
        field=field,
        needed=number(needed / 1e9, ".1f"),
        img_size=config.img_size,
        batch_size=config.batch_size,
        free=number(max(free, 0) / 1e9, ".1f"),
        remedy=remedy,
    )
    if limited:
        more = _("No more is left of what this container or job is allowed to take.")
        text = joined(text, more)
    raise ConfigError({field: text})


def needed_bytes(config: TrainConfig) -> tuple[int, int]:
    """Bytes that training needs on the CPU at its peak: whatever the batch, and for each image.

    An estimate: at 12 shapes, from 3 % below to 30 % above what was measured.
    """
    weights = parameter_count(**{name: getattr(config, name) for name in SHAPE})
    widths = [config.in_channels] + [config.base_channels * 2**i for i in range(config.depth)]
    layers = [width * (config.img_size >> i) ** 2 for i, width in enumerate(widths)]
    activations = COPIES * (sum(layers[1:]) + sum(layers[:-1]))  # of the encoder, of the decoder
    if config.decoder == "upsample":  # its convolutions keep what was enlarged before them
        activations += 4 * sum(layers[1:])
    fixed = BYTES_A_WEIGHT + (AVERAGE_BYTES if config.ema else 0)
    return BYTES_AT_REST + fixed * weights, 4 * activations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: a GPU's, or the computer's own."""
    # PyTorch has a class of its own for CUDA's memory, but only words for the others'.
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
    )
