from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import wait_for_rows
from vae.cli import main
from vae.config import PARAMETERS, TrainConfig

Make = Callable[..., TrainConfig]


def flags(config: TrainConfig) -> list[str]:
    return [f"--{name}={value}" for name, value in config.to_dict().items()]


def test_train_then_resume_then_sample(tiny: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *flags(tiny(num_epochs=1))]) == 0
    assert "Finished 1 epoch in" in capsys.readouterr().out
    config = tiny(num_epochs=2)
    assert main(["train", *flags(config)]) == 0
    assert "Resuming from epoch 2" in capsys.readouterr().out
    places = [f"--model_save_dir={config.model_save_dir}", f"--output_dir={config.output_dir}"]
    assert main(["sample", *places, "--count=9", "--seed=3"]) == 0
    with Image.open(Path(config.output_dir) / "sample_seed_3_epoch_0002.png") as grid:
        assert grid.size == (8 * 16 + 14, 2 * 16 + 2)


def test_bad_parameters_exit_with_2_and_write_nothing(
    tmp_path: Path,
    images: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", f"--file_path={images}", "--img_size=100", "--lr=x"]) == 2
    told = capsys.readouterr().err
    assert "img_size 100" in told and "lr: 'x'" in told
    assert list(tmp_path.iterdir()) == [images]
    with pytest.raises(SystemExit) as caught:
        main(["train", "--no_such_flag"])
    assert caught.value.code == 2


def test_a_failure_exits_with_1_and_says_why(
    tmp_path: Path, tiny: Make, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny()
    for path in images.iterdir():
        path.write_bytes(b"broken")
    assert main(["train", *flags(config)]) == 1
    assert "None of the 12 images" in capsys.readouterr().err
    assert main(["sample", f"--model_save_dir={tmp_path / 'none'}"]) == 1


def test_the_cache_is_told_and_cleared(tiny: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *flags(tiny(num_epochs=1))]) == 0
    capsys.readouterr()
    assert main(["cache"]) == 0
    assert "Decoded images of 1 image folder take 0.0 MB in" in capsys.readouterr().out
    assert main(["cache", "--clear"]) == 0
    assert "No decoded images are kept" in capsys.readouterr().out


def test_the_help_names_every_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    told = capsys.readouterr().out
    assert all(f"--{name}" in told for name in PARAMETERS)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_exits_with_130(tiny: Make, number: signal.Signals) -> None:
    config = tiny(num_epochs=100_000, sample_every=100_000, checkpoint_every=100_000)
    root = Path(__file__).parent.parent
    process = subprocess.Popen(
        [sys.executable, "-m", "vae", "train", *flags(config)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    wait_for_rows(config, process)
    process.send_signal(number)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Saved as" in told


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_odd_file_names_are_told_readably_in_any_encoding(tiny: Make, images: Path) -> None:
    (images / "röntgen\n.png").write_bytes(b"broken")
    done = subprocess.run(
        [sys.executable, "-m", "vae", "train", *flags(tiny(num_epochs=1))],
        cwd=Path(__file__).parent.parent, capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0
    assert rb"r\xf6ntgen\n.png is not" in done.stdout
