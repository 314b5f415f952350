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
        super().__init__(master, worker, "reconstructions", reconstructions_name, promise, "")
        self.tell_images(False)

    def take_over(self, other: GalleryPane) -> None:
        assert isinstance(other, ReconstructionsPane)
        self.tell_images(other.held_back)
        super().take_over(other)

    def tell_images(self, held_back: bool) -> None:
        """Say of which images the pictures are: those of the validation set, if there is one."""
        self.held_back = held_back
        images = _("Images that the network learns from, {moment}")
        if held_back:
            images = _("Validation images, which the network does not learn from, {moment}")
        rows = _("Rows: originals, reconstructions from mu, absolute differences")
        figures = _("MSE in [-1, 1] and PSNR below each")
        meaning = f"{rows}; {figures}\n{images}"
        if meaning != self.meaning:
            self.meaning = meaning
            self.say_what()
