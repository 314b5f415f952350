"""The tab that says how good the network is, what is wrong with the run, and what mends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from tkinter import ttk

from vae.config import Value
from vae.events import EpochRecord
from vae.findings import Finding, findings, no_fault, too_early
from vae.gui import kit
from vae.gui.pane import Pane
from vae.gui.theme import fit_tabs, pixels
from vae.language import _, ngettext

# The plots take some fifth of a second to draw, for which a running training waits.
REDRAW_SECONDS = 5.0
GAPS = 40  # logical pixels around headline, cards and plots


class QualityPane(Pane):
    """What was found, each with a button that puts its remedy into the form; measures below.

    `apply` is called with the finding whose remedy is wanted, `evaluate` for all that takes too
    long to be measured after each epoch.
    """

    def __init__(
        self,
        master: ttk.Notebook,
        apply: Callable[[Finding], object],
        evaluate: Callable[[], object],
    ) -> None:
        super().__init__(master, _("What is measured after each epoch appears here."))
        self.tabs, self.apply = master, apply
        self.history: Sequence[EpochRecord] = ()
        self.values: Mapping[str, Value] = {}
        self.found: tuple[Finding, ...] = ()
        self.locked = self.stale = False
        self.drawn = 0.0  # when the plots were brought up to date
        self.top = ttk.Frame(self, style="Vae.TFrame")
        self.headline = ttk.Label(self.top, style="Bold.Vae.TLabel", justify="left")
        self.headline.bind("<Configure>", lambda e: self.headline.configure(wraplength=e.width))
        self.evaluate = kit.button(self.top, _("Evaluate..."), evaluate, "Plain")
        kit.tooltip(
            self.evaluate,
            _("Measure the newest checkpoint in full: bounds, precision and recall, copies, KL."),
        )
        self.evaluate.pack(side="right", anchor="n", padx=("9p", 0))
        self.headline.pack(side="left", fill="x", expand=True)
        self.cards = ttk.Frame(self, style="Vae.TFrame")
        self.shown: list[tuple[str, Mapping[str, Value]]] = []  # of which there are cards
        self.buttons: list[ttk.Button] = []
        self.messages: list[ttk.Label] = []
        self.empty.pack(fill="both", expand=True)

    def create(self) -> None:
        from vae.gui.quality_plot import QualityPlot

        self.plot = QualityPlot(self)
        self.stale = True

    def take_over(self, other: QualityPane) -> None:
        self.show(other.history, other.values)

    def show(self, history: Sequence[EpochRecord], values: Mapping[str, Value]) -> bool:
        """Take the epochs of a run and its parameters. Returns whether a finding is new."""
        if (tuple(history), dict(values)) == (self.history, self.values):
            return False
        before = {finding.kind for finding in self.found} if self.history else set()
        self.history, self.values = tuple(history), dict(values)
        self.found = findings(self.history, self.values) if values else ()
        self.stale = True
        self._show_words()
        count = len(self.found)
        title = _("Quality ({count})").format(count=count) if count else _("Quality")
        if self.winfo_manager():  # once it is a tab
            self.tabs.tab(self, text=title)  # type: ignore[no-untyped-call]
            fit_tabs(self.tabs)
        return bool({finding.kind for finding in self.found} - before)

    def lock(self, locked: bool) -> None:
        """Whether the form is locked, so that nothing can be put into it."""
        self.locked = locked
        for button in (*self.buttons, self.evaluate):
            button.configure(state="disabled" if locked else "normal")

    def _show_words(self) -> None:
        """What was found. Cards stay as they are while the same is found, for a click to meet."""
        count = len(self.found)
        if not self.history or not self.values:
            self.top.pack_forget()
        else:
            text = no_fault(self.history)
            if count:
                text = ngettext(
                    "{count} thing needs attention", "{count} things need attention", count
                ).format(count=count)
            elif too_early(self.history, self.values):
                text = _("It is too early to say what is wrong, if anything is.")
            self.headline.configure(text=text)
            plot = self.plot and self.plot.widget
            first = plot if plot and plot.winfo_manager() else self.empty
            self.top.pack(fill="x", before=first)
        if [(f.kind, f.remedy) for f in self.found] != self.shown:
            self.shown = [(f.kind, f.remedy) for f in self.found]
            for part in self.cards.winfo_children():
                part.destroy()
            self.buttons, self.messages = [], []
            for place in range(count):
                self._make_card(place)
        for finding, label in zip(self.found, self.messages, strict=True):
            label.configure(text=finding.message)
        if count:
            self.cards.pack(fill="x", pady=("3p", 0), after=self.top)
        else:
            self.cards.pack_forget()

    def _make_card(self, place: int) -> None:
        finding = self.found[place]
        card = ttk.Frame(self.cards, style="Pane.Vae.TFrame", padding="9p 6p")
        card.pack(fill="x", pady=("3p", "3p"))
        words = ttk.Frame(card, style="Pane.Vae.TFrame")
        title = ttk.Label(words, text=finding.title, style="Bold.Pane.Vae.TLabel")
        message = ttk.Label(words, style="Pane.Vae.TLabel", justify="left")
        title.pack(fill="x")
        message.pack(fill="x")
        message.bind("<Configure>", lambda e: message.configure(wraplength=max(e.width - 4, 80)))
        self.messages.append(message)
        if finding.remedy:
            style = "Muted.Pane.Vae.TLabel"
            remedy = ttk.Label(words, text=remedy_words(finding.remedy), style=style)
            remedy.pack(fill="x")
            remedy.bind("<Configure>", lambda e: remedy.configure(wraplength=max(e.width - 4, 80)))
            button = kit.button(card, _("Put into the form"), partial(self._apply, place), "Slim")
            button.configure(state="disabled" if self.locked else "normal")
            button.pack(side="right", padx=("9p", 0))
            self.buttons.append(button)
        words.pack(side="left", fill="x", expand=True)

    def least_height(self) -> int:
        if not (self.plot and self.history):
            return 0
        words = [part for part in (self.top, self.cards) if part.winfo_manager()]
        above = sum(part.winfo_reqheight() for part in words)
        (below,) = pixels(self, self.plot.least_height() + GAPS)
        return int(above + below)

    def _apply(self, place: int) -> None:
        self.apply(self.found[place])

    def refresh(self) -> None:
        if self.plot is None:
            return
        if not self.winfo_viewable():
            self.plot.make_next()
            return
        now = time.monotonic()
        if self.stale and (now - self.drawn > REDRAW_SECONDS or not self.locked):
            self.stale, self.drawn = False, now
            if self.history:
                self.plot.update(self.history, self.values)
            self.swap(bool(self.history))
        self.plot.refresh()


def remedy_words(remedy: Mapping[str, Value]) -> str:
    """The fields that a remedy changes, and to what."""
    from vae.config import PARAMETERS, text_of

    changes = [f"{_(PARAMETERS[n].label)}: {text_of(value)}" for n, value in remedy.items()]
    return "  ·  ".join(changes)
