"""Several runs in a row."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vae import sweep, training
from vae.cli import main
from vae.config import ConfigError, TrainConfig, text_of
from vae.errors import StudioError
from vae.events import BatchDone, EpochDone, EpochRecord, Event, TrainingResult, TrialBegun, Warned
from vae.sweep import MAX_TRIALS, TABLE_NAME, Trial, plan, row, run_sweep, split_values, write_table
from vae.training import give_up, never, nothing

Make = Callable[..., TrainConfig]


@pytest.fixture
def texts(tiny: Make) -> dict[str, str]:
    return {name: text_of(value) for name, value in tiny(num_epochs=2).to_dict().items()}


def train(
    trials: list[Trial], folder: Path, should_stop: Callable[[], bool] = never
) -> list[Event]:
    events: list[Event] = []
    run_sweep(trials, folder, events.append, should_stop, give_up, nothing)
    return events


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE_NAME).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_values_may_have_a_decimal_comma() -> None:
    assert split_values(" 0,5 1;2  1 ") == ["0,5", "1", "2"]
    assert split_values("0.5, 4 ,") == ["0.5", "4"]
    assert split_values("0.5,2") == ["0.5", "2"]


def test_all_combinations_are_planned_each_in_its_folder(
    texts: dict[str, str], tmp_path: Path
) -> None:
    trials = plan(texts, {"beta": ["0,1", "1"], "latent_dim": ["4", "8"]}, tmp_path / "all")
    assert [trial.label for trial in trials] == [
        "beta 0.1, latent_dim 4", "beta 0.1, latent_dim 8",
        "beta 1.0, latent_dim 4", "beta 1.0, latent_dim 8",
    ]  # fmt: skip
    assert len({trial.config.model_save_dir for trial in trials}) == 4
    assert trials[0].config.beta == 0.1 and trials[3].config.latent_dim == 8


def test_the_forms_own_folders_need_not_be_usable(texts: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    unusable = {"output_dir": str(tmp_path / "file" / "output")}
    assert len(plan({**texts, **unusable}, {"beta": ["1"]}, tmp_path / "all")) == 1


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"beta": ["1", "x"]}, "not a number"),
        ({"beta": []}, "no value"),
        ({"output_dir": ["a"]}, "cannot be varied"),
        ({"group_pattern": ["a"]}, "cannot be varied"),
        ({"seed": [str(i) for i in range(MAX_TRIALS + 1)]}, "fewer values"),
        ({"img_size": ["18"]}, "divisible"),
    ],
)
def test_a_bad_plan_starts_nothing(
    texts: dict[str, str], tmp_path: Path, axes: dict[str, list[str]], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        plan(texts, axes, tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_a_table_compares_the_runs_and_a_failed_one_does_not_end_the_others(
    texts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "all"
    run = training.run_vae_training

    def fail(config: TrainConfig, *arguments: Any, **named: Any) -> TrainingResult:
        if config.lr == 1:
            raise training.TrainingError("The loss became NaN.")
        return run(config, *arguments, **named)

    monkeypatch.setattr(training, "run_vae_training", fail)
    events = train(plan(texts, {"lr": ["0.001", "1", "0.002"]}, folder), folder)
    assert [e.number for e in events if isinstance(e, TrialBegun)] == [1, 2, 3]
    rows = table(folder)
    assert [row["lr"] for row in rows] == ["0.001", "1.0", "0.002"]
    assert [row["state"] for row in rows] == ["finished", "failed", "finished"]
    assert [e.message for e in events if isinstance(e, Warned)] == ["lr 1.0: The loss became NaN."]
    assert float(rows[0]["best_loss"]) > 0 and rows[0]["epochs"] == "2"


def test_a_line_of_the_table_is_of_the_best_epoch(texts: dict[str, str], tmp_path: Path) -> None:
    (trial,) = plan(texts, {"beta": ["0.5"]}, tmp_path)
    plain = EpochRecord(1, 0.5, 0.1, 0.2, 0.2, 0.001, 12, 2.0, 6.0, psnr=21.0)
    worse = replace(plain, epoch=2, loss=0.7, psnr=20.0, swd=9.0)
    result = TrainingResult(2, 2, 0, False, True, (plain, worse), Path("c"), best=plain)
    line = row(trial, result)
    assert (line["best_loss"], line["loss"], line["psnr"]) == (0.5, 0.5, 21.0)
    assert line["swd"] == 9.0  # which was measured in the other epoch alone
    assert (line["epochs"], line["best_epoch"], line["seconds"]) == (2, 1, 4.0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_folder_whose_name_is_no_text_is_named_in_the_table(
    texts: dict[str, str], tmp_path: Path
) -> None:
    (trial,) = plan(texts, {"beta": ["0.5"]}, tmp_path / "r\udcf6ntgen")
    write_table(tmp_path / TABLE_NAME, [row(trial, None)])
    assert table(tmp_path)[0]["folder"] == str(tmp_path / r"r\udcf6ntgen" / "beta_0.5")


def test_no_table_is_lost_when_other_runs_go_into_the_same_folder(
    texts: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "all"
    train(plan(texts, {"beta": ["0.5"]}, folder), folder)
    train(plan(texts, {"beta": ["2"]}, folder), folder)
    train(plan(texts, {"beta": ["0.5"]}, folder), folder)  # the same again
    assert [row["beta"] for row in table(folder)] == ["2.0", "0.5"]
    train(plan(texts, {"seed": ["3"]}, folder), folder)
    assert [row["seed"] for row in table(folder)] == ["3"]
    assert "2.0" in (folder / "comparison_2.csv").read_text()


def test_a_table_of_other_runs_that_cannot_be_moved_starts_nothing(
    texts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / TABLE_NAME).write_text("of,other,runs\n")

    def held(path: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "rename", held)
    with pytest.raises(StudioError, match="Nothing was started"):
        train(plan(texts, {"beta": ["0.5"]}, tmp_path), tmp_path)
    assert (tmp_path / TABLE_NAME).read_text() == "of,other,runs\n"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("beta")] == []


def test_a_table_that_another_program_holds_ends_no_run(
    texts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, held = sweep.write_table, iter([True, False])

    def write_unless_held(path: Path, rows: Any) -> None:
        if next(held):
            raise PermissionError(13, "Permission denied", str(path))
        write(path, rows)

    monkeypatch.setattr(sweep, "write_table", write_unless_held)
    trials = plan(texts, {"beta": ["0.5", "1"]}, tmp_path)
    events = train(trials, tmp_path)
    assert any(isinstance(e, Warned) and TABLE_NAME in e.message for e in events)
    assert [line["state"] for line in table(tmp_path)] == ["finished", "finished"]


def test_a_stopped_queue_goes_on_where_it_ended(texts: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "all"
    trials = plan(texts, {"beta": ["0.5", "1", "2"]}, folder)
    seen: list[Event] = []

    def emit(event: Event) -> None:
        seen.append(event)

    def second_epoch_of_the_second() -> bool:
        begun = [e.number for e in seen if isinstance(e, TrialBegun)]
        return begun[-1:] == [2] and isinstance(seen[-1], BatchDone)

    results = run_sweep(trials, folder, emit, second_epoch_of_the_second, give_up, nothing)
    assert [result.stopped for result in results] == [False, True]
    assert [row["state"] for row in table(folder)] == ["finished", "stopped"]
    events = train(trials, folder)
    assert [row["state"] for row in table(folder)] == ["finished"] * 3
    epochs = [event.record.epoch for event in events if isinstance(event, EpochDone)]
    assert len(epochs) < 2 * 3  # the first was not trained again


def test_a_stopped_queue_loses_no_line_of_runs_that_were_done_before(
    texts: dict[str, str], tmp_path: Path
) -> None:
    folder, axes = tmp_path / "all", {"beta": ["0.5", "1", "2"]}
    train(plan(texts, axes, folder), folder)
    trials, seen = plan({**texts, "num_epochs": "4"}, axes, folder), list[Event]()

    def in_the_second() -> bool:
        begun = [e.number for e in seen if isinstance(e, TrialBegun)]
        return begun[-1:] == [2] and isinstance(seen[-1], BatchDone)

    run_sweep(trials, folder, seen.append, in_the_second, give_up, nothing)
    longer = {
        "0.5": ("finished", "4"), "1.0": ("stopped", "2"), "2.0": ("finished", "2"),
    }  # fmt: skip
    assert {line["beta"]: (line["state"], line["epochs"]) for line in table(folder)} == longer
    train(trials, folder, lambda: True)  # which stops the first before it begins
    assert {line["beta"]: (line["state"], line["epochs"]) for line in table(folder)} == longer


def test_the_terminal_runs_several_in_a_row(
    texts: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [word for name, text in texts.items() for word in (f"--{name}", text)]
    folder = tmp_path / "all"
    code = main(["sweep", "--vary", "beta", "0.5", "2", "--to", str(folder), *flags])
    assert code == 0
    assert "2 of 2 runs are done" in capsys.readouterr().out
    assert len(table(folder)) == 2


def test_the_terminal_tells_where_a_stopped_queue_goes_on(
    texts: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, seen = sweep.run_recorded, list[Event]()

    def stopped(config: TrainConfig, emit: Any, should_stop: Any, *rest: Any) -> TrainingResult:
        def both(event: Event) -> None:
            seen.append(event)
            emit(event)

        return real(config, both, lambda: isinstance(seen[-1], BatchDone), *rest)

    monkeypatch.setattr(sweep, "run_recorded", stopped)
    flags = [word for name, text in texts.items() for word in (f"--{name}", text)]
    main(["sweep", "--vary", "beta", "0.5", "2", "--to", str(tmp_path / "all"), *flags])
    assert "0 of 2 runs are done" in (out := capsys.readouterr().out)
    assert "The next one: Stopped after 0 of 2 epochs and 5 images of the next. Saved as" in out
    assert "The same command goes on." in out
