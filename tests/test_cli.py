from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import fail_saving, wait_for_rows
from tests.faults import unreachable
from tests.test_training import assert_same_end
from vae import cli
from vae.cli import main
from vae.config import PARAMETERS, TrainConfig
from vae.events import Trouble
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


def flags(config: TrainConfig) -> list[str]:
    return [f"--{name}={value}" for name, value in config.to_dict().items()]


def start_training(config: TrainConfig, *program: str) -> subprocess.Popen[str]:
    """The terminal's train, in a process of its own."""
    root = Path(__file__).parent.parent
    return subprocess.Popen(
        [sys.executable, *(program or ("-m", "vae")), "train", *flags(config)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip


def test_train_then_resume_then_sample(tiny: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *flags(tiny(num_epochs=1))]) == 0
    assert "Finished 1 epoch in" in capsys.readouterr().out
    config = tiny(num_epochs=2)
    assert main(["train", *flags(config)]) == 0
    assert "Resuming from epoch 2" in capsys.readouterr().out
    places = [f"--model_save_dir={config.model_save_dir}", f"--output_dir={config.output_dir}"]
    assert main(["sample", *places, "--count=9", "--seed=3"]) == 0
    with Image.open(Path(config.output_dir) / "sample_prior_seed_3_epoch_0002.png") as grid:
        assert grid.size == (8 * 16 + 14, 2 * 16 + 2)


def test_what_is_wrong_with_a_run_is_told_with_the_flags_that_mend_it(
    tiny: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *flags(tiny(num_epochs=4))]) == 0
    told = capsys.readouterr().out
    assert "Few images: The network learns from 12 images." in told
    assert "\n  What mends it: --augment light\n" in told


def test_what_is_wrong_is_told_as_soon_as_an_epoch_shows_it_and_at_the_end(
    tiny: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *flags(tiny(num_epochs=6))]) == 0
    told = capsys.readouterr().out
    during, _, after = told.partition("\nFinished ")
    for part in (during, after):
        assert part.count("Few images: The network learns from 12 images.") == 1
        assert part.count("\n  What mends it: --augment light\n") == 1
    assert during.index("Epoch 4:") < during.index("Few images:") < during.index("Epoch 5:")
    assert main(["train", *flags(tiny(num_epochs=8))]) == 0  # it is known again after a resume
    assert capsys.readouterr().out.count("Few images:") == 2


def test_what_a_run_goes_on_with_is_told_only_if_it_goes_on(
    tiny: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *flags(tiny(num_epochs=1))]) == 0
    capsys.readouterr()
    assert main(["train", *flags(tiny(num_epochs=1, beta=2.0))]) == 0
    told = capsys.readouterr().out
    assert "became" not in told and "\nFinished. All epochs up to 1 were done already: " in told
    assert main(["train", *flags(tiny(num_epochs=2, beta=2.0))]) == 0
    told = capsys.readouterr().out
    assert told.count("From epoch 2: beta 1.0 became 2.0.") == 1
    assert told.index("became 2.0") < told.index("Epoch 2:")


def test_a_run_has_its_pictures_in_its_own_folder_unless_another_is_named(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_vae_training(tiny(num_epochs=1, output_dir="./output_images"))
    before = sorted(Path("output_images").iterdir())
    config = tiny("other", num_epochs=2)
    run_vae_training(config)
    own = f"--model_save_dir={config.model_save_dir}"
    assert main(["sample", own, "--seed=3"]) == 0
    assert main(["report", own]) == 0
    written = {path.name for path in Path(config.output_dir).iterdir()}
    assert {"sample_prior_seed_3_epoch_0002.png", "report.html"} <= written
    assert main(["figures", own, "--to=paper", "--format=svg"]) == 0
    assert Path("paper/figure_samples_epoch_0002.svg").exists()
    assert sorted(Path("output_images").iterdir()) == before
    assert main(["sample", own, "--seed=3", "--output_dir=named"]) == 0
    assert [path.name for path in Path("named").iterdir()] == ["sample_prior_seed_3_epoch_0002.png"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", [["runs"], ["runs", "--json"]])
def test_a_reader_that_leaves_early_is_no_failure(command: list[str], unbuffered: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "vae", *command], cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    assert process.stdout and process.stderr
    process.stdout.close()  # as head does, once it has its lines
    with process.stderr:
        told = process.stderr.read()
    assert (process.wait(60), told) == (cli.UNREAD, "")


def test_a_reader_that_leaves_is_known_on_windows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = OSError(errno.EINVAL, "Invalid argument")
    assert not cli._is_unread(invalid)
    monkeypatch.setattr(sys, "platform", "win32")
    assert cli._is_unread(invalid)
    assert not cli._is_unread(OSError(errno.EINVAL, "Invalid argument", "a file"))
    assert not cli._is_unread(OSError(errno.ENOSPC, "No space left on device"))


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


def test_without_a_command_it_says_what_there_is_and_how_the_window_opens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as done:
        main([])
    assert done.value.code == 0
    told = capsys.readouterr().out
    assert "python vae_gui.py" in told and "train, or resume" in told


def test_the_help_names_every_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    told = capsys.readouterr().out
    assert all(f"--{name}" in told for name in PARAMETERS)


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_saves_and_exits_with_130(tiny: Make, name: str) -> None:
    config = tiny(num_epochs=100_000, sample_every=100_000, checkpoint_every=100_000)
    process = start_training(config)
    wait_for_rows(config, process)
    process.send_signal(getattr(signal, name))
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Saved as" in told


def test_a_run_needs_no_network(tiny: Make) -> None:
    program = (
        "import socket, sys\n"
        "def refuse(*_): raise SystemExit('network')\n"
        "for name in ('connect', 'connect_ex', 'bind', 'sendto'):\n"
        "    setattr(socket.socket, name, refuse)\n"
        "socket.getaddrinfo = socket.create_connection = refuse\n"
        "import vae.gui.app, vae.cli\n"
        "sys.exit(vae.cli.main(sys.argv[1:]))"
    )
    process = start_training(tiny(num_epochs=1), "-c", program)
    told, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (0, ""), errors
    assert "Finished 1 epoch" in told


@posix
def test_a_hangup_that_was_ignored_stays_ignored(tiny: Make) -> None:
    config = tiny(num_epochs=100_000, sample_every=100_000, checkpoint_every=100_000)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start_training(config)  # as nohup does
    finally:
        signal.signal(signal.SIGHUP, before)
    wait_for_rows(config, process)
    process.send_signal(signal.SIGHUP)
    wait_for_rows(config, process, rows=Path(config.log_file).read_text().count("\n") + 5)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130


@posix
def test_a_suspended_run_goes_on_as_if_nothing_had_been(tiny: Make) -> None:
    config = tiny(num_epochs=150, sample_every=150, checkpoint_every=50)
    process = start_training(config)
    wait_for_rows(config, process)
    process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    process.send_signal(signal.SIGCONT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "Finished 150 epochs" in told
    run_vae_training(tiny("whole", num_epochs=150, sample_every=150, checkpoint_every=50))
    assert_same_end(tiny("whole"), config)


@posix
def test_a_second_signal_ends_a_run_that_waits_for_a_disk(tiny: Make) -> None:
    config = tiny(num_epochs=2)
    stalled = (
        "import sys, time; from vae import checkpoint, cli; "
        "checkpoint.Draft.finish = lambda *_: (print('stalled', flush=True), time.sleep(1000)); "
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    process = start_training(config, "-c", stalled)
    assert process.stdout is not None
    assert any("stalled" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any("Ctrl-C again ends at once" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT


def test_a_run_that_cannot_save_tries_again_until_there_is_room(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(num_epochs=3)
    monkeypatch.setattr(cli, "RETRY_SECONDS", 0.0)
    fail_saving(monkeypatch, after=1, until=3)
    assert main(["train", *flags(config)]) == 0
    told = capsys.readouterr().out
    assert told.count("Paused: The checkpoint could not be written") == 2
    run_vae_training(tiny("whole", num_epochs=3))
    assert_same_end(tiny("whole"), config)


def test_a_run_that_cannot_save_ends_when_asked_to(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_saving(monkeypatch, after=1)

    def interrupt(seconds: float) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(cli.time, "sleep", interrupt)
    assert main(["train", *flags(tiny(num_epochs=3))]) == 1
    told = capsys.readouterr().err
    assert "No space left" in told and "checkpoint_000001_epoch_0001.safetensors is safe" in told


def test_a_stop_that_cannot_save_yet_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "RETRY_SECONDS", 0.2)
    trouble = Trouble("No space left.", tmp_path, movable=True)
    assert cli.try_again(print, lambda: True, trouble) == tmp_path
    asked = iter([False, False])
    assert cli.try_again(print, lambda: next(asked, True), trouble) is None


def test_a_drive_that_fails_is_waited_for_until_asked_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "RETRY_SECONDS", 0.0)
    trouble = Trouble("Stale file handle.", tmp_path, movable=True)
    asked = iter([False, False])
    with unreachable({tmp_path: errno.ESTALE}):
        assert cli.try_again(print, lambda: next(asked, True), trouble) is None
    assert cli.try_again(print, lambda: False, trouble) == tmp_path


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
