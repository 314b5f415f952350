"""What measuring costs: the share of an epoch that validation, measures and a fitted sampler take.

    python -m benchmarks.measuring [--images 5120] [--epochs 4] [--threads 0]

Trains the recommended preset at 64 pixels on phantoms, a tenth of them held back. From the second
epoch on, prints the processor time between an epoch's last step and its record, without that of
drawing 64 samples, over that of the rest.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.__main__ import machine
from vae import samplers, training
from vae.config import TrainConfig, Value
from vae.demo import make_demo_data
from vae.presets import built_in

VALUES: dict[str, Value] = {
    name: value
    for name, value in built_in()[1].values.items()
    if name not in ("img_size", "latent_dim", "num_epochs")
}


def main() -> None:
    """Train, with clocks around what is not training, and print the share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5120)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    spent = 0.0

    def clocked(module: object, name: str) -> None:
        real = getattr(module, name)

        def run(*arguments: object, **named: object) -> object:
            nonlocal spent
            began = time.process_time()
            try:
                return real(*arguments, **named)
            finally:
                spent += time.process_time() - began

        setattr(module, name, run)

    clocked(training, "measure")
    clocked(samplers, "encoded")
    clocked(samplers, "fit")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        make_demo_data(Path(place) / "images", options.images, 64)
        config = TrainConfig(
            file_path=f"{place}/images", log_file=f"{place}/log.csv",
            model_save_dir=f"{place}/checkpoints", output_dir=f"{place}/output", img_size=64,
            latent_dim=128, in_channels=1, num_epochs=options.epochs, threads=options.threads,
            **VALUES,  # type: ignore[arg-type]  # a preset's values are of their parameters' types
        )  # fmt: skip
        marks: list[tuple[float, float]] = []

        def heard(event: object) -> None:
            if type(event).__name__ == "EpochDone":
                marks.append((time.process_time(), spent))

        training.run_vae_training(config, heard)
    shares = [(b[1] - a[1]) / (b[0] - a[0] - (b[1] - a[1])) for a, b in itertools.pairwise(marks)]
    print(machine(torch))
    told = f"{statistics.median(shares):.3f} ({min(shares):.3f} to {max(shares):.3f})"
    print(f"measuring / the rest of an epoch of {options.images} images: {told}")


if __name__ == "__main__":
    main()
