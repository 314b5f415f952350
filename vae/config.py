"""The hyperparameters: one table from which the form, the flags, the README and the checks come."""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, cast

from vae.errors import StudioError
from vae.language import _, number
from vae.paths import check_paths

# Beyond this, weights, gradients and Adam's two moments alone need more than 16 GB.
MAX_PARAMETERS = 1_000_000_000

# From here on a message tells a number by its power of ten.
MANY_DIGITS = 10**21

NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)

Value = int | float | str


class ConfigError(StudioError):
    """Values that cannot be used. `problems` maps each field's name to how to mend it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("\n".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True)
class Parameter:
    """What is known of one field beside its name, type and default.

    low and high bound a number, ends included; above excludes its end. `kind` "folder" or "file"
    marks a path. `unit` stands behind the form's field.
    `private` marks a text of the person's own, which may tell what nobody else should read.
    `fixed` says that a checkpoint made with another value cannot be continued.
    """

    label: str
    help: str
    group: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    choices: tuple[Value, ...] = ()
    kind: str = ""
    unit: str = ""
    private: bool = False
    fixed: bool = False

    @property
    def told(self) -> bool:
        """Whether its value may stand in what goes to others: it is no path and no text."""
        return not (self.kind or self.private)


def param(default: Value, label: str, group: str, help: str, **facts: Any) -> Any:
    """A dataclass field that carries its `Parameter`."""
    return field(default=default, metadata={"parameter": Parameter(label, help, group, **facts)})


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The hyperparameters of a run. One that exists is valid; nobody checks again.

    Raises ConfigError with every problem at once.
    """

    file_path: str = param(
        "", "Image folder", "Data", "Folder of images, subfolders included.", kind="folder"
    )
    img_size: int = param(
        128, "Image size", "Data", low=8, high=2048, unit="pixels", fixed=True,
        help="Side of the square input in pixels; divisible by 2^depth.",
    )  # fmt: skip
    in_channels: int = param(
        3, "Colour channels", "Data", choices=(1, 3), fixed=True,
        help="3 for colour, 1 for grey. Images are converted.",
    )  # fmt: skip
    batch_size: int = param(
        10, "Batch size", "Data", low=1, high=65536, unit="images",
        help="Images in one training step. Larger needs more memory.",
    )  # fmt: skip
    val_fraction: float = param(
        0.0, "Validation share", "Data", low=0.0, high=0.5, fixed=True,
        help="About what share of the images is held back for measuring. An image's content "
        "decides, so that none ever changes sides.",
    )  # fmt: skip
    latent_dim: int = param(
        750, "Latent dimension", "Model", low=1, high=65536, fixed=True,
        help="Length of the latent vector z.",
    )  # fmt: skip
    depth: int = param(
        4, "Depth", "Model", low=1, high=8, fixed=True,
        help="Number of conv layers in encoder and in decoder; each halves the side.",
    )  # fmt: skip
    num_epochs: int = param(
        25, "Epochs", "Training", low=1, high=100_000,
        help="Total epochs, resumed ones included. Raise it to train on.",
    )  # fmt: skip
    lr: float = param(
        0.0001, "Learning rate", "Training", above=0.0, high=1.0, help="Adam's learning rate."
    )
    lr_schedule: str = param(
        "constant", "Schedule", "Training", choices=("constant", "cosine", "plateau"),
        help="cosine lowers the learning rate to a hundredth over all epochs; plateau halves it "
        "after 5 epochs without improvement.",
    )  # fmt: skip
    early_stopping: int = param(
        0, "Early stopping", "Training", low=0, high=100_000, unit="epochs",
        help="Epochs without improvement on the validation images after which the run ends. "
        "0: never.",
    )  # fmt: skip
    alpha: float = param(
        5.0, "Reconstruction weight α", "Loss", low=0.0, high=1e9,
        help="Weight of the reconstruction loss (mean squared error).",
    )  # fmt: skip
    beta: float = param(
        1.0, "KL weight β", "Loss", low=0.0, high=1e9,
        help="Weight of the KL divergence; with kl_balance auto, a factor of the balanced one.",
    )  # fmt: skip
    kl_balance: str = param(
        "fixed", "KL balance", "Loss", choices=("fixed", "auto"),
        help="auto sets the KL weight from the reconstruction error reached, so that latents stay "
        "in use.",
    )  # fmt: skip
    gamma: float = param(
        10.0, "Blur weight γ", "Loss", low=0.0, high=1e9,
        help="Weight of the blur loss, which asks for edges as sharp as the original's.",
    )  # fmt: skip
    log_file: str = param(
        "./vae_training_log.csv", "Log file", "Output", "CSV file, one row for each epoch.",
        kind="file",
    )  # fmt: skip
    model_save_dir: str = param(
        "./vae_checkpoints", "Checkpoint folder", "Output",
        "Folder for checkpoints, from which a run resumes.", kind="folder",
    )  # fmt: skip
    output_dir: str = param(
        "./output_images", "Output folder", "Output",
        "Folder for sample grids and the loss curve.", kind="folder",
    )  # fmt: skip
    sampler: str = param(
        "prior", "Sampler", "Output", choices=("prior", "gaussian", "gmm"),
        help="Where latents of samples come from: N(0, I), or a Gaussian or a mixture of Gaussians "
        "fitted to the encoded images.",
    )  # fmt: skip
    temperature: float = param(
        1.0, "Temperature", "Output", above=0.0, high=4.0,
        help="Scales how far latents of samples lie from the middle of their density.",
    )  # fmt: skip
    seed: int = param(
        0, "Seed", "Advanced", low=0, high=2**63 - 1, fixed=True,
        help="Same seed, data and machine: same run, bit for bit on the CPU.",
    )  # fmt: skip
    base_channels: int = param(
        32, "Base channels", "Advanced", low=1, high=1024, fixed=True,
        help="Channels of the first conv layer; each further layer doubles them.",
    )  # fmt: skip
    decoder: str = param(
        "transposed", "Decoder", "Advanced", choices=("transposed", "upsample"), fixed=True,
        help="How the decoder enlarges: by transposed convolutions, or by repeating pixels before "
        "a convolution, against checkerboards.",
    )  # fmt: skip
    augment: str = param(
        "none", "Augmentation", "Advanced", choices=("none", "light", "flip"),
        help="Vary each training image anew. light: turned, moved, scaled, and in brightness and "
        "contrast, by a few percent. flip: also mirrored; not for chest X-rays, "
        "whose heart would change sides.",
    )  # fmt: skip
    group_pattern: str = param(
        "", "Group by name", "Advanced", private=True, fixed=True,
        help="Regular expression. Images whose paths match alike, as with person[0-9]+, stay on "
        "one side of the validation split.",
    )  # fmt: skip
    kl_warmup: int = param(
        0, "KL warm-up", "Advanced", low=0, high=100_000, unit="epochs",
        help="Epochs over which the KL weight rises from 0.",
    )  # fmt: skip
    free_bits: float = param(
        0.0, "Free bits", "Advanced", low=0.0, high=100.0, unit="nats",
        help="KL divergence of each latent dimension that costs nothing.",
    )  # fmt: skip
    lr_warmup: int = param(
        0, "Learning rate warm-up", "Advanced", low=0, high=100_000, unit="epochs",
        help="Epochs over which the learning rate rises from 0.",
    )  # fmt: skip
    clip_norm: float = param(
        0.0, "Clip gradients", "Advanced", low=0.0, high=1e9,
        help="Norm to which larger gradients are scaled down. 0: never.",
    )  # fmt: skip
    ema: float = param(
        0.0, "Weight averaging", "Advanced", low=0.0, high=0.99999,
        help="Decay of a moving average of the weights, which then makes the pictures and is "
        "measured. 0: none.",
    )  # fmt: skip
    threads: int = param(
        0, "CPU threads", "Advanced", low=0, high=1024,
        help="Processor threads that compute. 0 chooses automatically.",
    )  # fmt: skip
    device: str = param(
        "auto", "Device", "Advanced", choices=("auto", "cpu", "cuda", "mps"),
        help="Where to train. auto takes a GPU if there is one.",
    )  # fmt: skip
    precision: str = param(
        "auto", "Precision", "Advanced", choices=("auto", "float32", "bfloat16", "float16"),
        help="Number format of the forward pass. auto: float16 on CUDA, else float32.",
    )  # fmt: skip
    cache_gb: float = param(
        20.0, "Image cache", "Advanced", low=0.0, high=1e6, unit="GB",
        help="Disk space for decoded images, which later runs then need not decode. 0: none kept.",
    )  # fmt: skip
    checkpoint_every: int = param(
        1, "Checkpoint every", "Advanced", low=1, high=1_000_000, unit="epochs",
        help="A checkpoint is saved after every so many epochs, and when the run stops.",
    )  # fmt: skip
    keep_checkpoints: int = param(
        3, "Keep checkpoints", "Advanced", low=1, high=1000,
        help="Number of newest checkpoints that stay.",
    )  # fmt: skip
    sample_every: int = param(
        1, "Sample every", "Advanced", low=1, high=1_000_000, unit="epochs",
        help="A sample grid is drawn after every so many epochs, and after the last.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if problems := check({f.name: getattr(self, f.name) for f in fields(self)}):
            raise ConfigError(problems)

    @classmethod
    def from_strings(cls, texts: Mapping[str, str]) -> TrainConfig:
        """Read a form or a command line; a field that is not named takes its default.

        Looks at the file system too, so call it off a window's main thread.
        Raises ConfigError with the problems of all fields, paths included.
        """
        values, problems = parse(texts)
        problems |= check(values) | check_paths({**DEFAULTS, **values})
        if problems:
            raise ConfigError(problems)
        return cls(**values)  # type: ignore[arg-type]  # parse() keeps each field's type

    def to_dict(self) -> dict[str, Value]:
        """All fields by name, in the table's order."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


PARAMETERS: dict[str, Parameter] = {f.name: f.metadata["parameter"] for f in fields(TrainConfig)}
DEFAULTS: dict[str, Value] = {f.name: cast(Value, f.default) for f in fields(TrainConfig)}
# The files and folders among them.
PATHS = tuple(name for name, facts in PARAMETERS.items() if facts.kind)
# Those that a run writes.
OWNED = tuple(name for name in PATHS if name != "file_path")


def fixed_apart(now: Mapping[str, Value], then: Mapping[str, Value]) -> list[str]:
    """The parameters whose values keep a checkpoint made with `then` from going on with `now`."""
    fixed = (name for name, facts in PARAMETERS.items() if facts.fixed and name in now)
    return [name for name in fixed if now[name] != then[name]]


def text_of(value: Value) -> str:
    """A value as the form and the command line show it: 0.0001, never 1e-04."""
    if isinstance(value, float) and 1e-6 <= abs(value) < 1e9:
        return f"{value:.12f}".rstrip("0").rstrip(".") + (".0" if value == int(value) else "")
    return str(value)


def parse(texts: Mapping[str, str]) -> tuple[dict[str, Value], dict[str, str]]:
    """Values of the texts that can be read, and a problem for each that cannot.

    Numbers may be written 0.001, 1e-3 or 0,001; a whole number has no comma, which may stand for
    thousands. ~ is the person's own folder. Unknown names raise KeyError.
    """
    values: dict[str, Value] = {}
    problems: dict[str, str] = {}
    for name, text in texts.items():
        default, text = DEFAULTS[name], text.strip()
        if isinstance(default, str):
            values[name] = os.path.expanduser(text) if PARAMETERS[name].kind else text
            continue
        read = float(text.replace(",", ".")) if NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(read):
            problems[name] = no_number(name, text, default)
        elif isinstance(default, float):
            values[name] = read
        elif "," in text:
            problem = _("{name} {value}: write a whole number, without a comma.")
            problems[name] = problem.format(name=name, value=text)
        elif read != int(read):
            problem = _("{name} {value} is not a whole number: take {nearest}.")
            problems[name] = problem.format(name=name, value=text, nearest=round(read))
        else:
            # int() of the text keeps all digits of a long seed, which a float would lose.
            values[name] = int(text) if re.fullmatch(r"[+-]?\d+", text) else int(read)
    return values, problems


def no_number(name: str, text: str, default: Value) -> str:
    """How to mend a text that is no number."""
    example = _("0.001 or 1e-3") if isinstance(default, float) else str(default)
    if not text:
        return _("{name}: a number is missing. Write, for example, {example}.").format(
            name=name, example=example
        )
    return _("{name}: '{text}' is not a number. Write, for example, {example}.").format(
        name=name, text=text, example=example
    )


def check(values: Mapping[str, Value]) -> dict[str, str]:
    """The problems of already parsed values, by field. Touches no file."""
    problems: dict[str, str] = {}
    for name, value in values.items():
        facts = PARAMETERS[name]
        if not is_of_type(value, DEFAULTS[name]):
            problem = _("{name} {value} is not possible: it must be of type {kind}.")
            kind = type(DEFAULTS[name]).__name__
            problems[name] = problem.format(name=name, value=repr(value), kind=kind)
        elif facts.choices and value not in facts.choices:
            allowed = ", ".join(str(choice) for choice in facts.choices)
            problem = _("{name} {value} is not possible: take one of {allowed}.")
            problems[name] = problem.format(name=name, value=value, allowed=allowed)
        elif not isinstance(value, str) and (problem := out_of_range(name, value, facts)):
            problems[name] = problem
    if "file_path" in values and not values["file_path"]:
        problems["file_path"] = _("file_path is empty: choose the folder that holds your images.")
    if not str(values.get("log_file", ".csv")).lower().endswith(".csv"):
        problem = _("log_file {path} must end in .csv: add .csv to it.")
        problems["log_file"] = problem.format(path=values["log_file"])
    for name in ("log_file", "model_save_dir", "output_dir"):
        if name in values and not values[name]:
            problem = _("{name} is empty: take {default}.")
            problems[name] = problem.format(name=name, default=DEFAULTS[name])
    if problem := not_a_pattern(values.get("group_pattern", "")):
        problems["group_pattern"] = problem
    if values.get("early_stopping") and not values.get("val_fraction"):
        problems.setdefault(
            "early_stopping",
            _("early_stopping needs images to measure on: take a val_fraction of 0.1, or 0 here."),
        )
    shape: dict[str, Any] = {name: values.get(name, DEFAULTS[name]) for name in SHAPE}
    if not problems.keys() & {"img_size", "depth"} and (
        problem := not_divisible(shape["img_size"], shape["depth"])
    ):
        problems["img_size"] = problem
    if not problems.keys() & SHAPE and (count := parameter_count(**shape)) > MAX_PARAMETERS:
        problems["latent_dim"] = _(
            "latent_dim {value}: this network would have {count} billion weights, more than {most} "
            "billion: take a greater depth, or a smaller img_size, latent_dim or base_channels."
        ).format(
            value=shape["latent_dim"],
            count=number(count / 1e9, ".1f"),
            most=number(MAX_PARAMETERS / 1e9, ".0f"),
        )
    return problems


def not_a_pattern(pattern: Value) -> str:
    """How to mend a text that is no regular expression, or an empty string."""
    try:
        re.compile(str(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        text = _("group_pattern {pattern} is no regular expression ({reason}).")
        return text.format(pattern=pattern, reason=error)
    return ""


def is_of_type(value: object, default: Value) -> bool:
    """Whether a value may stand where the default does; a whole number also for a float."""
    if isinstance(value, int):
        return not isinstance(value, bool) and not isinstance(default, str)
    return isinstance(value, type(default))


# What a run learns by and may be changed between its sessions, and is then recorded.
RECORDED = (
    "num_epochs", "batch_size", "lr", "lr_schedule", "lr_warmup", "alpha", "beta", "gamma",
    "kl_balance", "kl_warmup", "free_bits", "clip_norm", "ema", "augment", "precision",
)  # fmt: skip

# What the shapes of the weights depend on.
SHAPE = ("img_size", "in_channels", "latent_dim", "depth", "base_channels", "decoder")


def out_of_range(name: str, value: float, facts: Parameter) -> str:
    """How to mend a number outside its bounds, or an empty string."""
    if isinstance(value, float) and not math.isfinite(value):
        problem, bound = _("{name} {value} is not a finite number."), ""
    elif facts.above is not None and value <= facts.above:
        problem, bound = _("{name} {value} must be greater than {bound}."), f"{facts.above:g}"
    elif facts.low is not None and value < facts.low:
        problem, bound = _("{name} {value} is too small: take {bound} or more."), f"{facts.low:g}"
    elif facts.high is not None and value > facts.high:
        problem = _("{name} {value} is too large: take at most {bound}.")
        bound = text_of(facts.high)
    else:
        return ""
    told = f"{Decimal(value):.1e}" if abs(value) >= MANY_DIGITS else value
    return problem.format(name=name, value=told, bound=bound)


def not_divisible(img_size: int, depth: int) -> str:
    """How to mend a size that `depth` halvings do not divide, or an empty string."""
    step = 2**depth
    if img_size % step == 0:
        return ""
    below, above = img_size // step * step, (img_size // step + 1) * step
    ways = [str(above)]
    if below >= (PARAMETERS["img_size"].low or 1):
        ways = [_("{below} or {above}").format(below=below, above=above)]
    if shallower := next((d for d in range(depth - 1, 0, -1) if img_size % 2**d == 0), 0):
        ways.append(_("or depth {depth}").format(depth=shallower))
    return _("img_size {size} is not divisible by {step} (2^depth): take {ways}.").format(
        size=img_size, step=step, ways=", ".join(ways)
    )


def parameter_count(
    img_size: int,
    in_channels: int,
    latent_dim: int,
    depth: int,
    base_channels: int,
    decoder: str = "transposed",
) -> int:
    """Number of weights of the VAE (see vae.model), without building it."""
    widths = [in_channels] + [base_channels * 2**i for i in range(depth)]
    pairs = list(itertools.pairwise(widths))
    up = 16 if decoder == "transposed" else 9
    convolutions: int = sum((16 + up) * a * b + a + b for a, b in pairs)
    flat: int = widths[-1] * (img_size // 2**depth) ** 2
    linear: int = 2 * (flat + 1) * latent_dim + (latent_dim + 1) * flat
    return convolutions + linear
