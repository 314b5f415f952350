"""make catalogue: gather the texts of vae/, and bring each language's catalogue in line with them.

    python tools/catalogue.py

Translations that are there stay, those of texts that are gone go, and texts without one are named.
Nothing in a catalogue changes unless a text or a translation does: no dates, no line numbers.
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LANGUAGES = ("sk",)
# What looks texts up or marks them, and how many of its arguments are texts.
KEYWORDS = {"_": 1, "marked": 1, "ngettext": 2}
TABLE = "vae/config.py"


class StableCatalog(Catalog):
    """A catalogue whose header says what readers need, and no date or version of a tool."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """Names and values."""
        return [
            ("Language", str(self.locale)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def po_path(language: str) -> Path:
    """A language's catalogue, for people."""
    return ROOT / "vae" / "locale" / language / "LC_MESSAGES" / "vae.po"


def source_texts() -> Catalog:
    """All texts for people, untranslated, each with the files that it stands in."""
    found = Catalog()
    for path in sorted((ROOT / "vae").rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for _, arguments in calls(path):
            texts = [str(part.value) for part in arguments if isinstance(part, ast.Constant)]
            if texts:
                found.add(texts[0] if len(texts) == 1 else tuple(texts), locations=[(place, 1)])
    for text in table_texts():
        found.add(text, locations=[(TABLE, 1)])
    return found


def calls(path: Path) -> Iterator[tuple[ast.Call, list[ast.expr]]]:
    """The calls in a file of what looks texts up, each with the arguments that are texts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node, node.args[: KEYWORDS.get(node.func.id, 0)]


def table_texts() -> list[str]:
    """The texts of the parameter table, which are looked up where they are shown."""
    sys.path.insert(0, str(ROOT))
    from vae.config import PARAMETERS

    texts = [(p.label, p.help, p.group, p.unit) for p in PARAMETERS.values()]
    return [text for row in texts for text in row if text]


def read(language: str) -> Catalog:
    """A language's catalogue as it is on disk, or an empty one."""
    path = po_path(language)
    if not path.exists():
        return Catalog(language)
    with path.open("rb") as file:
        return read_po(file, language)


def updated(language: str) -> Catalog:
    """The texts of the source, with the translations that the catalogue on disk has."""
    comment = "# The texts of VAE Studio, translated. `make catalogue` adds those that are missing."
    old, new = read(language), StableCatalog(language, header_comment=comment, fuzzy=False)
    for message in source_texts():
        if message.id:
            known = old.get(key(message))
            kept = known if known and known.pluralizable == message.pluralizable else None
            new.add(message.id, kept.string if kept else None, message.locations)
    return new


def key(message: Message) -> str:
    """What a catalogue knows a message by."""
    return forms(message.id)[0]


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """The forms of a text: one, unless it depends on a number."""
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def is_translated(message: Message) -> bool:
    """Whether each of its forms is there, and none was only guessed."""
    return all(forms(message.string)) and not message.fuzzy


def po_bytes(catalogue: Catalog) -> bytes:
    """A catalogue for people."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, sort_output=True, include_lineno=False)
    return file.getvalue()


def mo_bytes(catalogue: Catalog) -> bytes:
    """A catalogue for the program."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> None:
    """Write the catalogues, and name what is not translated."""
    for language in LANGUAGES:
        path, catalogue = po_path(language), updated(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(po_bytes(catalogue))
        path.with_suffix(".mo").write_bytes(mo_bytes(catalogue))
        missing = [key(m) for m in catalogue if m.id and not is_translated(m)]
        print(f"{language}: {len(catalogue)} texts, {len(missing)} not translated")
        for text in missing:
            print(f"  {text}")


if __name__ == "__main__":
    main()
