"""Damaged and hostile checkpoints: each is refused, or is the original, and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import pickle
import random
import struct
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
import safetensors.numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import SOAK, TINY, make_images
from tests.test_training import assert_same_end, newest
from vae.checkpoint import CheckpointError, checkpoint_files, load, load_newest
from vae.config import PARAMETERS, TrainConfig
from vae.dataset import MedicalImageDataset
from vae.dataset import split as split_images
from vae.events import EpochRecord, Event, Resumed, Warned
from vae.header import (
    DIGEST_SIZE,
    KEY,
    MAX_HEADER,
    DamagedError,
    header_bytes,
    read_header,
)
from vae.history import log_text
from vae.state import MismatchError, TrainingState, layout_of
from vae.training import TrainingError, run_vae_training

FILES = int(os.environ.get("VAE_DAMAGED_FILES", 10_000 if SOAK else 1_500))
LONG = 30  # one file in so many is longer than a checkpoint of the tests
# JSON that takes much memory or time for its length.
PIECES = (
    '"\U0001d11e",' + "[" * 900 + "]" * 900 + ",",
    '{"":' * 900 + "0" + "}" * 900 + ",",
    '{"ab":1},',
    '"\u0101",',
    '"ab",',
    "1.5,",
    "999,",
    "9" * 4299 + ",",
)
HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 2**53 + 1, 10**18, 10**400, 1e308, math.nan, math.inf,
    "", "x", "x" * 200_000, "\x1b[2J", "\ud800", [], [0], [[]], {}, {"a": 0},
)  # fmt: skip
MOST_BYTES, MOST_SECONDS = 10**9, 5.0
Make = Callable[..., TrainConfig]
Facts = dict[str, Any]


class Sound(NamedTuple):
    """A configuration, the whole files of two checkpoints of it, and a state to resume."""

    config: TrainConfig
    data: bytes
    older: bytes
    state: TrainingState

    def __repr__(self) -> str:
        return "a sound checkpoint"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Made by training with a scaler."""
    root = tmp_path_factory.mktemp("sound")
    config = TrainConfig(
        **{**TINY, "num_epochs": 2, "precision": "float16"},  # type: ignore[arg-type]
        file_path=str(make_images(root / "images", 12)),
        log_file=str(root / "log.csv"),
        model_save_dir=str(root / "checkpoints"),
        output_dir=str(root / "output"),
        cache_gb=0.0,
    )
    run_vae_training(config)
    images = MedicalImageDataset(Path(config.file_path), config.img_size, config.in_channels)
    nobody: Any = None  # saves
    state = TrainingState(
        config, *split_images(images, 0.0, ""), torch.device("cpu"), torch.float16, 1, nobody
    )
    data, older = (path.read_bytes() for _, path in checkpoint_files(newest(config).parent))
    return Sound(config, data, older, state)


def split(data: bytes) -> tuple[Facts, bytes]:
    """The header's JSON and the tensors, the digest left out."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length : -DIGEST_SIZE]


def join(header: bytes | Facts, body: bytes, length: int | None = None) -> bytes:
    """A file with that header and those tensors, and with the digest that belongs to it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    content = struct.pack("<Q", len(text) if length is None else length) + text + body
    return content + hashlib.sha256(content).digest()


def edit(data: bytes, change: Callable[[Facts, Facts], object]) -> bytes:
    """A file whose header and record were changed, with a right digest."""
    header, body = split(data)
    record = json.loads(header["__metadata__"][KEY])
    change(header, record)
    header["__metadata__"][KEY] = json.dumps(record)
    return join(header, body)


class Bomb:
    """Unpickled, it would leave a trace."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", content)
    return file.getvalue()


def entries(header: Facts) -> list[Facts]:
    return [entry for name, entry in header.items() if name != "__metadata__"]


def swap_shape(header: Facts) -> None:
    """Other shapes of the same size: a transposed weight."""
    for entry in entries(header):
        entry["shape"] = entry["shape"][::-1]


def swap_order(header: Facts) -> None:
    first, second = entries(header)[:2]
    first["data_offsets"], second["data_offsets"] = second["data_offsets"], first["data_offsets"]


def overlap(header: Facts) -> None:
    first, second = entries(header)[:2]
    second["data_offsets"] = first["data_offsets"]


def twice(data: bytes) -> bytes:
    """The first tensor's name stands twice in the JSON."""
    header, body = split(data)
    text = json.dumps(header)
    name = next(name for name in header if name != "__metadata__")
    return join(f'{{"{name}": 0, {text[1:]}'.encode(), body)


def rename(header: Facts) -> None:
    name = next(name for name in header if name.startswith("model."))
    header["model.other"] = header.pop(name)


def huge(header: Facts) -> None:
    entries(header)[0]["shape"] = [2**40]


def poison(data: bytes, value: float) -> bytes:
    """A tensor that is not finite."""
    header, body = split(data)
    return join(header, body[:40] + struct.pack("<f", value) * 4 + body[56:])


def set_row(record: Facts, place: int, value: object) -> None:
    record["history"][0][place] = value


CRAFTED: dict[str, Callable[[bytes], bytes]] = {
    "an empty file": lambda data: b"",
    "a pickle": lambda data: pickle.dumps(Bomb()),
    "a zipped pickle, as torch.save makes it": lambda data: zipped(pickle.dumps(Bomb())),
    "a zip bomb": lambda data: zipped(b"\0" * 10_000_000),
    "a header longer than the file": lambda data: join(b"{}", b"", 2**40),
    "a header of negative length": lambda data: b"\xff" * 8 + data[8:],
    "a header of no length": lambda data: join(b"", split(data)[1]),
    "nested lists": lambda data: join(b"[" * 100_000, b""),
    "nested objects": lambda data: join(b'{"a":' * 100_000, b""),
    "a name that stands twice": twice,
    "a list for a header": lambda data: join(b"[]", split(data)[1]),
    "no record": lambda data: edit(data, lambda h, r: r.clear()),
    "an unknown part": lambda data: edit(data, lambda h, r: r.update(other=1)),
    "a tensor of terabytes": lambda data: edit(data, lambda h, r: huge(h)),
    "transposed tensors": lambda data: edit(data, lambda h, r: swap_shape(h)),
    "overlapping tensors": lambda data: edit(data, lambda h, r: overlap(h)),
    "tensors in another order": lambda data: edit(data, lambda h, r: swap_order(h)),
    "a tensor of another name": lambda data: edit(data, lambda h, r: rename(h)),
    "no moments, though steps were made": lambda data: edit(
        data, lambda h, r: r.update(optimizer_steps=0)
    ),
    "another item type": lambda data: edit(data, lambda h, r: entries(h)[1].update(dtype="I32")),
    "bytes for weights": lambda data: edit(
        data, lambda h, r: entries(h)[1].update(dtype="U8", shape=[4 * 4])
    ),
    "a gap": lambda data: join(split(data)[0], b"\0" * 8 + split(data)[1]),
    "NaN in a tensor": lambda data: poison(data, float("nan")),
    "infinity in a tensor": lambda data: poison(data, float("inf")),
    "NaN in the history": lambda data: edit(data, lambda h, r: set_row(r, 1, float("nan"))),
    "infinity in the history": lambda data: edit(data, lambda h, r: set_row(r, 1, "1e999")),
    "a text in the history": lambda data: edit(data, lambda h, r: set_row(r, 1, "=1+1")),
    "an epoch out of order": lambda data: edit(data, lambda h, r: set_row(r, 0, 7)),
    "a short row": lambda data: edit(data, lambda h, r: r["history"][0].pop()),
    "more images done than there are": lambda data: edit(
        data, lambda h, r: r.update(images_done=10**6)
    ),
    "negative steps": lambda data: edit(data, lambda h, r: r.update(optimizer_steps=-1)),
    "a scaler of texts": lambda data: edit(data, lambda h, r: r.update(scaler={"scale": "x"})),
    "a scaler of zeros": lambda data: edit(data, lambda h, r: r.update(scaler={"scale": -1.0})),
    "another type in the config": lambda data: edit(
        data, lambda h, r: r["config"].update(depth="2")
    ),
    "an impossible config": lambda data: edit(data, lambda h, r: r["config"].update(depth=-1)),
    "a pattern that counts too far": lambda data: edit(
        data, lambda h, r: r["config"].update(group_pattern="a{4294967296}")
    ),
    "a huge number": lambda data: edit(data, lambda h, r: r.update(threads=10**300)),
    "a huge number of seconds": lambda data: edit(data, lambda h, r: r.update(seconds=10**400)),
    "negative seconds": lambda data: edit(data, lambda h, r: r.update(seconds=-1)),
    "a huge number in the history": lambda data: edit(data, lambda h, r: set_row(r, 1, 10**400)),
    "a huge number in the config": lambda data: edit(
        data, lambda h, r: r["config"].update(seed=10**400)
    ),
    "a huge number in the scaler": lambda data: edit(
        data, lambda h, r: r["scaler"].update(scale=10**18 * 1e30)
    ),
    "half a step in the scaler": lambda data: edit(
        data, lambda h, r: r["scaler"].update(_growth_tracker=0.5)
    ),
    "a scaler of something else": lambda data: edit(data, lambda h, r: r.update(scaler={"a": 1})),
    "no list of changes": lambda data: edit(data, lambda h, r: r.update(changes="abc")),
    "no list of rows": lambda data: edit(data, lambda h, r: r.update(history={})),
    "the number of images of another data set": lambda data: edit(
        data, lambda h, r: r.update(images=10**9, images_done=10**8)
    ),
    "a text that moves the cursor": lambda data: edit(
        data, lambda h, r: r.update(environment="\x1b[2J")
    ),
    "an endless path in the config": lambda data: edit(
        data, lambda h, r: r["config"].update(file_path="x" * 200_000)
    ),
    "a truth for a shape": lambda data: edit(
        data, lambda h, r: h["epoch_sums"].update(data_offsets=[False, 48])
    ),
    "more lists than the longest run has": lambda data: join(
        b'{"a":[' + b"[]," * 300_000 + b"0]}", b""
    ),
    "JSON that is not UTF-8": lambda data: join(
        json.dumps(split(data)[0]).encode("utf-16"), split(data)[1]
    ),
    "an endless text": lambda data: edit(data, lambda h, r: r.update(data="x" * 200_000)),
}


def come_of(sound: Sound, data: bytes, folder: Path) -> str:
    """What loading and resuming a file come to: "refused" or "original". All else is an error."""
    path = folder / "checkpoint_000001_epoch_0001.safetensors"
    path.write_bytes(data)
    began = time.process_time()
    try:
        tensors, record = load(path, layout_of(sound.config))
        given = dict(tensors)
        sound.state.resume(path, given, record)
        assert not given  # nothing is held twice
    except (DamagedError, CheckpointError):
        return "refused"
    finally:
        assert time.process_time() - began < MOST_SECONDS
    # Whatever of the record may have been changed, all of it can be used.
    sound.state.scaler.scale(torch.ones(()))
    assert log_text(record.history).isascii()
    original = safetensors.numpy.load(sound.data)
    assert tensors.keys() == original.keys() - {"sha256"}
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, original[name], strict=True)
    return "original"


@pytest.mark.parametrize("what", CRAFTED)
def test_what_was_crafted_is_refused(
    sound: Sound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert come_of(sound, edit(sound.data, lambda h, r: None), tmp_path) == "original"
    assert come_of(sound, CRAFTED[what](sound.data), tmp_path) == "refused"
    assert not Path("unpickled").exists()


@pytest.mark.parametrize("what", [what for what in CRAFTED if "config" in what])
def test_a_config_is_checked_even_if_no_other_is_asked_for(
    sound: Sound, tmp_path: Path, what: str
) -> None:
    path = tmp_path / "checkpoint_000001_epoch_0001.safetensors"
    path.write_bytes(CRAFTED[what](sound.data))
    with pytest.raises(DamagedError):
        load(path)


def spoil(sound: Sound, data: bytes, draw: random.Random) -> bytes:
    """One of many ways to damage a file without knowing its digest."""
    spoiled, place = bytearray(data), draw.randrange(len(data))
    kind = draw.randrange(4)
    if kind == 0:
        del spoiled[place:]
    elif kind == 1:
        spoiled[place] ^= 1 << draw.randrange(8)
    elif kind == 2:  # a splice: a piece of this file, or of the other one, stands elsewhere
        other, size = draw.choice([data, sound.older]), draw.randrange(1, 4096)
        start = draw.choice([place, draw.randrange(len(other))])
        spoiled[place : place + size] = other[start : start + size]
    else:
        spoiled[place:place] = draw.randbytes(draw.randrange(1, 64))
    return bytes(spoiled)


def forge(sound: Sound, draw: random.Random) -> bytes:
    """A file with another header, with the digest that belongs to it."""
    kind = draw.randrange(LONG)
    header, body = split(sound.data)
    if kind == 0:  # a long one
        piece = draw.choice(PIECES)
        length = int(MAX_HEADER * draw.random() ** 9) // len(piece.encode())
        return join(f'{{"a":[{piece * length}0]}}'.encode(), body)
    if kind == 1:  # a splice of two files
        return join(split(sound.older)[0], body)
    if kind < LONG // 2:  # JSON that is none
        text = bytearray(json.dumps(header).encode())
        for _ in range(draw.randrange(1, 3)):
            place = draw.randrange(len(text))
            piece = draw.choice([b"0", b"9", b"-", b"e9", b"[", b'"', b"{", b",", b"null", b"\xff"])
            text[place : place + 1] = piece
        return join(bytes(text), body)

    def change(header: Facts, record: Facts) -> None:
        for _ in range(draw.randrange(1, 3)):
            alter(draw.choice([header, record]), draw)

    return edit(sound.data, change)


def alter(node: Any, draw: random.Random) -> None:
    """Something somewhere within becomes something else, or is left out."""
    names = list(node) if isinstance(node, dict) else range(len(node))
    name = draw.choice([name for name in names if name != "__metadata__"] or [0])
    if not names:
        return
    if isinstance(node[name], (dict, list)) and draw.random() < 0.8:
        alter(node[name], draw)
    elif draw.random() < 0.1:
        del node[name]
    else:
        node[name] = draw.choice([*HOSTILE, *(node[name] for name in names)])


def peak_bytes() -> int:
    """The most memory that this process has had."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@pytest.mark.timeout(3600)
def test_any_damage_is_refused_or_leaves_the_original(sound: Sound, tmp_path: Path) -> None:
    come_of(sound, sound.data, tmp_path)
    counts = {"refused": 0, "original": 0}
    before, longest = peak_bytes(), 0.0

    @settings(max_examples=FILES, deadline=None, database=None)
    @given(seed=st.integers(0, 2**64), forged=st.booleans(), times=st.integers(0, 2))
    def try_one(seed: int, forged: bool, times: int) -> None:
        nonlocal longest
        draw = random.Random(seed)
        data = forge(sound, draw) if forged else spoil(sound, sound.data, draw)
        for _ in range(0 if forged else times):
            data = spoil(sound, data, draw) if len(data) > 100 else b""
        began = time.process_time()
        outcome = come_of(sound, data, tmp_path)
        longest = max(longest, time.process_time() - began)
        assert forged or outcome == "refused" or data == sound.data
        counts[outcome] += 1

    try_one()
    grown = peak_bytes() - before
    assert grown < MOST_BYTES
    assert min(counts.values()) > FILES // 100  # neither is all that is tried
    print(f"\n{counts}: at most {longest:.2f} s a file, and {grown / 1e6:.0f} MB")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not make files sparse by itself")
@pytest.mark.parametrize(
    ("items", "change", "reason"),
    [
        (2**30, {}, "not those of its network"),
        (2**38, {}, "larger than any checkpoint"),
        # Neither of these can be told by its tensors.
        (2**38, {"format": 99}, "larger than any checkpoint"),
        (2**38, {"config": {}}, "larger than any checkpoint"),
    ],
)
def test_a_sparse_file_is_refused_unread(
    sound: Sound, tmp_path: Path, items: int, change: Facts, reason: str
) -> None:
    facts, _ = split(sound.data)
    record = json.loads(facts["__metadata__"][KEY])
    record = {**record, **change, "config": {**record["config"], "latent_dim": 9 if change else 4}}
    size = 4 * items
    header = {
        "__metadata__": {KEY: json.dumps(record)},
        "epoch_sums": {"dtype": "F32", "shape": [items], "data_offsets": [0, size]},
        "sha256": {"dtype": "U8", "shape": [32], "data_offsets": [size, size + 32]},
    }
    path = tmp_path / "checkpoint_000001_epoch_0001.safetensors"
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + size + 32)
    began = time.process_time()
    with pytest.raises(DamagedError, match=reason):
        load(path, layout_of(sound.config))
    assert time.process_time() - began < 1


@pytest.mark.parametrize("piece", PIECES if SOAK else PIECES[:2])
def test_the_longest_header_takes_little_memory_and_time(
    sound: Sound, tmp_path: Path, piece: str
) -> None:
    text = f'{{"a":[{piece * ((MAX_HEADER - 10) // len(piece.encode()))}0]}}'.encode()
    assert MAX_HEADER - 5000 < len(text) <= MAX_HEADER
    assert come_of(sound, join(text, b""), tmp_path) == "refused"  # within MOST_SECONDS
    path = tmp_path / "checkpoint_000001_epoch_0001.safetensors"
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError):
            load(path, layout_of(sound.config))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES


@pytest.mark.skipif(
    not hasattr(sys, "set_int_max_str_digits"), reason="this Python knows no limit to lift"
)
def test_a_number_of_millions_of_digits_takes_no_time(sound: Sound, tmp_path: Path) -> None:
    text = b'{"a":' + b"9" * 2_000_000 + b"}"
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # as in the first versions of Python 3.10
    try:
        assert come_of(sound, join(text, b""), tmp_path) == "refused"
    finally:
        sys.set_int_max_str_digits(limit)


def test_the_history_of_the_longest_run_fits_into_the_header(sound: Sound) -> None:
    epochs = int(PARAMETERS["num_epochs"].high or 0)
    long = -1.2345678901234567e-100
    rows = (
        EpochRecord(epoch, long, long, long, long, 1.2345678901234567e-05, 10**7, 123456.789, 0.001)
        for epoch in range(1, epochs + 1)
    )
    first = read_header(io.BytesIO(sound.data), len(sound.data))
    longest = replace(first.record, history=tuple(rows))
    content = header_bytes(first.entries, longest)
    size = len(content) + sum(entry.size for entry in first.entries.values()) + DIGEST_SIZE
    assert read_header(io.BytesIO(content), size).record == longest
    assert len(content) < 0.9 * MAX_HEADER  # the rest is for what has changed between sessions


def fails(config: TrainConfig) -> list[str]:
    """Train with what is in the folder; gives what was told."""
    events: list[Event] = []
    run_vae_training(config, events.append)
    assert any(isinstance(event, Resumed) for event in events)
    return [event.message for event in events if isinstance(event, Warned)]


def test_wrong_moments_in_the_newest_give_way_to_the_older_and_both_are_named(tiny: Make) -> None:
    config = tiny(num_epochs=3)
    run_vae_training(config)
    path = newest(config)
    path.write_bytes(edit(path.read_bytes(), lambda header, record: swap_shape(header)))
    told = fails(config)
    assert path.name in told[0] and "not those of its network" in told[0]
    assert "checkpoint_000002_epoch_0002" in told[1]
    run_vae_training(tiny("whole", num_epochs=3))
    assert_same_end(tiny("whole"), config)


def test_a_flipped_bit_in_the_config_is_damage_and_not_another_run(tiny: Make) -> None:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    path = newest(config)
    data = path.read_bytes()
    for old, new in (
        (b'\\"latent_dim\\": 4', b'\\"latent_dim\\": 5'),
        (b'mat\\": 4', b'mat\\": 5'),
    ):
        assert data.count(old) == 1
        path.write_bytes(data.replace(old, new))
        told: list[str] = []
        found = load_newest(Path(config.model_save_dir), told.append, layout_of(config))
        assert found is not None and len(found[2].history) == 1
        assert "checksum" in told[0]
        path.with_name(path.name + ".bad").unlink()


def test_another_network_is_refused_with_a_right_digest_and_left_untouched(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    before = newest(config).read_bytes()
    with pytest.raises(MismatchError, match="latent_dim is 9"):
        run_vae_training(tiny(latent_dim=9))
    assert newest(config).read_bytes() == before


@pytest.mark.parametrize("name", ["model.pt", "epoch_3.pth", "last.ckpt"])
def test_a_pickled_checkpoint_is_refused_with_a_sentence_and_never_read(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tiny(num_epochs=1)
    folder = Path(config.model_save_dir)
    folder.mkdir(parents=True)
    (folder / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match=rf"{name}.*foreign code.*start fresh"):
        run_vae_training(config)
    assert run_vae_training(config, fresh=True).epoch == 1
    assert (folder / name).exists() and not Path("unpickled").exists()


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        pytest.param(
            getattr(os, "mkfifo", None),
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs"),
        ),
    ],
)
def test_what_is_no_file_is_set_aside_and_not_waited_for(
    tiny: Make, make: Callable[[Path], None]
) -> None:
    config = tiny(num_epochs=1)
    folder = Path(config.model_save_dir)
    folder.mkdir(parents=True)
    make(folder / "checkpoint_000007_epoch_0001.safetensors")
    for _ in range(2):  # it goes on asking
        with pytest.raises(CheckpointError, match="Nothing was started over"):
            run_vae_training(config)
    result = run_vae_training(config, fresh=True)
    assert result.checkpoint is not None
    assert result.checkpoint.name == "checkpoint_000008_epoch_0001.safetensors"
    make(folder / "checkpoint_000009_epoch_0001.safetensors")
    told = fails(tiny(num_epochs=2))
    assert "it is not a file" in told[0] and result.checkpoint.name in told[1]


def test_when_every_checkpoint_is_bad_the_run_asks_and_changes_nothing_else(tiny: Make) -> None:
    config = tiny(num_epochs=2)
    run_vae_training(config)
    root = Path(config.model_save_dir).parent
    for _, path in checkpoint_files(Path(config.model_save_dir)):
        path.write_bytes(CRAFTED["a gap"](path.read_bytes()))
    before = sorted(path.read_bytes() for path in root.rglob("*") if path.is_file())
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"\.bad\. Nothing was started over\. Put back a"):
            run_vae_training(config)
    assert sorted(path.read_bytes() for path in root.rglob("*") if path.is_file()) == before
    assert run_vae_training(config, fresh=True).epoch == 2


def test_a_damaged_copy_from_a_backup_does_not_overwrite_what_was_set_aside(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    path = newest(config)
    for content in (b"first", b"second", b"third"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="Nothing was started over"):
            run_vae_training(config)
    folder = Path(config.model_save_dir)
    aside = [path.read_bytes() for _, path in checkpoint_files(folder, damaged=True)]
    assert sorted(aside) == [b"first", b"second", b"third"]


def test_a_file_that_cannot_be_opened_is_named_and_stays(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    path = newest(config)
    real = Path.open

    def locked(self: Path, *arguments: Any, **options: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(TrainingError, match=f"{path.name} could not be used .*Nothing was trained"):
        run_vae_training(config)
    assert [found for _, found in checkpoint_files(path.parent, damaged=True)] == [path]


def test_whole_numbers_may_stand_for_others_and_resume(tiny: Make) -> None:
    weights = {"alpha": 5, "beta": 1, "gamma": 0, "cache_gb": 0}
    run_vae_training(tiny(num_epochs=1, **weights))
    assert fails(tiny(num_epochs=2, **weights)) == []


def test_a_path_in_a_checkpoint_cannot_move_the_cursor(tiny: Make, images: Path) -> None:
    config = tiny(num_epochs=1)
    run_vae_training(config)
    path = newest(config)
    path.write_bytes(
        edit(path.read_bytes(), lambda h, r: r["config"].update(file_path="\x1b[2J\n"))
    )
    (images / "image_000.png").unlink()
    with pytest.raises(MismatchError) as caught:
        run_vae_training(config)
    assert str(caught.value).isprintable() and "x1b[2J" in str(caught.value)


def test_the_sums_are_doubles_whatever_the_device(sound: Sound) -> None:
    header, _ = split(sound.data)
    assert header["epoch_sums"]["dtype"] == "F64"
    assert np.dtype("<f8").itemsize * 6 == header["epoch_sums"]["data_offsets"][1]
