"""A checkpoint is measured: what the bar says meanwhile, and how that is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gui.test_window import answer
from vae import evaluation
from vae.config import TrainConfig
from vae.errors import StopRequested
from vae.events import Progress
from vae.gui import dialogs
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
Open = Callable[..., Any]


class Held:
    """Stands in for what measures a checkpoint: says how far it is, and waits."""

    def __init__(self, *told: Progress) -> None:
        self.told, self.go_on = told, threading.Event()

    def __call__(
        self, folder: Path, warn: object, *, should_stop: Callable[[], bool],
        emit: Callable[[Progress], None],
    ) -> object:  # fmt: skip
        for progress in self.told:
            emit(progress)
        while not self.go_on.wait(0.01):
            if should_stop():
                raise StopRequested
        raise OSError(28, "No space left on device")  # an end without a dialog of its own


@pytest.fixture
def trained(open_window: Open, tiny: Make) -> Any:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    window = open_window(config)
    window.pump(lambda: window.app.checkpoints.resumable)
    return window


def test_the_bar_says_what_is_measured_and_how_far_it_is(
    trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(Progress("scan", 0, 0), Progress("encode", 128, 512))
    monkeypatch.setattr(evaluation, "evaluate", held)
    app = trained.app
    app.quality.evaluate.invoke()
    assert trained.bar() == "Evaluating Measuring the newest checkpoint..."
    trained.pump(lambda: trained.bar() == "Evaluating Encoding images: 128 of 512")
    assert float(app.bar.meter["value"]) == 0.25
    held.go_on.set()
    trained.pump_to("idle")
    assert float(app.bar.meter["value"]) == 1  # of the run's epochs, as before
    assert "No space left" in trained.bar()


def test_a_report_says_so_too(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(Progress("nearest", 1200, 5000))
    monkeypatch.setattr(evaluation, "evaluate", held)
    trained.app.actions.write_report()
    trained.pump(lambda: trained.bar() == "Evaluating Looking for copied images: 1,200 of 5,000")
    trained.app.control.stop()
    assert trained.bar() == "Stopping in a moment"
    trained.pump_to("idle")
    assert "The report was not written, since you stopped it." in trained.bar()


def test_escape_asks_before_an_evaluation_is_lost(
    trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "evaluate", Held())
    asked = answer(monkeypatch, "Keep evaluating", "Stop")
    app = trained.app
    app.actions.evaluate()
    app.root.focus_force()
    app.root.event_generate("<Escape>")
    assert asked == ["Stop evaluating"] and app.state == "evaluating"
    app.root.event_generate("<Escape>")
    trained.pump_to("idle")
    assert len(asked) == 2 and "Nothing was measured" in trained.bar()


def test_the_question_goes_when_the_evaluation_is_done(
    trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, answers = Held(), list[str]()
    monkeypatch.setattr(evaluation, "evaluate", held)
    real = dialogs.ask

    def ask(*arguments: Any, **named: Any) -> str:
        held.go_on.set()
        answers.append(real(*arguments, **named))
        return answers[-1]

    monkeypatch.setattr(dialogs, "ask", ask)
    trained.app.actions.evaluate()
    trained.app.control.ask_stop()
    assert answers == [""] and trained.app.state == "idle"


def test_a_click_on_stop_does_not_ask(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "evaluate", Held())
    asked = answer(monkeypatch)
    trained.app.actions.evaluate()
    trained.app.bar.stop.invoke()
    assert trained.app.state == "stopping"
    trained.pump_to("idle")
    assert asked == []
