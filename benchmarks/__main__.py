"""make bench: the program beside an ordinary training script, interleaved, as paired ratios.

    python -m benchmarks [--repeats 5] [--only NAME] [--json FILE]

Absolute figures mean nothing on another machine: read the ratios. Above 1 the program is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vae.demo import make_demo_data

ROOT = Path(__file__).parent.parent
SMALL: dict[str, Any] = {"img_size": 64, "depth": 3, "batch_size": 64}
# name: (number of images, their side, parameters, trainers besides ours)
WORKLOADS: dict[str, tuple[int, int, dict[str, Any], tuple[str, ...]]] = {
    "defaults, 256-px JPEG": (256, 256, {}, ("plain", "plain, 2 workers", "bare", "pythae")),
    "defaults, 1024-px JPEG": (256, 1024, {}, ("plain", "plain, 2 workers", "bare")),
    "64 px, depth 3, batch 64": (
        512,
        256,
        SMALL,
        ("plain", "plain, 2 workers", "bare", "loading"),
    ),
    # Four times as many images, among which what is done once an epoch weighs less.
    "defaults, 1,024 JPEG": (1024, 256, {}, ("bare",)),
}
# Epochs until one begins beside a checkpoint that is written over a pruned one, at the default
# keep_checkpoints: the fifth begins beside the last that needs new room.
PRUNED = 5
STARTS = {
    "window": "import vae.gui.app as a; w = a.App(); w.root.update(); w.root.destroy()",
    "imports": "import torch, torchvision, matplotlib.pyplot, pandas, cv2",
}


def main() -> None:
    """Measure, print a table, write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="workloads whose name holds this text")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    import torch

    gpu = torch.cuda.is_available()
    results: dict[str, Any] = {
        "machine": machine(torch), "date": f"{datetime.now():%Y-%m-%d %H:%M}", "rows": [],
    }  # fmt: skip
    print(results["machine"], flush=True)
    with tempfile.TemporaryDirectory() as place:
        for name, (count, side, values, others) in WORKLOADS.items():
            if options.only not in name:
                continue
            folder = Path(place) / f"{side}_{count}"
            make_demo_data(folder, count, side)
            for precision in ("float16", "bfloat16", "float32") if gpu else ("float32",):
                texts = json.dumps({**values, "precision": precision})
                present = [n for n in others if n != "pythae" or find_spec("pythae")]
                if len(present) < len(others):
                    print("pythae is not installed: nothing is compared with it", flush=True)
                runs = repeat(
                    options.repeats,
                    {n: partial(train, n, folder, texts) for n in ("ours", *present)},
                )
                results["rows"] += rows(f"{name}, {precision}", count, runs)
        screen = os.environ.get("DISPLAY") or sys.platform in ("win32", "darwin")
        if screen and options.only in "window":
            results["rows"] += window_rows(options.repeats, Path(place))
    for line in results["rows"]:
        print(f"{line['what']:62} {line['ratio']:6.2f}  {line['detail']}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def machine(torch: Any) -> str:
    """The machine in words."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA GPU"
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores "
        f"({torch.backends.cpu.get_cpu_capability()}), {device}, Python "
        f"{platform.python_version()}, PyTorch {torch.__version__}"
    )


def repeat(times: int, runs: dict[str, Callable[[], Any]]) -> dict[str, list[Any]]:
    """Run all in turn, A B C A B C ..., so that a drift of the machine meets all alike."""
    found: dict[str, list[Any]] = {name: [] for name in runs}
    for _ in range(times):
        for name, run in runs.items():
            found[name].append(run())
    return found


def train(name: str, folder: Path, values: str) -> dict[str, Any]:
    """One trainer in a process of its own."""
    return run("benchmarks.trainers", name, str(folder), values)


def run(module: str, *arguments: str) -> dict[str, Any]:
    """What a module prints as its last line, JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def clock(code: str) -> float:
    """Seconds that a fresh Python takes for some code."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return time.perf_counter() - began


def window_rows(repeats: int, place: Path) -> list[dict[str, Any]]:
    """The window's start, and a run at the defaults in it beside the same in the terminal."""
    starts = repeat(repeats, {n: partial(clock, c) for n, c in STARTS.items()})
    ratios = [a / b for a, b in zip(starts["window"], starts["imports"], strict=True)]
    found = [row("window", "start / heavy imports", ratios, starts["window"], "s")]
    folder = place / "256_256"
    make_demo_data(folder, 256, 256)
    runs = repeat(
        repeats,
        {
            "ours": partial(train, "ours", folder, "{}"),
            "window": partial(run, "benchmarks.window", str(folder), '{"num_epochs": "10"}'),
        },
    )
    # The same epochs of both: the first of each half is left out.
    for half, words, epochs in (
        ("rate", "in it", slice(1, 5)),
        ("acting", "in it, tabs and size changed all the time,", slice(6, 10)),
    ):
        mine = [turn[half] for turn in runs["window"]]
        rates = [256 / statistics.median(turn["train"][epochs]) for turn in runs["ours"]]
        ratios = [a / b for a, b in zip(mine, rates, strict=True)]
        found.append(row("window", f"training {words} / in the terminal", ratios, mine))
    for figure in ("late_p99", "late_worst", "tab_p50", "tab_worst", "resize_p50", "resize_worst"):
        values = [turn[figure] for turn in runs["window"]]
        found.append(row("window", f"{figure}, ms", values, values, "ms"))
    return found


def rows(name: str, images: int, runs: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Paired ratios of a workload; plain is the better of the ordinary scripts in its turn."""
    ours, found = runs["ours"], list[dict[str, Any]]()
    plains = list(zip(*(runs[n] for n in runs if n.startswith("plain")), strict=True))

    def beside(what: str, theirs: Iterable[float], pick: Callable[[dict[str, Any]], float]) -> None:
        """A row of seconds of an epoch: how many times ours others take."""
        seconds = [pick(run) for run in ours]
        ratios = [t / s for t, s in zip(theirs, seconds, strict=True)]
        found.append(row(name, what, ratios, [images / s for s in seconds]))

    def memory(what: str, key: str) -> None:
        ratios = [turn[0][key] / run[key] for run, turn in zip(ours, plains, strict=True)]
        found.append(row(name, what, ratios, [run[key] / 1e6 for run in ours], "MB"))

    picks = {"steady epoch": steady, "training alone": training, "first epoch": first}
    for words, pick in picks.items():
        if plains:
            beside(f"{words} / plain", (min(map(pick, turn)) for turn in plains), pick)
        if "pythae" in runs and pick is not first:
            key = "epochs" if pick is steady else "train"
            beside(f"{words} / pythae", (min(run[key]) for run in runs["pythae"]), pick)
        if "bare" in runs and pick is not first:
            beside(f"{words} / bare", map(steady, runs["bare"]), pick)
    if plains:
        memory("memory: plain / ours", "memory")
        if all("gpu_memory" in run for run in ours):
            memory("GPU memory: plain / ours", "gpu_memory")
    if plains and "bare" in runs:
        # More than this no loop with our step can reach, however fast its images come.
        bare = [steady(run) for run in runs["bare"]]
        bound = [min(map(steady, turn)) / b for turn, b in zip(plains, bare, strict=True)]
        found.append(row(name, "bare / plain", bound, [images / b for b in bare]))
    if "loading" in runs:
        rates = [images / steady(run) for run in runs["loading"]]
        ratios = [rate * training(run) / images for rate, run in zip(rates, ours, strict=True)]
        found.append(row(name, "loading alone / training", ratios, rates))
    stalls = [100 * statistics.median(run["stalls"][PRUNED:]) / steady(run) for run in ours]
    found.append(row(name, "a checkpoint's stall, % of a steady epoch", stalls, stalls, "%"))
    return found


def first(run: dict[str, Any]) -> float:
    """Seconds of the first epoch, in which images are decoded."""
    return float(run["epochs"][0])


def steady(run: dict[str, Any]) -> float:
    """Seconds of an epoch after the first, saving and sampling included.

    Ours are steady from where checkpoints are pruned.
    """
    return float(statistics.median(run["epochs"][PRUNED if "stalls" in run else 1 :]))


def training(run: dict[str, Any]) -> float:
    """Seconds of its batches, without what saves and samples."""
    return float(statistics.median(run["train"][PRUNED if "stalls" in run else 1 :]))


def row(
    name: str, what: str, ratios: list[float], values: list[float], unit: str = "images/s"
) -> dict[str, Any]:
    """A line of the table: the median ratio, its range, and the median of the figure behind it."""
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    return {
        "what": f"{name}: {what}",
        "ratio": round(middle, 3),
        "range": [round(low, 3), round(high, 3)],
        "value": statistics.median(values),
        "unit": unit,
        "detail": f"({low:.2f} to {high:.2f}), {statistics.median(values):.4g} {unit}",
    }


if __name__ == "__main__":
    main()
