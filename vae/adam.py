"""Adam, computed by PyTorch's own function."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.nn import Parameter
from torch.optim.adam import adam


class Adam:
    """Adam of Kingma and Ba, "Adam: A Method for Stochastic Optimization" (arXiv 1412.6980).

    Its steps are those of `torch.optim.Adam` bit for bit, with the article's betas and epsilon.
    That class imports PyTorch's compiler at its first use, of which nothing here makes use: a
    thousand modules, 150 MB and more than a second.

    A GradScaler finds here what it asks an optimizer for: `param_groups`, and `grad_scale` and
    `found_inf`, which it sets for a step and deletes again.
    """

    grad_scale: torch.Tensor  # only while a GradScaler steps
    # 1 where a gradient is not finite: the step then changes nothing.
    found_inf: torch.Tensor | None = None

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        self.parameters, self.lr = list(parameters), lr
        self.param_groups = [{"params": self.parameters}]
        devices = {parameter.device for parameter in self.parameters}
        self.fused = all(device.type in ("cpu", "cuda") for device in devices)
        # In the parameters' memory layout, as the moments of an unbroken run have it.
        self.exp_avg = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.exp_avg_sq = [torch.zeros_like(parameter) for parameter in self.parameters]
        # Steps done, the same for all; without the fused kernel they are counted on the CPU.
        self.steps = [
            torch.zeros((), device=parameter.device if self.fused else "cpu")
            for parameter in self.parameters
        ]

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """Tells a GradScaler that the fused kernel skips a step itself, so that nothing waits."""
        return self.fused

    def zero_grad(self) -> None:
        """Let go of the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change each parameter by its gradient; nothing where `found_inf` is 1."""
        if not self.fused and self.found_inf is not None and self.found_inf:
            return
        adam(
            list[torch.Tensor](self.parameters),
            [p.grad for p in self.parameters if p.grad is not None],
            self.exp_avg,
            self.exp_avg_sq,
            [],
            self.steps,
            fused=self.fused,
            grad_scale=getattr(self, "grad_scale", None),
            found_inf=self.found_inf if self.fused else None,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.lr,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
