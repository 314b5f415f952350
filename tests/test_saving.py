"""A checkpoint that cannot be written makes the training wait; nothing that was trained is lost."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from tests.conftest import fail_saving, stall_saving
from tests.faults import unreachable
from tests.test_training import assert_same_end
from vae import watch
from vae.checkpoint import checkpoint_files
from vae.config import TrainConfig
from vae.dataset import MedicalImageDataset
from vae.decoding import DataError
from vae.events import (
    PROCESSOR,
    BatchDone,
    CheckpointSaved,
    EpochDone,
    Event,
    Passed,
    Progress,
    Trouble,
    Warned,
)
from vae.files import checkpoint_name
from vae.images import find_images
from vae.lock import STEM, BusyError, only_run
from vae.training import TrainingError, run_vae_training
from vae.watch import ImageWatch

Make = Callable[..., TrainConfig]


class Person:
    """Decides on troubles: does what the next of `deeds` says, and answers with what it returns."""

    def __init__(self, *deeds: Callable[[Trouble], Path | None]) -> None:
        self.deeds, self.troubles = iter(deeds), list[Trouble]()

    def __call__(self, trouble: Trouble) -> Path | None:
        self.troubles.append(trouble)
        return next(self.deeds)(trouble)


def again(trouble: Trouble) -> Path:
    return trouble.folder


def numbers(config: TrainConfig) -> Iterable[int]:
    return [number for number, _ in checkpoint_files(Path(config.model_save_dir))]


def test_a_full_disk_makes_training_wait_and_going_on_loses_nothing(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_vae_training(tiny("whole", num_epochs=3))
    config = tiny(num_epochs=3)
    fail_saving(monkeypatch, after=1)

    def make_room(trouble: Trouble) -> Path:
        monkeypatch.undo()
        return trouble.folder

    person, events = Person(again, again, make_room), list[Event]()
    result = run_vae_training(config, events.append, decide=person)
    assert (result.epoch, result.stopped) == (3, False)
    trouble = person.troubles[0]
    for words in ("No space left", "memory", "checkpoint_000001_epoch_0001", "try again"):
        assert words in trouble.message
    assert trouble.folder == Path(config.model_save_dir) and trouble.movable
    assert_same_end(tiny("whole"), config)


def test_what_is_saved_in_the_first_epoch_is_pruned_too(tiny: Make) -> None:
    config, trained = tiny(num_epochs=4, keep_checkpoints=2), list[Event]()

    def hear(event: Event) -> None:
        if isinstance(event, BatchDone):
            trained.append(event)

    assert run_vae_training(config, hear, lambda: bool(trained)).epoch == 0
    assert list(numbers(config)) == [1]
    run_vae_training(config)
    assert list(numbers(config)) == [5, 4]


def test_the_wait_for_a_decision_is_no_training_time(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, calls = MedicalImageDataset.batch, itertools.count()

    def lost_once(data: MedicalImageDataset, indices: Any) -> Any:
        if next(calls) == 2:
            raise DataError("image 7 is gone")
        return batch(data, indices)

    def late(trouble: Trouble) -> Path:
        time.sleep(1.5)
        return trouble.folder

    monkeypatch.setattr(MedicalImageDataset, "batch", lost_once)
    began, person = time.monotonic(), Person(late)
    result = run_vae_training(tiny(num_epochs=2), decide=person)
    assert len(person.troubles) == 1
    assert sum(r.seconds for r in result.history) < time.monotonic() - began - 1.5


def test_giving_up_ends_the_run_with_what_is_safe(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=3)
    fail_saving(monkeypatch, after=1)
    person = Person(again, lambda trouble: None)
    with pytest.raises(TrainingError, match=r"No space left.*checkpoint_000001.*resume"):
        run_vae_training(config, decide=person)
    assert len(person.troubles) == 2
    assert numbers(config) == [1]
    assert not list(Path(config.model_save_dir).glob("*.tmp"))


def lose_folder(config: TrainConfig) -> Callable[[Event], None]:
    def emit(event: Event) -> None:
        if isinstance(event, EpochDone) and event.record.epoch == 2:
            shutil.rmtree(config.model_save_dir)

    return emit


def test_a_folder_that_is_gone_is_made_anew_only_when_asked_and_is_guarded_again(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=3, checkpoint_every=2)
    folder = Path(config.model_save_dir)

    def look(trouble: Trouble) -> Path:
        assert "the folder is gone" in trouble.message
        assert "checkpoint_000001_epoch_0002.safetensors cannot be reached now" in trouble.message
        assert not folder.exists()
        return trouble.folder

    def emit(event: Event) -> None:
        if isinstance(event, CheckpointSaved):
            if event.path.name == checkpoint_name(1, 2):
                shutil.rmtree(folder)
                return
            with pytest.raises(BusyError), only_run(folder):
                pass

    person = Person(look)
    run_vae_training(config, emit, decide=person)
    assert len(person.troubles) == 1
    run_vae_training(tiny("whole", num_epochs=3))
    assert_same_end(tiny("whole"), config)
    with only_run(folder):
        pass  # let go of at the end


def test_a_folder_that_another_run_has_taken_meanwhile_is_left_to_it(tiny: Make) -> None:
    config, folder = tiny(num_epochs=3), Path(tiny().model_save_dir)
    with contextlib.ExitStack() as other:

        def emit(event: Event) -> None:
            if isinstance(event, CheckpointSaved):
                shutil.rmtree(folder)
                other.enter_context(only_run(folder))

        def look(trouble: Trouble) -> Path:
            assert "or is another run's now" in trouble.message
            return trouble.folder

        def look_again(trouble: Trouble) -> None:
            assert "Another run of VAE Studio is working in" in trouble.message
            (folder / checkpoint_name(7, 7)).touch()
            other.close()

        def look_at_last(trouble: Trouble) -> None:
            assert "holds checkpoints of another run" in trouble.message

        person = Person(look, lambda t: look_again(t) or t.folder, look_at_last)
        with pytest.raises(TrainingError):
            run_vae_training(config, emit, decide=person)
    assert numbers(config) == [7] and len(person.troubles) == 3


def test_another_folder_can_be_chosen_but_not_one_of_another_run(
    tiny: Make, tmp_path: Path
) -> None:
    run_vae_training(tiny("other", num_epochs=1))
    config = tiny(num_epochs=3, checkpoint_every=3)
    taken, free = Path(tiny("other").model_save_dir), tmp_path / "new" / "checkpoints"
    output = Path(config.output_dir)
    before = sorted(path.name for path in taken.iterdir())
    deeds = (lambda trouble: taken, lambda trouble: output, lambda trouble: free)
    person, events = Person(*deeds), list[Event]()

    def emit(event: Event) -> None:
        events.append(event)
        lose_folder(config)(event)

    result = run_vae_training(config, emit, decide=person)
    assert "holds checkpoints of another run" in person.troubles[1].message
    assert "is the output folder" in person.troubles[2].message
    assert sorted(path.name for path in taken.iterdir()) == before
    assert result.checkpoint is not None and result.checkpoint.parent == free
    assert any(isinstance(e, Warned) and str(free) in e.message for e in events)
    longer = tiny(num_epochs=4, model_save_dir=str(free))
    assert run_vae_training(longer).epoch == 4
    run_vae_training(tiny("whole", num_epochs=4))
    assert_same_end(tiny("whole"), longer)


def saved(event: Event, epoch: int) -> bool:
    return isinstance(event, CheckpointSaved) and f"_epoch_{epoch:04d}." in event.path.name


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EACCES, errno.ENOTCONN, errno.EIO])
def test_a_drive_that_fails_is_waited_for_and_the_run_goes_on_once_it_is_back(
    tiny: Make, code: int
) -> None:
    run_vae_training(tiny("whole", num_epochs=3))
    config, drives = tiny(num_epochs=3), dict[Path, int]()

    def emit(event: Event) -> None:
        if saved(event, 1):
            drives[Path(config.model_save_dir)] = code

    def look(trouble: Trouble) -> Path:
        assert f"({os.strerror(code)})" in trouble.message
        assert "checkpoint_000001_epoch_0001.safetensors cannot be reached now" in trouble.message
        return trouble.folder

    def connect(trouble: Trouble) -> Path:
        drives.clear()
        return look(trouble)

    person = Person(look, connect)
    with unreachable(drives):
        assert run_vae_training(config, emit, decide=person).epoch == 3
    assert len(person.troubles) == 2
    assert_same_end(tiny("whole"), config)


def test_giving_up_on_a_drive_that_fails_ends_the_run_with_what_is_there(tiny: Make) -> None:
    config, drives = tiny(num_epochs=3), dict[Path, int]()

    def emit(event: Event) -> None:
        if saved(event, 1):
            drives[Path(config.model_save_dir)] = errno.ESTALE

    words = r"Stale file handle.*checkpoint_000001\S* cannot be reached now.*resume"
    with unreachable(drives), pytest.raises(TrainingError, match=words):
        run_vae_training(config, emit)
    assert numbers(config) == [1]


def test_a_run_that_moved_away_from_a_drive_that_fails_ends_well(
    tiny: Make, tmp_path: Path
) -> None:
    config, drives = tiny(num_epochs=3), dict[Path, int]()

    def emit(event: Event) -> None:
        if saved(event, 1):
            drives[Path(config.model_save_dir)] = errno.ESTALE

    person = Person(lambda trouble: tmp_path / "new")
    with unreachable(drives):
        result = run_vae_training(config, emit, decide=person)
    assert (result.epoch, len(person.troubles)) == (3, 1)
    assert result.checkpoint is not None and result.checkpoint.parent == tmp_path / "new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps the current folder")
def test_a_run_outlives_its_current_folder(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    paths = {"log_file": "log.csv", "model_save_dir": "checkpoints", "output_dir": "output"}
    config = tiny(num_epochs=3, **{name: f"../run/{path}" for name, path in paths.items()})

    def emit(event: Event) -> None:
        if saved(event, 1):
            here.rmdir()

    assert run_vae_training(config, emit).epoch == 3
    assert numbers(tiny()) == [3, 2, 1]


@pytest.mark.parametrize("mounted_anew", [False, True])
@pytest.mark.parametrize("epoch", [0, 1])
def test_a_run_that_moved_away_may_come_back(
    tiny: Make, tmp_path: Path, epoch: int, mounted_anew: bool
) -> None:
    run_vae_training(tiny("whole", num_epochs=4))
    config, other, drives = tiny(num_epochs=4), tmp_path / "other", dict[Path, int]()
    folder = Path(config.model_save_dir)

    def emit(event: Event) -> None:
        begun = epoch == 0 and isinstance(event, BatchDone) and event.epoch == 1
        if begun or saved(event, epoch):
            drives[folder] = errno.ESTALE
        if isinstance(event, CheckpointSaved) and event.path.parent == other:
            drives[other] = errno.ESTALE

    def come_back(trouble: Trouble) -> Path:
        del drives[folder]
        if mounted_anew:  # so that the lock is another file
            (folder / f"{STEM}.lock").unlink()
        return folder

    person = Person(lambda trouble: other, come_back)
    with unreachable(drives):
        assert run_vae_training(config, emit, decide=person).epoch == 4
    assert len(person.troubles) == 2
    assert_same_end(tiny("whole"), config)


def test_a_disk_that_does_not_answer_is_told_and_waited_for(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.watch.SLOW_SECONDS", 0.05)
    told = stall_saving(monkeypatch)

    def emit(event: Event) -> None:
        if event == Progress("save_slow", 0, 0):
            told.set()

    assert run_vae_training(tiny(num_epochs=1), emit).epoch == 1
    assert told.is_set()


def test_a_change_of_the_images_during_the_run_is_told_once(
    tiny: Make, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vae.watch.LOOK_SECONDS", 0.0)
    told = threading.Event()
    texts: list[str] = []

    def emit(event: Event) -> None:
        if isinstance(event, EpochDone) and event.record.epoch == 1:
            (images / "image_003.png").unlink()
            (images / "image_004.png").write_bytes(b"changed")
        if isinstance(event, EpochDone) and event.record.epoch == 3:
            assert told.wait(30)
        if isinstance(event, Warned) and "since the run began" in event.message:
            texts.append(event.message)
            told.set()

    assert run_vae_training(tiny(num_epochs=6), emit).epoch == 6
    (text,) = texts
    assert text.startswith("2 images have changed or gone") and "image_003.png" in text


def test_a_run_that_is_over_tells_of_no_change_any_more(images: Path) -> None:
    files, told = find_images(images)[0], list[Event]()
    images_watch = ImageWatch(images, files, told.append)
    (images / "image_003.png").unlink()
    images_watch.end()
    images_watch._look()
    assert told == []


def test_the_folder_that_is_lost_may_be_chosen_by_another_of_its_names(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    fail_saving(monkeypatch, after=1, until=2)
    config = tiny(num_epochs=3, model_save_dir="./checkpoints")
    person = Person(lambda trouble: tmp_path / "checkpoints")
    assert run_vae_training(config, decide=person).epoch == 3
    assert len(person.troubles) == 1


@pytest.mark.parametrize(
    ("threads", "others", "words"),
    [
        (2, 0.1, ""),  # what a system does by itself
        (2, 0.9, "set threads to 1"),
        (1, 0.9, ""),  # there is room for both
        (1, 2.5, ""),  # and fewer there are not
    ],
)
def test_other_programs_that_slow_a_training_are_told_once(
    monkeypatch: pytest.MonkeyPatch, threads: int, others: float, words: str
) -> None:
    now, told = 100.0, list[Event]()
    monkeypatch.setattr(watch.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(watch.time, "monotonic", lambda: now)
    monkeypatch.setattr(watch, "_seconds_of_others", lambda: 7 + others * now)
    processor = watch.ProcessorWatch(threads, told.append)
    for _second in range(200):
        now += 1
        processor.look()
    assert [words in event.message for event in told if isinstance(event, Warned)] == (
        [True] if words else []
    )


def test_it_is_told_once_that_other_programs_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    now, taken, told = 100.0, 0.0, list[Event]()
    monkeypatch.setattr(watch.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(watch.time, "monotonic", lambda: now)
    monkeypatch.setattr(watch, "_seconds_of_others", lambda: taken)
    processor = watch.ProcessorWatch(2, told.append)
    for second in range(500):
        now, taken = now + 1, taken + (second % 200 < 100)
        processor.look()
    assert [type(event) for event in told] == [Warned, Passed]
    assert [event.cause for event in told if isinstance(event, (Warned, Passed))] == [PROCESSOR] * 2


def test_what_others_did_during_a_pause_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now, taken, told = 100.0, 0.0, list[Event]()
    monkeypatch.setattr(watch.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(watch.time, "monotonic", lambda: now)
    monkeypatch.setattr(watch, "_seconds_of_others", lambda: taken)
    processor = watch.ProcessorWatch(2, told.append)
    now, taken = 4000.0, 3000.0
    processor.look()
    assert not told
    now, taken = 4031.0, 3030.0
    processor.look()
    assert len(told) == 1


def test_what_this_process_takes_is_not_counted_as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        def __init__(self, user: float, *children: Process) -> None:
            self.times, self.started = (user, 1.0, 99.0, 99.0), list(children)

        def cpu_times(self) -> tuple[float, ...]:
            if self.times[0] < 0:
                raise psutil.NoSuchProcess(1)
            return self.times

        def children(self, recursive: bool) -> list[Process]:
            return self.started

    monkeypatch.setattr(psutil, "Process", lambda: Process(10, Process(5), Process(-1)))
    monkeypatch.setattr(psutil, "cpu_times", lambda: SimpleNamespace(user=40, system=5, nice=2))
    assert watch._seconds_of_others() == 47 - 11 - 6


@pytest.mark.parametrize("error", [psutil.AccessDenied(1), PermissionError(1, "not permitted")])
def test_a_system_that_hides_processes_of_others_lets_training_begin(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def hidden(process: psutil.Process, recursive: bool) -> list[psutil.Process]:
        raise error

    monkeypatch.setattr(psutil.Process, "children", hidden)
    assert run_vae_training(tiny(num_epochs=1, device="cpu")).epoch == 1
    assert watch._seconds_of_others() > 0
