"""A tab with the pictures of a run's epochs: a slider over them, and what can be made of them."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tkinter import ttk
from typing import Any, NamedTuple

from vae.config import Value
from vae.gui import kit, picture_jobs
from vae.gui.pane import Pane
from vae.gui.worker import Worker
from vae.language import _, number

PLAY_MS = 250
POSITION = 18  # letters of most

# Whole epochs, and images of the next: pictures may be asked for in the midst of an epoch.
Place = tuple[int, int]


class Shown(NamedTuple):
    """A picture and what it is of: an epoch, images_done of the next one, or drawn with a seed.

    `values` are the parameters that it was drawn with in place of the run's.
    """

    pixels: Any
    path: Path
    epoch: int
    images_done: int = 0
    seed: int | None = None
    values: Mapping[str, Value] = {}

    @property
    def moment(self) -> str:
        """In words."""
        if self.images_done:
            return _("epoch {epoch}, after {count} images of it").format(
                epoch=self.epoch + 1, count=number(self.images_done, ",d")
            )
        words = [_("epoch {epoch}").format(epoch=self.epoch)]
        if self.seed is not None:
            sampler = self.values["sampler"]
            words.append(
                _("seed {seed}, sampler {sampler}").format(seed=self.seed, sampler=sampler)
            )
            if (degree := float(self.values["temperature"])) != 1:
                words.append(_("temperature {value}").format(value=number(degree)))
        return ", ".join(words)


class GalleryPane(Pane):
    """The newest picture, until the slider is drawn to an earlier one.

    kind is what vae.gallery calls the pictures, name gives the file of a place, and meaning says
    what a picture of a {moment} shows.
    """

    def __init__(
        self,
        master: tk.Misc,
        worker: Worker,
        kind: str,
        name: Callable[[int, int], str],
        promise: str,
        meaning: str,
    ) -> None:
        super().__init__(master, promise)
        self.worker, self.kind, self.name, self.meaning = worker, kind, name, meaning
        self.folder = Path()
        self.places: list[Place] = []
        self.shown: Shown | None = None
        self.wanted: Place | None = None  # whose picture is being read
        self.playing = ""
        self.bind("<Destroy>", lambda event: self._wait_no_more())
        self.caption = ttk.Label(self, style="Muted.Vae.TLabel", justify="left")
        self.caption.pack(fill="x")
        self.caption.bind("<Configure>", lambda e: self.caption.configure(wraplength=e.width))
        self.tools = ttk.Frame(self, style="Vae.TFrame")
        self.tools.pack(side="bottom", fill="x", pady=("6p", 0))
        self.play = kit.button(self.tools, "", self.toggle_play, "Tool", "play-fill")
        self.play.pack(side="left")
        kit.tooltip(self.play, _("Play the epochs"))
        self.index = tk.DoubleVar(self, 0)
        self.slider = kit.slider(self.tools, self.index, self._slid)
        self.slider.pack(side="left", fill="x", expand=True, padx="6p")
        self.position = ttk.Label(self.tools, style="Vae.TLabel", width=POSITION)
        self.position.pack(side="left", padx="6p")
        self.exports = kit.menu_button(self.tools, _("Export"), self._fill_exports)
        self.exports.pack(side="left", padx=("6p", 0))
        self.empty.pack(fill="both", expand=True)
        self._show_place()

    @property
    def pixels(self) -> Any:
        """The picture that is shown, or None."""
        return self.shown.pixels if self.shown else None

    def create(self) -> None:
        from vae.gui.picture import Picture

        self.plot = Picture(self)
        self._put()

    @property
    def following(self) -> bool:
        """Whether the newest picture is shown, and the next is to be."""
        return round(self.index.get()) >= len(self.places) - 1

    @property
    def at(self) -> Place | None:
        """Where the slider is."""
        index = min(round(self.index.get()), len(self.places) - 1)
        return self.places[index] if index >= 0 else None

    @property
    def epochs(self) -> list[int]:
        """The whole epochs among the places."""
        return [epoch for epoch, images_done in self.places if not images_done]

    def _path(self, place: Place) -> Path:
        return self.folder / self.name(*place)

    def clear(self) -> None:
        """Show nothing: another run is looked at, or another one begins."""
        self.stop()
        self.places, self.shown, self.wanted = [], None, None
        self.caption.configure(text="")
        self._put()
        self._show_place()

    def take_over(self, other: GalleryPane) -> None:
        """Show what another one shows."""
        self.folder, self.places, self.wanted = other.folder, other.places, other.wanted
        self.index.set(other.index.get())
        if other.shown:
            self.show(other.shown)
        self._show_place()

    def take_found(self, folder: Path, places: Sequence[Place]) -> None:
        """Take the places whose pictures are in a folder, and read the newest."""
        follow = self.following or folder != self.folder
        self.folder = folder
        self._take(places)
        if follow and places:
            self.index.set(len(self.places) - 1)
            self._slid()
        self._show_place()

    def _take(self, places: Iterable[Place]) -> None:
        """Take other places; the slider stays at its own, if that is among them."""
        at, self.places = self.at, sorted(set(places))
        if at in self.places:
            self.index.set(self.places.index(at))

    def take_new(self, epoch: int, pixels: Any, path: Path, images_done: int) -> None:
        """Take a picture that training made; shown unless an earlier one is looked at."""
        follow = self.following and not self.playing
        self.folder = path.parent
        self._take([*self.places, (epoch, images_done)])
        if follow:
            self.index.set(len(self.places) - 1)
            self.wanted = None
            self.show(Shown(pixels, path, epoch, images_done))
        self._show_place()

    def show(self, shown: Shown) -> None:
        """Show a picture, and say what it is."""
        self.shown = shown
        self.say_what()
        self._put()

    def say_what(self) -> None:
        """Say above the picture what it shows."""
        if self.shown:
            meaning = self.meaning.format(moment=self.shown.moment)
            self.caption.configure(text=f"{meaning}  ·  {self.shown.path.name}")

    def show_read(self, path: Path, epoch: int, pixels: Any, problem: str) -> None:
        """Show a picture that was read, if it is still wanted."""
        place = self.wanted
        if place is None or (path, epoch) != (self._path(place), place[0]):
            return
        self.wanted = None
        if pixels is None:
            self.stop()
            self.shown = None
            self._put()
            self.caption.configure(text=problem)
        else:
            self.show(Shown(pixels, path, *place))

    def _put(self) -> None:
        if self.plot is None:
            return
        if self.pixels is not None:
            self.plot.update(self.pixels)
        self.swap(self.pixels is not None)
        self.refresh()  # with its caption, not half a second later

    def _slid(self, value: str = "") -> None:
        self._show_place()
        at = self.at
        if at and at != self.wanted:
            self.wanted = at
            self.worker.do(picture_jobs.read, self._path(at), at[0])

    def _show_place(self) -> None:
        count = len(self.places)
        several = count > 1
        self.slider.configure(to=max(count - 1, 1), state="normal" if several else "disabled")
        self.play.configure(state="normal" if several else "disabled")
        self.exports.configure(state="normal" if self.epochs else "disabled")
        text = ""
        if self.at:
            epoch, images_done = self.at
            text = _("Epoch {epoch} of {last}").format(epoch=epoch, last=self.places[-1][0])
            if images_done:
                text = _("Epoch {epoch}, image {count}").format(
                    epoch=epoch + 1, count=number(images_done, ",d")
                )
        self.position.configure(text=text, width=max(POSITION, len(text)))

    def toggle_play(self) -> None:
        """Play all places from the first, or stop."""
        if self.playing:
            self.stop()
            return
        if self.following:
            self.index.set(-1)
        kit.set_icon(self.play, "pause-fill")
        self._next()

    def stop(self) -> None:
        """Stop playing."""
        if self.playing:
            self._wait_no_more()
            kit.set_icon(self.play, "play-fill")

    def _wait_no_more(self) -> None:
        if self.playing:
            self.after_cancel(self.playing)
            self.playing = ""

    def _next(self) -> None:
        if self.wanted is None:  # the one before has been read
            if self.following:
                self.stop()
                return
            self.index.set(round(self.index.get()) + 1)
            self._slid()
        self.playing = self.after(PLAY_MS, self._next)

    def _fill_exports(self, menu: tk.Menu) -> None:
        for label, suffix in (
            (_("Animation (GIF)..."), ".gif"),
            (_("Strip of epochs (PNG)..."), ".png"),
        ):
            menu.add_command(label=label, command=partial(self.export, suffix))

    def export(self, suffix: str) -> None:
        """Write the pictures of all whole epochs into one file."""
        self.stop()
        chosen = kit.choose_file(self, _("Export"), self.folder, f"{self.kind}{suffix}")
        if chosen:
            job = partial(_export, self.kind, self.folder, tuple(self.epochs), Path(chosen))
            self.worker.write(picture_jobs.write, job, Path(chosen))


def _export(kind: str, folder: Path, epochs: tuple[int, ...], to: Path) -> str:
    from vae import gallery

    shelf = gallery.SAMPLES if kind == "samples" else gallery.RECONSTRUCTIONS
    write = gallery.write_gif if to.suffix == ".gif" else gallery.write_strip
    count = write(shelf, folder, epochs, to)
    return _("{path} was written, with {count} epochs.").format(path=to, count=count)
