"""The tab with the history of runs."""

from __future__ import annotations

import os
import time
import tkinter as tk
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tkinter import ttk
from typing import TYPE_CHECKING, Any

from vae.comparison import NO_OTHERS, Compared, Comparison
from vae.config import Value, text_of
from vae.curve import caution
from vae.gui import dialogs, jobs, kit
from vae.gui.answers import GridsReady, PlacesFound, RunsListed, RunsTrashed, ThumbnailsReady
from vae.gui.compare_view import CompareView, named
from vae.gui.pane import Pane
from vae.gui.runs_table import SORTED_BY, RunsTable
from vae.language import _, ngettext

if TYPE_CHECKING:
    from vae.gui.app import App
    from vae.runs import Run

RELOAD_SECONDS = 5.0  # while a run goes on and the tab is seen


class RunsPane(Pane):
    """A table of all runs, what can be done with them, and in their place a comparison of some."""

    def __init__(self, master: tk.Misc, app: App) -> None:
        super().__init__(master, _("Every run is listed here once it has begun."))
        self.app = app
        self.stale, self.loading, self.loaded = True, False, 0.0
        self.comparison: CompareView | None = None
        # Whose curves are shown: before runs were compared, and while they are.
        self.before = self.compared = NO_OTHERS
        self.told: tuple[str, ...] = ()  # of files that are no runs
        self.selected: tuple[str, ...] = ()  # ids
        self.wanted: frozenset[Path] = frozenset()  # output folders of runs to select
        self.compares = False  # whether these are to be compared at once
        self.problem = ""  # of the list, as it was told
        self.known: frozenset[str] = frozenset()  # ids, when a comparison began
        self.list = ttk.Frame(self, style="Vae.TFrame")
        self.list.pack(fill="both", expand=True)
        self.buttons: dict[str, ttk.Button] = {}
        row = ttk.Frame(self.list, style="Vae.TFrame")
        row.pack(fill="x", pady=(0, "6p"))
        for name, (label, action) in self._actions().items():
            self.buttons[name] = kit.button(row, label, action, "Slim")
            self.buttons[name].pack(side="left", padx=(0, "4.5p"))
        self.count = ttk.Label(row, style="Muted.Vae.TLabel")
        self.count.pack(side="right")
        self.details = ttk.Label(self.list, style="Muted.Vae.TLabel")
        self.details.pack(side="bottom", fill="x", pady=("4.5p", 0))
        self.details.bind("<Configure>", lambda e: self.details.configure(wraplength=e.width))
        self.table = RunsTable(self.list, self._fill_menu)
        self.table.pack(fill="both", expand=True)
        self.empty.place(in_=self.table, relx=0.5, rely=0.5, anchor="center")
        self._bind_keys()
        self._show_actions()

    def _actions(self) -> dict[str, tuple[str, Callable[[], None]]]:
        return {
            "reopen": (_("Reopen"), self.reopen),
            "duplicate": (_("Duplicate"), self.duplicate),
            "reveal": (_("Reveal"), self.reveal),
            "compare": (_("Compare"), self.compare),
            "delete": (_("Delete..."), self.delete),
        }

    def _bind_keys(self) -> None:
        tree = self.table.tree
        tree.bind("<<TreeviewSelect>>", lambda event: self._show_actions())
        tree.bind("<Return>", lambda event: self.reopen())
        tree.bind("<Double-1>", self._double_click)
        tree.bind("<Delete>", lambda event: self.delete())
        # The tab has the focus when it was chosen. Not for the window, which would stop a run.
        self.master.bind("<Escape>", self._escape, add="+")

    def _allowed(self) -> set[str]:
        """What can be done with the selection."""
        runs, allowed = self.table.chosen(), set()
        if len(runs) == 1:
            allowed |= {"reveal"} if self.app.busy else {"reopen", "duplicate", "reveal"}
        if len(runs) > 1:
            allowed.add("compare")
        if runs and all(run.state != "running" for run in runs):
            allowed.add("delete")
        return allowed

    def _show_actions(self) -> None:
        allowed = self._allowed()
        for name, button in self.buttons.items():
            button.configure(state="normal" if name in allowed else "disabled")
        self.selected = self.table.tree.selection()
        runs = self.table.chosen()
        text = ""
        if len(runs) == 1:
            run = runs[0]
            place = _("Checkpoints: {folder}").format(folder=run.config["model_save_dir"])
            parts = [run.message or place, ", ".join(self.table.changed(run.id))]
            text = "  ·  ".join(part for part in parts if part)
            if run.id == self.table.shown:
                text = f"{_('Shown in the other tabs.')} {text}"
        elif runs:
            text = caution(named(runs))
        if text != self.details["text"]:
            self.details.configure(text=text)

    # ---- loading

    def reload(self) -> None:
        """Look anew at the next turn at which the tab is seen."""
        self.stale = True

    def select(self, folders: Iterable[Path]) -> None:
        """Select the newest runs with these output folders, once they are listed."""
        # As the history of runs has them.
        self.wanted = frozenset(Path(os.path.abspath(folder)) for folder in folders)
        self.stale = True

    def compare_those(self, folders: Iterable[Path]) -> None:
        """Show the newest runs with these output folders side by side, once they are listed."""
        self.end_comparison()
        self.select(folders)
        self.compares = True
        self.app.show_tab(self)

    def refresh(self) -> None:
        if not self.winfo_viewable():
            self.stale = True  # look anew when it is shown again
            return
        self.table.mark(self._shown())
        self._show_actions()
        self._follow()
        self._renew_comparison()
        due = self.app.busy and time.monotonic() > self.loaded + RELOAD_SECONDS
        if (self.stale or due) and not self.loading:
            self.stale, self.loading = False, True
            self.app.worker.do(jobs.list_runs, self.table.side())

    def answer(self, event: Any) -> None:
        """Show what the worker found or did."""
        match event:
            case RunsListed():
                self._listed(event)
            case ThumbnailsReady():
                self.loading, self.loaded = False, time.monotonic()
                self.table.show_pictures(event.pictures)
            case PlacesFound(run, places) if run:
                self._duplicated(run, places)
            case RunsTrashed():
                self._trashed(event)
            case GridsReady():
                if self.comparison:
                    self.comparison.show_grids(event)

    def _listed(self, event: RunsListed) -> None:
        if event.problem:  # what was found before stays in sight
            if event.problem != self.problem:
                self._say(event.problem)
            self.problem = event.problem
            return
        self.problem = ""
        for name in set(event.skipped) - set(self.told):
            text = _("The file {name} in the history of runs cannot be read as a run.")
            self.app.log.write(text.format(name=name), "warning")
        self.told = event.skipped
        self.table.show(event.runs)
        self.table.mark(self._shown())
        self._follow()  # what the window knows is newer than the file
        self._renew_comparison()
        if self.wanted:
            newest = {run.place("output_dir"): run.id for run in reversed(event.runs)}
            self.table.select([newest[place] for place in self.wanted & newest.keys()])
            self.wanted = frozenset()
            if self.compares:
                self.compares = False
                self.compare()
        count = len(event.runs)
        self.count.configure(
            text=ngettext("{count} run", "{count} runs", count).format(count=count)
        )
        self.empty.place_forget()
        if not event.runs:
            self.empty.place(in_=self.table, relx=0.5, rely=0.5, anchor="center")
            self.empty.lift()
        self._show_actions()

    def _shown(self) -> str:
        """The id of the run that the other tabs show: the newest in its folder."""
        folder = self.app.form.texts()["model_save_dir"]
        place = os.path.abspath(folder) if folder else ""  # as the history of runs has it
        here = [run for run in self.table.runs.values() if run.config["model_save_dir"] == place]
        return max(here, key=lambda run: run.began).id if here else ""

    def _follow(self) -> None:
        """Bring the running run's row in line with the epochs that the window knows of."""
        running = self.table.runs.get(self.table.shown)
        if self.app.busy and running and running.state == "running":
            newer = replace(running, history=tuple(self.app.view.history))
            self.table.bring_up_to_date(newer)

    def _say(self, text: str, word: str = "", folder: Path | None = None) -> None:
        """Say something in the bar, or, while that tells of a run, above it; offer a folder.

        With a word of its own it stays when the folders are looked at again.
        """
        self.app.log.write(text)
        offer = _("Open trash folder") if folder else ""
        command = partial(self.app.actions.open, folder) if folder else None
        if self.app.busy:
            self.app.banner.say(text, offer, command)
            return
        self.app.say(word or _("Note"), text, topic="" if word else "note")
        if command:
            self.app.bar.offer(offer, command)

    def reopen(self) -> None:
        """Fill the form with a run's values, so that its checkpoint is found."""
        if "reopen" in self._allowed():
            run = self.table.chosen()[0]
            text = _("The form is as it was for {run}.").format(run=run.name)
            self._fill(dict(run.config), "", text)

    def duplicate(self) -> None:
        """Fill the form with a run's values, for a new run beside it."""
        if "duplicate" in self._allowed():
            run = self.table.chosen()[0]
            self.app.worker.do(jobs.find_places, run.config, run)

    def _duplicated(self, run: Run, places: Mapping[str, str]) -> None:
        if self.app.busy:
            self.app.refuse(_("A run goes on: duplicate when it has ended."))
            return
        text = _(
            "The form is as it was for {run}, with folders of its own: {folder}. Change what you "
            "want, then click Train."
        )
        text = text.format(run=run.name, folder=Path(places["model_save_dir"]).name)
        self._fill({**run.config, **places}, _("Duplicated"), text)
        self.app.sides.show_form()

    def _fill(self, config: dict[str, Value], word: str, text: str) -> None:
        app = self.app
        app.set_state("idle", "", "")
        app.bar.progress(0, 1)
        self._say(text, word)
        app.form.take({name: text_of(value) for name, value in config.items()})
        app.loss.show_own()
        app.checkpoints.look(force=True)

    def reveal(self) -> None:
        """Show a run's output folder in the system's file manager."""
        if "reveal" in self._allowed():
            self.app.actions.open(self.table.chosen()[0].place("output_dir"))

    def delete(self) -> None:
        """Move the selected runs' files to the trash folders, after asking."""
        if "delete" not in self._allowed():
            return
        runs = self.table.chosen()
        names = ", ".join(run.name for run in runs[:3]) + ("..." if len(runs) > 3 else "")
        question = ngettext(
            "Delete {count} run ({names})?", "Delete {count} runs ({names})?", len(runs)
        )
        text = _(
            "Checkpoints, samples, loss curve and log are moved into folders named vae_trash "
            "beside them, from where they can be moved back by hand. Images are not touched."
        )
        text = f"{question.format(count=len(runs), names=names)} {text}"
        choices = (_("Delete"), _("Cancel"))
        if dialogs.ask(self.app.root, _("Delete runs"), text, choices) == choices[0]:
            self.app.worker.do(jobs.trash_runs, tuple(runs))

    def _trashed(self, event: RunsTrashed) -> None:
        app = self.app
        self.reload()
        for folder in event.folders:
            app.log.write(_("Moved into {folder}").format(folder=folder))
        word = _("Deleted") if event.runs else ""
        self._say(event.text, word, next(iter(event.folders), None))
        # Their curves go with them, from wherever they came onto the plot.
        others = app.loss.choices.comparison
        left = others.without([Compared("", run.history, run.config) for run in event.runs])
        if left != others:
            app.loss.compare(left)
        gone = {folder.parent.parent for folder in event.folders}
        if not app.busy and Path(app.form.texts()["model_save_dir"]).absolute() in gone:
            app.view.forget()
            app.checkpoints.look(force=True)

    def compare(self) -> None:
        """Show the selected runs side by side, in the table's place."""
        if "compare" in self._allowed():
            runs = sorted(self.table.chosen(), key=lambda run: run.began)  # as they were trained
            self.before = self.app.loss.choices.comparison
            self.compared = Comparison(tuple(named(runs)), alone=True)
            self.known = frozenset(self.table.runs)
            self.app.loss.compare(self.compared)
            self._show_comparison(runs).back.focus_set()

    def take_over(self, other: RunsPane) -> None:
        if other.table.runs:
            self.empty.place_forget()
            self.table.take_over(other.table)
            self.table.tree.selection_set(other.selected)
        self.wanted, self.compares = self.wanted | other.wanted, other.compares
        if other.comparison:
            self.before, self.compared, self.known = other.before, other.compared, other.known
            self._show_comparison(other.comparison.runs).take_over(other.comparison)

    def _show_comparison(self, runs: Sequence[Run]) -> CompareView:
        self.list.pack_forget()
        ask = partial(self.app.worker.do, jobs.draw_grids)
        self.comparison = CompareView(self, runs, ask, self.end_comparison, self._show_curves)
        self.comparison.pack(fill="both", expand=True)
        return self.comparison

    def _renew_comparison(self) -> None:
        """Bring the comparison in line with the list: what is newer, and what is gone."""
        view, listed = self.comparison, self.table.runs
        if view is None:
            return
        left = [listed[run.id] for run in view.runs if run.id in listed]
        curves = zip(self.compared.runs, view.runs, strict=True)
        gone = tuple(curve.name for curve, run in curves if run.id not in listed)
        if len(left) < 2:
            self.end_comparison()
            self._say(_("The comparison has ended: no two of its runs are in the list any more."))
            return
        if tuple(left) != view.runs:
            self._renew_curves(view.runs, left)
        if gone:
            before, focused = view, str(self.tk.call("focus")).startswith(f"{view}.")
            before.destroy()
            view = self._show_comparison(left)
            view.take_over(before, gone)
            if focused:
                view.back.focus_set()
        view.bring_up_to_date(left, len(listed.keys() - self.known))

    def _renew_curves(self, before: Sequence[Run], now: Sequence[Run]) -> None:
        """Bring those curves of the comparison that are still on the plot in line with it."""
        newer = {run.id: curve for run, curve in zip(now, named(now), strict=True)}
        curves = zip(self.compared.runs, before, strict=True)
        mine = {curve.name: newer.get(run.id) for curve, run in curves}
        shown = self.app.loss.choices.comparison
        found = (mine.get(curve.name, curve) for curve in shown.runs)
        self.app.loss.compare(replace(shown, runs=tuple(curve for curve in found if curve)))
        self.compared = replace(self.compared, runs=tuple(newer.values()))

    def _escape(self, event: tk.Event) -> str | None:
        if self.comparison and self.winfo_viewable():
            self.end_comparison()
            return "break"
        return None

    def _show_curves(self) -> None:
        """The curves of the runs compared, of what compares; again, if they were taken away."""
        runs = self.compared.runs
        shown = [run.name for run in self.app.loss.choices.comparison.runs]
        if any(run.name not in shown for run in runs):
            self.app.loss.compare(self.compared)
        if caution(runs) and not caution(runs, "reconstruction_loss"):
            self.app.loss.show_reconstruction()
        self.app.show_tab(self.app.loss)

    def end_comparison(self) -> None:
        """Back to the table, and to the curves that were there before."""
        if self.comparison:
            # An answer may end it while the person is elsewhere, and the focus stays there.
            name = str(self.tk.call("focus"))
            focused = name == str(self.master) or f"{name}.".startswith(f"{self.comparison}.")
            self.comparison.destroy()
            self.comparison = None
            now = self.app.loss.choices.comparison
            mine = [run.name for run in self.compared.runs]
            added = tuple(run for run in now.runs if run.name not in mine)
            cleared = len(added) == len(now.runs)  # with what was there before
            runs = added if cleared else self.before.runs + added
            alone = not cleared and self.before.alone and now.alone
            self.app.loss.compare(Comparison(runs, alone))
            self.list.pack(fill="both", expand=True)
            if focused:
                self.table.tree.focus_set()

    def _double_click(self, event: tk.Event) -> None:
        if self.table.tree.identify_row(event.y):
            self.reopen()

    def _fill_menu(self, menu: tk.Menu) -> None:
        allowed = self._allowed()
        for name, (label, action) in self._actions().items():
            menu.add_command(label=label, command=action)
            if name not in allowed:
                menu.entryconfigure("end", state="disabled")
        sort = kit.menu(menu)
        for column, title in self.table.titles().items():
            if column in SORTED_BY:
                sort.add_command(label=title, command=partial(self.table.sort, column))
        menu.add_cascade(label=_("Sort by"), menu=sort)
