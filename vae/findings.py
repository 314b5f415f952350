"""What is wrong with a training, in plain words, and what mends it.

Each rule looks at several epochs, so that nothing is said of a network that has just begun, and
what is said does not come and go. The thresholds lie between runs made to be ill and sound ones,
of chest X-rays, blood cells and phantoms at 32 and 64 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from vae.config import DEFAULTS, PARAMETERS, Value
from vae.events import EpochRecord
from vae.language import _, ngettext, number
from vae.schedule import TINY_MSE, balance, best_epoch, values_of_image

# Epochs and steps before anything is said, and the newest epochs that all must show it.
FEWEST, FEWEST_STEPS, RECENT = 4, 60, 3
MOST = 1000  # of the newest epochs are looked at
KEPT = 5  # epochs that a finding stays once it is not seen any more
FEW_IMAGES = 50
# A mean squared error in [-1, 1] at which there is nothing left to learn: that of a grey level.
NOTHING_TO_LEARN = 6e-5
# Times as sharp as the originals, which then are flat: a sound network has at most 20, in epoch 1.
FLAT = 50.0
# Grey levels by which images differ from their mean image: 1.3 to 2.5 where 12 bits lie in files of
# 16, at least 20 in sound sets. And dB by which the mean PSNR lies above that of the mean error: 12
# to 22 where nine images of ten are black, 5.7 where three are, at most 1.2 in sound sets.
FAINT, UNEQUAL = 6.0, 8.0
# The KL weight over the balanced one, and what a latent dimension then carries at most, in nats.
OUTWEIGHED, CARRIED = 4.0, 0.5
JUMP, JUMP_TOLD = 2.0, 10  # times the lowest reconstruction error before it; epochs
STUCK_AFTER, STUCK, FAST = 8, 0.9, 0.003  # epochs; share of the first error; a learning rate
DEAD = 0.4
# Epochs, and a share of those up to the best one: of few images the error goes up and down, and
# one that still falls slowly has its lowest some epochs back. Validation error over training error.
WORSE_FOR, WORSE_SHARE, APART, BY_HEART = 5, 0.25, 1.3, 3.0
BLURRED, GAIN, GAIN_EPOCHS = 0.3, 0.3, 10  # gain in dB
# What a latent dimension carries at the balanced weight, in nats, where more of them mend the blur.
# Of X-rays and blood cells at 64 pixels 16 dimensions carried 3.7 and 3.8, and four times as many
# gained 1.7 and 2.0 dB; 64 carried 2.7 and 3.2, and more of them gained 0.3 dB at most.
CROWDED = 3.4
HIGH_GAMMA, TOO_SHARP = 100.0, 1.5
DOTTED, RECOGNIZABLE = 8.0, 18.0  # the latter in dB
# Share of the images' variance: sound networks explained 0.53 (blood cells) to 0.85 of it.
EXPLAINED = 0.3
ENOUGH_STEPS = 300  # after which a network that goes on should have learned something
SLOW = 0.001  # learning rates below it take many epochs
MOST_LATENTS = 1024
OFF, OFF_LEAST = 1.5, 15.0  # times the error of reconstructions; grey levels
# dB gained in the last third of a run that has come to its end, at which it was too short.
STILL_GAINED = 0.5
STILL_EXPLAINED = 0.05  # the same, as a share of the images' variance


class Finding(NamedTuple):
    """One thing that is wrong: what it is called, a sentence with the number behind it, and values.

    `remedy` holds the parameters to change, by name; none where no parameter mends it. `fresh`: a
    run that goes on with them is not mended, it takes a new one.
    """

    kind: str
    title: str
    message: str
    remedy: Mapping[str, Value]
    fresh: bool = False


def too_early(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> bool:
    """Whether the run has not gone far enough for anything to be said of it."""
    return len(history) < FEWEST or _steps(history, values) < FEWEST_STEPS


def _steps(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> int:
    return history[-1].epoch * -(-history[-1].images // int(values["batch_size"]))


def no_fault(history: Sequence[EpochRecord]) -> str:
    """What is said of a run in which nothing was found."""
    parts = [
        ngettext(
            "No fault was found in the training after {count} epoch.",
            "No fault was found in the training after {count} epochs.",
            len(history),
        ).format(count=len(history))
    ]
    if (gained := _gained(history)) >= STILL_GAINED:
        text = _("It still learns: the PSNR rose by {gained} dB in the last third of them.")
        parts.append(text.format(gained=number(gained, ".1f")))
    sharpness = history[-1].sharpness
    if sharpness is not None and sharpness < BLURRED:
        text = _("Reconstructions keep {share} % of the images' sharpness: a VAE blurs.")
        parts.append(text.format(share=number(100 * sharpness, ".0f")))
    parts.append(_("Whether its images are good enough, only a look at them tells."))
    return " ".join(parts)


def findings(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> tuple[Finding, ...]:
    """What the epochs so far show to be wrong with a run of these parameters, worst first."""
    if len(history) < FEWEST:
        return ()
    history = history[-MOST:]
    # What was found goes only when it has not been seen for some epochs.
    counts = range(len(history), max(FEWEST, len(history) - KEPT + 1) - 1, -1)
    so_far = [history[:count] for count in counts]
    begun = [epochs for epochs in so_far if not too_early(epochs, values)]
    # But overfitting goes with the first epoch that is better again.
    seen = [
        [rule(epochs, values) for epochs in (begun[:1] if rule is _overfitting else begun)]
        for rule in RULES
    ]
    seen.append([_few(epochs, values) for epochs in so_far])
    found = [finding for times in seen if (finding := next(filter(None, times), None))]
    # Of a network that does not learn at all, nothing else can be told but what outweighs it.
    causes = [finding for finding in found if finding.kind in ("data", "rate", "dead")][:1]
    if causes and causes[0].kind != "data":
        causes += [finding for finding in found if finding.kind == "collapse"]
    explains = {"collapse", "narrow", "unfinished", "overfitting", "memorisation"}
    if {finding.kind for finding in found} & explains:
        found = [finding for finding in found if finding.kind != "unlearned"]
    return tuple(causes or found)


def _grey_levels(record: EpochRecord) -> float:
    """The error of reconstructions: root mean square, of 255 levels."""
    return 127.5 * math.sqrt(record.reconstruction_loss)


def _times(factor: float) -> str:
    return number(factor, ".2g" if factor < 10 else ",.0f")


def _data(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    newest = history[-1]
    if all(record.reconstruction_loss < NOTHING_TO_LEARN for record in history[-RECENT:]):
        text = _(
            "After {epochs} epochs reconstructions differ from the images by {error} grey levels: "
            "the images are empty or all alike. Look at the Data tab whether they are the right "
            "ones."
        )
        error = number(_grey_levels(newest), ".2g")
        text = text.format(epochs=len(history), error=error)
        return Finding("data", _("Nothing to learn"), text, {})
    sharp = [math.inf if r.sharpness is None else r.sharpness for r in history[-RECENT:]]
    if newest.psnr is not None and min(sharp) > FLAT and float(values["gamma"]) <= HIGH_GAMMA:
        text = _(
            "After {epochs} epochs reconstructions are many times as sharp as the images: these "
            "are flat, as if they were empty. Look at the Data tab whether they are the right "
            "ones."
        )
        return Finding("data", _("Empty images"), text.format(epochs=len(history)), {})
    if all((_spread(record) or FAINT) < FAINT for record in history[-RECENT:]):
        text = _(
            "The images differ from their mean image by {levels} of 255 grey levels: they are "
            "nearly black, as those of 12 bits are in files of 16 bits, or nearly all alike. "
            "Export them with all grey levels in use."
        )
        text = text.format(levels=number(_spread(newest) or 0.0, ".2g"))
        return Finding("data", _("Hardly any contrast"), text, {})
    if all(_unequal(record) > UNEQUAL for record in history[-RECENT:]):
        text = _(
            "The mean PSNR of the images is {psnr} dB, that of their mean error {error} dB: a few "
            "images hold nearly all of the error, and most are flat, as if they were empty. Look "
            "at the Data tab whether they are the right ones."
        )
        psnr = newest.psnr or 0.0
        error = number(psnr - _unequal(newest), ".1f")
        text = text.format(psnr=number(psnr, ".1f"), error=error)
        return Finding("data", _("Most images are empty"), text, {})
    return None


def _spread(record: EpochRecord) -> float | None:
    """By how much images differ from their mean image: root mean square, in grey levels."""
    if record.explained_variance is None:
        return None
    error = record.val_reconstruction_loss or record.reconstruction_loss
    return 127.5 * math.sqrt(error / max(1 - record.explained_variance, TINY_MSE))


def _unequal(record: EpochRecord) -> float:
    """By how many dB the mean of the images' PSNR lies above the PSNR of their mean error.

    Of the lower error, since that of images which are known by heart is no sign of empty ones.
    """
    if record.psnr is None:
        return 0.0
    errors = record.reconstruction_loss, record.val_reconstruction_loss or math.inf
    return record.psnr - 10 * math.log10(4 / max(min(errors), TINY_MSE))


def _few(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    newest = history[-1]
    if newest.images < FEW_IMAGES:
        text = _(
            "The network learns from {count} images. It will know them by heart before it can "
            "make new ones: some hundred are needed."
        )
        remedy: dict[str, Value] = {"augment": "light"} if values["augment"] == "none" else {}
        return Finding("few", _("Few images"), text.format(count=newest.images), remedy)
    return None


def _rate(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    """The learning rate is too high."""
    lr, newest = float(values["lr"]), history[-1]
    remedy: dict[str, Value] = {"lr": float(f"{lr / 10:.3g}"), "clip_norm": 1.0}
    remedy = {name: value for name, value in remedy.items() if values[name] != value}
    title, text, lowest = _("Learning rate too high"), "", math.inf
    for record in history:
        error = max(record.reconstruction_loss, TINY_MSE)
        if error > JUMP * lowest and newest.epoch - record.epoch < JUMP_TOLD:
            text = _(
                "In epoch {epoch} the reconstruction error jumped to {factor} times the lowest "
                "before, with a learning rate of {lr}."
            ).format(epoch=record.epoch, factor=_times(error / lowest), lr=number(lr))
        # Where the KL weight still rises, reconstructions get worse for a good reason.
        if record.epoch > max(int(values["kl_warmup"]), 1):
            lowest = min(lowest, error)
    share = newest.reconstruction_loss / max(history[0].reconstruction_loss, TINY_MSE)
    begun = history[0].epoch == 1 and len(history) >= STUCK_AFTER
    stuck = begun and share > STUCK and lr >= FAST and not _outweighed(newest, values)
    if stuck and not text:
        text = _(
            "After {epochs} epochs the reconstruction error is still {share} % of the first "
            "epoch's, with a learning rate of {lr}."
        )
        share_words = number(100 * share, ".0f")
        text = text.format(epochs=len(history), share=share_words, lr=number(lr))
    return Finding("rate", title, text, remedy) if text else None


def _dead(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    shares = [record.dead_channels for record in history[-RECENT:]]
    if any(share is None or share < DEAD for share in shares):
        return None
    text = _(
        "{share} % of the network's channels give zero for every image, and learn nothing any "
        "more. That comes from steps that were too large; start fresh with a lower learning rate."
    )
    lr = float(f"{float(values['lr']) / 10:.3g}")
    share = number(100 * (shares[-1] or 0), ".0f")
    return Finding("dead", _("Dead channels"), text.format(share=share), {"lr": lr}, fresh=True)


def _over_balance(record: EpochRecord, values: Mapping[str, Value]) -> float:
    """How many times the balanced KL weight the one in use is."""
    beta = float(values["beta"]) if record.beta is None else record.beta
    share = balance(float(values["alpha"]), int(values["latent_dim"]), values_of_image(values))
    return beta / max(share * record.reconstruction_loss, TINY_MSE)


def _outweighed(record: EpochRecord, values: Mapping[str, Value]) -> float:
    """How many times the balanced KL weight the one in use is, if that silences the latents."""
    ratio = _over_balance(record, values)
    return ratio if ratio > OUTWEIGHED and record.kl_loss < CARRIED else 0.0


def _collapse(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    ratios = [_outweighed(record, values) for record in history[-RECENT:]]
    if not all(ratios):
        return None
    text = _(
        "The KL divergence weighs {ratio} times what balances it, so that a latent dimension "
        "carries {kl} nats of the image: reconstructions are blurred, and samples look alike."
    )
    ratio, kl = _times(ratios[-1]), number(history[-1].kl_loss, ".2f")
    remedy: dict[str, Value] = {"kl_balance": "auto", "beta": 1.0, "sampler": "gmm"}
    remedy = {name: value for name, value in remedy.items() if values[name] != value}
    if (history[-1].explained_variance or 0) < 0:
        text += " " + _(
            "The mean image would be nearer to the images than their reconstructions are."
        )
    title = _("Latents have collapsed")
    used = 2 * (history[-1].active_units or 0) > int(values["latent_dim"])
    if used:
        title = _("Latents carry too little")  # as they still differ from image to image
    return Finding("collapse", title, text.format(ratio=ratio, kl=kl), remedy)


def _overfitting(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    best, newest = best_epoch(history, values), history[-1]
    if best is None or newest.val_reconstruction_loss is None:
        return None
    apart = newest.val_reconstruction_loss / max(newest.reconstruction_loss, TINY_MSE)
    by_heart = apart >= BY_HEART
    least = WORSE_FOR if by_heart else max(WORSE_FOR, WORSE_SHARE * best.epoch)
    if newest.epoch - best.epoch < least or apart < APART:
        return None
    remedy = against_learning_by_heart(values)
    title = _("Images learned by heart") if by_heart else _("Overfitting")
    text = _(
        "Since epoch {best} the validation images get no better: their reconstruction error is "
        "{apart} times that of the training images. That epoch's checkpoint was kept."
    )
    if not remedy:
        text += " " + _("More images help most, then fewer latent dimensions.")
    kind = "memorisation" if by_heart else "overfitting"
    text = text.format(best=best.epoch, apart=_times(apart))
    # A run that goes on has learned them already, and early stopping would end it at once.
    return Finding(kind, title, text, remedy, fresh=True)


def _narrow(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    """The latent holds no more, and reconstructions stay blurred."""
    newest, before = history[-1], history[: max(0, len(history) - GAIN_EPOCHS)]
    if not before or newest.psnr is None or newest.sharpness is None:
        return None
    gained = newest.psnr - max(record.psnr or 0.0 for record in before)
    # The width of a dimension's posterior goes with the root of the KL weight: with a lower one
    # each carries more, of what is not worth it.
    weight = max(_over_balance(newest, values), TINY_MSE)
    carried = newest.kl_loss + 0.5 * math.log(min(weight, 1.0))
    if newest.sharpness > BLURRED or gained > GAIN or carried < CROWDED:
        return None
    if _overfitting(history, values):
        return None  # more room would be filled with what is learned by heart
    text = _(
        "Each of the {count} latent dimensions carries {kl} nats of the image, about as much as "
        "one can hold, and in {epochs} epochs the PSNR rose by {gained} dB. Reconstructions keep "
        "{share} % of the originals' sharpness: there is no room for detail. Take more dimensions, "
        "and start fresh."
    )
    share, count = number(100 * newest.sharpness, ".0f"), int(values["latent_dim"])
    remedy: dict[str, Value] = {"latent_dim": 4 * count} if 4 * count <= MOST_LATENTS else {}
    text = text.format(
        count=count, kl=number(newest.kl_loss, ".1f"), epochs=GAIN_EPOCHS, share=share,
        gained=number(max(gained, 0.0), ".1f"),
    )  # fmt: skip
    return Finding("narrow", _("Too few latents"), text, remedy, fresh=True)


def _gained(history: Sequence[EpochRecord], measure: str = "psnr") -> float:
    """By how much a measure rose in the last third of the epochs; 0 where it is not known."""
    values: list[float | None] = [getattr(record, measure) for record in history]
    before = values[: len(history) - max(1, len(history) // 3)]
    known = [value for value in before if value is not None]
    newest = values[-1]
    if newest is None or not before or len(known) < len(before):
        return 0.0
    return newest - max(known)


def _poor(record: EpochRecord) -> str:
    """What is said of reconstructions that show little of the images, or nothing."""
    explained = record.explained_variance
    if record.psnr is not None and record.psnr < RECOGNIZABLE:
        text = _("Below {least} dB an image can hardly be recognised.")
        return text.format(least=number(RECOGNIZABLE, ".0f"))
    if explained is not None and explained < EXPLAINED:
        text = _(
            "Reconstructions explain {share} % of what makes the images differ; the mean image in "
            "place of each would explain 0 %."
        )
        return text.format(share=number(100 * max(explained, 0.0), ".0f"))
    return ""


def _unfinished(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    """The run came to its last epoch while it still learned."""
    newest, gained = history[-1], _gained(history)
    if newest.epoch < int(values["num_epochs"]) or newest.psnr is None or gained < STILL_GAINED:
        return None
    text = _(
        "The PSNR rose by {gained} dB in the last third of the epochs, to {psnr}: the network was "
        "still learning when the run came to its end. Let it go on."
    )
    poor = _poor(newest)
    # By cosine the last epochs gain from smaller steps, which more epochs would only put off.
    if values["lr_schedule"] == "cosine" and not poor:
        return None
    more = 2 * newest.epoch
    if more > (PARAMETERS["num_epochs"].high or 0):
        return None
    remedy: dict[str, Value] = {"num_epochs": more}
    if newest.val_loss is None:
        text += " " + _(
            "But this was measured on images that it learns from. Whether it learns more than "
            "these by heart, only a run with val_fraction tells."
        )
    if poor:
        text += " " + poor
        if float(values["lr"]) < SLOW:
            remedy["lr"] = SLOW
    gain, psnr = number(gained, ".1f"), number(newest.psnr, ".1f")
    text = text.format(gained=gain, psnr=psnr)
    return Finding("unfinished", _("Too few epochs"), text, remedy)


def _unlearned(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    """Images cannot be recognised after all the steps there were, or many, and get no better."""
    newest, steps = history[-1], _steps(history, values)
    ended = newest.epoch >= int(values["num_epochs"])
    poor = [_poor(record) for record in history[-RECENT:]]
    if not all(poor) or _gained(history, "explained_variance") >= STILL_EXPLAINED:
        return None
    if (steps < ENOUGH_STEPS and not ended) or _gained(history) >= STILL_GAINED:
        return None
    text = _(
        "After {steps} steps reconstructions have a PSNR of {psnr} dB and get no better. {poor} "
        "The network needs more steps or a higher learning rate, or the images have too little in "
        "common."
    )
    remedy: dict[str, Value] = {}
    if float(values["lr"]) < SLOW:
        remedy["lr"] = SLOW
    more = 2 * newest.epoch
    if ended and more <= (PARAMETERS["num_epochs"].high or 0):
        remedy["num_epochs"] = more
    text = text.format(
        steps=number(steps, ",d"), psnr=number(newest.psnr or 0.0, ".1f"), poor=poor[-1],
    )  # fmt: skip
    return Finding("unlearned", _("Hardly anything learned"), text, remedy)


def _checkerboard(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    recent = history[-RECENT:]
    if float(values["gamma"]) > HIGH_GAMMA and all((r.sharpness or 0) > TOO_SHARP for r in recent):
        text = _(
            "Reconstructions are {times} times as sharp as the originals: the blur weight makes "
            "them up of dots and edges that are not there."
        )
        text = text.format(times=_times(recent[-1].sharpness or 0))
        return Finding("checkerboard", _("Edges that are not there"), text, {"gamma": 0.0})
    if any(r.checkerboard is None or r.checkerboard < DOTTED for r in recent):
        return None
    if (recent[-1].psnr or 0) < RECOGNIZABLE:
        return None
    remedy: dict[str, Value] = {}
    text = _("A pattern of a few pixels stands out of the images {times} times; about 1 is none.")
    if values["gamma"]:
        remedy = {"gamma": 0.0}
        cause = _("The blur weight asks for more edges than the network can place.")
    elif values["decoder"] == "transposed":
        remedy = {"decoder": "upsample"}
        cause = _("Transposed convolutions leave such a pattern: start fresh with upsample.")
    else:
        cause = _("More epochs help.")
    text = text.format(times=_times(recent[-1].checkerboard or 0))
    return Finding(
        "checkerboard",
        _("Checkerboard pattern"),
        f"{text} {cause}",
        remedy,
        fresh="decoder" in remedy,
    )


def _off_prior(history: Sequence[EpochRecord], values: Mapping[str, Value]) -> Finding | None:
    measured = [record for record in history if record.swd is not None][-RECENT:]
    if values["sampler"] != "prior" or not measured:
        return None
    for record in measured:
        least = max(OFF * _grey_levels(record), OFF_LEAST)
        if (record.swd or 0) < least or _outweighed(record, values):
            return None
    text = _(
        "Samples lie {swd} grey levels from the images, reconstructions only {error}: the latents "
        "do not fill N(0, I), from which samples are drawn. Draw them from a mixture fitted to the "
        "latents."
    )
    swd, error = (number(x, ".0f") for x in (measured[-1].swd or 0, _grey_levels(measured[-1])))
    text = text.format(swd=swd, error=error)
    return Finding("prior", _("Samples miss the latents"), text, {"sampler": "gmm"})


def against_learning_by_heart(values: Mapping[str, Value]) -> dict[str, Value]:
    """What there is to change, of the parameters that keep a network from it."""
    remedy: dict[str, Value] = {"early_stopping": 10, "augment": "light"}
    return {name: value for name, value in remedy.items() if values[name] == DEFAULTS[name]}


Rule = Callable[[Sequence[EpochRecord], Mapping[str, Value]], "Finding | None"]
RULES: tuple[Rule, ...] = (
    _data, _rate, _dead, _collapse, _overfitting, _checkerboard, _off_prior, _narrow, _unfinished,
    _unlearned,
)  # fmt: skip
