"""The button above the form that fills it with a preset."""

from __future__ import annotations

import tkinter as tk
from functools import partial
from typing import TYPE_CHECKING

from vae.config import PARAMETERS, check, parse
from vae.gui import dialogs, jobs, kit
from vae.language import _, joined
from vae.presets import FIELDS, Preset, built_in

if TYPE_CHECKING:
    from vae.gui.app import App


MOST_TOLD = 4  # values in the bar; all of them are in the log


class PresetsMenu:
    """A menu of presets. The person's own are those that RunView keeps."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.button = kit.menu_button(
            app.form.body, _("Presets"), self._fill, "Pane.Vae.TMenubutton"
        )
        kit.tooltip(
            self.button, _("Fill the form with a set of values. Paths, groups and seed stay.")
        )
        app.form.put_first(self.button)

    def _fill(self, menu: tk.Menu) -> None:
        """List the presets as they are at this moment."""
        for preset in built_in():
            self._add(menu, preset)
        own = self.app.view.presets
        if own:
            menu.add_separator()
        for preset in own:
            self._add(menu, preset)
        menu.add_separator()
        menu.add_command(label=_("Save as preset..."), command=self.save)
        delete = kit.menu(menu)
        for preset in own:
            delete.add_command(label=preset.name, command=partial(self.delete, preset.name))
        menu.add_cascade(label=_("Delete preset..."), menu=delete)
        if not own:
            menu.entryconfigure("end", state="disabled")

    def _add(self, menu: tk.Menu, preset: Preset) -> None:
        # What to expect stands where other menus name a key.
        menu.add_command(
            label=preset.name, accelerator=preset.note, command=partial(self.choose, preset)
        )

    def choose(self, preset: Preset) -> None:
        """Fill the form, and say which fields changed."""
        app = self.app
        if app.busy:
            return
        before, after = app.form.texts(), preset.texts()
        changed = [name for name in after if before[name] != after[name]]
        app.form.take(after)
        texts = [joined(_(PARAMETERS[name].label), after[name]) for name in changed]
        words = _("{preset}: {changes}.") if changed else _("{preset}: the form has these values.")
        if len(texts) > MOST_TOLD:
            app.log.write(words.format(preset=preset.name, changes=", ".join(texts)))
            more = _("and {count} more (see Log)").format(count=len(texts) - MOST_TOLD)
            texts = [*texts[:MOST_TOLD], more]
        text = words.format(preset=preset.name, changes=joined(*texts, by=", "))
        app.say(_("Note"), text, topic="form")

    def save(self) -> None:
        """Keep what the form says under a name that the person gives."""
        app = self.app
        texts = {**app.form.texts(), **app.view.several.before}
        values, problems = parse({name: texts[name] for name in FIELDS})
        if problems | check(values):
            app.form.show_problems(app.form.problems())
            app.say_marked()
            return
        text = _("Keeps all values but paths, groups, seed, device, threads and cache.")
        title, agree, cancel = _("Save as preset"), _("Save"), _("Cancel")
        name = dialogs.ask_text(app.root, title, text, agree, cancel)
        if not name:
            return
        if name in [preset.name for preset in app.view.presets]:
            text = _("There is a preset {name}. Replace it?").format(name=name)
            choices = (_("Replace"), _("Cancel"))
            if dialogs.ask(app.root, title, text, choices) != choices[0]:
                return
        app.worker.write(jobs.keep_preset, Preset(name, values))

    def delete(self, name: str) -> None:
        """Delete a preset of the person's, after asking."""
        text = _("The preset {name} is deleted. The form stays as it is.").format(name=name)
        choices = (_("Delete"), _("Cancel"))
        if dialogs.ask(self.app.root, _("Delete preset"), text, choices) == choices[0]:
            self.app.worker.write(jobs.drop_preset, name)
