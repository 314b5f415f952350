from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from vae.config import not_a_pattern
from vae.errors import StopRequested
from vae.groups import PATTERNS, Grouping, groups_of, suggest, words

Name = Callable[[int, int], str]  # of a patient, or whatever it is, and of an image of it


def never() -> bool:
    return False


def names(name: Name, groups: int = 40, images: int = 3) -> list[str]:
    """So many names of each group, as different as groups and images are."""
    return sorted({name(group, image) for group in range(groups) for image in range(images)})


@pytest.mark.parametrize(
    "name",
    [
        lambda p, i: f"patient{p}/scan_{i}.png",
        lambda p, i: f"CheXpert/train/patient{p:05d}/study{i}/view1_frontal.jpg",
        lambda p, i: f"{'ab'[i % 2]}/Patient_{p}-{i}.png",
        lambda p, i: f"Subject {p} ({i}).png",
        lambda p, i: f"person{p}_{('bacteria', 'virus')[i % 2]}_{i}.jpeg",
        lambda p, i: f"Case{p:02d}_{i}.png",
        lambda p, i: f"sub-{p:02d}_slice{i}.png",
        lambda p, i: f"sub-CC{p:04d}/anat/slice_{i}.png",
        lambda p, i: f"slice{i}_sub{p}.png",
        lambda p, i: f"TCGA-AA-{p:04d}-01Z-00-DX{i}_7.png",
        lambda p, i: f"P{p:03d}-{i}.png",
        lambda p, i: f"p1{p % 9}/p1{p:07d}/s{i}/view.jpg",
        lambda p, i: f"Calc-Training_P_{p:05d}_LEFT_{('CC', 'MLO')[i % 2]}.png",
        lambda p, i: f"volume-{p}_slice_{i}.png",
        lambda p, i: f"{p:08d}_{i:03d}.png",
        lambda p, i: f"images_{i + 1:03d}/{p:08d}_{i:03d}.png",
        lambda p, i: f"{('train', 'test')[i % 2]}/{p}_{('left', 'right')[i % 2]}.jpeg",
        lambda p, i: f"{p:02d}f9c{p % 7}-{i}.png",
        lambda p, i: f"CNV-{1016042 + p}-{i}.jpeg",
        lambda p, i: f"OAS1_{p:04d}_MR1_mpr-1_{i}.jpg",
        lambda p, i: f"SOB_B_A-14-{p}AB-40-{i:03d}.png",
        lambda p, i: f"LIDC-IDRI-{p:04d}/{i}-001.png",
        lambda p, i: f"{p:04d}/{i}_9.png",
        lambda p, i: f"train/{p:04d}/{i}.png",
    ],
)  # fmt: skip
def test_each_patient_in_the_names_is_a_group(name: Name) -> None:
    found = suggest(names(name), never)
    assert found is not None
    assert (found.groups, found.images) == (40, len(names(name)))
    groups = [
        {*groups_of(names(lambda _, i, p=p: name(p, i), 1), found.pattern)} for p in range(40)
    ]
    assert all(len(group) == 1 for group in groups) and len(set.union(*groups)) == 40


@pytest.mark.parametrize(
    "name",
    [
        lambda c, i: f"phantom_{40 * c + i:04d}.jpg",
        lambda c, i: f"IM_{40 * c + i:04d}.png",
        lambda c, i: f"ISIC_{40 * c + i:07d}_downsampled.jpg",
        lambda c, i: f"{40 * c + i}.png",
        lambda c, i: f"{('NORMAL', 'COVID', 'Viral Pneumonia')[c % 3]}-{i}.png",
        lambda c, i: f"NORMAL{c % 3}-IM-{40 * c + i:04d}.png",
        lambda c, i: f"train/{('normal', 'tumour')[c % 2]}/{i}.png",
        lambda c, i: f"class_{c % 9}/{i}.png",
        lambda c, i: f"grade{c % 5}_{i}.png",
        lambda c, i: f"{'abcdefghijklmnopqrstuvwxyz'[c % 26] * 4}/{i}.png",
        lambda c, i: f"patient{c % 4}_{i}.png",
        lambda c, i: f"patient{40 * c + i}.png",
        lambda c, i: f"IMG_202401{c % 28 + 1:02d}_1022{i:02d}.jpg",
        lambda c, i: f"2024-01-{c % 28 + 1:02d} 10.22.{i:02d}.jpg",
        lambda c, i: f"{2015 + c % 8}-{c % 12 + 1:02d}-09_{i}.jpg",
        lambda c, i: f"202401{c % 28 + 1:02d}/{i}.png",
        lambda c, i: f"slice{c:03d}_{i:05d}.png",
        lambda c, i: f"tile_{512 * c}_{512 * i}.png",
        lambda c, i: f"batch_{c:02d}/{40 * c + i}.png",
    ],
)  # fmt: skip
def test_no_patients_are_seen_where_names_tell_of_none(name: Name) -> None:
    assert suggest(names(name), never) is None


def test_a_word_for_a_patient_counts_in_half_of_the_names() -> None:
    patients = names(lambda p, i: f"person{p}_{i}.png")
    others = [f"IM-{i:04d}.png" for i in range(100)]
    assert suggest(patients + others, never) == Grouping(r"(?i)person[ _-]?\d+", 40, 120)
    assert suggest(patients + 2 * others, never) is None
    assert suggest([name.removeprefix("person") for name in patients] + others, never) is None


def test_one_group_that_stands_out_is_no_patient() -> None:
    patients = names(lambda p, i: f"{p}_{i}.png")
    assert suggest(patients + [f"99_{i}.png" for i in range(20)], never)
    assert suggest(patients + [f"99_{i}.png" for i in range(60)], never) is None


def test_few_images_that_share_a_group_are_not_told() -> None:
    alone = [f"patient{i}.png" for i in range(100)]
    assert suggest(alone + [f"patient{i}_b.png" for i in range(8)], never) is None
    assert suggest(alone + [f"patient{i}_b.png" for i in range(16)], never)


def test_of_no_names_nothing_is_told() -> None:
    assert suggest([], never) is None


def test_a_search_ends_when_asked() -> None:
    with pytest.raises(StopRequested):
        suggest(["a.png"], lambda: True)


def test_every_pattern_can_stand_in_the_form() -> None:
    for pattern, _needed in PATTERNS:
        assert not not_a_pattern(pattern)
        assert re.compile(pattern).groups <= 1


def test_what_is_told_names_no_patient() -> None:
    found = suggest(names(lambda p, i: f"Novak{p}_{i}.png"), never)
    assert found is not None
    text = words(found)
    assert "40 patients, or other groups, with 120 images" in text
    assert "Novak" not in text and f"group_pattern {found.pattern} keeps" in text
