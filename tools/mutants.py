"""make mutants: take each protection out of a copy of the program, and see a test fail.

    python tools/mutants.py [WORDS of the fault]

A protection that can be taken out without a failing test is one that nobody would miss.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PYTEST_ERRORS = (2, 3, 4, 5)  # interrupted, its own fault, wrong arguments, no tests
COPIED = ("vae", "tests", "vae_gui.py", "pyproject.toml", "README.md")


class Mutant(NamedTuple):
    """A protection taken out: `old`, which stands once in `file`, becomes `new`; `tests` notice."""

    fault: str
    file: str
    old: str
    new: str
    tests: str


MUTANTS = (
    Mutant(
        "power loss: a file's content is not synced",
        "vae/files.py",
        "                sync(file.fileno())",
        "                pass",
        "tests/test_power_loss.py",
    ),
    Mutant(
        "power loss: a folder's names are not synced",
        "vae/files.py",
        "    descriptor = os.open(folder, os.O_RDONLY)\n",
        "    return\n    descriptor = os.open(folder, os.O_RDONLY)\n",
        "tests/test_power_loss.py",
    ),
    Mutant(
        "power loss: a folder that was made is not synced",
        "vae/files.py",
        "    for path in missing:\n",
        "    for path in ():\n",
        "tests/test_power_loss.py",
    ),
    Mutant(
        "power loss: old checkpoints go before the new one is there",
        "vae/checkpoint.py",
        "        with self.rest:\n",
        "        for _, old in checkpoint_files(self.folder)[max(keep - 1, 0) :]:\n"
        "            replace(old, self.folder / SPARE_NAME)\n"
        "        with self.rest:\n",
        "tests/test_power_loss.py",
    ),
    Mutant(
        "power loss: a pruned checkpoint is written over before its name is gone for good",
        "vae/checkpoint.py",
        "            sync_folder(self.folder)\n",
        "            pass\n",
        "tests/test_power_loss.py",
    ),
    Mutant(
        "kill: a file is written in place",
        "vae/files.py",
        '    temporary = path.with_name(f".vae-{secrets.token_hex(8)}.tmp")\n',
        "    temporary = path\n    path.unlink(missing_ok=True)\n",
        "tests/test_faults.py",
    ),
    Mutant(
        "kill: a damaged checkpoint is deleted instead of set aside",
        "vae/checkpoint.py",
        "            replace(path, aside)\n",
        "            path.unlink()\n",
        "tests/test_faults.py",
    ),
    Mutant(
        "damage: the content is not held against its checksum",
        "vae/checkpoint.py",
        "    if digest.digest() != file.read(DIGEST_SIZE + 1):\n"
        "        raise DamagedError(_(WRONG_DIGEST))\n    for",
        "    for",
        "tests/test_damage.py",
    ),
    Mutant(
        "damage: another run's checksum is not looked at",
        "vae/checkpoint.py",
        "            _verify(file, size)\n            return {}, header.record\n",
        "            return {}, header.record\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a header of any length is read",
        "vae/header.py",
        "    if not 0 < length <= min(MAX_HEADER, size - 8 - DIGEST_SIZE):\n",
        "    if not 0 < length:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a name may stand twice",
        "vae/header.py",
        "    if len(found) < len(pairs):\n",
        "    if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: tensors may overlap",
        "vae/header.py",
        '        if _wholes(entry["data_offsets"]) != [offset, offset + found.size]:\n',
        "        if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: other tensors than the network's are read",
        "vae/checkpoint.py",
        "        if header.entries != wanted:\n",
        "        if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: tensors that are not finite are taken",
        "vae/checkpoint.py",
        "        if not np.isfinite(tensor).all():\n",
        "        if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: numbers that are not finite are taken",
        "vae/header.py",
        "    if type(value) not in (int, float) or not low <= value <= high:\n",
        "    if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a config that cannot be is taken",
        "vae/header.py",
        "    if check(config) or any(",
        "    if any(",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a pickle is passed over in silence",
        "vae/checkpoint.py",
        "    if pickled := [",
        "    if pickled := [][:0] and [",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: any number of lists and members is read",
        "vae/header.py",
        '    if sum(map(text.count, "[{:")) > MAX_PARTS:\n',
        "    if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a number of any length is read",
        "vae/header.py",
        "    if len(digits) > MAX_DIGITS:\n",
        "    if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: an offset may be of another type",
        "vae/header.py",
        '        if _wholes(entry["data_offsets"]) !=',
        '        if entry["data_offsets"] !=',
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a list may be of another type",
        "vae/header.py",
        "    if type(value) is not list:\n",
        "    if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a text may move the cursor",
        "vae/header.py",
        " or not value.isprintable():\n",
        ":\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a path may move the cursor",
        "vae/state.py",
        '        folder = readable(Path(str(record.config["file_path"])))\n',
        '        folder = record.config["file_path"]\n',
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a scaler's counts may be anything",
        "vae/header.py",
        "            _whole(value, *SCALER_COUNTS[name])\n",
        "            pass\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a path may be endless",
        "vae/header.py",
        " or any(len(str(value)) > MAX_TEXT for value in config.values()):\n",
        ":\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a checkpoint of other images names the right data set",
        "vae/state.py",
        "    if (data.fingerprint, count) != (record.data, record.images):\n",
        "    if data.fingerprint != record.data:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a file of any size is read",
        "vae/checkpoint.py",
        "        if size > MAX_FILE:\n",
        "        if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "hostile: a folder or a FIFO is opened as a checkpoint",
        "vae/checkpoint.py",
        "    if not stat.S_ISREG(path.stat().st_mode):\n",
        "    if False:\n",
        "tests/test_damage.py",
    ),
    Mutant(
        "damage: a second damaged file overwrites the first one set aside",
        "vae/checkpoint.py",
        "            while aside.exists():",
        "            if aside.exists():",
        "tests/test_damage.py",
    ),
    Mutant(
        "a hyperparameter of another type is taken",
        "vae/config.py",
        "        if not is_of_type(value, DEFAULTS[name]):\n",
        "        if False:\n",
        "tests/test_config.py",
    ),
    Mutant(
        "hostile: what is no file counts as a checkpoint",
        "vae/checkpoint.py",
        " if path.is_file()]",
        "]",
        "tests/test_damage.py",
    ),
    Mutant(
        "damage: all checkpoints bad, and a new run begins",
        "vae/checkpoint.py",
        "    if damaged or _numbered(folder, damaged=True):\n",
        "    if False:\n",
        "tests/test_checkpoint.py",
    ),
    Mutant(
        "another configuration: it is not compared",
        "vae/state.py",
        "    for name in fixed_apart(config.to_dict(), record.config):\n",
        "    for name in ():\n",
        "tests/test_training.py",
    ),
    Mutant(
        "samples: the fit depends on the number of threads",
        "vae/samplers.py",
        "    with threadpool_limits(1):\n",
        "    if True:\n",
        "tests/test_samplers.py",
    ),
    Mutant(
        "validation: a loss that is not finite goes into the record",
        "vae/validation.py",
        "    if not with_losses or not sums.isfinite().all():\n",
        "    if not with_losses:\n",
        "tests/test_validation.py",
    ),
    Mutant(
        "another data set: it is not compared",
        "vae/state.py",
        "    if (data.fingerprint, count) != (record.data, record.images):\n",
        "    if False:\n",
        "tests/test_training.py",
    ),
    Mutant(
        "future version: it is read",
        "vae/header.py",
        '    if not OLDEST <= (version := _whole(facts["format"])) <= FORMAT:\n',
        '    if (version := _whole(facts["format"])) < OLDEST:\n',
        "tests/test_checkpoint.py",
    ),
    Mutant(
        "disk full: the run ends instead of waiting",
        "vae/saving.py",
        "                self._ask(error)\n",
        "                raise explain.not_saved(str(error), self.state) from error\n",
        "tests/test_saving.py",
    ),
    Mutant(
        "disk full: free space is not looked at before the first epoch",
        "vae/beginning.py",
        "    if (free := shutil.disk_usage(folder).free) < needed:\n",
        "    if (free := shutil.disk_usage(folder).free) < 0:\n",
        "tests/test_training.py",
    ),
    Mutant(
        "sharing violation of Windows: it is not waited out",
        "vae/files.py",
        '            if sys.platform != "win32" or attempt == WINDOWS_RETRIES - 1:\n',
        "            if True:\n",
        "tests/test_files.py",
    ),
    Mutant(
        "drive fails: the run ends instead of waiting",
        "vae/explain.py",
        "    if not os.path.exists(state.saved):\n",
        "    if not state.saved.exists():\n",
        "tests/test_saving.py",
    ),
    Mutant(
        "drive fails: a run that has moved away is told as failed",
        "vae/files.py",
        "    with contextlib.suppress(OSError):\n        for path in folder.glob",
        "    with contextlib.suppress(KeyError):\n        for path in folder.glob",
        "tests/test_saving.py",
    ),
    Mutant(
        "drive fails: the run ends where only its pictures are lost",
        "vae/outputs.py",
        "        gone = not os.path.isdir(path.parent)",
        "        gone = not path.parent.is_dir()",
        "tests/test_outputs.py",
    ),
    Mutant(
        "folder gone: it is made anew unasked",
        "vae/saving.py",
        "        if not self.taken[Path(self.state.config.model_save_dir)]():\n",
        "        if False:\n",
        "tests/test_saving.py",
    ),
    Mutant(
        "folder gone: another run's folder is taken",
        "vae/saving.py",
        "        if found and self.newest.get(folder) not in found:\n",
        "        if False:\n",
        "tests/test_saving.py",
    ),
    Mutant(
        "stalled drive: nothing is said",
        "vae/watch.py",
        "                self._emit(Progress(waiting[0] + SLOW, 0, 0))\n",
        "                pass\n",
        "tests/test_saving.py",
    ),
    Mutant(
        "images changed: nothing is said",
        "vae/watch.py",
        "        return (facts.st_size, facts.st_mtime_ns) != (file.size, file.mtime)\n",
        "        return False\n",
        "tests/test_saving.py",
    ),
    Mutant(
        "decoder hangs: it is waited for",
        "vae/decoder.py",
        "                if helper.late or (stop",
        "                if False or (stop",
        "tests/test_decoder.py",
    ),
    Mutant(
        "decoder crashes: the file is not tried again",
        "vae/decoder.py",
        "        for _attempt in range(2):\n",
        "        for _attempt in range(1):\n",
        "tests/test_decoder.py",
    ),
    Mutant(
        "decoder crashes: it takes the run along",
        "vae/decoder.py",
        "                return helper.decode(data, size, channels)\n",
        "                return decode_image(data, size, channels)\n",
        "tests/test_decoder.py",
    ),
    Mutant(
        "image lost: a moment's failure ends the run",
        "vae/decoding.py",
        "    except OSError:\n        return read_file(folder, file)\n",
        "    except OSError:\n        raise\n",
        "tests/test_cache.py",
    ),
    Mutant(
        "images' drive lost: a run begins on a part of them",
        "vae/decoding.py",
        "            must_answer(self.folder)\n",
        "            pass\n",
        "tests/test_cache.py",
    ),
    Mutant(
        "decompression bomb: it is decoded",
        "vae/images.py",
        "    if width * height > MAX_PIXELS:\n",
        "    if False:\n",
        "tests/test_images.py",
    ),
    Mutant(
        "symlink loop: it is followed for ever",
        "vae/images.py",
        "            if (place := identity(path)) in seen:\n",
        "            if (place := identity(path)) in ():\n",
        "tests/test_images.py",
    ),
    Mutant(
        "CSV in use: the run ends",
        "vae/outputs.py",
        "            write_log(self.log, state.history)\n        except OSError as error:\n",
        "            write_log(self.log, state.history)\n        except KeyError as error:\n",
        "tests/test_training.py",
    ),
    Mutant(
        "CSV edited: it is overwritten",
        "vae/history.py",
        "    if not path.exists():\n        return None\n",
        "    return None\n",
        "tests/test_history.py",
    ),
    Mutant(
        "non-finite loss: the step is made",
        "vae/training.py",
        "            state.optimizer.found_inf = 1 - finite.float()",
        "            state.optimizer.found_inf = 0 * finite.float()",
        "tests/test_training.py",
    ),
    Mutant(
        "non-finite weights: they are saved",
        "vae/checkpoint.py",
        "                    if not np.isfinite(np.frombuffer(chunk, dtype)).all():\n",
        "                    if False:\n",
        "tests/test_checkpoint.py",
    ),
    Mutant(
        "scaler collapse: training goes on",
        "vae/training.py",
        "        if state.scaler.is_enabled() and state.scaler.get_scale() < 1:\n",
        "        if False:\n",
        "tests/test_training.py",
    ),
    Mutant(
        "out of memory: what was trained is not saved",
        "vae/training.py",
        "                self.state.free_memory()\n                self.save_all()\n",
        "                self.state.free_memory()\n",
        "tests/test_training.py",
    ),
    Mutant(
        "two instances: the folder is not held",
        "vae/lock.py",
        "        lock.acquire(timeout=0)\n",
        "        pass\n",
        "tests/test_training.py",
    ),
    Mutant(
        "two instances: the log is not held",
        "vae/training.py",
        "            held.enter_context(only_writer(outputs.log))\n",
        "",
        "tests/test_outputs.py",
    ),
    Mutant(
        "hang-up: the run dies",
        "vae/signals.py",
        "        numbers.append(hangup)\n",
        "        pass\n",
        "tests/test_cli.py",
    ),
    Mutant(
        "hang-up: nohup is not respected",
        "vae/signals.py",
        " and signal.getsignal(hangup) is not signal.SIG_IGN:\n",
        ":\n",
        "tests/test_cli.py",
    ),
    Mutant(
        "termination: the run dies",
        "vae/signals.py",
        "[signal.SIGINT, signal.SIGTERM]",
        "[signal.SIGINT]",
        "tests/test_cli.py",
    ),
    Mutant(
        "callback error: the window stops polling",
        "vae/gui/app.py",
        "            action(*arguments)\n        except Exception:\n",
        "            action(*arguments)\n        except KeyError:\n",
        "tests/gui/test_window.py",
    ),
    Mutant(
        "window closed: the run is not saved",
        "vae/gui/app.py",
        "        if answer == choices[0]:\n            if self.state",
        "        if answer == choices[0]:\n            self.destroy()\n            return\n"
        "            if self.state",
        "tests/gui/test_window.py",
    ),
    Mutant(
        "resume: a new run begins where the checkpoints are gone",
        "vae/gui/training_jobs.py",
        "        if resumes and not checkpoint_files(folder, damaged=True):\n",
        "        if False:\n",
        "tests/gui/test_window.py",
    ),
    Mutant(
        "several runs: the table of earlier ones is lost",
        "vae/sweep.py",
        "    rows = _earlier_rows(folder / TABLE_NAME, trials)\n",
        "    rows = list[Mapping[str, object]]()\n",
        "tests/test_sweep.py",
    ),
    Mutant(
        "patient data: checkpoints and pictures can be read by others",
        "vae/files.py",
        "0o600 if private else 0o644",
        "0o644",
        "tests/test_files.py",
    ),
)


def main() -> int:
    """Try all mutants, or those whose fault holds the words given. Returns how many survive."""
    words = " ".join(sys.argv[1:])
    survivors = 0
    for mutant in MUTANTS:
        if words in mutant.fault:
            caught = is_caught(mutant)
            survivors += not caught
            print(f"{'caught  ' if caught else 'SURVIVES'}  {mutant.fault}", flush=True)
    print(f"{survivors} of the protections could be taken out unnoticed.")
    return survivors


def is_caught(mutant: Mutant) -> bool:
    """Whether the tests fail on a copy of the program with the mutation."""
    with tempfile.TemporaryDirectory() as place:
        for name in COPIED:
            source, target = ROOT / name, Path(place) / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, target)  # type: ignore[operator]
        path = Path(place) / mutant.file
        text = path.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            sys.exit(f"{mutant.fault}: {mutant.file} no longer holds what is to be taken out")
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
             "--timeout=60", "--timeout-method=thread", mutant.tests],
            cwd=place, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode in PYTEST_ERRORS:
            sys.exit(f"{mutant.fault}: the tests could not be run\n{done.stdout}{done.stderr}")
        return done.returncode != 0  # a crash of the tests' process is noticed too


if __name__ == "__main__":
    sys.exit(main())
