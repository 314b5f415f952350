"""Gradients whose memory is used again in each step."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def reuse_memory(model: nn.Module) -> None:
    """Compute the gradients of linear layers' weights, for training on the CPU in float32.

    Into memory that each keeps; they equal autograd's. Autograd asks the system for their memory
    anew in each step, which then has to be zeroed page by page: a fifth of a step at the defaults,
    where they take 150 MB. Each backward pass replaces them, so that they cannot be accumulated
    over several.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.requires_grad_(False)  # autograd leaves it out
            _fill_after_backward(layer, torch.empty_like(layer.weight))


def _fill_after_backward(layer: nn.Linear, memory: Tensor) -> None:
    """Have a layer's weight gradient, (out_features, in_features), written into memory."""

    def follow(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        if not output.requires_grad:
            return
        x = inputs[0].detach()

        def fill(gradient: Tensor) -> None:
            layer.weight.grad = torch.mm(gradient.t(), x, out=memory)

        output.register_hook(fill)  # type: ignore[no-untyped-call]

    layer.register_forward_hook(follow)
