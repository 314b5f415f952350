from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import make_images
from vae.dataset import MedicalImageDataset, split
from vae.decoding import DataError
from vae.errors import StopRequested
from vae.events import DataReady, Event


def everything(data: MedicalImageDataset) -> np.ndarray:
    return data.batch(np.arange(len(data)))


def test_items_are_what_torchvision_makes_of_an_image(images: Path) -> None:
    from torchvision.transforms import v2

    reference = v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    )
    data = MedicalImageDataset(images, 20, 3)  # their own size: no resizing in between
    with Image.open(min(images.iterdir())) as image:
        first = reference(image)
    assert data[0].shape == (3, 20, 20)
    torch.testing.assert_close(data[0], first)


def test_unreadable_files_are_named_and_left_out(images: Path) -> None:
    whole = MedicalImageDataset(images, 16, 3)
    (images / "image_003.png").write_bytes(b"broken")
    events: list[Event] = []
    data = MedicalImageDataset(images, 16, 3, emit=events.append)
    assert len(data) == 11
    np.testing.assert_array_equal(everything(data), np.delete(everything(whole), 3, axis=0))
    ready = next(event for event in events if isinstance(event, DataReady))
    assert [path.name for path, _ in ready.skipped] == ["image_003.png"]


def test_a_folder_without_images_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.jpg, .*subfolders"):
        MedicalImageDataset(tmp_path, 16, 3)
    (tmp_path / "a.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"None of the 1 images.*a\.png"):
        MedicalImageDataset(tmp_path, 16, 3)


def test_the_fingerprint_follows_names_and_content_but_not_the_place(
    images: Path, tmp_path: Path
) -> None:
    before = MedicalImageDataset(images, 16, 3).fingerprint
    moved = images.rename(tmp_path / "moved")
    assert MedicalImageDataset(moved, 16, 3).fingerprint == before
    (moved / "image_000.png").rename(moved / "other.png")
    assert MedicalImageDataset(moved, 16, 3).fingerprint != before
    (moved / "other.png").rename(moved / "image_000.png")
    assert MedicalImageDataset(moved, 16, 3).fingerprint == before
    Image.new("RGB", (20, 20)).save(moved / "image_000.bmp")
    black = MedicalImageDataset(moved, 16, 3).fingerprint
    Image.new("RGB", (20, 20), "white").save(moved / "image_000.bmp")  # of the same size
    assert MedicalImageDataset(moved, 16, 3).fingerprint != black


def test_decoding_stops_when_asked(images: Path) -> None:
    calls = iter([False, True])
    with pytest.raises(StopRequested):
        MedicalImageDataset(images, 16, 3, should_stop=lambda: next(calls, True))


def sides(folder: Path, share: float, pattern: str = "") -> tuple[set[str], set[str]]:
    data = MedicalImageDataset(folder, 16, 3)
    training, validation = split(data, share, pattern)
    assert len(training) + len(validation) == len(data)
    names = [{file.name for file in part.files} for part in (training, validation)]
    for part in (training, validation):
        wanted = [file.name for file in part.files]
        everywhere = [file.name for file in data.files]
        np.testing.assert_array_equal(
            everything(part), everything(data)[[everywhere.index(name) for name in wanted]]
        )
    return names[0], names[1]


def test_an_image_never_changes_sides(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images", 40)
    training, validation = sides(folder, 0.3)
    assert 4 <= len(validation) <= 20
    assert sides(folder, 0.4)[1] >= validation
    # Whatever comes or goes beside it, and whatever it is called.
    for name in sorted(training)[:10]:
        (folder / name).unlink()
    (folder / "sub").mkdir()
    moved = min(validation)
    (folder / moved).rename(folder / "sub" / "other.png")
    assert sides(folder, 0.3)[1] == validation - {moved} | {"sub/other.png"}


def test_copies_and_images_of_a_group_are_on_one_side(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images", 40)
    for i, path in enumerate(sorted(folder.iterdir())):
        (folder / f"copy_{i:02d}.png").write_bytes(path.read_bytes())
        path.rename(folder / f"person{i % 10}_{i:02d}.png")
    by_content = sides(folder, 0.3)
    for name in by_content[1]:
        copy = "copy" + name[-7:]
        assert copy in by_content[1] or name.startswith("copy")
    training, validation = sides(folder, 0.3, "(person[0-9]+)_")
    learned, held_back = (
        {name[:7] for name in side if name.startswith("person")} for side in (training, validation)
    )
    assert learned and held_back and not learned & held_back


def test_a_split_that_leaves_one_side_empty_says_what_to_do(images: Path) -> None:
    data = MedicalImageDataset(images, 16, 3)
    with pytest.raises(DataError, match=r"none of the 12 images is left for validation") as caught:
        split(data, 1e-6, "")
    assert list(caught.value.problems) == ["val_fraction"]
    with pytest.raises(DataError, match="left for"):
        split(data, 0.5, "image")
