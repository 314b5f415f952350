"""Which images a run learned from, so that it can be told what differs where it is to go on.

A file beside the checkpoints without a name in it: the data set's fingerprint, then for each image
two digests (8 bytes each), of its path below the folder with its content, and of its content
alone. Nobody can tell from it what images there were, but whoever has them, which.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from vae.dataset import MedicalImageDataset
from vae.files import IMAGE_LIST_NAME, atomic_write, readable
from vae.language import _, joined, ngettext

Parts = tuple[MedicalImageDataset, MedicalImageDataset]  # for training, for validation
DIGEST = 8  # bytes: of a million images two are alike with a chance of one in 10^7
MOST_NAMED = 3


def write_image_list(folder: Path, images: Parts) -> None:
    """Write it, unless it is there. Raises OSError."""
    path, data = folder / IMAGE_LIST_NAME, images[0].fingerprint.encode()
    if not _is_of(path, data, sum(map(len, images))):
        with atomic_write(path) as file:
            file.write(data + b"".join(whole + alone for _name, whole, alone in _digests(images)))


def what_differs(folder: Path, data: str, count: int, images: Parts) -> str:
    """In sentences, how the images differ from the `count` of the run with the fingerprint `data`.

    Nothing if the list is not that run's, or not there.
    """
    path, start = folder / IMAGE_LIST_NAME, len(data.encode())
    if not _is_of(path, data.encode(), count):
        return ""
    content = path.read_bytes()
    places = range(start, len(content), 2 * DIGEST)
    then = {content[at : at + DIGEST]: content[at + DIGEST : at + 2 * DIGEST] for at in places}
    other = []  # images that were not there as they are
    for name, whole, alone in _digests(images):
        if then.pop(whole, None) is None:
            other.append((name, alone))
    gone = Counter(then.values())
    renamed, new = [], []
    for name, alone in other:
        if gone[alone]:
            gone[alone] -= 1
            renamed.append(name)
        else:
            new.append(name)
    texts = []
    if new:
        texts.append(_("New or changed: {names}.").format(names=_few(new)))
    if renamed:
        texts.append(_("Now under another name: {names}.").format(names=_few(renamed)))
    if lost := gone.total():
        text = ngettext(
            "{count} of then is gone or changed.", "{count} of then are gone or changed.", lost
        )
        texts.append(text.format(count=lost))
    return joined(*texts)


def _digests(images: Parts) -> Iterable[tuple[str, bytes, bytes]]:
    """Of each image its path below the folder, and its two digests."""
    for part in images:
        for file, content in zip(part.files, part.hashes, strict=True):
            alone = content.tobytes()
            name = file.name.encode(errors="surrogatepass")
            whole = hashlib.sha256(name + b"\0" + alone).digest()
            yield file.name, whole[:DIGEST], alone[:DIGEST]


def _few(names: list[str]) -> str:
    text = ", ".join(readable(Path(name)) for name in sorted(names)[:MOST_NAMED])
    if (more := len(names) - MOST_NAMED) > 0:
        text = _("{names} and {count} more").format(names=text, count=more)
    return text


def _is_of(path: Path, data: bytes, count: int) -> bool:
    """Whether a file is the list of so many images with the fingerprint `data`. Raises OSError."""
    if not path.is_file() or path.stat().st_size != len(data) + 2 * DIGEST * count:
        return False
    with path.open("rb") as file:
        return file.read(len(data)) == data
