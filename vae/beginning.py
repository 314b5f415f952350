"""How a run begins: its images, and its network as the newest checkpoint left it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import torch

from vae import explain
from vae.checkpoint import bytes_a_weight, load_newest
from vae.config import TrainConfig
from vae.dataset import MedicalImageDataset, split
from vae.devices import choose_threads, describe
from vae.errors import StopRequested
from vae.events import DeviceChosen, Event, HeldBack, Resumed, Warned
from vae.files import make_folder, remove_leftovers
from vae.groups import groups_of, suggest, words
from vae.header import Record
from vae.language import _, marked, number
from vae.outputs import Outputs
from vae.schedule import is_over
from vae.state import TrainingState, layout_of
from vae.watch import DiskWatch

NOT_EXACT = marked(
    "Resuming with another processor type, device, number format, thread count or version of "
    "PyTorch or of the image decoders than the checkpoint's: the run goes on, but not bit for bit "
    "as an unbroken one."
)


def find_data(
    config: TrainConfig, watch: DiskWatch, should_stop: Callable[[], bool]
) -> tuple[MedicalImageDataset, MedicalImageDataset]:
    """The images for training and for validation. Raises DataError, OSError, StopRequested."""
    with watch.waiting("scan"):
        data = MedicalImageDataset(
            Path(config.file_path),
            config.img_size,
            config.in_channels,
            int(config.cache_gb * 1e9),
            watch.emit,
            should_stop,
        )
    training, validation = split(data, config.val_fraction, config.group_pattern)
    if len(validation):
        watch.emit(HeldBack(len(validation), len(training)))
        _check_groups(config, data, watch.emit)
    return training, validation


def _check_groups(
    config: TrainConfig, data: MedicalImageDataset, emit: Callable[[Event], None]
) -> None:
    """Warn where a pattern leaves images ungrouped: a patient may then be on both sides."""
    if not config.group_pattern:
        return
    groups = groups_of([file.name for file in data.files], config.group_pattern)
    if alone := groups.count(""):
        text = _(
            "group_pattern matches nothing in the names of {alone} of the {count} images. Each of "
            "these may be on another side than others of its patient, which makes the validation "
            "figures too good. If their names tell of patients too, extend the pattern and start "
            "fresh."
        )
        emit(Warned(text.format(alone=number(alone, ",d"), count=number(len(groups), ",d"))))


def begin(
    config: TrainConfig,
    images: tuple[MedicalImageDataset, MedicalImageDataset],
    place: tuple[torch.device, torch.dtype],
    outputs: Outputs,
    emit: Callable[[Event], None],
    fresh: bool,
    saver: Executor,
    should_stop: Callable[[], bool],
) -> TrainingState:
    """The network with the newest checkpoint's state, or with folders cleared for a new run.

    Raises CheckpointError, TrainingError if two checkpoints have no room, StopRequested before
    anything was changed, and OSError.
    """
    folder, (device, dtype) = Path(config.model_save_dir), place
    found = None if fresh else _newest(config, emit)
    threads = choose_threads(config.threads, found[2].threads if found else 0)
    torch.set_num_threads(threads)
    computing = threads if device.type == "cpu" else 0
    emit(DeviceChosen(*describe(device, threads, dtype), computing))
    data, validation = images
    state = TrainingState(config, data, validation, device, dtype, threads, saver)
    _check_free_space(state, folder)
    if config.batch_size > len(data):
        text = _(
            "batch_size {size} is more than the {count} images for training: an epoch is one step."
        )
        emit(Warned(text.format(size=config.batch_size, count=len(data))))
    if found:
        path, tensors, record = found
        changes = state.resume(path, tensors, record)
        if not state.is_exact(record):
            emit(Warned(_(NOT_EXACT)))
        over = is_over(record.history, config.to_dict())
        emit(Resumed(path, state.epoch, state.images_done, record.history, changes, over))
        outputs.set_foreign_pictures_aside(state)
    else:
        if should_stop():
            raise StopRequested
        if len(validation) and not config.group_pattern:
            names = [file.name for part in images for file in part.files]
            if grouping := suggest(names, should_stop):
                emit(Warned(words(grouping)))
        outputs.set_earlier_run_aside()
    for needed in (folder, outputs.folder, outputs.log.parent):
        make_folder(needed)
        remove_leftovers(needed)
    outputs.begin_log(state)
    outputs.write_image_list(state)
    return state


def _newest(
    config: TrainConfig, emit: Callable[[Event], None]
) -> tuple[Path, dict[str, np.ndarray], Record] | None:
    folder, layout = Path(config.model_save_dir), layout_of(config)
    return load_newest(folder, lambda text: emit(Warned(text)), layout)


def _check_free_space(state: TrainingState, folder: Path) -> None:
    weights = sum(parameter.numel() for parameter in state.model.parameters())
    needed = 2 * weights * bytes_a_weight(bool(state.config.ema))
    if (free := shutil.disk_usage(folder).free) < needed:
        raise explain.no_room(folder, free, needed)
