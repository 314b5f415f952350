"""Runs side by side: where their parameters and results differ, and their newest samples."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable, Sequence
from datetime import datetime
from tkinter import ttk

from vae.comparison import Compared, same_images, same_losses
from vae.config import PARAMETERS
from vae.curve import caution
from vae.gui import kit
from vae.gui.answers import GridsReady
from vae.gui.labels import shortened, values_labelled
from vae.gui.theme import ROW, pixels
from vae.language import _, ngettext, number
from vae.measures import MEASURES
from vae.runs import Run, differing, loss_words, measured, state_word
from vae.schedule import WEIGHTS, measured_loss
from vae.words import duration

RESIZE_MS = 200
# What of a run is better where it is more, or less.
BETTER: dict[str, Callable[..., float]] = {
    "reconstruction_loss": min, "psnr": max, "ssim": max, "explained_variance": max, "swd": min,
}  # fmt: skip
CLOSE = 0.01  # of the best: what another seed may turn
SMALLEST = 40  # pixels of a grid
# Of reconstructions width over height: eight columns, or four, three rows and a text.
RECONSTRUCTIONS_SHAPE, LARGER_SHAPE = 8 / 3.5, 4 / 3.5
SMALLEST_TABLE = 4  # rows


def curve_names(runs: Sequence[Run]) -> list[str]:
    """What each run is called: by as many values as tell them apart, or else when it began.

    By two at least, if they differ in two. Parameters have the names of the terminal, which are the
    same in all languages: see `values_labelled`.
    """
    names = sorted(differing(runs), key=lambda name: name not in WEIGHTS)
    names = [name for name in names if not PARAMETERS[name].kind]
    for count in range(min(2, len(names)), len(names) + 1):
        called = [", ".join(f"{name} {run.words(name)}" for name in names[:count]) for run in runs]
        if len(set(called)) == len(runs):
            return called
    return _names_in_time(runs)


def _names_in_time(runs: Sequence[Run]) -> list[str]:
    """What runs of the same values are called: by no more than tells them apart."""
    names = [run.name for run in runs]
    exact = [f"{run.folder}  {datetime.fromtimestamp(run.began):%Y-%m-%d %H:%M:%S}" for run in runs]
    places = [run.place("model_save_dir") for run in runs]
    pairs = list(zip(names, places, strict=True))
    ways = (
        names,
        exact,
        [f"{name}  {place.name}" for name, place in pairs],
        [f"{name}  {place}" for name, place in pairs],
    )
    return next((way for way in ways if len(set(way)) == len(runs)), ways[-1])


def named(runs: Sequence[Run]) -> list[Compared]:
    """Runs to compare, called by what tells them apart."""
    found = []
    for name, run in zip(curve_names(runs), runs, strict=True):
        mixed = any(change.name in WEIGHTS for change in run.changes)
        found.append(Compared(name, run.history, run.config, mixed))
    return found


class CompareView(ttk.Frame):
    """A table and pictures.

    `ask` is called with the runs, the pictures' size in pixels, whether reconstructions are wanted,
    and then whether fewer and larger ones.
    """

    def __init__(
        self,
        master: tk.Misc,
        runs: Sequence[Run],
        ask: Callable[[Sequence[Run], int, bool, bool], None],
        back: Callable[[], None],
        show_curves: Callable[[], None],
    ) -> None:
        super().__init__(master, style="Vae.TFrame")
        self.runs, self.ask, self.leave = tuple(runs), ask, back
        self.newer = 0  # how many runs have begun since
        self.gone: tuple[str, ...] = ()  # what those were called that have left
        self.side, self.waiting = 0, ""
        self.reconstructions = False  # or else samples
        self.large = tk.BooleanVar(self, False)  # pictures in the table's place too
        self.head = row = ttk.Frame(self, style="Vae.TFrame")
        row.pack(fill="x", pady=(0, "6p"))
        self.back = kit.button(row, _("All runs"), back, "Plain", "chevron-left")
        self.back.pack(side="left")
        kit.tooltip(self.back, _("Back to the list (Esc)"))
        self.curves = kit.button(row, _("Show loss curves"), show_curves, "Plain")
        self.curves.pack(side="left", padx="4.5p")
        labels = (_("Samples"), _("Reconstructions"))
        self.kinds = kit.choice(row, "", labels, 0, self._choose)
        self.kinds.pack(side="left", padx=("4.5p", 0))
        larger = kit.switch(row, _("Larger"), self.large, self._show_table)
        kit.tooltip(larger, _("Larger pictures, in the table's place"))
        larger.pack(side="right")
        self._make_table()
        self.notes = ttk.Label(self, style="Muted.Vae.TLabel", justify="left")
        self.notes.pack(fill="x", pady=("4.5p", 0))
        self.notes.bind("<Configure>", lambda e: self.notes.configure(wraplength=e.width))
        self._say_notes()
        self.room = ttk.Frame(self, style="Vae.TFrame")
        self.room.pack(fill="both", expand=True, pady=("9p", 0))
        self.cells: list[ttk.Label] = []
        self.captions: list[ttk.Label] = []
        self.pictures: list[tk.PhotoImage] = []
        for column, name in enumerate(self.names):
            caption = ttk.Label(self.room, text=name, style="Muted.Vae.TLabel")
            caption.grid(row=0, column=column, sticky="w")
            cell = ttk.Label(self.room, style="Vae.TLabel", anchor="nw", cursor="hand2")
            cell.bind("<Button-1>", lambda event: larger.invoke())
            cell.grid(row=1, column=column, sticky="nw")
            self.room.columnconfigure(column, weight=1, uniform="runs")
            self.captions.append(caption)
            self.cells.append(cell)
        self.bind("<Configure>", lambda event: self._share_height(event.height))
        self.room.bind("<Configure>", lambda event: self._resized())
        for widget in (self.back, self.curves, self.kinds, larger, self.table):
            # Not for the window, which would stop a run.
            widget.bind("<Escape>", self._escape)

    def _make_table(self) -> None:
        columns = [str(number) for number in range(len(self.runs))]
        self.frame = frame = ttk.Frame(self, style="Vae.TFrame")
        frame.pack(fill="x")
        self.table = ttk.Treeview(frame, columns=columns, style="Vae.Treeview", selectmode="browse")
        bar = ttk.Scrollbar(frame, command=self.table.yview, style="Vae.Vertical.TScrollbar")
        self.table.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        for column in columns:
            self.table.heading(column, anchor="w")
            self.table.column(column, width=pixels(self, 90)[0], anchor="w")
        self.table.bind("<Configure>", lambda event: self._fit_titles())
        self.bind("<Destroy>", lambda event: self._forget_size())
        self._fill_table()
        self.table.configure(height=len(self.table.get_children()))
        self.table.pack(fill="x")

    def _fill_table(self) -> None:
        """Write what is known of the runs, and what they are called by it."""
        rows = comparison(self.runs)
        font, room = tkfont.nametofont("TkDefaultFont", self), pixels(self, 24)[0]
        widest = max(font.measure(label) for label, _values in rows)
        self.table.column("#0", width=widest + room, stretch=False)
        self.table.delete(*self.table.get_children())
        for label, values in rows:
            self.table.insert("", "end", text=label, values=values)
        self.names = [values_labelled(name) for name in curve_names(self.runs)]
        alike = len({run.folder for run in self.runs}) == 1
        titles = [run.moment if alike else run.name for run in self.runs]
        if len(set(titles)) < len(titles):  # begun within a minute
            titles = self.names
        self.titles = dict(zip(self.table["columns"], titles, strict=True))

    def _say_notes(self) -> None:
        """What has changed since, what must not be compared, and what the numbers are of."""
        notes = []
        if self.gone:
            text = _("No longer in the list of runs, and so no longer compared: {runs}.")
            notes.append(text.format(runs="; ".join(map(values_labelled, self.gone))))
        if self.newer:
            text = ngettext(
                "{count} run has begun since: it is under All runs.",
                "{count} runs have begun since: they are under All runs.", self.newer,
            )  # fmt: skip
            notes.append(text.format(count=self.newer))
        notes.append(caution(named(self.runs)))
        if len({len(run.history) for run in self.runs}) > 1:
            notes.append(_("They were trained for different numbers of epochs."))
        notes.append(_("The numbers are of each run's best epoch."))
        notes.append(_("No best is marked where it leads by less than 1 %: chance may do as much."))
        self.notes.configure(text=" ".join(filter(None, notes)))

    def bring_up_to_date(self, runs: Sequence[Run], newer: int) -> None:
        """Show what is newer of the same runs, and how many `newer` ones have begun."""
        changed = tuple(runs) != self.runs
        if not changed and newer == self.newer:
            return
        self.runs, self.newer = tuple(runs), newer
        self._say_notes()
        if changed:
            top, chosen = self.table.yview()[0], list(map(self.table.index, self.table.selection()))
            self._fill_table()
            self._fit_titles()
            rows = self.table.get_children()
            self.table.selection_set([rows[place] for place in chosen if place < len(rows)])
            self.table.yview_moveto(top)
            self.side = 0  # the pictures of a newer epoch
            self._resized()

    def _fit_titles(self) -> None:
        """Above each column as much of its run's name as there is room for."""
        measure, (inset,) = tkfont.nametofont("TkDefaultFont", self).measure, pixels(self, 16)
        wide = self.table.winfo_width() - self.table.column("#0", "width")
        room = wide // len(self.titles) - inset
        for column, title in self.titles.items():
            letters = range(len(title), 3, -1)
            fitting = (text for n in letters if measure(text := shortened(title, n)) <= room)
            self.table.heading(column, text=next(fitting, title))

    def take_over(self, other: CompareView, gone: Sequence[str] = ()) -> None:
        """Show what another does of its runs, without those that are `gone`, by their names."""
        self.newer, self.gone = other.newer, (*other.gone, *gone)
        self._say_notes()
        self.reconstructions = other.reconstructions
        self.kinds.current(int(self.reconstructions))
        self.large.set(other.large.get())
        self._show_table()

    def _show_table(self) -> None:
        """The table, unless larger pictures take its place."""
        self.side = 0  # others are wanted
        self._resized()
        if self.large.get():
            self.frame.pack_forget()
        else:
            self.frame.pack(fill="x", after=self.head)

    def _choose(self, kind: int) -> None:
        self.reconstructions = kind == 1
        self.side = 0  # another shape takes the room otherwise
        self._ask()

    def _escape(self, event: tk.Event) -> str:
        self.leave()
        return "break"

    def _share_height(self, height: int) -> None:
        """The table takes at most half of the height; the grids take the rest."""
        (line,) = pixels(self, ROW)
        rows = max(SMALLEST_TABLE, min(len(self.table.get_children()), height // 2 // line - 1))
        self.table.configure(height=rows)

    def _forget_size(self) -> None:
        if self.waiting:
            self.after_cancel(self.waiting)
        self.waiting = ""

    def _resized(self) -> None:
        """Ask for grids of another size once the size stays."""
        self._forget_size()
        self.waiting = self.after(RESIZE_MS, self._ask)

    def _ask(self) -> None:
        self._forget_size()
        (gap,) = pixels(self, 12)
        wide = self.room.winfo_width() // len(self.runs) - gap
        for caption in self.captions:
            caption.configure(wraplength=wide)
        lines = max(caption.winfo_reqheight() for caption in self.captions)
        high = self.room.winfo_height() - lines - gap // 2
        if self.reconstructions:
            high = round(high * (LARGER_SHAPE if self.large.get() else RECONSTRUCTIONS_SHAPE))
        side = max(SMALLEST, min(wide, high))
        if side != self.side:
            self.side = side
            self.ask(self.runs, side, self.reconstructions, self.large.get())

    def show_grids(self, event: GridsReady) -> None:
        """Show the grids, if they are of these runs."""
        wanted = tuple(run.id for run in self.runs), self.reconstructions
        if (event.ids, event.reconstructions) != wanted:
            return
        self.pictures = []
        for name, caption, cell, (data, epoch) in zip(
            self.names, self.captions, self.cells, event.grids, strict=True
        ):
            if data:
                self.pictures.append(tk.PhotoImage(master=self, data=data))
                cell.configure(image=self.pictures[-1], text="")
                words = _("{run}, epoch {epoch}").format(run=name, epoch=epoch)
                caption.configure(text=words)
            else:
                cell.configure(image="", text=_("No pictures are there."))
                caption.configure(text=name)
        self._resized()  # captions may take more lines now


def comparison(runs: Sequence[Run]) -> list[tuple[str, tuple[str, ...]]]:
    """The rows of the table: the parameters that differ, then the results.

    Losses are those of the best epoch, and so is what was measured, or else of the newest epoch at
    which it was. The best of a row is marked only where the numbers of the runs mean the same.
    """
    rows = [
        (_(PARAMETERS[name].label), tuple(run.words(name) for run in runs))
        for name in differing(runs)
    ]
    if not rows:
        rows = [(_("Parameters"), tuple(_("the same") for _run in runs))]
    bests = [run.best for run in runs]
    compared = named(runs)
    images = same_images(compared)
    # A best epoch without finite validation losses is told by those of training.
    kinds = {best.val_loss is not None for best in bests if best}
    validated, one_kind = kinds == {True}, len(kinds) < 2
    weights = same_losses(compared)
    losses = [measured_loss(best) if best else None for best in bests]
    told = [loss_words(best) if best else "–" for best in bests]
    best_loss, of_validation = _("Best loss"), _("{loss} (validation)")
    if validated:  # said once, and not in each cell
        told = ["–" if loss is None else number(loss) for loss in losses]
        best_loss = of_validation.format(loss=best_loss)
    rows += [
        (_("State"), tuple(state_word(run) for run in runs)),
        (best_loss, _marked(losses, told, min if images and one_kind and weights else None)),
        (_("Best epoch"), tuple(str(best.epoch) if best else "–" for best in bests)),
    ]
    parts = (
        (_("Reconstruction"), "reconstruction_loss", ".4g", ""),
        (_("KL divergence"), "kl_loss", ".4g", ""),
        (_("Blur"), "blur_loss", ".4g", ""),
        # The KL weight in use follows from the parameters and the error above.
        *((_(m.label), m.name, m.form, m.unit) for m in MEASURES if m.name != "beta"),
    )
    for label, name, form, unit in parts:
        values = [measured(run, name) for run in runs]
        if any(value is not None for value in values):
            words = ("–" if v is None else f"{number(v, form)} {unit}".rstrip() for v in values)
            told = list(words)
            is_loss = name.endswith("_loss")
            if validated and is_loss:
                label = of_validation.format(loss=label)
            best = BETTER.get(name) if images and (one_kind or not is_loss) else None
            rows.append((label, _marked(values, told, best)))
    if validated:
        pairs = zip(runs, bests, strict=True)
        held = [str(run.images - best.images) if best else "–" for run, best in pairs]
        rows.append((_("Validation images"), tuple(held)))
    epochs = _("{done} of {total}")
    done = [epochs.format(done=len(r.history), total=r.config["num_epochs"]) for r in runs]
    return [
        *rows,
        (_("Epochs"), tuple(done)),
        (_("Duration"), tuple(duration(run.seconds) for run in runs)),
    ]


def _marked(
    values: Sequence[float | None], told: Sequence[str], best: Callable[..., float] | None
) -> tuple[str, ...]:
    """A row, with the best of its values marked, unless another comes close to it."""
    known = {value: text for value, text in zip(values, told, strict=True) if value is not None}
    if best is None or len(set(known.values())) < 2:
        return tuple(told)
    first = best(known)
    others = [value for value, text in known.items() if text != known[first]]
    if any(abs(value - first) < CLOSE * abs(first) for value in others):
        return tuple(told)
    mark = _("{value} (lowest)") if best is min else _("{value} (highest)")
    return tuple(mark.format(value=text) if text == known[first] else text for text in told)
