"""A run's state between memory and checkpoint: tensors by name, checked before they are copied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vae.checkpoint import CheckpointError, MismatchError, Record
from vae.config import PARAMETERS, TrainConfig
from vae.model import VAE

SUMS = "epoch_sums"
MOMENTS = ("exp_avg", "exp_avg_sq")


class NonFiniteError(Exception):
    """The state holds NaN or infinity and was not saved."""


def snapshot(
    model: VAE, optimizer: torch.optim.Optimizer, sums: torch.Tensor
) -> dict[str, np.ndarray]:
    """Weights, Adam's moments and the running epoch's loss sums, on the CPU.

    Raises NonFiniteError, so that no checkpoint ever holds NaN or infinity.
    """
    tensors: dict[str, torch.Tensor] = {f"model.{name}": p for name, p in model.named_parameters()}
    for name, parameter in model.named_parameters():
        for moment in MOMENTS:
            if parameter in optimizer.state:
                tensors[f"optimizer.{name}.{moment}"] = optimizer.state[parameter][moment]
    tensors[SUMS] = sums
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise NonFiniteError(f"{name} is not finite")
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}


@torch.no_grad()
def restore(
    tensors: Mapping[str, np.ndarray],
    record: Record,
    model: VAE,
    optimizer: torch.optim.Optimizer,
    sums: torch.Tensor,
) -> None:
    """Copy a checkpoint's tensors into the run. Raises CheckpointError if one does not fit."""
    expected: dict[str, torch.Tensor] = {SUMS: sums}
    states: dict[torch.Tensor, dict[str, torch.Tensor]] = {}
    fused = bool(optimizer.defaults.get("fused"))
    for name, parameter in model.named_parameters():
        expected[f"model.{name}"] = parameter
        if record.optimizer_steps:
            step = torch.tensor(float(record.optimizer_steps))
            states[parameter] = {"step": step.to(parameter.device) if fused else step}
            for moment in MOMENTS:
                # zeros_like keeps the memory layout that an unbroken run's moments have.
                states[parameter][moment] = torch.zeros_like(parameter)
                expected[f"optimizer.{name}.{moment}"] = states[parameter][moment]
    if tensors.keys() != expected.keys():
        raise CheckpointError("The checkpoint's tensors are not those of this network.")
    for name, target in expected.items():
        source = tensors[name]
        if source.shape != tuple(target.shape) or source.dtype.kind != "f":
            raise CheckpointError(f"The checkpoint's tensor {name} has another shape or type.")
        if not np.isfinite(source).all():
            raise CheckpointError(f"The checkpoint's tensor {name} is not finite.")
    for name, target in expected.items():
        target.copy_(torch.from_numpy(np.array(tensors[name])))
    optimizer.state.update(states)


def optimizer_steps(optimizer: torch.optim.Optimizer) -> int:
    """Adam's step count, equal for all parameters."""
    steps = [int(state["step"]) for state in optimizer.state.values()]
    return steps[0] if steps else 0


def check_same_run(config: TrainConfig, data: str, count: int, record: Record, path: Path) -> None:
    """Refuse a checkpoint of another architecture, seed or data set. Raises MismatchError."""
    problems: dict[str, str] = {}
    for name, facts in PARAMETERS.items():
        now, then = getattr(config, name), record.config.get(name)
        if facts.fixed and now != then:
            problems[name] = f"{name} is {now}, the checkpoint was made with {then}."
    if data != record.data:
        problems["file_path"] = f"The images differ: {record.images} then, {count} now" + (
            " (other names or sizes)." if record.images == count else "."
        )
    if problems:
        raise MismatchError(
            f"The checkpoint {path} belongs to another run, and was left untouched. "
            + " ".join(problems.values())
            + " Go back to those values, choose another model_save_dir, or start fresh.",
            problems,
        )


def changes_between(record: Record, config: TrainConfig) -> tuple[str, ...]:
    """What a resumed run changes, one sentence each; paths and output settings do not count."""
    changed: list[str] = []
    values: dict[str, Any] = config.to_dict()
    for name in ("num_epochs", "batch_size", "lr", "alpha", "beta", "gamma", "precision"):
        then, now = record.config.get(name), values[name]
        if then != now:
            changed.append(f"From epoch {len(record.history) + 1}: {name} {then} became {now}.")
    return tuple(changed)
