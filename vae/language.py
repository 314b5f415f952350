"""The language that people read. Texts are written in English and looked up in a catalogue.

Look them up when they are shown, never at import: the language can change while the program runs.
"""

from __future__ import annotations

import gettext
import locale
from pathlib import Path

LANGUAGES = {"en": "English", "sk": "Slovenčina"}
FOLDER = Path(__file__).parent / "locale"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_code = "en"


def use(code: str) -> None:
    """Speak a language from now on; one that is not known is English."""
    global _catalogue, _code
    _code = code if code in LANGUAGES else "en"
    _catalogue = gettext.translation("vae", FOLDER, [_code], fallback=True)


def current() -> str:
    """The code of the language in use."""
    return _code


def of_system() -> str:
    """The code of the language that the system speaks, if there is a catalogue for it."""
    code = (locale.getlocale()[0] or "")[:2].lower()
    return code if code in LANGUAGES else "en"


def _(text: str) -> str:
    """A text in the language in use."""
    return _catalogue.gettext(text) if text else ""


def marked(text: str) -> str:
    """A text that stands in a table, and is looked up when it is shown: marks it for catalogues."""
    return text


def ngettext(one: str, many: str, count: int) -> str:
    """A text that depends on a number, in the language in use."""
    return _catalogue.ngettext(one, many, count)


def number(value: float, spec: str = ".4g") -> str:
    """A number as the language writes it: 0.5, or 0,5."""
    text = format(value, spec)
    if _code == "en":
        return text
    # A narrow space that does not break stands between thousands.
    return text.replace(",", "\u202f").replace(".", ",")
