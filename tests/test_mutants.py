"""The list of protections that `make mutants` takes out is true of the program as it is."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_each_protection_stands_once_where_it_is_said_to() -> None:
    mutants = runpy.run_path(str(ROOT / "tools" / "mutants.py"))["MUTANTS"]
    for mutant in mutants:
        text = (ROOT / mutant.file).read_text(encoding="utf-8")
        assert text.count(mutant.old) == 1, mutant.fault
        assert (ROOT / mutant.tests.split()[0].split("::")[0]).exists(), mutant.fault
