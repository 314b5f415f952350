from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vae.checkpoint import MismatchError
from vae.config import TrainConfig
from vae.files import IMAGE_LIST_NAME
from vae.training import run_vae_training

Make = Callable[..., TrainConfig]


def refusal(config: TrainConfig) -> str:
    with pytest.raises(MismatchError) as caught:
        run_vae_training(config)
    return caught.value.problems["file_path"]


@pytest.fixture
def trained(tiny: Make) -> TrainConfig:
    config = tiny(num_epochs=1, val_fraction=0.3)
    run_vae_training(config)
    return config


def test_what_was_added_renamed_changed_or_lost_is_told(trained: TrainConfig, images: Path) -> None:
    first, second, third, *_others = sorted(images.glob("*.png"))
    shutil.copy(first, images / "copied.png")
    assert refusal(trained).endswith("13 now. New or changed: copied.png.")
    first.rename(images / "other.png")
    (images / "copied.png").unlink()
    assert refusal(trained).endswith("content. Now under another name: other.png.")
    third.write_bytes(second.read_bytes())
    second.unlink()
    text, names = refusal(trained), ", ".join(sorted(["other.png", third.name]))
    assert f"New or changed: {third.name}" not in text  # the second, under another name
    assert f"Now under another name: {names}. 1 of then is gone or changed." in text


def test_of_many_a_few_are_named(trained: TrainConfig, images: Path) -> None:
    first = min(images.glob("*.png"))
    for number in range(5):
        (images / f"new_{number}.png").write_bytes(first.read_bytes())
    names = "new_0.png, new_1.png, new_2.png and 2 more"
    assert refusal(trained).endswith(f"New or changed: {names}.")


@pytest.mark.parametrize("content", [None, b"", b"damaged" * 100])
def test_without_its_list_no_more_is_said_and_the_list_is_made_again(
    trained: TrainConfig, images: Path, content: bytes | None
) -> None:
    path = Path(trained.model_save_dir) / IMAGE_LIST_NAME
    good = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    added = images / "new.png"
    shutil.copy(min(images.glob("*.png")), added)
    assert refusal(trained).endswith("13 now.")
    added.unlink()
    run_vae_training(trained)
    assert path.read_bytes() == good


def test_no_name_can_be_read_in_it(trained: TrainConfig, images: Path) -> None:
    content = (Path(trained.model_save_dir) / IMAGE_LIST_NAME).read_bytes()
    assert len(content) == 64 + 12 * 16
    assert not any(path.stem.encode() in content for path in images.glob("*.png"))
