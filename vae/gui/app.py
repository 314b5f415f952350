"""The window: its parts, its states, and what its buttons and menus do."""

from __future__ import annotations

import gc
import signal
import sys
import time
import tkinter as tk
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tkinter import ttk
from typing import Any

from vae import diary, language
from vae.config import PARAMETERS, PATHS
from vae.gui import dialogs, jobs, kit
from vae.gui.actions import Actions
from vae.gui.banner import Banner
from vae.gui.bar import ActionBar
from vae.gui.checkpoint_folder import CheckpointFolder
from vae.gui.control import Control
from vae.gui.data_pane import DataPane
from vae.gui.data_view import DataView
from vae.gui.form import NEEDS_ATTENTION, Form
from vae.gui.header import Header
from vae.gui.log_pane import LogPane
from vae.gui.loss_actions import LossActions
from vae.gui.loss_pane import LossPane
from vae.gui.menus import make_menus
from vae.gui.pane import Pane
from vae.gui.presets_menu import PresetsMenu
from vae.gui.quality_pane import QualityPane
from vae.gui.reconstructions_pane import ReconstructionsPane
from vae.gui.run_view import RunView
from vae.gui.runs_pane import RunsPane
from vae.gui.samples_pane import SamplesPane
from vae.gui.scrolled import Scrolled
from vae.gui.settings import SCALES, load_settings, save_settings
from vae.gui.sides import Sides
from vae.gui.theme import fit_tabs, pixels
from vae.gui.worker import Worker
from vae.language import _, ngettext
from vae.signals import stop_signals

SIZE = (1280, 820)
RESULTS_HEIGHT = 460  # at least, in logical pixels; where there is less they scroll
POLL_MS = 50
RESIZE_MS = 120  # after the newest wish for larger or smaller text
# After the window has been drawn: what begins then would hold it up.
SHOWN_MS = 300
EVENTS_A_TURN = 100
REDRAW_SECONDS = 0.5
# The youngest objects are looked through each second, which is soon done, and all each minute.
COLLECT_SECONDS = 1.0
FULL_COLLECTION_EVERY = 60
RUNNING = ("checking", "running", "evaluating", "paused", "blocked", "stopping")


class App:
    """The window.

    `state` is one of idle, checking, running, evaluating (a checkpoint, for a table or a report),
    paused (by the person), blocked (by trouble, which waits for the person), stopping, finished,
    failed.
    """

    def __init__(
        self, texts: dict[str, str] | None = None, demo: bool = False, start: bool = False
    ) -> None:
        # A cyclic collection in any other thread could destroy Tk objects there and abort the
        # process, so the window's thread collects by the clock, as long as the process lives.
        gc.disable()
        remembered = load_settings()
        language.use(remembered["language"])
        self.root = kit.create_window("VAE Studio", remembered["mode"])
        self.root.report_callback_exception = self.callback_failed
        # Tkinter passes over these.
        self.root.tk.call("interp", "bgerror", "", self.root.register(self.script_failed))
        diary.open_log(f"window, Tk {self.root.tk.call('info', 'patchlevel')}")
        self.worker = Worker()
        self.loss_actions = LossActions(self)
        self.state, self.failure = "idle", ""
        self.scale = remembered["scale"]
        if self.scale != 1.0:
            kit.scale(self.root, self.scale)
        self.resizing = ""
        self.quit_after_stop = self.interrupted = self.signalled = False
        self.redrawn = self.collected = 0.0
        self.collections = 0
        self.start_wanted = start
        self.said_of: dict[str, str] = {}  # the form that the bar says something of
        self.data_view = DataView(self)
        self.checkpoints = CheckpointFolder(self)
        self.control, self.actions = Control(self), Actions(self)
        self.root.protocol("WM_DELETE_WINDOW", self.close)
        kit.accept_drops(self.root, self.data_view.take_folder)
        self._build()
        self.view = RunView(self)
        self.form.fill({**remembered["form"], **(texts or {})})
        self.view.several.recall(remembered["sweep"])
        kit.on_mode_change(self.root, self.paint)
        self.set_state("idle", _("Ready"), "")
        self.fit(*SIZE)
        self.root.after(POLL_MS, self.poll)
        self.root.after_idle(self.root.after, SHOWN_MS, self._after_shown, demo)

    def fit(self, width: float, height: float) -> None:
        """Take a size in logical pixels, as far as the screen has room."""
        self.chosen = self.taken = self._room(width, height)
        self.root.geometry("{}x{}+20+10".format(*self.taken))

    def _room(self, width: float, height: float) -> tuple[int, int]:
        """As much of a size in logical pixels as the screen has room for, in its pixels."""
        wide, high = pixels(self.root, width, height)
        screen = self.root.winfo_screenwidth(), self.root.winfo_screenheight()
        return min(wide, screen[0] - 40), min(high, screen[1] - 100)  # title, menus, panels

    def _build(self) -> None:
        root, control, actions = self.root, self.control, self.actions
        self.header = Header(
            root, actions.open_output, actions.help, self.toggle_mode, self.toggle_language,
            lambda: self.sides.toggle(),
        )  # fmt: skip
        self.header.pack(fill="x")
        ttk.Frame(root, style="Rule.Vae.TFrame", height=1).pack(fill="x")
        self.bar = ActionBar(
            root, control.train, control.pause, control.stop, control.start_fresh,
            control.save_now, control.sample_now,
        )  # fmt: skip
        self.bar.pack(side="bottom", fill="x")
        ttk.Frame(root, style="Rule.Vae.TFrame", height=1).pack(side="bottom", fill="x")
        self.sides = Sides(root, self.header.tell_sides)
        self.sides.pack(fill="both", expand=True)
        self.form = Form(self.sides, self.field_left)
        self.form.bind(NEEDS_ATTENTION, lambda event: self.sides.show_form())
        self.presets = PresetsMenu(self)
        self.results = Scrolled(self.sides, "18p 6p 18p 12p")
        self.sides.hold(self.form, self.results)
        self.tabs = ttk.Notebook(self.results.content, style="Vae.TNotebook")
        self.tabs.pack(fill="both", expand=True)
        self.data = DataPane(
            self.tabs, partial(self.data_view.look, again=True), self.data_view.follow_suggestion
        )
        self.loss = LossPane(self.tabs, self.loss_actions)
        self.samples = SamplesPane(self.tabs, self.worker, actions.draw, self.tell)
        self.reconstructions = ReconstructionsPane(self.tabs, self.worker)
        self.quality = QualityPane(self.tabs, control.apply, self.actions.evaluate)
        self.runs, self.log = RunsPane(self.tabs, self), LogPane(self.tabs)
        self.panes: dict[str, Pane] = {
            _("Data"): self.data,
            _("Loss"): self.loss,
            _("Samples"): self.samples,
            _("Reconstructions"): self.reconstructions,
            _("Quality"): self.quality,
            _("Runs"): self.runs,
            _("Log"): self.log,
        }
        for title, pane in self.panes.items():
            self.tabs.add(pane, text=title)
        self.tabs.bind("<<NotebookTabChanged>>", lambda event: self.refresh(), add="+")
        self.tabs.bind("<Button-1>", self._tab_clicked, add="+")
        self.tabs.bind("<Configure>", lambda event: fit_tabs(self.tabs), add="+")
        self.banner = Banner(root, self.sides, self.show_log)
        self.follow_buttons = make_menus(self)
        self.bar.lift()  # so that the Tab key comes to it last

    def _after_shown(self, demo: bool) -> None:
        """What can wait until the window is on screen."""
        kit.allow_input_methods(self.root)
        if demo and not self.form.texts()["file_path"]:
            self.actions.make_demo()
        else:
            self.form.show_problems(self.form.problems())
            self.say_marked()
            self.checkpoints.look()
            self.data_view.look()
            self.start_if_wanted()
        self.worker.import_ahead()
        self.worker.do(jobs.list_presets)
        self.worker.do(jobs.list_recent)

    def _tab_clicked(self, event: tk.Event) -> None:
        if self.tabs.identify(event.x, event.y):  # and not beside the tabs
            self.sides.show_tabs()
            # Else Tk goes on to the tab's first part as the Tab key would, which explains itself.
            self.tabs.focus_set()

    def make_plots(self) -> None:
        """Make the plots, once matplotlib is imported."""
        for pane in self.panes.values():
            pane.create()
        self.paint()

    def start_if_wanted(self) -> None:
        """Click Train, once, if the command line asked for it."""
        if self.start_wanted:
            self.start_wanted = False
            self.control.train()

    def paint(self) -> None:
        """Take the colours of the mode."""
        for part in (self.header, self.form, self.bar, self.banner):
            part.paint()
        fit_tabs(self.tabs)
        for pane in self.panes.values():
            pane.paint()
        self.refresh()

    # ---- states

    @property
    def busy(self) -> bool:
        """Whether a run goes on, its beginning and its end included."""
        return self.state in RUNNING

    def set_state(self, state: str, word: str, text: str, right: str = "") -> None:
        """The one place where the state changes; what can be clicked derives from it."""
        begins = state == "running" and self.state == "checking"
        self.state = state
        if state in ("checking", "evaluating"):
            self.quit_after_stop = False  # the person goes on working
        if self.busy:
            self.control.waiting = {}  # what has begun since is no answer to it
        self.tried = self.form.texts() if state == "failed" else {}
        self.failure = text if state == "failed" else ""
        if state in ("finished", "failed"):
            self.ring()
        if begins:
            self.sides.show_tabs()
        self.form.lock(self.busy)
        self.loss.follow(self.busy)
        self.data_view.lock(self.busy)
        self.quality.lock(self.busy)
        self.show_buttons()
        self.bar.say(state, word, text, right, "" if text else "ready")

    def ring(self) -> None:
        """Call the person who looks at something else."""
        if not self.root.tk.call("focus"):
            self.root.bell()

    def show_buttons(self) -> None:
        """Bring the buttons in line with the state and with what was found."""
        held = self.checkpoints
        goes_on = held.resumable and not held.other_values() and not held.other_images
        self.bar.show_state(self.state, self.busy, goes_on, held.replaceable)
        self.follow_buttons()
        self.samples.allow(held.resumable and not self.busy)

    def say(self, word: str, text: str, right: str = "", topic: str = "note") -> None:
        """Another sentence in the same state; how a run ended has been said by then.

        One with the topic "form" is of the form as it is now.
        """
        self.said_of = self.form.texts() if topic == "form" else {}
        self.bar.say(self.state if self.busy else "idle", word, text, right, topic)

    def tell(
        self, text: str, path: Path | None = None, words: str = "", topic: str = "note"
    ) -> None:
        """Say something where it stays, and offer, in such words, to open a folder or a file."""
        self.log.write(text)
        offer = (words or _("Open folder")) if path else ""
        command = partial(self.actions.open, path) if path else None
        if self.busy:
            self.banner.say(text, offer, command)  # the bar tells of the run
            return
        self.say(_("Note"), text, topic=topic)
        if command:
            self.bar.offer(offer, command)

    def refuse(self, text: str) -> None:
        """Say why something must wait until the run has ended."""
        self.log.write(text)
        self.banner.say(text, until=lambda: not self.busy)

    def say_marked(self) -> None:
        """Say how many fields are marked, or, once they are mended, what can be done."""
        marked = self.form.marked()
        if self.state != "idle":
            return
        if marked:
            word = ngettext(
                "{count} field needs attention", "{count} fields need attention", len(marked)
            )
            labels = ", ".join(_(PARAMETERS[name].label) for name in marked)
            self.bar.say("failed", word.format(count=len(marked)), labels, topic="attention")
        elif not self.bar.word["text"] or self.bar.topic == "attention":
            self.checkpoints.say()

    def close(self) -> None:
        """Close the window; while a run goes on, ask what to do with it."""
        busy, training = self.worker.busy, self.worker.busy and self.worker.trains
        if not (busy or self.worker.writing) or (self.quit_after_stop and not training):
            self.destroy()  # a second click leaves at once where no training can be lost
            return
        if not busy:
            self.quit_after_stop = True
            self.set_state("idle", "", "")  # how a run ended before has been read
            return
        if self.state not in ("running", "blocked") and not self.quit_after_stop:
            # The first click only stops: nothing is trained yet, or it is saved, or being saved.
            self.quit_after_stop = True
            self.control.stop()
            return
        choices = (_("Save and exit"), _("Exit without saving"), _("Keep training"))
        text = _("A run is going on. Without saving, what came after its last checkpoint is lost.")
        answer = dialogs.ask(
            self.root, _("Close VAE Studio"), text, choices, still=lambda: self.worker.busy
        )
        self.quit_after_stop = answer in ("", choices[0])  # the run may have ended meanwhile
        if answer == choices[0]:
            if self.state == "blocked":
                self.view.go_on()
            self.control.stop()
        elif answer == choices[1]:
            self.destroy()

    def _say_closing(self) -> None:
        """Say, once, what the window stays open for."""
        if self.bar.topic != "closing":
            text = _("as soon as a file is written; closing again leaves at once")
            self.say(_("Closing"), text, topic="closing")

    def destroy(self) -> None:
        """Remember the form and leave."""
        self.remember()
        self.worker.data.cancel()
        for timer in self.root.tk.splitlist(self.root.tk.call("after", "info")):
            self.root.tk.call("after", "cancel", timer)  # none may come after the window
        self.root.destroy()

    def remember(self) -> None:
        """Keep the form for the next start."""
        try:
            texts = {**self.form.texts(), **self.view.several.before}
            sweep = self.view.several.asked
            save_settings(texts, kit.mode(self.root), self.scale, sweep)
        except OSError as error:
            text = _("The form could not be remembered: {problem}")
            self.log.write(text.format(problem=error), "warning")

    # ---- polling

    def poll(self) -> None:
        """Take a bounded number of events, then redraw once."""
        for event in self.worker.drain(EVENTS_A_TURN):
            self._try(self.view.show, event)
        now = time.monotonic()
        if now - self.redrawn >= REDRAW_SECONDS:
            self.redrawn = now
            self._try(self.refresh)
        if now - self.collected > COLLECT_SECONDS:
            self.collected = now
            self.collections += 1
            gc.collect(2 if self.collections % FULL_COLLECTION_EVERY == 0 else 1)
        if self.interrupted and self.signalled and not (self.worker.busy or self.busy):
            self.destroy()  # as a second click does
            return
        if self.interrupted:
            self.interrupted, self.signalled, self.quit_after_stop = False, True, True
            self.failure = ""  # one that came before has been shown
            if self.state == "blocked":
                self.worker.give_up()  # nobody is there to be asked
            else:
                self.control.stop()
        if self.quit_after_stop and not self.worker.busy and not self.busy:
            if self.state == "failed" and not self.signalled:
                self.quit_after_stop = False  # why is to be read
            elif self.worker.writing:
                self._say_closing()
            elif self.worker.events.empty():
                self.destroy()
                return
        self.root.after(POLL_MS, self.poll)

    def _try(self, action: Callable[..., object], *arguments: object) -> None:
        """One error must neither end the polling nor lose the events behind it."""
        try:
            action(*arguments)
        except Exception:
            self.callback_failed(*sys.exc_info())

    def refresh(self) -> None:
        """Redraw what changed and can be seen."""
        for pane in self.panes.values():
            pane.refresh()
        self.banner.refresh()
        # Findings come and go: what stands below them must not be cut.
        pane = list(self.panes.values())[self.tabs.index("current")]  # type: ignore[no-untyped-call]
        around = self.results.content.winfo_height() - pane.winfo_height()
        usual = pixels(self.root, RESULTS_HEIGHT)[0]
        self.results.need(max(usual, around + pane.least_height()))

    def field_left(self, name: str) -> None:
        """A field was left: other folders may hold another run, or none that can be used."""
        if name in PATHS:
            self.check_paths()
            self.checkpoints.look()
        texts = self.form.texts()
        if self.state == "failed" and texts != self.tried:
            self.set_state("idle", "", "")  # what failed was another form
        elsewhere = texts["file_path"] != self.data_view.texts.get("file_path")
        self.data_view.look()
        self.view.show_subject()
        self.show_buttons()
        # How a run ended is no news any more where other images, or more epochs, are asked for.
        elsewhere = elsewhere and self.checkpoints.other_images and not self.busy
        further = name == "num_epochs" and self.state == "finished" and not self.view.ended
        if elsewhere or (further and self.checkpoints.resumable):
            self.set_state("idle", "", "")
            self.checkpoints.say()
        said = self.bar.topic if self.state == "idle" else ""
        counts = name in ("file_path", "num_epochs") or PARAMETERS[name].fixed
        other_form = self.bar.topic == "form" and not self.busy and texts != self.said_of
        if other_form or (said == "found" and counts) or (name, said) == ("file_path", "ready"):
            self.checkpoints.say()
        self.say_marked()

    def check_paths(self) -> None:
        """Look, off this thread, whether the form's files and folders can be used."""
        texts = self.form.texts()
        self.worker.check_paths({path: texts[path] for path in PATHS})

    # ---- small things

    def toggle_mode(self) -> None:
        """Switch between light and dark."""
        kit.toggle_mode(self.root)
        self.remember()

    def next_language(self) -> str:
        """The code of the language after the one in use."""
        codes = list(language.LANGUAGES)
        return codes[(codes.index(language.current()) + 1) % len(codes)]

    def toggle_language(self) -> None:
        """Speak the next language."""
        language.use(self.next_language())
        self.build_again()

    def larger(self, steps: int = 1) -> None:
        """Make the text larger by a step, or smaller by as many."""
        place = min(max(SCALES.index(self.scale) + steps, 0), len(SCALES) - 1)
        self.use_scale(SCALES[place])

    def use_scale(self, scale: float) -> None:
        """Make the text so many times as large as usual, in a moment."""
        if scale == self.scale:
            return
        self.scale = scale
        if self.resizing:
            self.root.after_cancel(self.resizing)
        # A key that is held down comes faster than the window can be built.
        self.resizing = self.root.after(RESIZE_MS, self._take_scale)

    def _take_scale(self) -> None:
        self.resizing = ""
        root = self.root
        now = root.winfo_width(), root.winfo_height()
        if now != self.taken:
            self.chosen = now  # by the person, since
        kit.scale(root, self.scale)
        least = self._room(*kit.MIN_SIZE)
        width, height = self.taken = max(self.chosen[0], least[0]), max(self.chosen[1], least[1])
        if self.taken != now:
            right, bottom = root.winfo_rootx() + width, root.winfo_rooty() + height
            inside = right <= root.winfo_screenwidth() and bottom <= root.winfo_screenheight()
            root.geometry(f"{width}x{height}" if inside else f"{width}x{height}+20+10")
        self.build_again()

    def build_again(self) -> None:
        """Build the window's parts anew, in the language and size in use, showing the same."""
        self.root.update_idletasks()  # what a plot has put off would not find its canvas
        form, marks = self.form, self.form.messages
        refused = {name: str(marks[name]) for name in form.refused if name in marks}
        panes, tab = list(self.panes.values()), self.tabs.index("current")  # type: ignore[no-untyped-call]
        sides, plots = self.sides, self.loss.plot is not None
        bar, banner = self.bar, self.banner
        done, focus = float(bar.meter["value"]), self._focus()
        for child in self.root.winfo_children():
            child.destroy()
        self._build()
        self.form.take_over(form)
        self.form.show_problems({**refused, **self.form.problems()} if marks else {})
        if not marks.keys().isdisjoint(PATHS):
            self.check_paths()
        if plots:
            self.make_plots()
        for pane, before in zip(self.panes.values(), panes, strict=True):
            pane.take_over(before)
        self.data_view.say_again()
        self.tabs.select(tab)  # type: ignore[no-untyped-call]
        self.sides.take_over(sides)
        self.set_state(self.state, *map(str, bar.told))
        self.bar.take_over(bar)
        self.banner.take_over(banner)
        self.bar.progress(done, 1)
        self.view.say_again()
        self.paint()
        self._focus_again(*focus)
        self.remember()
        self.root.after_idle(_collect_all)  # once nothing here holds the parts that are gone

    def _parts(self) -> tuple[tk.Widget, ...]:
        return self.header, self.sides, self.banner, self.bar

    def _focus(self) -> tuple[int, str]:
        """Which part has the focus, and Tk's name in it for what has it."""
        name = str(self.root.tk.call("focus", "-lastfor", self.root))
        for place, part in enumerate(self._parts()):
            if name.startswith(f"{part}."):
                return place, name.removeprefix(str(part))
        return 0, ""

    def _focus_again(self, place: int, name: str) -> None:
        """Give the focus to what had it before all was built anew, if that is there again."""
        widget = f"{self._parts()[place]}{name}"
        if name and self.root.tk.call("winfo", "exists", widget):
            self.root.tk.call("focus", widget)

    def show_tab(self, pane: Pane) -> None:
        """Select a tab, and bring it in sight."""
        self.sides.show_tabs()
        self.results.to_top()
        self.tabs.select(pane)  # type: ignore[no-untyped-call]
        if not f"{self.root.tk.call('focus')}.".startswith(f"{pane}."):
            self.tabs.focus_set()  # the Tab key goes on from there

    def show_log(self) -> None:
        """The log, where a traceback can be read and copied."""
        self.show_tab(self.log)

    def callback_failed(self, *error: Any) -> None:
        """An error in the window itself: shown and logged; training goes on."""
        diary.log_error(error[1])
        self.log.write("".join(traceback.format_exception(*error)), "error")
        text = _("{problem} (a running training goes on)").format(problem=error[1])
        self.bar.say("failed", _("Window error"), text)
        self.bar.offer(_("Details"), self.show_log)

    def script_failed(self, message: str, options: str) -> None:
        """An error in a script of Tk's own, such as a timer for a part that is gone.

        It is for those who help: it stops nothing, and there is nothing that a person could do.
        """
        diary.log_error(tk.TclError(message))
        self.log.write(str(self.root.tk.call("dict", "get", options, "-errorinfo")), "warning")

    def run(self) -> str:
        """Run until the window is closed. Ctrl-C, SIGTERM and SIGHUP save first.

        Returns why that failed, or an empty string.
        """

        def interrupt(*_: object) -> None:
            self.interrupted = True

        for number in stop_signals():
            signal.signal(number, interrupt)
        self.root.mainloop()
        return self.failure if self.signalled else ""


def _collect_all() -> None:
    """Free what was frozen too: the first parts were, with all that the imports brought."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
