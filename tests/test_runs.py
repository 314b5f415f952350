from __future__ import annotations

import json
import os
import platform
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import make_images
from vae.cli import main
from vae.config import TrainConfig
from vae.events import EpochRecord
from vae.runs import Change, Run, differing, load_runs, pace, run_path, write_run

Make = Callable[..., TrainConfig]
ROW = EpochRecord(1, 0.5, 0.1, 0.2, 0.2, 0.001, 12, 2.0, 6.0)


def make_run(config: TrainConfig, name: str = "a", **facts: object) -> Run:
    values = {"history": (ROW,), "state": "finished", **facts}
    return Run(name, config.to_dict(), 1.7e9, **values)  # type: ignore[arg-type]


def test_what_was_written_comes_back(tiny: Make) -> None:
    run = make_run(tiny(), message="Ďakujem", trained=True, images=12)
    write_run(run)
    assert load_runs() == ([run], [])


def test_the_pace_is_that_of_the_newest_run_like_it_on_this_computer(tiny: Make) -> None:
    here, slow = platform.node(), replace(ROW, seconds=60.0)
    usual = tuple(replace(ROW, epoch=number, seconds=seconds) for number, seconds in
                  ((2, 7.0), (3, 2.0), (4, 3.0), (5, 3.0), (6, 3.0), (7, 9.0)))  # fmt: skip
    runs = [
        make_run(tiny(), images=12, host="another"),
        make_run(tiny(), images=12, host=here, history=()),
        make_run(tiny(latent_dim=5), images=12, host=here),
        make_run(tiny(), images=12, host=here, history=(slow, *usual)),
        make_run(tiny(), images=12, host=here),
    ]
    values = {"img_size": 16, "latent_dim": 4}
    assert pace(values, runs) == (0.25, runs[3].moment)
    assert pace(values, runs[4:]) == (2 / 12, runs[4].moment)  # its first epoch, for want of more
    assert pace({**values, "depth": 9}, runs) == (0, "")
    slower = replace(runs[3], changes=(Change(7, "lr", 0.1),))  # as it went on
    assert pace(values, [slower]) == (9 / 12, slower.moment)


def test_the_newest_comes_first(tiny: Make) -> None:
    for number in (2, 3, 1):
        write_run(replace(make_run(tiny(), str(number)), began=1.7e9 + number))
    assert [run.id for run in load_runs()[0]] == ["3", "2", "1"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX systems")
def test_the_file_is_its_owners_alone(tiny: Make) -> None:
    write_run(make_run(tiny()))
    assert stat.S_IMODE(run_path("a").stat().st_mode) == 0o600


def test_a_run_whose_process_is_gone_is_interrupted(tiny: Make) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    facts = {"state": "running", "host": platform.node(), "written": time.time()}
    write_run(make_run(tiny(), "gone", process=gone.pid, **facts))
    write_run(make_run(tiny(), "here", process=os.getpid(), **facts))
    # The number was given to another process since.
    write_run(make_run(tiny(), "other", process=os.getpid(), **{**facts, "written": 1.7e9}))
    write_run(make_run(tiny(), "elsewhere", process=1, **{**facts, "host": "another computer"}))
    # Of a computer that is called otherwise by now, as each container is.
    before = time.time() - 8 * 86_400
    past = {**facts, "host": "another computer", "written": before}
    write_run(make_run(tiny(), "long ago", process=1, **past))
    states = {run.id: run.state for run in load_runs()[0]}
    assert states == {
        "gone": "interrupted", "here": "running", "other": "interrupted", "elsewhere": "running",
        "long ago": "interrupted",
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"config": 1}, {"config": {"lr": "x"}}, {"history": [[1]]}, {"history": 7},
        {"history": [["1"] * 9]}, {"history": [[float("nan")] * 9]}, {"began": "x"},
        {"began": 1e300}, {"began": True}, {"state": "odd"}, {"message": None}, {"trained": 1},
        {"process": 1.5}, {"images": "many"},
    ],
    ids=str,
)  # fmt: skip
def test_a_file_with_other_values_is_skipped_and_named(
    tiny: Make, change: dict[str, object]
) -> None:
    write_run(make_run(tiny()))
    facts = json.loads(run_path("a").read_text(encoding="utf-8"))
    run_path("b").write_text(json.dumps({**facts, **change}))
    runs, skipped = load_runs()
    assert ([run.id for run in runs], skipped) == (["a"], ["b.json"])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 99_999])
def test_a_foreign_file_is_skipped_and_named(content: bytes, own_runs: Path) -> None:
    own_runs.mkdir(parents=True)
    (own_runs / "foreign.json").write_bytes(content)
    (own_runs / "folder.json").mkdir()
    assert load_runs() == ([], ["folder.json", "foreign.json"])


def test_parameters_that_differ_are_found(tiny: Make, tmp_path: Path) -> None:
    other = make_images(tmp_path / "other", 1)
    runs = [make_run(tiny()), make_run(tiny("b", lr=0.5, file_path=str(other)))]
    assert differing(runs) == ["file_path", "lr"]


def test_the_terminal_lists_runs(tiny: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "No runs yet.\n"
    write_run(make_run(tiny(), state="failed", message="The disk is full."))
    run_path("b").write_text("{")
    assert main(["runs"]) == 0
    out, err = capsys.readouterr()
    assert "images  2023-11-1" in out
    assert "Failed, 1 of 3 epochs, 2 s, best loss 0.5 at epoch 1, The disk is full." in out
    assert "cannot be read as a run" in err
    write_run(replace(make_run(tiny()), id="other", config={**tiny().to_dict(), "beta": 7.0}))
    assert main(["runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ends = [line.split(", ")[-2:] for line in lines]
    folder = tiny().model_save_dir
    assert sorted(ends) == [["beta 1.0", folder], ["beta 7.0", folder]]
    run_path("other").unlink()
    assert main(["runs", "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)
    assert (facts["state"], facts["best_loss"], facts["config"]["lr"]) == ("failed", 0.5, 0.001)
