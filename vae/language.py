"""The language that people read. Texts are written in English and looked up in a catalogue.

Look them up when they are shown, never at import: the language can change while the program runs.
`make catalogue` gathers the texts; the translations stand in vae/locale.
"""

from __future__ import annotations

import contextlib
import gettext
import locale
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

LANGUAGES = {"en": "English", "sk": "Slovenčina"}
# How the languages other than English begin in the names of systems; Windows spells them out.
SYSTEM_NAMES = {"sk": ("sk_", "sk-", "slovak")}
FOLDER = Path(__file__).parent / "locale"

_english = gettext.NullTranslations()
_catalogue = _english
_code = "en"


class _Thread(threading.local):
    """What holds for one thread alone."""

    english = False


_thread = _Thread()


def use(code: str) -> None:
    """Speak a language from now on, in all threads; one that is not known is English."""
    global _catalogue, _code
    _code = code if code in LANGUAGES else "en"
    _catalogue = gettext.translation("vae", FOLDER, [_code], fallback=True)


@contextlib.contextmanager
def in_english() -> Iterator[None]:
    """Speak English in the block, in this thread alone: for what is read by those who help."""
    before, _thread.english = _thread.english, True
    try:
        yield
    finally:
        _thread.english = before


def current() -> str:
    """The code of the language in use."""
    return "en" if _thread.english else _code


def of_system() -> str:
    """The code of the language that the system speaks, if there is a catalogue for it."""
    asked = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return code_of(next(filter(None, asked), None) or locale.getlocale()[0] or "")


def code_of(name: str) -> str:
    """The code of a language that a system names: "sk_SK.UTF-8", "Slovak_Slovakia.1250"."""
    name = f"{name.lower()}_"
    return next((code for code, begins in SYSTEM_NAMES.items() if name.startswith(begins)), "en")


class Text(str):
    """A text for a person. `str` of it, or of an error with it, says it in the language in use.

    What is made of it by `format` and `joined` can be said again, too. Anything else makes a plain
    string of it, which stays as it is.
    """

    make: Callable[[], str]

    def __str__(self) -> str:
        return retold(self.make)

    def format(self, *values: object, **facts: object) -> str:
        # An error itself would keep the frames that it came through, and all that is in them.
        values = tuple(map(_without_frames, values))
        facts = {name: _without_frames(fact) for name, fact in facts.items()}
        return retold(lambda: str.format(str(self), *values, **facts))


def _without_frames(fact: object) -> object:
    return str(fact) if isinstance(fact, BaseException) else fact


def retold(make: Callable[[], str]) -> str:
    """A text that is made now, and anew whenever `str` of it is asked for."""
    text = Text(make())
    text.make = make
    return text


def joined(*texts: str, by: str = " ") -> str:
    """Texts one after the other, without those that are empty."""
    return retold(lambda: by.join(str(text) for text in texts if text))


def _(text: str) -> str:
    """A text in the language in use."""
    return retold(lambda: _now().gettext(text)) if text else ""


def marked(text: str) -> str:
    """A text that stands in a table, and is looked up when it is shown: marks it for catalogues."""
    return text


def ngettext(one: str, many: str, count: int) -> str:
    """A text that depends on a number, in the language in use."""
    return retold(lambda: _now().ngettext(one, many, count))


def number(value: float, spec: str = ".4g") -> str:
    """A number as the language writes it: 0.5, or 0,5."""
    return retold(lambda: _written(format(value, spec)))


def _written(number: str) -> str:
    if current() == "en":
        return number
    # A narrow space that does not break stands between thousands.
    return number.replace(",", "\u202f").replace(".", ",")


def _now() -> gettext.NullTranslations:
    return _english if _thread.english else _catalogue
