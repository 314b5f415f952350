"""Why an image is left out. English in the image cache, and translated where it is shown.

Each reason is the end of a sentence that begins with the file's name.
"""

from __future__ import annotations

import re

from vae.language import _, marked

EMPTY = marked("is empty")
TOO_LARGE = marked("is larger than {megabytes} MB")
UNKNOWN_FORMAT = marked("is not a JPEG, PNG, BMP, TIFF or WebP image, or is damaged")
DAMAGED = marked("is damaged ({why})")
TOO_MANY_PIXELS = marked("has {width} x {height} pixels, more than {millions} million")
SEVERAL_FRAMES = marked("holds several pages or frames: save each as a file of its own")
DEEP_PIXELS = marked("has 32-bit pixels: convert it to 8 or 16 bit")
UNREADABLE = marked("cannot be read ({why})")
NO_MEMORY = marked("needs more memory than there is")
TOO_SLOW = marked("took the decoder longer than {seconds} s")
CRASHED = marked("crashed the decoder")

ALL = (
    EMPTY, TOO_LARGE, UNKNOWN_FORMAT, DAMAGED, TOO_MANY_PIXELS, SEVERAL_FRAMES, DEEP_PIXELS,
    UNREADABLE, NO_MEMORY, TOO_SLOW, CRASHED,
)  # fmt: skip


def reason_words(reason: str) -> str:
    """A reason in the language in use; what is in it of the system's or a decoder's stays."""
    for template in ALL:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(template))
        if match := re.fullmatch(pattern, reason, re.DOTALL):
            return _(template).format(**match.groupdict())
    return reason
