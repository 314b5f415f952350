"""A report of a run: one HTML file that opens anywhere, without anything from outside it.

In the language in use: the window's, or English from the terminal. It holds images of the data set,
but no name or path of a file unless that is asked for.
"""

from __future__ import annotations

import base64
import html
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vae import __version__, evaluation
from vae.checkpoint import peek
from vae.config import PARAMETERS, text_of
from vae.decoding import DataError
from vae.errors import StudioError, problem_of
from vae.evaluation import Evaluation
from vae.events import Progress
from vae.figures import encode, loss_figure, read_run
from vae.files import REPORT_NAME, atomic_write
from vae.findings import findings, no_fault, too_early
from vae.gallery import RECONSTRUCTIONS, SAMPLES, Shelf
from vae.header import Record
from vae.history import run_mark
from vae.language import _, current, marked, ngettext, number
from vae.measures import MEASURES
from vae.memorisation import no_copies
from vae.reasons import reason_words
from vae.survey import Survey, find, survey
from vae.words import change_words, duration

Stop = Callable[[], bool]
COLUMNS, CELL = 4, (2.6, 2.0)  # of the small plots; inches
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1f26; background: #fff; max-width: 62rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #e1e5ea; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .15rem 1.2rem .15rem 0;
  vertical-align: top; } th { font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } img.pixels { image-rendering: pixelated; width: 40rem; }
.muted { color: #5b6570; } .finding { background: #f6f8fa; padding: .6rem 1rem; margin: .6rem 0; }
@media print { body { max-width: none; } h2 { break-after: avoid; } }
"""


def write_report(
    model_save_dir: Path,
    output_dir: Path | None = None,
    to: Path | None = None,
    names: bool = False,
    should_stop: Stop = lambda: False,
    emit: Callable[[Progress], object] = lambda progress: None,
) -> Path:
    """Measure a run's newest checkpoint and write all that is known of the run.

    Into the output folder, the run's own unless another is given, or to a file. `names` tells
    folders, and files that cannot be used. Without the run's images it says so, and tells the
    rest. How far it is with measuring is told through `emit`. Returns the file. Raises
    CheckpointError if there is no checkpoint, OSError, StopRequested.
    """
    run = read_run(model_save_dir, output_dir)
    found = peek(model_save_dir)
    assert found is not None  # read_run has looked
    record, measured, looked = found[1], None, None
    notes: list[str] = []
    try:
        measured = evaluation.evaluate(
            model_save_dir, notes.append, should_stop=should_stop, emit=emit
        )
    except (DataError, OSError) as error:
        notes.append(problem_of(error))
    folder = Path(str(record.config["file_path"]))
    try:
        looked = survey(find(folder, lambda event: None, should_stop), lambda e: None, should_stop)
    except (StudioError, OSError) as error:
        notes.append(problem_of(error))
    notes = list(dict.fromkeys(notes))  # both may have failed at the same folder
    if notes and not names:  # they may hold paths
        text = _(
            "Not all could be read as it was when the network learned; in the terminal, report "
            "--names says what."
        )
        notes = [text]
    parts = [
        *_head(record, names),
        *_findings(record, measured),
        *_measured(measured, notes),
        f"<h2>{_('Curves')}</h2>",
        *_curves(run, record),
        f"<h2>{_('Images')}</h2>",
        *_picture_of(run.output_dir, SAMPLES, _("Generated images"), record),
        *_picture_of(run.output_dir, RECONSTRUCTIONS, _(RECONSTRUCTED), record),
        *_copies(measured),
        *_data(looked, record, names),
        *_tables(record, names),
    ]
    title = _("VAE Studio report")
    body = "\n".join(parts)
    page = (
        f'<!DOCTYPE html>\n<html lang="{current()}"><head><meta charset="utf-8">'
        f'<title>{title}</title><meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )
    path = to or run.output_dir / REPORT_NAME
    with atomic_write(path) as file:
        # A name may hold bytes that are no text.
        file.write(page.encode(errors="backslashreplace"))
    return path


RECONSTRUCTED = marked("Originals, reconstructions and absolute differences")


def _head(record: Record, names: bool) -> Iterator[str]:
    yield f"<h1>{_('Report of a training')}</h1>"
    done, seconds = len(record.history), sum(row.seconds for row in record.history)
    epochs = ngettext("{count} epoch in {time}", "{count} epochs in {time}", done)
    images = ngettext("{count} image", "{count} images", record.images)
    parts = [
        f"VAE Studio {__version__}",
        time.strftime("%Y-%m-%d"),
        epochs.format(count=done, time=duration(seconds)),
        images.format(count=number(record.images, ",d")),
    ]
    if record.images_done:
        more = _("{count} images of the next epoch")
        parts.insert(3, more.format(count=record.images_done))
    if names:
        parts.append(_text(record.config["file_path"]))
    yield f'<p class="muted">{"  ·  ".join(parts)}</p>'


def _findings(record: Record, measured: Evaluation | None) -> Iterator[str]:
    yield f"<h2>{_('Findings')}</h2>"
    history, values = record.history, record.config
    copies = measured.copies if measured else None
    found = [*findings(history, values), *([copies] if copies else [])]
    if too_early(history, values) and not found:
        yield f"<p>{_('It is too early to say what is wrong, if anything is.')}</p>"
    elif not found:
        yield f"<p>{_text(no_fault(history))}</p>"
    for finding in found:
        remedy = ", ".join(
            f"{_(PARAMETERS[name].label)} {text_of(value)}"
            for name, value in finding.remedy.items()
        )
        mends = f"<br><b>{_('What mends it:')}</b> {_text(remedy)}" if remedy else ""
        yield (
            f'<div class="finding"><b>{_text(finding.title)}.</b> {_text(finding.message)}'
            f"{mends}</div>"
        )

    enough = measured and measured.images >= evaluation.FEWEST_COMPARED
    if measured and enough and not copies and (text := no_copies(measured.memorisation)):
        yield f"<p>{_text(text)}</p>"


def _measured(found: Evaluation | None, notes: Sequence[str]) -> Iterator[str]:
    yield f"<h2>{_('Measures')}</h2>"
    for note in notes:
        yield f"<p>{_text(note)}</p>"
    if found:
        yield f'<p class="muted">{_text(evaluation.headline(found))}</p>'
        yield _table(evaluation.rows(found))


def _curves(run: Any, record: Record) -> Iterator[str]:
    drawn = loss_figure(run, with_caption=False)
    if drawn is None:
        yield f"<p>{_('No epoch is done yet.')}</p>"
        return
    yield _image(encode(drawn[1], "svg"), _("Loss of each epoch"), "image/svg+xml")
    yield _image(_small_plots(record), _("What was measured after each epoch"), "image/svg+xml")


def _small_plots(record: Record) -> bytes:
    """One for each measure that has values, as SVG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from vae.ticks import Ticks

    history = record.history
    shown = [m for m in MEASURES if any(getattr(row, m.name) is not None for row in history)]
    rows = -(-len(shown) // COLUMNS)
    size = (COLUMNS * CELL[0], max(rows, 1) * CELL[1])
    figure = Figure(figsize=size, layout="constrained")
    for place, measure in enumerate(shown, start=1):
        axes = figure.add_subplot(rows, COLUMNS, place)
        found = [(row.epoch, getattr(row, measure.name)) for row in history]
        points = [point for point in found if point[1] is not None]
        marker = "" if len(points) > 1 else "."  # one alone would leave no line
        axes.plot(*zip(*points, strict=True), color="#1a62d6", marker=marker)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(_(measure.label), loc="left", fontsize=9, weight="bold", pad=15)
        axes.text(0, 1.03, _(measure.good), transform=axes.transAxes, fontsize=7, color="#5b6570")
        axes.yaxis.set_major_formatter(Ticks())
        axes.tick_params(labelsize=8, length=0)
        axes.grid(axis="y", color="#e1e5ea")
        axes.spines[["top", "right", "left"]].set_visible(False)
    return encode(figure, "svg")


def _picture_of(folder: Path, shelf: Shelf, title: str, record: Record) -> Iterator[str]:
    """The run's newest picture of a kind, if there is one."""
    epoch = shelf.newest(folder, len(record.history), run_mark(record.history))
    if epoch is not None:
        moment = _("epoch {epoch}").format(epoch=epoch)
        yield f"<h3>{title}, {moment}</h3>"
        yield _image((folder / shelf.name(epoch)).read_bytes(), title, "image/png")


def _copies(found: Evaluation | None) -> Iterator[str]:
    if not found:
        return
    yield f"<h3>{_('Are samples copies of training images?')}</h3>"
    text = _(
        "The samples nearest to a training image, each above that image. They should be alike in "
        "kind, not the same. The measures above give the distances beside those of images that "
        "were held out."
    )
    yield f"<p>{text}</p>"
    for picture, what in zip(found.pairs, (_("by pixels"), _("by latents")), strict=True):
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture)).save(file, "PNG")
        title = _("Closest pairs, {way}").format(way=what)
        yield f"<p>{title}</p>{_image(file.getvalue(), title, 'image/png')}"


def _data(found: Survey | None, record: Record, names: bool) -> Iterator[str]:
    yield f"<h2>{_('Images in the folder')}</h2>"
    if found is None:
        yield f"<p>{_('They cannot be looked at any more.')}</p>"
        return
    formats = ", ".join(f"{count} {name}" for name, count in found.formats)
    labels = (_("smallest"), _("median"), _("largest"))
    sizes = ", ".join(f"{n} {w} x {h}" for n, (w, h) in zip(labels, found.sizes, strict=False))
    trained = record.history[-1].images if record.history else record.images
    held_back = _("{count} for validation").format(count=record.images - trained)
    yield _table(
        [
            (_("files"), str(found.files), ""),
            (_("formats"), formats, ""),
            (_("sizes in pixels"), sizes, ""),
            (_("not square"), str(found.not_square), _("are stretched")),
            (_("copies of others"), str(found.copies), ""),
            (_("used"), str(record.images), ""),
            (_("not used"), str(max(0, found.files - record.images)), _("damaged, or came later")),
            (_("for training"), str(trained), held_back),
        ]
    )
    if names and found.unreadable:
        yield f"<p>{_('By their headers cannot be used:')}</p>"
        yield _table([(name, reason_words(reason), "") for name, reason in found.unreadable])


def _tables(record: Record, names: bool) -> Iterator[str]:
    yield f"<h2>{_('Parameters')}</h2>"
    shown = ((n, facts) for n, facts in PARAMETERS.items() if names or facts.told)
    yield _table([(n, text_of(record.config[n]) or "–", _(facts.label)) for n, facts in shown])
    for change in record.changes:
        yield f"<p>{_text(change_words(change))}</p>"
    yield f"<h2>{_('Environment')}</h2>"
    threads = ngettext("{count} thread", "{count} threads", record.threads)
    yield f"<p>{_text(record.environment)}, {threads.format(count=record.threads)}</p>"


def _table(rows: Sequence[tuple[str, str, str]]) -> str:
    lines = [
        f'<tr><th>{_text(a)}</th><td class="number">{_text(b)}</td>'
        f'<td class="muted">{_text(c)}</td></tr>'
        for a, b, c in rows
    ]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _image(content: bytes, alternative: str, kind: str) -> str:
    data = base64.b64encode(content).decode("ascii")
    look = ' class="pixels"' if kind == "image/png" else ""
    return f'<p><img{look} alt="{_text(alternative)}" src="data:{kind};base64,{data}"></p>'


def _text(value: object) -> str:
    return html.escape(str(value))
