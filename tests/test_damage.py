"""Damaged and hostile checkpoints: each is refused, or is the original, and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import struct
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import SOAK, TINY, make_images
from tests.test_training import assert_same_end, newest
from vae.checkpoint import CheckpointError, load, load_newest
from vae.config import TrainConfig
from vae.events import Event, Resumed, Warned
from vae.header import DIGEST_SIZE, KEY, MAX_HEADER, DamagedError
from vae.state import MismatchError, layout_of
from vae.training import run_vae_training

FILES = 10_000 if SOAK else 1_000
PIECES = (b'{"ab":1},', b"[[]],", b"[],", b"{},", b"1.5,", b'"abc",')
MOST_BYTES, MOST_SECONDS = 10**9, 5.0
Make = Callable[..., TrainConfig]
Facts = dict[str, Any]


class Sound(NamedTuple):
    """A configuration and the whole file of a checkpoint of it."""

    config: TrainConfig
    data: bytes

    def __repr__(self) -> str:
        return "a sound checkpoint"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Made by training."""
    root = tmp_path_factory.mktemp("sound")
    config = TrainConfig(
        **{**TINY, "num_epochs": 2},  # type: ignore[arg-type]
        file_path=str(make_images(root / "images", 12)),
        log_file=str(root / "log.csv"),
        model_save_dir=str(root / "checkpoints"),
        output_dir=str(root / "output"),
        cache_gb=0.0,
    )
    run_vae_training(config)
    return Sound(config, newest(config).read_bytes())


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
    "a huge number": lambda data: edit(data, lambda h, r: r.update(threads=10**300)),
    "an endless text": lambda data: edit(data, lambda h, r: r.update(data="x" * 200_000)),
}


def come_of(data: bytes, config: TrainConfig, folder: Path) -> str:
    """What loading a file comes to: "refused" or "original". Anything else is an error."""
    path = folder / "checkpoint_000001_epoch_0001.safetensors"
    path.write_bytes(data)
    layout = layout_of(config)
    original = come_of.__dict__.setdefault("original", {})
    began = time.monotonic()
    try:
        tensors, _ = load(path, layout)
    except (DamagedError, CheckpointError):
        return "refused"
    finally:
        assert time.monotonic() - began < MOST_SECONDS
    if not tensors:
        return "refused"  # of another network, which is told
    if not original:
        original.update({name: tensor.tobytes() for name, tensor in tensors.items()})
    assert {name: tensor.tobytes() for name, tensor in tensors.items()} == original
    return "original"


@pytest.mark.parametrize("what", CRAFTED)
def test_what_was_crafted_is_refused(
    sound: Sound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.chdir(tmp_path)
    config, data = sound
    assert edit(data, lambda h, r: None) != b""
    assert come_of(data, config, tmp_path) == "original"
    assert come_of(CRAFTED[what](data), config, tmp_path) == "refused"
    assert not Path("unpickled").exists()


@pytest.mark.parametrize("what", [what for what in CRAFTED if "config" in what])
def test_a_config_is_checked_even_if_no_other_is_asked_for(
    sound: Sound, tmp_path: Path, what: str
) -> None:
    path = tmp_path / "checkpoint_000001_epoch_0001.safetensors"
    path.write_bytes(CRAFTED[what](sound.data))
    with pytest.raises(DamagedError):
        load(path)


def spoil(data: bytes, draw: random.Random, kinds: int) -> bytes:
    """One of many ways to damage a file; kinds beyond 4 give it a digest that belongs to it."""
    kind, spoiled = draw.randrange(kinds), bytearray(data)
    place = draw.randrange(len(data))
    if kind == 0:
        del spoiled[place:]
    elif kind == 1:
        spoiled[place] ^= 1 << draw.randrange(8)
    elif kind == 2:  # a splice: a piece of the file stands elsewhere
        start, size = draw.randrange(len(data)), draw.randrange(1, 4096)
        spoiled[place : place + size] = data[start : start + size]
    elif kind == 3:
        spoiled[place:place] = draw.randbytes(draw.randrange(1, 64))
    else:  # within the header, and with a right digest
        length = struct.unpack("<Q", data[:8])[0]
        place = draw.randrange(8 + length)
        piece = draw.choice([b"0", b"9", b"-", b"e9", b"[", b'"', b"{", b",", b"null", b"\xff"])
        spoiled[place : place + 1] = piece
        content = bytes(spoiled[:-DIGEST_SIZE])
        return content + hashlib.sha256(content).digest()
    return bytes(spoiled)


@settings(
    max_examples=FILES, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(seed=st.integers(0, 2**64))
@pytest.mark.timeout(3600)
def test_any_damage_is_refused_or_leaves_the_original(
    sound: Sound, tmp_path: Path, seed: int
) -> None:
    config, data = sound
    draw = random.Random(seed)
    spoiled = spoil(data, draw, kinds=6)
    for _ in range(draw.randrange(3)):
        spoiled = spoil(spoiled, draw, kinds=4) if len(spoiled) > 100 else b""
    come_of(spoiled, config, tmp_path)


def test_a_right_digest_over_a_changed_number_is_the_only_way_in(
    sound: Sound, tmp_path: Path
) -> None:
    """Whoever can write whole files can write others; a digest is no signature."""
    config, data = sound
    changed = edit(data, lambda header, record: record.update(seconds=7.0))
    assert come_of(changed, config, tmp_path) == "original"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not make files sparse by itself")
def test_a_sparse_file_of_terabytes_is_refused_unread(sound: Sound, tmp_path: Path) -> None:
    header, _ = split(sound[1])
    names = [name for name in header if name not in ("__metadata__", "sha256")]
    size = 4 * 2**38
    header = {
        "__metadata__": header["__metadata__"],
        names[0]: {"dtype": "F32", "shape": [2**38], "data_offsets": [0, size]},
        "sha256": {"dtype": "U8", "shape": [32], "data_offsets": [size, size + 32]},
    }
    path = tmp_path / "checkpoint_000001_epoch_0001.safetensors"
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + size + 32)
    began = time.monotonic()
    with pytest.raises(DamagedError, match="not those of its network"):
        load(path, layout_of(sound[0]))
    assert time.monotonic() - began < MOST_SECONDS


@pytest.mark.parametrize("piece", PIECES if SOAK else PIECES[:1])
def test_the_longest_header_takes_little_memory_and_time(
    sound: Sound, tmp_path: Path, piece: bytes
) -> None:
    text = b'{"a":[' + piece * ((MAX_HEADER - 10) // len(piece)) + b"0]}"
    path = tmp_path / "checkpoint_000001_epoch_0001.safetensors"
    path.write_bytes(join(text, b""))
    tracemalloc.start()
    try:
        began = time.monotonic()
        with pytest.raises(DamagedError):
            load(path, layout_of(sound[0]))
        duration, (_, peak) = time.monotonic() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES
    assert duration < 10 * MOST_SECONDS  # tracing is that slow


def test_the_history_of_the_longest_run_fits_into_the_header(
    sound: Sound,
) -> None:
    header, _ = split(sound[1])
    row = [100_000, *[-1.2345678901234567e-100] * 5, 10**7, 123456.789, 12345.678]
    longest = len(json.dumps(json.dumps([row] * 1000))) * 100
    assert longest + len(json.dumps(header)) < MAX_HEADER


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
        (b'mat\\": 2', b'mat\\": 3'),
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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs")
def test_what_is_no_file_is_not_waited_for(tiny: Make) -> None:
    config = tiny(num_epochs=1)
    folder = Path(config.model_save_dir)
    folder.mkdir(parents=True)
    os.mkfifo(folder / "checkpoint_000007_epoch_0001.safetensors")
    (folder / "checkpoint_000008_epoch_0001.safetensors").mkdir()
    result = run_vae_training(config)
    assert result.checkpoint is not None
    assert result.checkpoint.name == "checkpoint_000009_epoch_0001.safetensors"


def test_the_sums_are_doubles_whatever_the_device(sound: Sound) -> None:
    header, _ = split(sound[1])
    assert header["epoch_sums"]["dtype"] == "F64"
    assert np.dtype("<f8").itemsize * 5 == header["epoch_sums"]["data_offsets"][1]
