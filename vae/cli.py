"""The terminal: python -m vae COMMAND. Same engine and files as the window: python vae_gui.py."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from vae import __version__, diary
from vae.allocator import keep_freed_memory
from vae.command import remedy_flags
from vae.config import DEFAULTS, PARAMETERS, ConfigError, TrainConfig, check, parse, text_of
from vae.errors import StopRequested, StudioError, problem_of
from vae.events import (
    RETRY_SECONDS,
    BatchDone,
    EpochDone,
    EpochRecord,
    Event,
    Progress,
    Resumed,
    TrialBegun,
    Trouble,
)
from vae.files import FIGURE_FORMATS, readable
from vae.findings import Finding, findings
from vae.recorded_run import run_recorded
from vae.runs import load_runs, run_facts, run_line, run_path, telling
from vae.signals import stop_signals
from vae.words import PHASES, event_lines, result_line

DONE, FAILED, BAD_PARAMETERS, STOPPED, UNREAD = 0, 1, 2, 130, 141
MOST_TOLD = 3  # values in which a run differs, in its line
SECOND_TIME = b"\nStopping after this batch. Ctrl-C again ends at once, without saving.\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 done, 1 failed, 2 bad parameters, 130 stopped, 141 unread.

    Unread: who reads what is printed has left, as head does; a shell says so of other programs.
    """
    keep_freed_memory()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name that the terminal's encoding lacks is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(given or ["--help"])
    diary.open_log(f"terminal {options.command.__name__}")
    stop = threading.Event()
    handlers = stop_at_signals(stop.set)
    try:
        code: int = options.command(options, stop.is_set)
        print(end="", flush=True)  # here, where it can be answered, if nobody reads it
        return code
    except ConfigError as error:
        print(f"Nothing was started or written.\n{error}", file=sys.stderr)
        return BAD_PARAMETERS
    except StopRequested:
        return STOPPED
    except (StudioError, OSError) as error:
        if _is_unread(error):
            # As Python's documentation advises, so that its end does not try to print the rest.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return UNREAD
        print(f"Failed: {problem_of(error)}", file=sys.stderr)
        return FAILED
    except Exception as error:
        # The border to the user: of what nobody foresaw, the traceback is what a helper needs.
        diary.log_error(error)
        traceback.print_exc()
        print(f"Failed: {error or type(error).__name__}", file=sys.stderr)
        return FAILED
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _is_unread(error: Exception) -> bool:
    """Whether an error says that what is printed has no reader any more."""
    if not isinstance(error, OSError) or error.filename:
        return False
    # Windows calls it an invalid argument; subprocess in the standard library takes it so too.
    return error.errno == (errno.EINVAL if sys.platform == "win32" else errno.EPIPE)


def stop_at_signals(stop: Callable[[], None]) -> dict[int, Any]:
    """Let Ctrl-C, SIGTERM and a closed terminal only ask to stop; the run saves at the next batch.

    A second signal ends the process at once, for when a disk never answers. Returns the handlers
    that there were, by number.
    """

    def handle(number: int, frame: object) -> None:
        stop()
        signal.signal(number, signal.SIG_DFL)
        if number == signal.SIGINT:
            with contextlib.suppress(OSError):
                os.write(2, SECOND_TIME)  # print() may be interrupted by this very signal

    return {number: signal.signal(number, handle) for number in stop_signals()}


def build_parser() -> argparse.ArgumentParser:
    """The commands and their flags; those of train come from the parameter table."""
    parser = argparse.ArgumentParser(prog="python -m vae", description=__doc__)
    parser.add_argument("--version", action="version", version=f"VAE Studio {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("train", help="train, or resume from the newest checkpoint")
    add_parameters(command)
    command.add_argument(
        "--fresh", action="store_true", help="keep an earlier run's files aside and start over"
    )
    command.set_defaults(command=train)

    command = commands.add_parser("sweep", help="train with each of several values, in a row")
    command.add_argument(
        "--vary", nargs="+", action="append", required=True, metavar=("PARAMETER", "VALUE"),
        help="a parameter and its values; may be given twice",
    )  # fmt: skip
    command.add_argument("--to", required=True, metavar="DIR", help="folder for all the runs")
    add_parameters(command)
    command.set_defaults(command=sweep)

    command = commands.add_parser("sample", help="draw a grid of generated images")
    _add_folders(command, "the grid")
    command.add_argument("--count", type=_whole(1, 4096), default=64, help="images (default 64)")
    command.add_argument("--seed", type=_whole(0), default=1, help="of the draw (default 1)")
    command.add_argument(
        "--sampler", choices=PARAMETERS["sampler"].choices, help="of latents (default the run's)"
    )
    _add_best(command)
    command.add_argument(
        "--temperature", metavar="VALUE", help="of the sampler (default the run's)"
    )
    command.set_defaults(command=sample)

    command = commands.add_parser("figures", help="draw the loss curve and samples for a paper")
    _add_folders(command, "the sample grids")
    command.add_argument("--to", required=True, metavar="DIR", help="folder for the figures")
    command.add_argument("--format", choices=FIGURE_FORMATS, default=FIGURE_FORMATS[0])
    command.add_argument(
        "--no-caption", action="store_true", help="leave out the parameters below each figure"
    )
    command.set_defaults(command=figures)

    command = commands.add_parser("evaluate", help="measure the newest checkpoint thoroughly")
    _add_checkpoints(command)
    command.add_argument("--json", action="store_true", help="for programs")
    _add_best(command)
    command.add_argument(
        "--fid_network", metavar="FILE",
        help="TorchScript file of your own, such as Inception's, for the samples' Fréchet distance",
    )  # fmt: skip
    command.add_argument(
        "--count", type=_whole(16, 4096), default=512, help="images and samples (default 512)"
    )
    command.add_argument(
        "--k", type=_whole(1, 4096), default=50, help="samples of an image's bound (default 50)"
    )
    command.add_argument("--seed", type=_whole(0), default=1, help="of the draw (default 1)")
    command.set_defaults(command=evaluate)

    command = commands.add_parser("report", help="write all about a run into one HTML file")
    _add_folders(command, "the sample grids, and for the report")
    command.add_argument("--to", metavar="FILE", help="the report (default in the output folder)")
    command.add_argument(
        "--names", action="store_true", help="tell folders and files by name, which are left out"
    )
    command.set_defaults(command=report)

    command = commands.add_parser("cache", help="tell how much room decoded images take")
    command.add_argument("--clear", action="store_true", help="delete them; they are made again")
    command.set_defaults(command=image_cache)

    command = commands.add_parser("doctor", help="tell what a person who helps must know")
    command.add_argument("--json", action="store_true", help="for programs")
    add_parameters(command)
    command.set_defaults(command=doctor)

    command = commands.add_parser("runs", help="list the runs, those of the window too")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(command=list_runs)

    command = commands.add_parser("demo-data", help="make 256 phantom X-rays to try with")
    command.add_argument("folder", metavar="FOLDER", help="a new or an empty folder")
    command.set_defaults(command=demo_data)
    return parser


def _add_folders(parser: argparse.ArgumentParser, pictures: str) -> None:
    _add_checkpoints(parser)
    text = f"folder of {pictures} (default the run's)"
    parser.add_argument("--output_dir", type=Path, metavar="DIR", help=text)


def _add_checkpoints(parser: argparse.ArgumentParser) -> None:
    default = DEFAULTS["model_save_dir"]
    text = f"folder of checkpoints (default {default})"
    parser.add_argument("--model_save_dir", type=Path, default=default, metavar="DIR", help=text)


def _add_best(parser: argparse.ArgumentParser) -> None:
    text = "take the best epoch's checkpoint, not the newest; a run with a val_fraction keeps it"
    parser.add_argument("--best", action="store_true", help=text)


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """A flag for each hyperparameter; values stay texts, which TrainConfig reads."""
    for name, facts in PARAMETERS.items():
        default = text_of(DEFAULTS[name]) or "none"
        choices = f" One of {', '.join(map(str, facts.choices))}." if facts.choices else ""
        text = f"{facts.help}{choices} Default: {default}.".replace("%", "%%")
        parser.add_argument(f"--{name}", metavar="VALUE", help=text)


def given_parameters(options: argparse.Namespace) -> dict[str, str]:
    """The texts of the hyperparameters that were named."""
    named = {name: getattr(options, name) for name in PARAMETERS}
    return {name: text for name, text in named.items() if text is not None}


def _whole(low: int, high: int = 2**63 - 1) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isdecimal() and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"{text} is not a whole number from {low} to {high}")
        return int(text)

    return read


def train(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Train with a progress bar, or with plain lines when not on a terminal."""
    config = TrainConfig.from_strings({"file_path": "", **given_parameters(options)})
    print("Starting...", flush=True)
    with _Lines() as lines:
        decide, show = partial(try_again, lines.tell, should_stop), _Examined(config, lines)
        result = run_recorded(config, show, should_stop, decide, fresh=options.fresh)
    print(result_line(result))
    for finding in findings(result.history, config.to_dict()):
        print(_finding_lines(finding))
    return STOPPED if result.stopped else DONE


def _finding_lines(finding: Finding) -> str:
    text = f"{finding.title}: {finding.message}"
    if finding.remedy:
        text += f"\n  What mends it: {remedy_flags(finding.remedy, finding.fresh)}"
    return text


def sweep(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Train each combination of the values; the same command goes on with those left."""
    from vae.sweep import TABLE_NAME, plan, run_sweep

    axes = {name: values for name, *values in options.vary}
    texts = {"file_path": "", **given_parameters(options)}
    folder = Path(options.to)
    trials = plan(texts, axes, folder)
    with _Lines() as lines:
        decide = partial(try_again, lines.tell, should_stop)
        results = run_sweep(trials, folder, lines.show, should_stop, decide)
    done = sum(not result.stopped for result in results)
    print(f"{done} of {len(trials)} runs are done; compared in {folder / TABLE_NAME}")
    for result in results:
        if result.stopped:
            print(f"The next one: {result_line(result)}\nThe same command goes on.")
    if should_stop():
        return STOPPED
    return DONE if len(results) == len(trials) else FAILED


def try_again(
    tell: Callable[[str], None], should_stop: Callable[[], bool], trouble: Trouble
) -> Path | None:
    """Wait with a run that cannot go on, and try again by itself, until asked to stop.

    One that was asked before tries to save: a second signal ends the process.
    """
    asked = should_stop()
    loss = " without saving" if trouble.movable else ""
    again = f"Trying again every {RETRY_SECONDS:g} s; Ctrl-C ends the run{loss}."
    tell(f"Paused: {trouble.message} {again}")
    due = time.monotonic() + RETRY_SECONDS
    # A folder that is gone is not made anew unasked: its drive may come back.
    while time.monotonic() < due or not os.path.isdir(trouble.folder):
        if should_stop() and not asked:
            return None
        time.sleep(0.1)
    return trouble.folder


def sample(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Draw latents, decode them with the newest checkpoint and save the grid."""
    from vae.drawing import draw

    named = {name: getattr(options, name) for name in ("sampler", "temperature")}
    values, problems = parse({name: text for name, text in named.items() if text is not None})
    if problems := {**problems, **check(values)}:
        raise ConfigError(problems)
    drawn = draw(
        options.model_save_dir,
        options.output_dir,
        options.seed,
        lambda text: print(f"Note: {text}"),
        options.count,
        should_stop,
        values,
        options.best,
    )
    print(f"{options.count} images of epoch {drawn.epoch} in {drawn.path}")
    return DONE


def figures(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Draw the figures of the newest checkpoint's run for a paper."""
    from vae.figures import FIGURES, read_run, write_figures

    run = read_run(options.model_save_dir, options.output_dir)
    written, missing = write_figures(
        run, list(FIGURES), Path(options.to), options.format, not options.no_caption
    )
    for path in written:
        print(path)
    if missing:
        print(f"Note: there is nothing to draw yet for {', '.join(missing)}.", file=sys.stderr)
    return DONE if written else FAILED


def evaluate(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Print what the newest checkpoint is worth, on images that it did not learn from if any."""
    from tqdm import tqdm

    from vae.evaluation import evaluate, facts, table

    def warn(text: str) -> None:
        tqdm.write(f"Note: {text}", file=sys.stderr)  # above the bar

    wanted = options.count, options.k, options.seed
    network = Path(options.fid_network) if options.fid_network else None
    with _Lines() as lines:
        found = evaluate(
            options.model_save_dir, warn, *wanted, should_stop, options.best, network, lines.show
        )
    if options.json:
        print(json.dumps(facts(found), indent=1))
        return DONE
    print(table(found))
    if found.copies:
        print(_finding_lines(found.copies))
    return DONE


def report(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Measure the newest checkpoint and write a report of its run."""
    from vae.report import write_report

    folders = options.model_save_dir, options.output_dir
    to = Path(options.to) if options.to else None
    with _Lines() as lines:
        path = write_report(*folders, to, options.names, should_stop, lines.show)
    print(path)
    return DONE


def image_cache(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Tell where decoded images are kept and how much room they take, or delete them."""
    from vae import cache

    if options.clear:
        held = cache.clear()
        print(cache.usage_words())
        return FAILED if held else DONE
    print(cache.usage_words())
    return DONE


def doctor(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Print facts of the computer and of a run's folders, and what is wrong with them."""
    from vae import doctor as examiner

    facts = examiner.examine(given_parameters(options))
    print(json.dumps(facts, indent=1) if options.json else examiner.report(facts))
    if not options.json:
        print(f"The program's log is {diary.log_path()}", file=sys.stderr)
    return FAILED if facts["problems"] else DONE


def list_runs(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Print the history of runs, newest first; at the end of each the folder of its checkpoints."""
    runs, skipped = load_runs()
    if options.json:
        print(json.dumps([run_facts(run) for run in runs], indent=1))
    else:
        names = telling(runs)
        for run in runs:
            values = [f"{name} {run.words(name)}" for name in names[run.id][:MOST_TOLD]]
            print(", ".join([run_line(run), *values, readable(run.place("model_save_dir"))]))
        if not runs:
            print("No runs yet.")
    for name in skipped:
        print(f"Note: {run_path(name).with_suffix('')} cannot be read as a run.", file=sys.stderr)
    return DONE


def demo_data(options: argparse.Namespace, should_stop: Callable[[], bool]) -> int:
    """Make the demo data set."""
    from vae.demo import make_demo_data

    paths = make_demo_data(Path(options.folder), should_stop=should_stop)
    print(f"{len(paths)} images in {options.folder}")
    return STOPPED if should_stop() else DONE


class _Lines:
    """Shows events as lines, and batches and what else is counted as a tqdm bar on a terminal."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self.bar = tqdm(unit="batch", disable=not sys.stderr.isatty(), leave=False)
        self.changes: tuple[str, ...] = ()  # of a run that goes on, once it trains

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def show(self, event: Event) -> None:
        """Show one event."""
        if isinstance(event, TrialBegun):
            self.changes = ()
        if isinstance(event, Resumed):
            self.changes, event = event.changes, replace(event, changes=())
        if isinstance(event, (BatchDone, EpochDone)):
            for change in self.changes:
                self.tell(change)
            self.changes = ()
        if isinstance(event, Progress) and event.total:
            if event.done == 0 or event.total != self.bar.total:
                self.bar.reset(event.total)  # the time is that of this phase
            self.bar.unit, self.bar.n = " images", event.done
            self.bar.set_description(PHASES[event.phase])
        if isinstance(event, BatchDone):
            self.bar.unit, self.bar.total, self.bar.n = "batch", event.batches, event.batch
            self.bar.set_description(f"Epoch {event.epoch}/{event.epochs}", refresh=False)
            self.bar.set_postfix(loss=f"{event.loss:.5g}", images_per_s=f"{event.images_per_s:.1f}")
        for line in event_lines(event):
            self.tell(line)

    def tell(self, line: str) -> None:
        """Print a line above the bar."""
        self.bar.clear()
        try:
            print(line, flush=True)
        except OSError:
            # Whoever read the lines has left, as head does, or the terminal was closed; the
            # training goes on, and what it does by itself must not end it.
            sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


class _Examined:
    """Shows events, and tells what is wrong with a run, once, as soon as an epoch shows it."""

    def __init__(self, config: TrainConfig, lines: _Lines) -> None:
        self.values, self.lines = config.to_dict(), lines
        self.history: list[EpochRecord] = []
        self.told: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self.lines.show(event)
        if isinstance(event, Resumed):
            self.history = list(event.history)
        if isinstance(event, EpochDone):
            self.history.append(event.record)
            if len(self.history) < int(self.values["num_epochs"]):  # after which all is told anyway
                self.examine()

    def examine(self) -> None:
        """Tell what was not told yet."""
        for finding in findings(self.history, self.values):
            if finding.kind not in self.told:
                self.told.add(finding.kind)
                self.lines.tell(_finding_lines(finding))
