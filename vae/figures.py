"""Figures of a run for papers: PNG at 300 dpi, SVG or PDF, light, with its parameters below."""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from vae import checkpoint
from vae.checkpoint import CheckpointError
from vae.comparison import NO_OTHERS, Compared, Comparison, common
from vae.config import PARAMETERS, Value, text_of
from vae.curve import caution, draw_loss
from vae.events import EpochRecord
from vae.files import atomic_write, readable
from vae.gallery import RECONSTRUCTIONS, SAMPLES, Shelf, read_picture
from vae.history import run_mark
from vae.language import _
from vae.schedule import best_epoch
from vae.words import changes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 300
# Sizes in dots, so that the dots of an image fall on dots of the file: 6 inches wide.
WIDTH, LOSS_HEIGHT, PAD, TITLE = 1800, 1000, 30, 110
LEFT, BOTTOM = 210, 170  # for the loss curve's numbers
NAME_LINE = 52  # of a run's name in the legend below it
CAPTION_POINTS = 7.0
# What has no influence on the result has no place in a caption.
UNTOLD = ("threads", "cache_gb", "checkpoint_every", "keep_checkpoints", "sample_every")
MAX_SIDE = 4800  # of an image in a figure; a larger one is reduced


class Picture(NamedTuple):
    """A picture of the run, uint8 (h, w) or (h, w, 3), the stem of its file's name, and its moment.

    In words: "epoch 3". `values` are the parameters that it was drawn with in place of the run's.
    """

    pixels: np.ndarray
    stem: str
    moment: str
    values: Mapping[str, Value] = {}


@dataclass(frozen=True)
class Subject:
    """What figures are drawn from: a run's epochs and parameters, and the folder of its images.

    `changes` are its checkpoint's sentences on parameters that were changed on the way.
    `pictures` names, by the figure, one to draw in place of the newest; `comparison` has the runs
    whose losses, or another `column` of their epochs, are laid over this one's.
    """

    history: tuple[EpochRecord, ...]
    values: Mapping[str, Value]
    output_dir: Path
    changes: tuple[str, ...] = ()
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    comparison: Comparison = NO_OTHERS
    column: str = "loss"


def read_run(model_save_dir: Path, output_dir: Path | None = None) -> Subject:
    """The run of a folder's newest checkpoint, with its own output folder or with another.

    Raises CheckpointError if there is none, OSError.
    """
    found = checkpoint.peek(model_save_dir)
    if found is None:
        text = _("No checkpoint in {folder}. Train first, or name its folder.")
        raise CheckpointError(text.format(folder=readable(model_save_dir)))
    record = found[1]
    own = Path(str(record.config["output_dir"]))
    return Subject(record.history, record.config, output_dir or own, record.changes)


def with_changes(run: Subject) -> Subject:
    """The run with what was changed on the way, if its newest checkpoint can be read for it."""
    found = None
    if run.values:
        with contextlib.suppress(OSError, CheckpointError):
            found = checkpoint.peek(Path(str(run.values["model_save_dir"])))
    if found is None or run_mark(found[1].history) != run_mark(run.history):
        return run
    return replace(run, changes=found[1].changes)


def _told() -> list[str]:
    """The names of the parameters that a caption tells."""
    return [name for name, facts in PARAMETERS.items() if facts.told and name not in UNTOLD]


def caption_of(values: Mapping[str, Value], done: int = 0) -> str:
    """The parameters that the result depends on, name=value, without any path.

    With the number of epochs `done`, where it is known and they are not all.
    """
    texts = {name: text_of(values[name]) for name in _told() if name in values}
    if 0 < done < int(values.get("num_epochs", 0)):
        texts["num_epochs"] = _("{done} of {total}").format(done=done, total=texts["num_epochs"])
    return ", ".join(f"{name}={text}" for name, text in texts.items())


def _caption(run: Subject) -> str:
    texts = (caption_of(run.values, len(run.history)), *changes_of(run.changes, _told()))
    return ". ".join(text.rstrip(".") for text in texts if text)


def loss_figure(run: Subject, with_caption: bool) -> tuple[str, Figure] | None:
    """The loss curve and its file's name; None before the first epoch."""
    drawn = run.comparison.drawn(Compared("", run.history, run.values))
    runs = [one.run for one in drawn]
    if not any(one.history for one in runs):
        return None
    caption = ""
    if with_caption:
        told = _caption(run)
        if runs[0].name:  # what differs is in the names
            told = caption_of(common(runs))
        caption = ". ".join(filter(None, (told, caution(runs, run.column))))
    best = best_epoch(run.history, run.values) if any(not one.place for one in drawn) else None
    # The names of other runs are long and may be many: they stand below.
    names = NAME_LINE * (1 + len(drawn)) if run.comparison.runs else 0
    figure, axes = _page(WIDTH, LOSS_HEIGHT, caption, (LEFT, PAD, BOTTOM + names, TITLE))
    draw_loss(axes, drawn, best, run.column)
    if names:
        axes.legend(
            loc="upper left", bbox_to_anchor=(0, -BOTTOM / LOSS_HEIGHT), fontsize=8,
            borderpad=0, borderaxespad=0, frameon=False,
        )  # fmt: skip
    name = "loss_curve" if run.column == "loss" else run.column
    return f"figure_{name}{'_compared' * bool(run.comparison.runs)}", figure


def samples_figure(run: Subject, with_caption: bool) -> tuple[str, Figure] | None:
    """The sample grid and its file's name; None if there is no grid."""
    picture = run.pictures.get("samples") or _newest(run, SAMPLES)
    return _figure_of(run, picture, _("Generated images, {moment}"), with_caption)


def reconstructions_figure(run: Subject, with_caption: bool) -> tuple[str, Figure] | None:
    """The reconstructions and their file's name; None if there are none."""
    picture = run.pictures.get("reconstructions") or _newest(run, RECONSTRUCTIONS)
    title = _("Originals, reconstructions and differences, {moment}")
    return _figure_of(run, picture, title, with_caption)


def _newest(run: Subject, shelf: Shelf) -> Picture | None:
    epoch = shelf.newest(run.output_dir, len(run.history), run_mark(run.history))
    if epoch is None:
        return None
    moment = _("epoch {epoch}").format(epoch=epoch)
    path = run.output_dir / shelf.name(epoch)
    return Picture(read_picture(path), path.stem, moment)


def _figure_of(
    run: Subject, picture: Picture | None, title: str, with_caption: bool
) -> tuple[str, Figure] | None:
    if picture is None:
        return None
    caption = _caption(run) if with_caption else ""
    if with_caption and picture.values:
        caption += f". {_('Drawn with {values}').format(values=caption_of(picture.values))}"
    figure = image_figure(picture.pixels, title.format(moment=picture.moment), caption)
    return f"figure_{picture.stem}", figure


def figure_titles() -> dict[str, str]:
    """What a person calls each of FIGURES."""
    return {
        "loss_curve": _("Loss curve"),
        "samples": _("Sample grid"),
        "reconstructions": _("Reconstructions"),
    }


# Each gives a file's name and a figure, or None while there is nothing to draw. With the parameters
# below, if they are wanted.
FIGURES: dict[str, Callable[[Subject, bool], tuple[str, Figure] | None]] = {
    "loss_curve": loss_figure,
    "samples": samples_figure,
    "reconstructions": reconstructions_figure,
}


def image_figure(pixels: np.ndarray, title: str, caption: str) -> Figure:
    """A picture, uint8 (h, w) or (h, w, 3), with a title.

    Its dots are repeated, so that no viewer can blur them. One of more than MAX_SIDE dots is
    reduced, by a whole factor.
    """
    # In colour, since a map of colours for grey levels would move some of them by one.
    image = Image.fromarray(pixels).convert("RGB")
    image = image.reduce(-(-max(image.size) // MAX_SIDE))
    factor = max(1, round(WIDTH / image.width))
    pixels = np.asarray(image).repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = pixels.shape[:2]
    figure, axes = _page(width + 2 * PAD, height, caption, (PAD, PAD, PAD, TITLE))
    axes.set_axis_off()
    axes.imshow(pixels, interpolation="none", aspect="auto")
    axes.set_title(title, loc="left", fontsize=9)
    return figure


def _page(
    width: int, height: int, caption: str, margins: tuple[int, int, int, int]
) -> tuple[Figure, Axes]:
    """A light figure with axes of a height, and a caption below. All in dots.

    The margins are left, right, bottom and top; the left one and the right one are of the width.
    """
    from matplotlib.figure import Figure

    points = DPI / 72
    characters = int((width - 2 * PAD) / (CAPTION_POINTS * 0.56 * points))
    lines = textwrap.wrap(caption, characters, break_long_words=False, break_on_hyphens=False)
    below = round(len(lines) * CAPTION_POINTS * 1.4 * points) + (PAD if lines else 0)
    left, right, bottom, top = margins
    full = height + bottom + top + below
    figure = Figure(figsize=(width / DPI, full / DPI), dpi=DPI, facecolor="white")
    box = (left / width, (bottom + below) / full, (width - left - right) / width, height / full)
    for number, line in enumerate(reversed(lines)):
        y = (PAD + number * CAPTION_POINTS * 1.4 * points) / full
        figure.text(PAD / width, y, line, fontsize=CAPTION_POINTS, color="#3f4a56")
    return figure, figure.add_axes(box)


def write_figures(
    run: Subject, names: Sequence[str], folder: Path, form: str, with_caption: bool
) -> tuple[list[Path], list[str]]:
    """Draw some of FIGURES into a folder, in one of FIGURE_FORMATS; earlier ones are replaced.

    Returns the files, and of the figures for which there is nothing to draw the names.
    Raises OSError.
    """
    written, missing = [], []
    for name in names:
        drawn = FIGURES[name](run, with_caption)
        if drawn is None:
            missing.append(name)
            continue
        path = folder / f"{drawn[0]}.{form}"
        with atomic_write(path) as file:
            file.write(encode(drawn[1], form))
        written.append(path)
    return written, missing


def encode(figure: Figure, form: str) -> bytes:
    """A figure as the content of a file in one of FIGURE_FORMATS."""
    import matplotlib

    # Text stays text, fonts go into the PDF, and the same figure gives the same file. Nothing but
    # these two formats depends on it, so that it may be set while another thread draws.
    matplotlib.rcParams.update({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "vae"})
    date = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    file = io.BytesIO()
    figure.savefig(file, format=form, dpi=DPI, metadata=date)
    return file.getvalue()
