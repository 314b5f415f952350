"""What a person may ask of a running training, beside to stop."""

from __future__ import annotations

from enum import Enum


class Request(Enum):
    """Asked for at every batch, and done at once."""

    PAUSE = "pause"  # save, then wait for GO_ON or for the stop
    GO_ON = "go on"
    SAVE = "save"  # a checkpoint, in mid-epoch too
    SAMPLE = "sample"  # samples and reconstructions of the network as it is
