"""Notes in the bar and above it: what they move, and when their time is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.gui.test_access import settle
from vae import language
from vae.config import TrainConfig
from vae.events import LOG, PROCESSOR, Passed, TrainingResult, Warned
from vae.gui.answers import Finished
from vae.gui.theme import pixels

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]


@pytest.fixture
def running(open_window: Open) -> Any:
    """A window that follows a run, which the test plays."""
    window = open_window()
    window.app.set_state("running", "Training", "")
    return window


def test_a_note_goes_with_what_it_is_about_and_the_one_before_is_there_again(
    open_window: Open,
) -> None:
    banner, over = open_window().app.banner, list[bool]()
    banner.say("It stays.")
    banner.say("It passes.", until=lambda: over)
    banner.refresh()
    assert banner.text["text"] == "It passes." and banner.more["text"] == "2 notes in the Log"
    over.append(True)
    banner.refresh()
    assert banner.text["text"] == "It stays." and banner.more["text"] == "1 note in the Log"
    banner.clear()
    assert not banner.winfo_manager()


def test_a_busy_processor_is_no_news_once_it_is_free_or_the_run_is_over(running: Any) -> None:
    app = running.app
    busy, free = Warned("Others take it.", cause=PROCESSOR), Passed(PROCESSOR, "It is free.")
    for end in (free, Finished(TrainingResult(0, 9, 0, True, False, (), None))):
        app.view.show(busy)
        app.refresh()
        assert app.banner.text["text"] == "Others take it." and app.banner.winfo_manager()
        app.view.show(end)
        app.refresh()
        assert not app.banner.winfo_manager()
    log = app.log.lines
    assert any("It is free." in str(line) for line in log)


def test_a_log_that_cannot_be_written_is_told_until_it_is(running: Any) -> None:
    app, held = running.app, Warned("Close that program.", cause=LOG)
    app.view.show(held)
    app.view.show(held)  # after the next epoch
    assert len(app.banner.notes) == 1
    app.view.show(Finished(TrainingResult(0, 9, 0, True, False, (), None)))
    app.refresh()
    assert app.banner.winfo_manager()  # the file still lacks what the run came to
    app.view.show(Passed(LOG, "It is written again."))
    app.refresh()
    assert not app.banner.winfo_manager()


def test_what_must_wait_for_the_end_of_a_run_is_told_until_then(running: Any) -> None:
    app = running.app
    app.actions.evaluate()
    app.actions.write_report()
    app.refresh()
    assert "The report is made" in app.banner.text["text"] and len(app.banner.notes) == 2
    app.set_state("idle", "", "")
    app.refresh()
    assert not app.banner.winfo_manager()


def test_what_is_said_of_the_form_goes_when_the_form_says_something_else(open_window: Open) -> None:
    window = open_window()
    app = window.app
    app.actions.copy_command()
    assert "The command was copied" in window.bar()
    app.field_left("beta")  # with the same value
    assert "The command was copied" in window.bar()
    app.form.fill({"beta": "0.25"})
    app.field_left("beta")
    assert window.bar().startswith("Ready ")
    app.tell("/data/grid.png was written.")
    app.form.fill({"beta": "0.5"})
    app.field_left("beta")
    assert "was written" in window.bar()


@pytest.mark.parametrize("code", list(language.LANGUAGES))
@pytest.mark.parametrize("steps", [0, 2])
def test_a_sentence_of_two_lines_moves_nothing(open_window: Open, code: str, steps: int) -> None:
    window = open_window()
    app = window.app
    if code != language.current():
        app.toggle_language()
    window.larger(steps)
    app.root.geometry("{}x{}".format(*pixels(app.root, 1024, 660)))
    settle(window)
    bar, sentence = app.bar, "Short."

    def places() -> tuple[int, int]:
        settle(window)
        return bar.winfo_rooty(), bar.meter.winfo_rooty()

    bar.say("idle", "Note", sentence)
    before, one_line = places(), bar.text.winfo_reqheight()
    while bar.text.winfo_reqheight() < 1.5 * one_line:
        sentence += " And more."
        bar.say("idle", "Note", sentence, "3 min 5 s left  ·  1,234.5 images/s")
        assert places() == before
    bar.offer("Open output folder", lambda: None)
    assert places() == before
