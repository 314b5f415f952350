"""The action bar: what is done with a run, its progress, and a line that says what is going on."""

from __future__ import annotations

import time
import tkinter as tk
from collections import deque
from collections.abc import Callable
from tkinter import ttk
from typing import Any

from vae.events import BatchDone
from vae.gui import kit
from vae.gui.labels import labelled
from vae.gui.theme import TONES, pixels
from vae.language import _
from vae.words import duration

# Fewer batches of an epoch say little of its speed or its mean loss.
ENOUGH_BATCHES = 20
# Of the time that is left: seconds that are looked back at, and before anything is said.
MEASURED_SECONDS, SECONDS_ENOUGH = 30.0, 2.0
BUTTON_GAP, EDGE = 8, 24  # between two buttons, and beside all, at 96 dpi
LINE_GAP = "3p"  # between the meter and the words
WORDS_WIDTH = 480  # less is too little for a sentence beside the buttons, at 96 dpi


class Eta:
    """Time left, by the clock: from the newest epoch or half minute, whichever is longer.

    What lies between two epochs counts too, which takes longer than small epochs themselves.
    """

    def __init__(self) -> None:
        self.seen: deque[tuple[int, float]] = deque()  # batches done, and when

    def left(self, event: BatchDone) -> str:
        """ "3 min 5 s left", or nothing before enough was seen."""
        done, now = (event.epoch - 1) * event.batches + event.batch, time.monotonic()
        self.seen.append((done, now))
        while len(self.seen) > 2:
            later, then = self.seen[1]
            far = done - later >= max(event.batches, ENOUGH_BATCHES)
            if now - then < MEASURED_SECONDS or not far:
                break
            self.seen.popleft()
        first, began = self.seen[0]
        if done - first < ENOUGH_BATCHES or now - began < SECONDS_ENOUGH:
            return ""
        rest = event.epochs * event.batches - done
        return _("{time} left").format(time=duration(rest * (now - began) / (done - first)))


class ActionBar(ttk.Frame):
    """Buttons that never move, the meter, and a word with a sentence. One link at the end."""

    def __init__(
        self,
        master: tk.Misc,
        train: Callable[[], object],
        pause: Callable[[], object],
        stop: Callable[[], object],
        fresh: Callable[[], object],
        save: Callable[[], object],
        sample: Callable[[], object],
    ) -> None:
        super().__init__(master, style="Vae.TFrame", padding="18p 9p")
        self.tone, self.topic = "idle", ""
        self.told = ("", "", "")  # the word, the sentence and the figures, as they came
        self.offered: tuple[str, Callable[[], object]] | None = None
        self.narrow = self.tight = False
        self.buttons = row = ttk.Frame(self, style="Vae.TFrame")
        self.train = kit.button(row, _("Train"), train, "Primary", "play-fill")
        self.pause = kit.button(row, _("Pause"), pause, "Plain", "pause-fill")
        self.stop = kit.button(row, _("Stop"), stop, "Danger", "stop-fill")
        self.save = kit.button(row, "", save, "Tool", "floppy")
        self.sample = kit.button(row, "", sample, "Tool", "images")
        self.fresh = kit.button(row, _("Start fresh"), fresh, "Plain")
        kit.tooltip(self.save, _("Save a checkpoint at once"))
        kit.tooltip(self.sample, _("Draw samples and reconstructions at once"))
        # Wide enough for each of their texts, so that none moves when one changes.
        for button, width in ((self.train, 10), (self.pause, 10), (self.stop, 8)):
            button.configure(width=width)
        self._arrange_buttons()
        self.meter = kit.meter(self)
        self.word = ttk.Label(self, style="Bold.Vae.TLabel")
        self.text = ttk.Label(self, style="Vae.TLabel", justify="left")
        self.right = ttk.Label(self, style="Muted.Vae.TLabel")
        self.link = kit.button(self, "", lambda: None, "Link")
        # As high as two lines, so that a sentence that needs both moves nothing above.
        self.text.configure(text="\n")
        self.rowconfigure(1, minsize=self.text.winfo_reqheight() + self.winfo_pixels(LINE_GAP))
        self._arrange()
        self.link.grid_remove()
        self.bind("<Configure>", lambda event: self._fit(event.width))
        self.text.bind(
            "<Configure>", lambda e: self.text.configure(wraplength=max(e.width - 8, 80))
        )

    def _arrange_buttons(self) -> None:
        """In one row, or in two where it is tight."""
        first, second = (self.train, self.pause, self.stop), (self.save, self.sample, self.fresh)
        for place, button in enumerate((*first, *second)):
            row, column = divmod(place, len(first)) if self.tight else (0, place)
            gap = ("4.5p", 0) if row else "0p"
            button.grid(row=row, column=column, sticky="w", padx=(0, "6p"), pady=gap)

    def _arrange(self) -> None:
        """Put the meter and the words beside the buttons, or above them where it is narrow."""
        first, left = (0, "0p") if self.narrow else (1, "12p")
        shown = self.link.winfo_manager()
        self.columnconfigure(2 - first, weight=0)
        self.columnconfigure(first + 1, weight=1)
        top, rows, columns = (2, 1, 5) if self.narrow else (0, 2, 1)
        # At the bottom, where a message of several lines does not move them.
        gap = ("7.5p", 0) if self.narrow else "0p"
        self.buttons.grid(
            row=top, column=0, rowspan=rows, columnspan=columns, sticky="sw", pady=gap
        )
        self.meter.grid(row=0, column=first, columnspan=4, sticky="ew", padx=(left, 0))
        line: dict[str, Any] = {"row": 1, "pady": (LINE_GAP, 0)}
        self.word.grid(column=first, sticky="nw", padx=(left, "6p"), **line)
        self.text.grid(column=first + 1, sticky="new", **line)
        self.right.grid(column=first + 2, sticky="ne", padx=("6p", 0), **line)
        self.link.grid(column=first + 3, sticky="ne", padx=("6p", 0), **line)
        if not shown:
            self.link.grid_remove()
        # So that the Tab key comes last to what is right or below.
        (self.buttons if self.narrow else self.link).lift()

    def _fit(self, width: int) -> None:
        gap, words = pixels(self, BUTTON_GAP, WORDS_WIDTH)
        needed = sum(button.winfo_reqwidth() + gap for button in self.buttons.winfo_children())
        tight = width - 2 * pixels(self, EDGE)[0] < needed
        if tight != self.tight:
            self.tight = tight
            self._arrange_buttons()
        narrow = width < needed + words
        if narrow != self.narrow:
            self.narrow = narrow
            self._arrange()

    def show_state(self, state: str, running: bool, resumable: bool, replaceable: bool) -> None:
        """Which buttons can be clicked, and what they say."""
        blocked, paused = state == "blocked", state == "paused"
        goes_on = resumable and not running  # a paused run has a button of its own to go on
        self.train.configure(
            text=_("Retry") if blocked else _("Resume") if goes_on else _("Train"),
            state="disabled" if running and not blocked else "normal",
        )
        trains = "normal" if state == "running" or paused else "disabled"
        self.pause.configure(text=_("Go on") if paused else _("Pause"), state=trains)
        kit.set_icon(self.pause, "play-fill" if paused else "pause-fill")
        self.save.configure(state=trains)
        self.sample.configure(state=trains)
        self.stop.configure(state="normal" if running and state != "stopping" else "disabled")
        self.fresh.configure(state="normal" if replaceable and not running else "disabled")

    def say(self, tone: str, word: str, text: str, right: str = "", topic: str = "") -> None:
        """A word in a state's tone, a sentence beside it, and figures at the end.

        The topic tells what may replace it: "ready", "found", "form", "note", "attention" or
        "closing".
        """
        self.tone, self.topic = tone, topic
        self.told, self.offered = (word, text, right), None
        self.word.configure(text=word)
        self.text.configure(text=labelled(text))
        self.right.configure(text=right)
        self.link.grid_remove()
        self.paint()

    def offer(self, text: str, command: Callable[[], object]) -> None:
        """A link at the end of the line, until the next word."""
        self.offered = text, command
        self.link.configure(text=text, command=command)
        self.link.grid()

    def take_over(self, other: ActionBar) -> None:
        """Say what another says and offer the same, in the language in use."""
        word, text, right = map(str, other.told)
        self.say(other.tone, word, text, right, other.topic)
        if other.offered:
            text, command = other.offered
            self.offer(str(text), command)

    def progress(self, done: float, total: float) -> None:
        """Move the meter."""
        self.meter.configure(value=done / total if total else 0)

    def paint(self) -> None:
        """Take the colours of the mode."""
        colour = TONES[self.tone]
        self.word.configure(foreground=getattr(kit.palette(self), colour))
        kit.paint_meter(self.meter, colour)
