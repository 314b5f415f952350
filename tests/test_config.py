from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from vae.config import DEFAULTS, PARAMETERS, ConfigError, TrainConfig, parameter_count, text_of
from vae.model import VAE

README = Path(__file__).parent.parent / "README.md"


def problems(**texts: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_strings(texts)
    return caught.value.problems


def test_the_defaults_are_the_published_ones() -> None:
    published = dict(
        img_size=128, latent_dim=750, batch_size=10, num_epochs=25, alpha=5.0, beta=1.0,
        gamma=10.0, lr=0.0001, in_channels=3, depth=4, file_path="",
        log_file="./vae_training_log.csv", model_save_dir="./vae_checkpoints",
        output_dir="./output_images", seed=0, base_channels=32, threads=0, device="auto",
        precision="auto", cache_gb=20.0, checkpoint_every=1, keep_checkpoints=3, sample_every=1,
        kl_balance="fixed", kl_warmup=0, free_bits=0.0, val_fraction=0.0, group_pattern="",
        lr_schedule="constant", lr_warmup=0, clip_norm=0.0, ema=0.0, early_stopping=0,
        sampler="prior", temperature=1.0, decoder="transposed", augment="none",
    )  # fmt: skip
    assert published == DEFAULTS
    assert {n: type(v) for n, v in published.items()} == {n: type(v) for n, v in DEFAULTS.items()}


@pytest.mark.parametrize("text", ["0.001", "1e-3", "0,001", " 1E-3 ", ".001", "0,1e-2"])
def test_numbers_are_read_with_point_comma_or_exponent(text: str, images: Path) -> None:
    assert TrainConfig.from_strings({"file_path": str(images), "lr": text}).lr == 0.001


@pytest.mark.parametrize("text", ["1e-1O", "", "nan", "inf", "1.000,5", "0x10", "1_0", "--1"])
def test_what_is_no_number_is_refused(text: str, images: Path) -> None:
    assert "number" in problems(file_path=str(images), lr=text)["lr"]


@pytest.mark.parametrize("text", ["1,000", "2,0"])
def test_a_comma_in_a_whole_number_may_stand_for_thousands_and_is_refused(
    text: str, images: Path
) -> None:
    found = problems(file_path=str(images), num_epochs=text)
    assert "without a comma" in found["num_epochs"]


def test_a_tilde_is_the_persons_own_folder(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(images.parent))
    monkeypatch.setenv("USERPROFILE", str(images.parent))
    config = TrainConfig.from_strings({"file_path": f"~/{images.name}", "group_pattern": "~/a"})
    assert Path(config.file_path) == images and config.group_pattern == "~/a"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_epochs", 3.0),
        ("num_epochs", True),
        ("num_epochs", "3"),
        ("depth", np.int64(4)),
        ("lr", "0.1"),
        ("lr", False),
        ("file_path", 1),
        ("device", 0),
        ("log_file", Path("log.csv")),
        ("seed", 10**400),
    ],
)
def test_a_value_that_is_not_of_its_type_or_beyond_any_bound_is_refused(
    name: str, value: object
) -> None:
    with pytest.raises(ConfigError, match=f"^{name} ") as caught:
        TrainConfig(**{"file_path": "images", name: value})  # type: ignore[arg-type]
    assert set(caught.value.problems) == {name}


def test_a_whole_number_may_stand_for_another() -> None:
    assert TrainConfig(file_path="images", beta=1).beta == 1


def test_every_problem_is_told_at_once_and_names_its_field() -> None:
    found = problems(
        file_path="/no/such/folder", img_size="100", batch_size="0", lr="0", in_channels="2",
        log_file="log.txt", num_epochs="2.5", alpha="-1", device="tpu",
    )  # fmt: skip
    assert set(found) == {
        "file_path", "img_size", "batch_size", "lr", "in_channels", "log_file", "num_epochs",
        "alpha", "device",
    }  # fmt: skip
    assert all(message.startswith(name) for name, message in found.items())


def test_an_image_size_that_does_not_divide_says_which_do(images: Path) -> None:
    assert problems(file_path=str(images), img_size="100")["img_size"] == (
        "img_size 100 is not divisible by 16 (2^depth): take 96 or 112, or depth 2."
    )


@pytest.mark.parametrize("pattern", ["(", "[0-9]{4294967296}", "(" * 100_000])
def test_a_pattern_that_cannot_be_compiled_is_refused(pattern: str, images: Path) -> None:
    found = problems(file_path=str(images), group_pattern=pattern)
    assert "is no regular expression" in found["group_pattern"]


def test_an_empty_folder_field_asks_for_the_folder() -> None:
    assert "choose the folder" in problems(file_path="")["file_path"]


def test_output_among_the_training_images_is_refused(images: Path) -> None:
    found = problems(file_path=str(images), output_dir=str(images / "generated"))
    assert "trained on" in found["output_dir"]


def test_a_file_in_place_of_a_folder_is_refused(images: Path) -> None:
    file = str(next(images.iterdir()))
    found = problems(file_path=file, model_save_dir=file, log_file=file + "/log.csv")
    assert set(found) == {"file_path", "model_save_dir", "log_file"}


def test_a_network_that_fits_no_memory_is_refused(images: Path) -> None:
    found = problems(file_path=str(images), img_size="2048", depth="1", latent_dim="5000")
    assert "billion weights" in found["latent_dim"]


def test_a_long_seed_keeps_all_its_digits(images: Path) -> None:
    config = TrainConfig.from_strings({"file_path": str(images), "seed": str(2**62 + 1)})
    assert config.seed == 2**62 + 1


@pytest.mark.parametrize("decoder", ["transposed", "upsample"])
def test_the_parameter_count_is_that_of_the_network(decoder: str) -> None:
    shape = (32, 3, 10, 3, 8, decoder)
    assert parameter_count(*shape) == sum(p.numel() for p in VAE(*shape).parameters())


def test_the_readme_table_equals_the_parameter_table() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", README.read_text("utf-8"), re.M
    )
    table = [
        (name, type(DEFAULTS[name]).__name__, text_of(DEFAULTS[name]) or "empty", facts.help)
        for name, facts in PARAMETERS.items()
    ]
    assert rows == table
