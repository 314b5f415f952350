"""The promise: whatever the disk does, and whenever the process dies, no run is lost or altered.

Each call that changes a file fails once, in each way; then the run is started again, and must end
as if nothing had been.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import read_log
from tests.faults import Call, Disk, Killed, faulty
from tests.test_training import newest, untimed
from vae import cache, outputs
from vae.checkpoint import checkpoint_files, load
from vae.config import TrainConfig
from vae.errors import StudioError
from vae.events import CheckpointSaved, Event, Trouble
from vae.files import atomic_write
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


@pytest.fixture
def config(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> TrainConfig:
    """Two epochs of one batch, with a sampler of its own; all files lie in one folder."""
    config = tiny(num_epochs=2, batch_size=12, keep_checkpoints=1, sampler="gaussian")
    folder = root_of(config) / "cache"
    monkeypatch.setattr(cache, "cache_folder", lambda: folder)

    def write_curve(path: Path, *_arguments: object) -> None:
        with atomic_write(path, private=False) as file:
            file.write(b"a picture that takes less time to draw")

    monkeypatch.setattr(outputs, "write_loss_curve", write_curve)
    return config


def end_of(config: TrainConfig) -> tuple[object, ...]:
    """All that a finished run must have, bit for bit."""
    path = newest(config)
    tensors, record = load(path)
    record = dataclasses.replace(record, history=tuple(untimed(list(record.history))))
    return (
        {name: tensor.tobytes() for name, tensor in tensors.items()},
        dataclasses.replace(record, seconds=0.0),
        untimed(read_log(config.log_file)),
        path.name.split("_epoch_")[1],
    )


def pictures_of(config: TrainConfig) -> list[str]:
    return sorted(item.name for item in Path(config.output_dir).iterdir() if item.is_file())


def root_of(config: TrainConfig) -> Path:
    return Path(config.log_file).parent


def checkpoints_of(config: TrainConfig) -> Path:
    return Path(config.model_save_dir)


def record_calls(config: TrainConfig) -> tuple[tuple[object, ...], list[Call]]:
    """What an unbroken run comes to, and the calls that it makes."""
    with faulty(Disk((root_of(config),))) as disk:
        run_vae_training(config)
    return end_of(config), disk.calls


def places(calls: list[Call], fault: str) -> list[int]:
    """At which of the calls a fault is possible."""
    kinds = {
        "kill": ("open", "write", "truncate", "fsync", "replace", "unlink", "mkdir"),
        "torn": ("write",),
        "ENOSPC": ("open", "write", "fsync", "replace", "mkdir"),
        "EIO": ("open", "write", "truncate", "fsync", "replace", "unlink", "mkdir"),
    }
    return [number for number, call in enumerate(calls) if call.name in kinds[fault]]


@pytest.mark.parametrize("fault", ["kill", "torn", "ENOSPC", "EIO"])
@pytest.mark.timeout(600)
def test_a_fault_at_any_call_loses_nothing(config: TrainConfig, fault: str) -> None:
    whole, calls = record_calls(config)
    pictures, tried = pictures_of(config), places(calls, fault)
    assert len(tried) > 20
    for at in tried:
        what = f"{fault} at call {at}, {calls[at].name} {calls[at].path.name}"
        shutil.rmtree(root_of(config))
        saved: list[Path] = []

        def emit(event: Event) -> None:
            if isinstance(event, CheckpointSaved):
                saved.append(event.path)  # noqa: B023

        def give_up(trouble: Trouble) -> None:
            return None

        disk = Disk((root_of(config),), fault, at)
        with faulty(disk), contextlib.suppress(Killed, StudioError, OSError):
            run_vae_training(config, emit, decide=give_up)
        assert len(disk.calls) > at, f"not reached: {what}"
        folder = checkpoints_of(config)
        acknowledged = max((int(path.name[11:17]) for path in saved), default=0)
        found = max((number for number, _ in checkpoint_files(folder)), default=0)
        assert found >= acknowledged, what
        run_vae_training(config)
        assert end_of(config) == whole, what
        if fault in ("kill", "torn"):  # a picture that could not be written was told of
            assert pictures_of(config) == pictures, what
        left = [path.name for path in root_of(config).rglob("*") if path.name.endswith(".bad")]
        left += [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]
        assert not left, (what, left)


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
@pytest.mark.timeout(600)
def test_a_run_that_may_try_again_needs_no_second_start(config: TrainConfig, fault: str) -> None:
    whole, calls = record_calls(config)
    tried = [at for at in places(calls, fault) if calls[at].path.parent == checkpoints_of(config)]
    paused = 0
    for at in tried:
        shutil.rmtree(root_of(config))
        troubles: list[Trouble] = []

        def again(trouble: Trouble) -> Path:
            troubles.append(trouble)  # noqa: B023
            return trouble.folder

        with faulty(Disk((root_of(config),), fault, at)):
            assert run_vae_training(config, decide=again).epoch == 2
        paused += len(troubles)
        assert end_of(config) == whole, (fault, at, calls[at])
    assert paused > 10


def contents(folder: Path) -> set[bytes]:
    """The content of all checkpoints below a folder, wherever they were moved."""
    return {path.read_bytes() for path in folder.rglob("checkpoint_*")}


@pytest.mark.timeout(600)
def test_a_kill_while_an_earlier_run_is_set_aside_loses_none_of_it(config: TrainConfig) -> None:
    root = root_of(config)
    run_vae_training(config)
    earlier, kept = contents(root), root.with_name("kept")
    shutil.copytree(root, kept)
    with faulty(Disk((root,))) as disk:
        run_vae_training(config, fresh=True)
    new = end_of(config)
    moves = [at for at, call in enumerate(disk.calls) if "earlier_run" in str(call.path)]
    assert len(moves) > 5
    for at in range(max(moves) + 2):
        shutil.rmtree(root)
        shutil.copytree(kept, root)
        with faulty(Disk((root,), "kill", at)), contextlib.suppress(Killed):
            run_vae_training(config, fresh=True)
        assert contents(root) >= earlier, disk.calls[at]
        run_vae_training(config, fresh=True)
        assert contents(root) >= earlier, disk.calls[at]
        assert end_of(config) == new, disk.calls[at]


@pytest.mark.timeout(600)
def test_a_kill_while_a_damaged_checkpoint_is_set_aside_changes_nothing(
    config: TrainConfig,
) -> None:
    config = dataclasses.replace(config, num_epochs=3, keep_checkpoints=2)
    root = root_of(config)
    run_vae_training(config)
    whole, kept = end_of(config), root.with_name("kept")
    path = newest(config)
    path.write_bytes(path.read_bytes()[:-1])
    shutil.copytree(root, kept)
    with faulty(Disk((root,))) as disk:
        run_vae_training(config)
    assert end_of(config) == whole
    for at in range(len(disk.calls)):
        shutil.rmtree(root)
        shutil.copytree(kept, root)
        with faulty(Disk((root,), "kill", at)), contextlib.suppress(Killed):
            run_vae_training(config)
        run_vae_training(config)
        assert end_of(config) == whole, disk.calls[at]
        assert [item.name for item in root.rglob("*.bad")] == [f"{path.name}.bad"]
