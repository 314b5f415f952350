"""The plain facts that training reports. Picklable: numbers, paths, texts, uint8 arrays."""

from __future__ import annotations

from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np  # a tenth of a second, which the window need not wait for


@dataclass(frozen=True)
class EpochRecord:
    """One row of the CSV log: means over the images of an epoch. The fields are the columns.

    beta is the weight that KL had. From val_loss on, the network after the epoch is measured: the
    losses on the validation images at the config's full weights, and on up to 512 of them, or of
    the training images where there are none, what vae.metrics says. None: not measured.
    """

    epoch: int
    loss: float
    reconstruction_loss: float
    kl_loss: float
    blur_loss: float
    lr: float
    images: int
    seconds: float
    images_per_s: float
    beta: float | None = None
    val_loss: float | None = None
    val_reconstruction_loss: float | None = None
    val_kl_loss: float | None = None
    val_blur_loss: float | None = None
    psnr: float | None = None
    ssim: float | None = None
    active_units: float | None = None
    sharpness: float | None = None
    checkerboard: float | None = None
    dead_channels: float | None = None
    swd: float | None = None
    explained_variance: float | None = None


def may_be_missing(part: Field[Any]) -> bool:
    """Whether a field of EpochRecord is a measure that an epoch can lack."""
    return part.default is None


# At the end of a phase's name: it has brought nothing for seconds, as when a disk does not answer.
SLOW = "_slow"


@dataclass(frozen=True)
class Progress:
    """A phase beside the batches: "scan", "decode", "read", "save", "validate" or "sample".

    Or one of them that is slow. Or of an evaluation: vae.words names its phases too.

    A look at a folder has the phases "scan", "look" (at headers) and "compare" (for copies).

    done of total files or images; total 0 if it is not known or does not apply.
    """

    phase: str
    done: int
    total: int


@dataclass(frozen=True)
class DataReady:
    """The images that will be trained on, and those that could not be read, with the reasons."""

    images: int
    skipped: tuple[tuple[Path, str], ...]


@dataclass(frozen=True)
class HeldBack:
    """So many images are for validation, the others for training."""

    validation: int
    training: int


@dataclass(frozen=True)
class DeviceChosen:
    """Where and how the run computes: "CPU", "2 threads", "float32"; threads 0 if on no CPU."""

    device: str
    detail: str
    precision: str
    threads: int = 0


@dataclass(frozen=True)
class Resumed:
    """State came from a checkpoint: after `epoch` whole epochs and `images_done` more images.

    over: no epoch is left to train.
    """

    path: Path
    epoch: int
    images_done: int
    history: tuple[EpochRecord, ...]
    changes: tuple[str, ...]
    over: bool = False


@dataclass(frozen=True)
class BatchDone:
    """A step of the running epoch (counted from 1), reported at most twice a second.

    loss is the mean over the epoch so far; images_per_s excludes saving and sampling.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    images_per_s: float


@dataclass(frozen=True)
class EpochDone:
    """An epoch has ended and its row is in the log."""

    record: EpochRecord


@dataclass(frozen=True)
class CheckpointSaved:
    """A checkpoint is on disk."""

    path: Path


@dataclass(frozen=True)
class SamplesReady:
    """The 8x8 grid after an epoch: uint8 (height, width) or (height, width, 3), saved at path.

    images_done of the next epoch, if a person asked for it in between.
    """

    epoch: int
    grid: np.ndarray
    path: Path
    images_done: int = 0


@dataclass(frozen=True)
class ReconstructionsReady:
    """Originals, reconstructions and differences at the same moment, uint8 (height, width, 3)."""

    epoch: int
    picture: np.ndarray
    path: Path
    images_done: int = 0


@dataclass(frozen=True)
class Paused:
    """The run waits, saved, until a person lets it go on."""


@dataclass(frozen=True)
class WentOn:
    """A person let a paused run go on."""


@dataclass(frozen=True)
class Warned:
    """Something a person should know that does not stop the run.

    It stands, unless it names a `cause` that can pass: PROCESSOR or LOG.
    """

    message: str
    cause: str = field(default="", kw_only=True)


# Other programs take the processor; the log cannot be written.
PROCESSOR, LOG = "processor", "log"


@dataclass(frozen=True)
class Passed:
    """The cause of a warning is no more."""

    cause: str
    message: str


@dataclass(frozen=True)
class EarlierRunKept(Warned):
    """Another run's files were moved into folders called `name`, beside where they were.

    Those that the parameters `places` name.
    """

    name: str
    places: tuple[str, ...]


# How often a run that waits tries again by itself: a disk may have room again, a drive be back.
RETRY_SECONDS = 30.0


@dataclass(frozen=True)
class Trouble:
    """Why training waits for a decision, with its state in memory: `message` says what is safe.

    folder is where a checkpoint should have gone, for which another folder will do; or, if not
    `movable`, where an image should have been.
    """

    message: str
    folder: Path
    movable: bool


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to: `epoch` whole epochs of `epochs`, and images_done of the next.

    stopped: it ended early because it was asked to. trained: it did more than find all done.
    best: the epoch that measured best. gave_up: it ended since no epoch after that was better.
    """

    epoch: int
    epochs: int
    images_done: int
    stopped: bool
    trained: bool
    history: tuple[EpochRecord, ...]
    checkpoint: Path | None
    best: EpochRecord | None = None
    gave_up: bool = False


@dataclass(frozen=True)
class TrialBegun:
    """Of several runs in a row the next one begins: its number from 1, what it varies, its form."""

    number: int
    total: int
    label: str
    config: dict[str, int | float | str]


@dataclass(frozen=True)
class TrialEnded:
    """One of several runs in a row has ended; no result if it failed."""

    label: str
    result: TrainingResult | None


Event = (
    Progress
    | DataReady
    | HeldBack
    | DeviceChosen
    | Resumed
    | BatchDone
    | EpochDone
    | CheckpointSaved
    | SamplesReady
    | ReconstructionsReady
    | Paused
    | WentOn
    | TrialBegun
    | TrialEnded
    | Warned
    | Passed
)
