"""The tab with originals, reconstructions and their differences."""

from __future__ import annotations

import tkinter as tk

from vae.files import reconstructions_name
from vae.gui.gallery_pane import GalleryPane
from vae.gui.worker import Worker
from vae.language import _


class ReconstructionsPane(GalleryPane):
    """The same images in each epoch, so that epochs compare."""

    def __init__(self, master: tk.Misc, worker: Worker) -> None:
        promise = _("Originals and their reconstructions appear here after the first epoch.")
        meaning = _(
            "Rows: originals, reconstructions from mu, absolute differences; {moment}\n"
            "MSE in [-1, 1] and PSNR below each"
        )
        super().__init__(master, worker, "reconstructions", reconstructions_name, promise, meaning)
