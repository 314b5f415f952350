"""Power loss at any moment: every state that the disk may then be in still has the checkpoint.

The calls of a run are recorded. At each place a crash keeps what was synced, and of the rest any
part: a write or a change of names that no fsync has followed may be there or not, in any order.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults import Call, Disk, faulty
from vae.checkpoint import checkpoint_files, load, load_newest
from vae.config import TrainConfig
from vae.events import CheckpointSaved, Event
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]

# Up to so many operations, all of their subsets; beyond, so many drawn ones.
ALL_SUBSETS_OF = 6
DRAWN = 64


@dataclass(frozen=True)
class Operation:
    """A change of a file's content, or of names; durable once a call after it has synced it."""

    file: int  # the file that it concerns, whatever its name
    call: Call
    synced_by: int | None = None  # number of the call


@dataclass
class History:
    """What calls did to files that are known by number, since names change."""

    operations: list[tuple[int, Operation]] = field(default_factory=list)  # with the call's number
    names: dict[Path, int] = field(default_factory=dict)
    count: int = 0

    def add(self, number: int, call: Call) -> None:
        """Take up the next call."""
        if call.name == "fsync":
            self._sync(number, call)
            return
        if call.name in ("open", "mkdir"):
            if call.path in self.names:
                return  # written over, not made
            self.count += 1
            self.names[call.path] = self.count
        elif call.name == "replace":
            assert call.source is not None
            self.names[call.path] = self.names.pop(call.source)
        file = self.names.get(call.path, 0)
        if call.name == "unlink":
            self.names.pop(call.path, None)
        self.operations.append((number, Operation(file, call)))

    def _sync(self, number: int, call: Call) -> None:
        for i, (when, operation) in enumerate(self.operations):
            if operation.synced_by is not None:
                continue
            content = operation.call.name in ("write", "truncate")
            same = (
                operation.call.path.parent == call.path
                if call.is_folder
                else operation.file == self.names[call.path]
            )
            if same and content is not call.is_folder:
                done = Operation(operation.file, operation.call, number)
                self.operations[i] = (when, done)

    def states(self, crash: int) -> Iterator[dict[Path, bytes]]:
        """The contents by name that a crash before call number `crash` may leave."""
        before = [operation for number, operation in self.operations if number < crash]
        synced = [op.synced_by is not None and op.synced_by < crash for op in before]
        for lost in _subsets([i for i, done in enumerate(synced) if not done], crash):
            yield _replay([op for i, op in enumerate(before) if i not in lost])


def _subsets(items: Sequence[int], seed: int) -> Iterator[set[int]]:
    if len(items) <= ALL_SUBSETS_OF:
        for size in range(len(items) + 1):
            yield from map(set, itertools.combinations(items, size))
        return
    draw = random.Random(seed)
    yield from (set(), set(items))
    for _ in range(DRAWN):
        share = draw.random()
        yield {item for item in items if draw.random() < share}


def _replay(operations: Sequence[Operation]) -> dict[Path, bytes]:
    """The files after some operations; a file's content and its names are kept apart."""
    names: dict[Path, int] = {}
    contents: dict[int, bytearray] = {}
    folders: set[Path] = set()
    for operation in operations:
        call, content = operation.call, contents.setdefault(operation.file, bytearray())
        match call.name:
            case "open":
                names[call.path] = operation.file
            case "mkdir":
                folders.add(call.path)
            case "replace":
                if call.source in names and names[call.source] == operation.file:
                    del names[call.source]
                names[call.path] = operation.file
            case "unlink":
                names.pop(call.path, None)
            case "truncate":
                content[:] = content[: call.offset].ljust(call.offset, b"\0")
            case "write":
                end = call.offset + len(call.data)
                content[:] = content.ljust(end, b"\0")
                content[call.offset : end] = call.data
    return {path: bytes(contents[n]) for path, n in names.items() if path.parent in folders}


@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.timeout(600)
def test_no_acknowledged_checkpoint_is_lost(tiny: Make, tmp_path: Path, keep: int) -> None:
    log = str(tmp_path / "log.csv")  # in another folder: syncing it must not help
    config = tiny(num_epochs=5, batch_size=12, keep_checkpoints=keep, sample_every=9, log_file=log)
    folder = Path(config.model_save_dir)
    folder.parent.mkdir()
    acknowledged: list[tuple[int, int]] = []  # number of calls so far, epoch

    def emit(event: Event) -> None:
        if isinstance(event, CheckpointSaved):
            acknowledged.append((len(disk.calls), len(acknowledged) + 1))

    with faulty(Disk((folder.parent,))) as disk:
        run_vae_training(config, emit)
    history = History()
    for number, call in enumerate(disk.calls):
        if folder in (call.path, call.path.parent) or call.path == folder.parent:
            history.add(number, call)
    assert len(acknowledged) == 5 and len(history.operations) > 40

    seen: set[tuple[int, int]] = set()
    place = tmp_path / "after"
    place.mkdir()
    for crash in range(len(disk.calls) + 1):
        promised = max((epoch for calls, epoch in acknowledged if calls <= crash), default=0)
        for state in history.states(crash):
            key = (promised, hash(frozenset(state.items())))
            if key in seen:
                continue
            seen.add(key)
            for old in place.iterdir():
                old.unlink()
            for path, content in state.items():
                (place / path.name).write_bytes(content)
            told: list[str] = []
            found = load_newest(place, told.append)
            what = (crash, promised, {path.name: len(c) for path, c in state.items()}, told)
            assert (len(found[2].history) if found else 0) >= promised, what
            assert not told, what
            for _, path in checkpoint_files(place):
                load(path)  # whole, the older ones too
    assert len(seen) > 200
