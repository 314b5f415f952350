from __future__ import annotations

from pathlib import Path

import pytest

from vae.events import DataReady, EpochRecord, Resumed, TrainingResult
from vae.words import duration, event_lines, result_line, result_words

ROW = EpochRecord(1, 0.5, 0.25, 0.1, 0.01, 1e-4, 12, 65.0, 3.4)
SAVED = Path("checkpoint_000003_epoch_0002.safetensors")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")],
)
def test_a_duration_is_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_files_that_are_left_out_are_named_with_the_reason() -> None:
    lines = event_lines(DataReady(5, ((Path("a\n.png"), "is empty"),)))
    assert lines == ["5 images.", "Left out, since 1 file cannot be used:", r"  a\n.png is empty"]


def test_a_resume_says_where_it_begins_and_what_changes() -> None:
    lines = event_lines(Resumed(SAVED, 2, 40, (ROW,), ("From epoch 3: lr 1 became 2.",)))
    assert lines[0].startswith("Resuming from epoch 3 at image 41")
    assert lines[1] == "From epoch 3: lr 1 became 2."


def test_a_run_with_nothing_left_to_train_is_not_said_to_go_on() -> None:
    lines = event_lines(Resumed(SAVED, 2, 0, (ROW,), (), over=True))
    assert lines == [f"Loaded {SAVED.name}, after epoch 2: nothing is left to train."]


def test_the_end_of_a_run_says_what_came_of_it() -> None:
    assert result_words(TrainingResult(0, 9, 0, True, False, (), None)) == (
        "Stopped",
        "before the training began. Nothing was trained.",
    )
    word, text = result_words(TrainingResult(2, 9, 40, True, True, (ROW,), SAVED))
    assert word == "Stopped"
    assert text.startswith("after 2 of 9 epochs and 40 images of the next. Saved as checkpoint_")
    assert result_words(TrainingResult(1, 1, 0, False, True, (ROW,), SAVED, ROW)) == (
        "Finished",
        "1 epoch in 1 min 5 s. Best loss 0.5 at epoch 1.",
    )
    done = result_words(TrainingResult(1, 1, 0, False, False, (ROW,), SAVED))
    assert done == ("Finished", "All epochs up to 1 were done already: raise num_epochs to go on.")
    assert result_line(TrainingResult(1, 1, 0, False, False, (ROW,), SAVED)).startswith(
        "Finished. All epochs up to 1 were done already: "
    )
    assert result_line(TrainingResult(1, 1, 0, False, True, (ROW,), SAVED)) == (
        "Finished 1 epoch in 1 min 5 s."
    )
    again = TrainingResult(1, 9, 0, False, False, (ROW,), SAVED, ROW, gave_up=True)
    assert "ended early at epoch 1" in result_words(again)[1]
    assert "raise early_stopping" in result_words(again)[1]
