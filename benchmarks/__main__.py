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
from collections.abc import Callable
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
    "64 px, depth 3, batch 64": (512, 256, SMALL, ("plain", "plain, 2 workers", "bare")),
}
# Epochs after which the program has pruned a checkpoint at the default keep_checkpoints.
PRUNED = 4
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
    results: dict[str, Any] = {"machine": machine(torch), "rows": []}
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
    rates = [256 / statistics.median(turn["train"][1:]) for turn in runs["ours"]]
    for half, words in (
        ("rate", "in it"),
        ("acting", "in it, tabs and size changed all the time,"),
    ):
        mine = [turn[half] for turn in runs["window"]]
        ratios = [a / b for a, b in zip(mine, rates, strict=True)]
        found.append(row("window", f"training {words} / in the terminal", ratios, mine))
    for figure in ("late_p99", "late_worst", "tab_p50", "tab_worst", "resize_p50", "resize_worst"):
        values = [turn[figure] for turn in runs["window"]]
        found.append(row("window", f"{figure}, ms", values, values, "ms"))
    return found


def rows(name: str, images: int, runs: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Paired ratios of a workload, each against the better plain one of its turn."""
    plains = list(zip(*(runs[n] for n in runs if n.startswith("plain")), strict=True))

    def faster(pick: Callable[[dict[str, Any]], float]) -> tuple[list[float], list[float]]:
        mine = [pick(run) for run in runs["ours"]]
        best = [min(map(pick, turn)) for turn in plains]
        return [b / a for a, b in zip(mine, best, strict=True)], [images / a for a in mine]

    ours = runs["ours"]
    trained = [training(run) for run in ours]
    whole = [steady(run) for run in ours]
    rates = [images / seconds for seconds in trained]
    memory = [turn[0]["memory"] / run["memory"] for run, turn in zip(ours, plains, strict=True)]
    beside = [1 - t / w for t, w in zip(trained, whole, strict=True)]
    stalls = [statistics.median(run["stalls"][PRUNED:]) for run in ours]
    shares = [100 * stall / w for stall, w in zip(stalls, whole, strict=True)]
    found = [
        row(name, "steady epoch / plain", *faster(steady)),
        row(name, "training alone / plain", *faster(training)),
        row(name, "first epoch / plain", *faster(lambda run: run["epochs"][0])),
        row(name, "memory: plain / ours", memory, [run["memory"] / 1e6 for run in ours], "MB"),
        row(name, "share of an epoch beside training", beside, rates),
        row(name, "a checkpoint's stall, % of a steady epoch", shares, shares, "%"),
    ]
    if all("gpu_memory" in run for run in ours):
        used = [run["gpu_memory"] for run in ours]
        ratios = [turn[0]["gpu_memory"] / mine for turn, mine in zip(plains, used, strict=True)]
        found.append(row(name, "GPU memory: plain / ours", ratios, [u / 1e6 for u in used], "MB"))
    if "bare" in runs:
        bare = [steady(run) / t for run, t in zip(runs["bare"], trained, strict=True)]
        found.append(row(name, "training / bare step", bare, rates))
        # More than this no loop with our step can reach, however fast its images come.
        bare = [steady(run) for run in runs["bare"]]
        bound = [min(map(steady, turn)) / b for turn, b in zip(plains, bare, strict=True)]
        found.append(row(name, "bare step / plain", bound, [images / b for b in bare]))
    if "pythae" in runs:
        theirs = [min(run["epochs"]) for run in runs["pythae"]]
        ratios = [t / w for t, w in zip(theirs, whole, strict=True)]
        found.append(row(name, "steady epoch / pythae", ratios, [images / w for w in whole]))
        ratios = [min(run["train"]) / t for run, t in zip(runs["pythae"], trained, strict=True)]
        found.append(row(name, "training alone / pythae", ratios, rates))
    return found


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
        "detail": f"({low:.2f} to {high:.2f}), {statistics.median(values):.4g} {unit}",
    }


if __name__ == "__main__":
    main()
