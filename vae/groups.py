"""Which images belong together, as those of one patient do, and what their names tell of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from vae.errors import StopRequested
from vae.language import _, number


class Grouping(NamedTuple):
    """A group_pattern that the names suggest, how many groups it finds, and in how many images."""

    pattern: str
    groups: int
    images: int


class Needed(NamedTuple):
    """What must be so before a pattern is suggested.

    `matching` is the least share of the names that match, `groups` the least number of groups, and
    `largest` the greatest share of the matching images that one group may hold.
    """

    matching: float
    groups: int
    largest: float


# A word leaves little doubt; other files may lie beside those that have it. Numbers alone might be
# anything, so that all has to fit: classes, series and shards are few, or unequal.
WORD = Needed(0.5, 5, 0.5)
NUMBER = Needed(0.9, 20, 0.2)
# Images that share their group with another, of those that match: with fewer there is hardly
# anything to tell, and two names may be alike by chance.
SHARING = 0.2
# From the most telling to the least. BIDS has sub-, TCGA a barcode of its own.
PATTERNS = (
    *(
        (rf"(?i){word}[ _-]?\d+", WORD)
        for word in ("patient", "subject", "participant", "person", "subj", "case", "pat", "pid")
    ),
    ("sub-[0-9A-Za-z]+", WORD),
    (r"(?i)sub_?\d+", WORD),
    ("TCGA-[0-9A-Z]{2}-[0-9A-Z]{4}", WORD),
    (r"(?:^|[/_-])([Pp][_-]?\d{3,})", NUMBER),
    *((rf"(?i){word}[ _-]?\d+", NUMBER) for word in ("volume", "vol", "study", "exam", "scan")),
    # The outermost folder with a number in its name, for one inside it may hold a single series.
    (r"^([^/\d]*\d[^/]*)/", NUMBER),
    (r"^[^/]+/([^/\d]*\d[^/]*)/", NUMBER),
    # A file's name as far as its first number goes, with what follows up to the next _ or -; then
    # as far as its second one, for names that all begin alike.
    (r"^(?:.*/)?(\D*\d[^_-]*)[_-]", NUMBER),
    (r"^(?:.*/)?(\D*\d[^_-]*[_-]\D*\d[^_-]*)[_-]", NUMBER),
)
# Numbered, but no patient: a date, parts of a volume or of a slide, parts of a data set.
OTHER = re.compile(
    r"(?<!\d)(19|20)\d\d[-._ ]?(0[1-9]|1[0-2])([-._ ]?(0[1-9]|[12]\d|3[01])(\d{4,6})?)?(?!\d)"
    r"|slice|frame|tile|patch|images|batch|part|fold|split|shard",
    re.IGNORECASE,
)
SAMPLE = 500  # names that show whether a pattern is worth a look at all of them


def groups_of(names: Sequence[str], group_pattern: str) -> list[str]:
    """What each path below the image folder matches of the pattern, "" where nothing does."""
    if not group_pattern:
        return [""] * len(names)
    pattern = re.compile(group_pattern)
    matches = map(pattern.search, names)
    return [((m[1] if pattern.groups else "") or m[0]) if m else "" for m in matches]


def suggest(names: Sequence[str], should_stop: Callable[[], bool]) -> Grouping | None:
    """The pattern that best tells patients apart in the paths below the image folder, if any.

    To miss patients leaves things as they are without a word. A wrong suggestion costs more: it is
    believed, and classes that are taken for patients are then missing from training as a whole.
    Hence a pattern without a word for a patient asks for a number, which classes seldom have, in
    nearly all names, and for many groups, none of which stands out. That a group holds images of
    several patients does no harm, as each is on one side all the same; that one patient's are in
    several would: so what is outermost, and comes first in a name, is tried first.

    Raises StopRequested.
    """
    sample = names[:: max(len(names) // SAMPLE, 1)]
    for pattern, needed in PATTERNS:
        if should_stop():
            raise StopRequested
        least = needed.matching * len(sample) / 2  # far from what a sample may err by
        if sum(map(bool, groups_of(sample, pattern))) < least:
            continue
        images = Counter(filter(None, groups_of(names, pattern)))
        if _fits(images, len(names), needed):
            return Grouping(pattern, len(images), images.total())
    return None


def _fits(images: Counter[str], names: int, needed: Needed) -> bool:
    """Whether groups, with their numbers of images, look like patients."""
    total = images.total()
    if len(images) < needed.groups or total < needed.matching * names:
        return False
    sharing = total - sum(count == 1 for count in images.values())
    if sharing < SHARING * total or max(images.values()) > needed.largest * total:
        return False
    others = sum(map(bool, map(OTHER.search, images))) if needed is NUMBER else 0
    return others < len(images) / 2


def words(grouping: Grouping) -> str:
    """What is wrong without the pattern, in the terminal's words."""
    text = _(
        "The file names may tell of {groups} patients, or other groups, with {images} images. "
        "Those of one may lie in both training and validation, which makes the validation figures "
        "too good: group_pattern {pattern} keeps each group on one side."
    )
    return text.format(
        groups=number(grouping.groups, ",d"),
        images=number(grouping.images, ",d"),
        pattern=grouping.pattern,
    )
