"""A decoder that crashes, hangs or cannot be started: the run goes on, or says what to do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.conftest import make_images
from vae import decoder, decoding
from vae.config import TrainConfig
from vae.dataset import MedicalImageDataset
from vae.decoder import Decoders
from vae.errors import StopRequested, StudioError
from vae.events import DataReady, Event
from vae.images import ImageError, decode_image
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
pytestmark = pytest.mark.usefixtures("helpers")

# A decoder that dies or hangs at files that say so, instead of decoding them.
STAND_IN = """
import os, sys, time
from pathlib import Path
from vae import decoder
real = decoder.decode_image
def decode_image(data, size, channels):
    if b"crash once" in data and not Path(sys.argv[1]).exists():
        Path(sys.argv[1]).touch()
        os.abort()
    if b"crash always" in data:
        os.abort()
    if b"hang" in data:
        time.sleep(1000)
    if b"print" in data:
        os.write(1, b"noise")
        print("noise", flush=True)
    return real(data, size, channels)
decoder.decode_image = decode_image
decoder.main()
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = (sys.executable, "-c", STAND_IN, str(tmp_path / "crashed"))
    monkeypatch.setattr(decoder, "COMMAND", command)
    monkeypatch.setattr(decoder, "LIMIT_SECONDS", 1.0)


def mark(path: Path, words: bytes) -> None:
    """Add words behind the end of an image, where no decoder looks."""
    path.write_bytes(path.read_bytes() + words)


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children()}


def test_a_helper_decodes_as_this_process_would(images: Path) -> None:
    before = children()
    with Decoders(lambda: False) as decoders:
        for path in images.iterdir():
            pixels = decoders.decode(path.read_bytes(), 16, 3)
            np.testing.assert_array_equal(pixels, decode_image(path.read_bytes(), 16, 3))
        assert len(children() - before) == 1
        with pytest.raises(ImageError, match="is not a JPEG"):
            decoders.decode(b"no image", 16, 3)
    assert children() == before


def test_files_that_kill_or_hang_the_decoder_are_left_out_and_named(
    tiny: Make, images: Path, stand_in: None
) -> None:
    before = children()
    for number, words in ((3, b"crash always"), (5, b"hang"), (7, b"crash once"), (9, b"print")):
        mark(images / f"image_{number:03d}.png", words)
    events: list[Event] = []
    assert run_vae_training(tiny(num_epochs=1, batch_size=2), events.append).epoch == 1
    ready = next(event for event in events if isinstance(event, DataReady))
    assert ready.images == 10
    assert {path.name: reason for path, reason in ready.skipped} == {
        "image_003.png": "crashed the decoder",
        "image_005.png": "took the decoder longer than 1 s",
    }
    assert children() == before


def test_a_stop_is_obeyed_at_once_while_a_decoder_hangs(
    images: Path, stand_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "LIMIT_SECONDS", 1000.0)
    before = children()
    mark(images / "image_000.png", b"hang")
    began: list[float] = []

    def asked() -> bool:
        if not began and len(children() - before) > 0:
            began.append(time.monotonic())
        return bool(began) and time.monotonic() > began[0] + 1

    with pytest.raises(StopRequested):
        MedicalImageDataset(images, 16, 3, 0, lambda event: None, asked)
    assert time.monotonic() - began[0] < 10
    assert children() == before


@pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "")])
def test_a_helper_that_cannot_be_started_is_told(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(decoder, "COMMAND", command)
    with pytest.raises(StudioError, match=r"decodes images cannot be started .*Nothing was train"):
        run_vae_training(tiny())


def test_a_helper_ends_with_whoever_asked_it(tmp_path: Path) -> None:
    path = make_images(tmp_path / "one", 1) / "image_000.png"
    code = (
        "import os, sys; from vae.decoder import Decoders; d = Decoders(lambda: False);"
        "d.decode(open(sys.argv[1], 'rb').read(), 16, 3);"
        "print(d.all[0].process.pid, flush=True); os._exit(1)"
    )
    asking = psutil.Popen(
        [sys.executable, "-c", code, str(path)],
        stdout=-1, text=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    helper = int(asking.communicate(timeout=60)[0])
    deadline = time.monotonic() + 20
    while psutil.pid_exists(helper) and psutil.Process(helper).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_no_more_helpers_than_files_are_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    real = decoder._Helper

    def start() -> object:
        started.append(real())
        return started[-1]

    monkeypatch.setattr(decoder, "_Helper", start)
    monkeypatch.setattr(decoding, "THREADS", 4)
    for count in (1, 2):
        started.clear()
        MedicalImageDataset(make_images(tmp_path / str(count), count), 16, 3)
        assert 1 <= len(started) <= count
