"""What the epochs done decide: the best one, weights, the learning rate, and whether to go on.

All are functions of the history and the parameters alone, so that a resumed run decides as an
unbroken one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from vae.config import TrainConfig, Value
from vae.events import EpochRecord

# Epochs without improvement after which plateau halves the learning rate, and how often at most.
PATIENCE, HALVINGS = 5, 10
# What cosine comes down to, as a share of the learning rate.
FLOOR = 0.01
TINY_MSE = 1e-12
# Of the parts of the loss: with others, a loss is another measure.
WEIGHTS = ("alpha", "beta", "gamma", "kl_balance", "free_bits")


def balance(alpha: float, latent_dim: int, values: int) -> float:
    """The KL weight at which the decoder's variance is the mean squared error, over that error.

    With a Gaussian decoder of variance s, D `values` in an image and both losses averaged, the
    negative bound is D / (2 s) * MSE + latent_dim * KL + const; alpha : beta is that ratio, and
    s = MSE is the best variance (Rybkin et al., "Simple and Effective VAE Training with Calibrated
    Decoders", 2021): beta = 2 alpha latent_dim MSE / D.
    """
    return 2 * alpha * latent_dim / values


def values_of_image(values: Mapping[str, Value]) -> int:
    """Number of values of an image, pixels times channels, of a run of these parameters."""
    return int(values["img_size"]) ** 2 * int(values["in_channels"])


def score(record: EpochRecord, values: Mapping[str, Value]) -> float:
    """How good an epoch was, lower is better: on validation images, if there are any.

    The loss at the weights that the run has now, whatever it had then. With kl_balance auto, which
    has no weights of its own, the negative bound on log p(x) in nats for each value of an image,
    less a constant, at the decoder variance that fits best: 1/2 log MSE + latent_dim * KL / D
    (Rybkin et al., 2021). KL counts in full, also what free_bits leaves free and before its warm-up
    is over. Infinite where the validation images had no finite loss.
    """
    mse, kl, blur = record.reconstruction_loss, record.kl_loss, record.blur_loss
    if values["val_fraction"]:
        if record.val_loss is None:
            return math.inf
        mse, kl = record.val_reconstruction_loss or 0.0, record.val_kl_loss or 0.0
        blur = record.val_blur_loss or 0.0
    if values["kl_balance"] != "auto":
        alpha, beta, gamma = (float(values[name]) for name in ("alpha", "beta", "gamma"))
        return alpha * mse + beta * kl + gamma * blur
    nats = int(values["latent_dim"]) * kl / values_of_image(values)
    return 0.5 * math.log(max(mse, TINY_MSE)) + nats


def measured_loss(record: EpochRecord) -> float:
    """The loss that an epoch is told by: on validation images, if there are any."""
    return record.loss if record.val_loss is None else record.val_loss


def same_loss(runs: Sequence[Mapping[str, Value]]) -> bool:
    """Whether losses of runs with these parameters, on the same images, mean the same.

    Not with kl_balance auto, with which the weights follow each run's own error.
    """
    alike = all(same_weights(values, runs[0]) for values in runs)
    return len(runs) < 2 or (alike and runs[0]["kl_balance"] != "auto")


def same_weights(values: Mapping[str, Value], others: Mapping[str, Value]) -> bool:
    """Whether two runs name the same weights for the parts of the loss."""
    return all(values[name] == others[name] for name in (*WEIGHTS, "kl_warmup"))


def best_epoch(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> EpochRecord | None:
    """The epoch with the lowest score, or None before the first."""
    return min(history, key=lambda record: score(record, values), default=None)


def has_given_up(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> bool:
    """Whether as many epochs as early_stopping says were no better than the best."""
    patience = int(values["early_stopping"])
    best = best_epoch(history, values) if patience else None
    return best is not None and len(history) - best.epoch >= patience


def is_over(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> bool:
    """Whether all epochs are done, or those that were worth it."""
    return len(history) >= int(values["num_epochs"]) or has_given_up(history, values)


def learning_rate(history: Sequence[EpochRecord], config: TrainConfig) -> Callable[[float], float]:
    """Gives that of a step in the epoch after the history, by the part that is then done of it."""
    lr = config.lr
    if config.lr_schedule == "plateau":
        lr *= 0.5 ** min(_plateaus(history, config.to_dict()), HALVINGS)

    def of_step(done: float) -> float:
        epochs = len(history) + done
        now = lr * warmed(epochs, config.lr_warmup)
        if config.lr_schedule == "cosine":
            turn = math.pi * min(epochs / config.num_epochs, 1.0)
            now *= FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(turn))
        return now

    return of_step


def _plateaus(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> int:
    """How often PATIENCE epochs in a row were no better than the best before them."""
    lowest, waited, count = math.inf, 0, 0
    for record in history:
        if (now := score(record, values)) < lowest:
            lowest, waited = now, 0
        else:
            waited += 1
        if waited == PATIENCE:
            waited, count = 0, count + 1
    return count


def warmed(done: float, epochs: int) -> float:
    """A factor that rises from 0 to 1 over so many epochs; `done` counts parts of epochs too."""
    return min(1.0, done / epochs) if epochs else 1.0
