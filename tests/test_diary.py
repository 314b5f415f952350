"""The program's log and report: facts for those who help, and no name of a patient."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import fail_saving, make_images
from tests.faults import unreachable
from vae import cache, diary, training
from vae.cli import main
from vae.config import TrainConfig
from vae.doctor import examine, report

Make = Callable[..., TrainConfig]
NAMES = ("Nováková", "Jana", "1954")
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX systems")


@pytest.fixture
def patient(tmp_path: Path, tiny: Make) -> TrainConfig:
    """A configuration whose every path and image has a patient's name in it."""
    root = tmp_path / "Jana Nováková 1954"
    images = make_images(root / "scans of Jana", 12)
    for path in sorted(images.iterdir()):
        path.rename(images / f"Jana Nováková 1954 {path.name}")
    (images / "Jana Nováková broken.png").write_bytes(b"no image")
    return tiny(
        num_epochs=2,
        file_path=str(images),
        log_file=str(root / "Jana.csv"),
        model_save_dir=str(root / "Nováková checkpoints"),
        output_dir=str(root / "Nováková output"),
    )


def flags(config: TrainConfig) -> list[str]:
    return [f"--{name}={value}" for name, value in config.to_dict().items()]


def assert_nameless(*texts: str) -> None:
    for text in texts:
        assert text
        assert not [name for name in NAMES if name in text]
        assert not [name for name in NAMES if name in text.encode().decode("unicode_escape")]


def test_the_log_tells_of_a_run_without_a_name(patient: TrainConfig, own_log: Path) -> None:
    assert main(["train", *flags(patient)]) == 0
    log = own_log.read_text(encoding="utf-8")
    for words in (
        "VAE Studio 0.1.0, terminal train", "torch ", "latent_dim 4", "lr 0.001",
        "12 images, 1 files left out", "CPU, 1 thread, float32", "EpochRecord(epoch=2",
        "saved checkpoint_000002_epoch_0002.safetensors", "finished: epoch 2 of 2",
    ):  # fmt: skip
        assert words in log, words
    assert_nameless(log)


@pytest.mark.parametrize("failure", ["disk", "images", "unforeseen", "damaged", "other run"])
def test_no_failure_brings_a_name_into_log_or_report(
    patient: TrainConfig, own_log: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    folder = Path(patient.model_save_dir)
    arguments = flags(patient)
    if failure == "disk":
        fail_saving(monkeypatch)
        monkeypatch.setattr("vae.cli.try_again", lambda *_: None)
    elif failure == "images":
        for path in Path(patient.file_path).iterdir():
            path.write_bytes(b"")
    elif failure == "unforeseen":

        def fail(*_: object) -> None:
            raise ValueError(patient.file_path) from OSError(5, "failed", patient.file_path)

        monkeypatch.setattr(training, "batch_order", fail)
    else:
        assert main(["train", *arguments]) == 0
    if failure == "damaged":
        for path in folder.glob("*.safetensors"):
            path.write_bytes(path.read_bytes()[:-1])
    if failure == "other run":
        arguments.append("--seed=7")
    assert main(["train", *arguments]) == 1
    log = own_log.read_text(encoding="utf-8")
    kind = {"unforeseen": "ValueError", "images": "DataError", "other run": "MismatchError"}
    assert kind.get(failure, "Error") in log and "vae/training.py:" in log
    facts = examine({name: str(value) for name, value in patient.to_dict().items()})
    assert_nameless(log, report(facts), json.dumps(facts))


def test_a_report_is_made_of_folders_on_a_drive_that_fails_too(tmp_path: Path) -> None:
    names = {"file_path": "images", "model_save_dir": "run", "output_dir": "out"}
    texts = {name: str(tmp_path / folder) for name, folder in names.items()}
    with unreachable({tmp_path: errno.ESTALE, cache.cache_folder(): errno.ESTALE}):
        told = report(examine(texts))
    for words in ("model_save_dir: cannot be used", "output_dir: cannot be used"):
        assert f"{words} (Stale file handle)" in told
    assert "file_path: does not exist or cannot be opened" in told


def test_an_error_keeps_its_kind_its_place_and_its_number() -> None:
    try:
        try:
            Path("/scans of Jana/none").read_bytes()
        except OSError as error:
            raise RuntimeError("shapes (3x4) and (5x6)") from error
    except RuntimeError as error:
        text = diary.error_facts(error)
    assert "RuntimeError \"'shapes (3x4)" in text or "RuntimeError 'shapes (3x4) and (5x6)'" in text
    assert "FileNotFoundError 2 No such file or directory" in text
    assert "tests/test_diary.py:" in text
    assert_nameless(text)
    assert "scans" not in diary.error_facts(RuntimeError("in C:\\scans\\x.png"))
    assert "scans" not in diary.error_facts(ValueError("scans"))


@posix
def test_the_log_is_the_owners_alone(own_log: Path) -> None:
    diary.open_log("test")
    assert own_log.stat().st_mode & 0o777 == 0o600
    assert own_log.parent.stat().st_mode & 0o777 == 0o700


def test_the_log_is_bounded(own_log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diary, "MAX_BYTES", 2000)
    diary.open_log("test")
    for number in range(500):
        diary.logger.info("line %d", number)
    files = list(own_log.parent.iterdir())
    assert len(files) == diary.FILES
    assert sum(path.stat().st_size for path in files) <= 2000 * diary.FILES
    assert diary.last_lines(1)[0].endswith("line 499")


def test_a_log_that_cannot_be_written_stops_nothing(
    tiny: Make, own_log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_log.mkdir(parents=True)  # a folder where the file should be
    assert main(["train", *flags(tiny(num_epochs=1))]) == 0
    assert "Traceback" not in capsys.readouterr().err


def test_doctor_finds_a_sound_run_in_order(tiny: Make, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny(num_epochs=1)
    assert main(["train", *flags(config)]) == 0
    capsys.readouterr()
    before = {path: path.read_bytes() for path in Path(config.model_save_dir).iterdir()}
    assert main(["doctor", *flags(config)]) == 0
    told = capsys.readouterr().out
    assert "checkpoint_000001_epoch_0001.safetensors, intact, after epoch 1" in told
    assert "No problem found." in told and "file_path: can be read, " in told
    assert main(["doctor", "--json", *flags(config)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["checkpoints"]["state"] == "intact" and facts["problems"] == []
    assert before == {path: path.read_bytes() for path in Path(config.model_save_dir).iterdir()}


def test_doctor_names_what_keeps_a_run_away(
    tiny: Make, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny(num_epochs=1)
    assert main(["train", *flags(config)]) == 0
    (path,) = Path(config.model_save_dir).glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    os.rename(images, images.with_name("moved"))
    capsys.readouterr()
    assert main(["doctor", *flags(config), "--img_size=30", f"--output_dir={path}"]) == 1
    told = capsys.readouterr().out
    for words in (
        "Problem: img_size 30 is not divisible by 4",
        "Problem: file_path: does not exist or cannot be opened",
        "Problem: output_dir: is a file, not a folder",
        "Problem: checkpoint_000001_epoch_0001.safetensors is damaged",
    ):
        assert words in told, told
    lines = [line for line in told.splitlines() if line.startswith(("file_path", "output_dir"))]
    assert len(lines) == 2 and not any(" free" in line for line in lines)
    assert path.exists()


def test_doctor_takes_a_relative_path_out_as_it_does_an_absolute_one(
    patient: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Path(patient.file_path).parent
    monkeypatch.chdir(study)
    (study / "checkpoints").write_bytes(b"")
    facts = examine({"model_save_dir": "./checkpoints", "output_dir": "checkpoints/output"})
    assert facts["folders"]["model_save_dir"]["problem"] == "is a file, not a folder"
    assert not [problem for problem in facts["problems"] if "/" in problem or "\\" in problem]
    assert_nameless(report(facts), json.dumps(facts))


def test_doctor_says_which_device_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    facts = examine({"device": "cuda"})
    assert facts["problems"] == ["device cuda is not available here: take auto or cpu."]
    assert "Device: cuda, not available\n" in report(facts)


def test_doctor_does_not_blame_pytorch_for_a_value_that_cannot_be() -> None:
    facts = examine({"device": "foo", "precision": "bar", "threads": "-1"})
    told = {problem.split()[0] for problem in facts["problems"]}
    assert told == {"device", "precision", "threads"}
    assert facts["device"] == examine({})["device"]
