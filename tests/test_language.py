"""The languages, and whether the catalogues hold what the program says."""

from __future__ import annotations

import ast
import gc
import os
import string
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from babel.messages.catalog import Message

from tools import catalogue
from tools.catalogue import forms
from vae import diary, language, reasons, words
from vae.checkpoint import verify
from vae.config import PARAMETERS, ConfigError, TrainConfig, check
from vae.doctor import examine, report
from vae.errors import StudioError, problem_of
from vae.events import DataReady, DeviceChosen, EpochRecord, Event, Resumed, TrainingResult
from vae.language import _, in_english, joined, ngettext, number
from vae.training import run_vae_training

SOURCES = sorted((catalogue.ROOT / "vae").rglob("*.py"))
MESSAGES = [message for message in catalogue.source_texts() if message.id]
ROW = EpochRecord(1, 0.5, 0.25, 0.1, 0.01, 1e-4, 12, 65.0, 3.4)


@pytest.fixture
def slovak() -> None:
    language.use("sk")


def placeholders(text: str) -> set[str]:
    """The names of what is put into a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", catalogue.LANGUAGES)
def test_each_text_is_translated_with_the_same_things_put_in(code: str) -> None:
    known = catalogue.read(code)
    plurals = known.num_plurals
    for message in MESSAGES:
        found = known.get(catalogue.key(message))
        assert isinstance(found, Message), f"{message.id}: run `make catalogue` and translate it"
        assert catalogue.is_translated(found), message.id
        assert len(forms(found.string)) == (plurals if message.pluralizable else 1), message.id
        for form in forms(found.string):
            assert placeholders(form) == placeholders(forms(message.id)[0]), form
            assert (form[-1] in ".:") == (forms(message.id)[0][-1] in ".:"), form


@pytest.mark.parametrize("code", catalogue.LANGUAGES)
def test_the_catalogues_are_as_make_catalogue_leaves_them(code: str) -> None:
    path, updated = catalogue.po_path(code), catalogue.updated(code)
    assert path.read_bytes() == catalogue.po_bytes(updated)
    assert path.with_suffix(".mo").read_bytes() == catalogue.mo_bytes(updated)


def test_each_text_of_the_parameter_table_is_in_the_catalogue() -> None:
    ids = {message.id for message in MESSAGES}
    for facts in PARAMETERS.values():
        assert {facts.label, facts.help, facts.group, facts.unit} - {""} <= ids


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_what_is_looked_up_is_a_whole_text(source: Path) -> None:
    for call, texts in catalogue.calls(source):
        named = isinstance(call.func, ast.Name) and call.func.id
        for text in texts:
            # A variable may only hold a text that was marked where it stands.
            variable = named == "_" and isinstance(text, ast.Name | ast.Attribute | ast.Subscript)
            literal = isinstance(text, ast.Constant) and isinstance(text.value, str)
            assert literal or variable, f"{source.name}:{call.lineno}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_function_that_looks_texts_up_has_a_variable_of_that_name(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            inner = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == "_"]
            stored = any(isinstance(n.ctx, ast.Store) for n in inner)
            assert not (stored and any(isinstance(n.ctx, ast.Load) for n in inner)), node.name


@pytest.mark.usefixtures("slovak")
def test_a_text_and_its_plural_forms_are_in_the_language_in_use() -> None:
    assert language.current() == "sk"
    assert _("Epochs") == "Epochy"
    assert _("") == ""
    assert _("not in any catalogue") == "not in any catalogue"
    counted = [ngettext("{count} image.", "{count} images.", n).format(count=n) for n in (1, 2, 5)]
    assert counted == ["1 snímka.", "2 snímky.", "5 snímok."]


def test_a_language_that_is_not_known_is_english() -> None:
    language.use("xx")
    assert (language.current(), _("Epochs")) == ("en", "Epochs")


@pytest.mark.parametrize(
    ("name", "code"),
    [("sk_SK.UTF-8", "sk"), ("sk", "sk"), ("Slovak_Slovakia.1250", "sk"), ("sl_SI", "en"),
     ("en_US.UTF-8", "en"), ("C", "en")],
)  # fmt: skip
def test_the_language_is_told_from_the_name_that_a_system_has_for_it(name: str, code: str) -> None:
    assert language.code_of(name) == code


def test_numbers_are_written_as_in_the_language() -> None:
    assert (number(0.12345), number(1234567, ",d")) == ("0.1235", "1,234,567")
    language.use("sk")
    assert (number(0.12345), number(1234567, ",d")) == ("0,1235", "1\u202f234\u202f567")


@pytest.mark.usefixtures("slovak")
def test_english_is_spoken_where_it_must_be_and_in_that_thread_alone() -> None:
    heard: list[str] = []
    with in_english():
        assert (_("Epochs"), number(0.5), language.current()) == ("Epochs", "0.5", "en")
        other = threading.Thread(target=lambda: heard.append(_("Epochs")))
        other.start()
        other.join()
    assert heard == ["Epochy"]
    assert _("Epochs") == "Epochy"


def test_the_terminal_speaks_english_whatever_the_system_speaks() -> None:
    spoken = {**os.environ, "LC_ALL": "sk_SK.UTF-8", "LANG": "sk_SK.UTF-8"}
    command = [sys.executable, "-m", "vae", "train", "--img_size", "100"]
    told = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=spoken, cwd=catalogue.ROOT
    )
    assert "img_size 100 is not divisible by 16" in told.stderr


@pytest.mark.usefixtures("slovak")
def test_what_happens_is_told_in_the_language_in_use() -> None:
    data = DataReady(2, ((Path("a.png"), "is empty"), (Path("b.png"), "is damaged (bad {CRC})")))
    assert words.event_lines(data) == [
        "2 snímky.",
        "2 súbory sa nedajú použiť a vynechali sa:",
        "  a.png je prázdny",
        "  b.png je poškodený (bad {CRC})",
    ]
    device = DeviceChosen("CPU", "5 threads", "float32", 5)
    assert words.event_lines(device) == ["Zariadenie: CPU, 5 vlákien, float32."]
    result = TrainingResult(1, 1, 0, False, True, (ROW,), Path("c"), best=ROW)
    assert (
        words.result_words(result)[1] == "1 epocha za 1 min 5 s. Najlepšia strata 0,5 v 1. epoche."
    )
    with pytest.raises(ConfigError, match=r"img_size 100 nie je deliteľné 16.*96 alebo 112"):
        TrainConfig(file_path=".", img_size=100)


@pytest.mark.parametrize("reason", reasons.ALL)
def test_each_reason_is_found_again_in_what_was_made_of_it(reason: str) -> None:
    values = {name: f"a {name}" for name in placeholders(reason)}
    made = reason.format(**values)
    assert reasons.reason_words(made) == made
    language.use("sk")
    assert reasons.reason_words(made) == _(reason).format(**values) != made


@pytest.mark.usefixtures("slovak")
def test_those_who_help_and_the_files_of_a_run_are_told_in_english(
    tiny: Callable[..., TrainConfig],
) -> None:
    diary.open_log("test")
    heard: list[Event] = []
    for epochs in (1, 2):
        config = tiny(num_epochs=epochs, threads=2)
        with diary.logged(config, heard.append) as emit:
            result = run_vae_training(config, emit)
    assert result.checkpoint is not None
    assert verify(result.checkpoint).changes == ("From epoch 2: num_epochs 1 became 2.",)
    changes = [event.changes for event in heard if isinstance(event, Resumed)]
    assert changes == [("Od 2. epochy: num_epochs sa mení z 1 na 2.",)]
    assert "CPU, 2 threads, float32" in "\n".join(diary.last_lines(100))
    told = report(examine({"img_size": "100", "file_path": "/nowhere", "threads": "2"}))
    assert "CPU, 2 threads, float32" in told
    assert "take 96 or 112" in told
    assert "file_path: does not exist" in told
    assert "nie je deliteľné" in check({"img_size": 100})["img_size"]


def test_what_was_said_can_be_said_again_in_the_language_in_use() -> None:
    inner = StudioError(_("it is cut short"))
    text = _("{path} could not be used ({reason}).").format(path="a.png", reason=inner)
    error = StudioError(text)
    said = problem_of(error)
    told = joined(said, "", _("{count} images/s").format(count=number(0.5)))
    assert said == str(error) == "a.png could not be used (it is cut short)."
    language.use("sk")
    assert said == "a.png could not be used (it is cut short)."  # until it is asked for
    assert str(said) == str(error) == f"{said}" == "a.png sa nedá použiť (je neúplný)."
    assert str(told).startswith("a.png sa nedá použiť (je neúplný). ") and "0,5" in str(told)
    with in_english():
        assert str(said) == "a.png could not be used (it is cut short)."
    language.use("en")
    assert str(str(said)) == said  # and however often


def test_a_text_keeps_nothing_of_where_its_error_came_from() -> None:
    def fail() -> None:
        raise StudioError(_("it is cut short"))

    def warned() -> tuple[str, weakref.ref[object]]:
        pixels = np.zeros(10)
        try:
            fail()
        except StudioError as error:
            text = _("{path} could not be used ({reason}).").format(path="a", reason=error)
        return text, weakref.ref(pixels)

    text, pixels = warned()
    gc.collect()
    assert pixels() is None
    language.use("sk")
    assert str(text) == "a sa nedá použiť (je neúplný)."
