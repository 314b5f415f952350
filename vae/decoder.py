"""Decoding in processes of their own: one that crashes or hangs takes neither run nor window along.

    python -m vae.decoder

is such a process. It reads requests from its input and answers them on its output, until the input
ends, as it does when whoever asked is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vae import reasons
from vae.errors import StopRequested, StudioError
from vae.images import ImageError, decode_image
from vae.language import _

COMMAND = (sys.executable, "-m", "vae.decoder")
# Of one image. One of a hundred million pixels takes four seconds.
LIMIT_SECONDS = 30.0
WATCH_SECONDS = 0.1
REQUEST = struct.Struct("<QII")  # bytes of the file, size, channels
ANSWER = struct.Struct("<BQ")  # kind, bytes of the pixels or of the reason
READY, PIXELS, REFUSED, NO_MEMORY = range(4)


class Decoders:
    """Helper processes, one for each thread that decodes; a context that ends them."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self.should_stop = should_stop
        self.mine = threading.local()
        self.all: list[_Helper] = []
        self.ended = threading.Event()

    def __enter__(self) -> Decoders:
        threading.Thread(target=self._watch, name="decoder watch", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        for helper in self.all:
            helper.end()

    def decode(self, data: bytes, size: int, channels: int) -> np.ndarray:
        """Like `images.decode_image`, in this thread's helper process.

        A file at which the helper dies or hangs is tried once more, since a computer that was
        suspended or short of memory is no fault of the image. Raises StopRequested too, at once,
        and StudioError if no helper can be started.
        """
        reason = ""
        for _attempt in range(2):
            helper = self._helper()
            try:
                return helper.decode(data, size, channels)
            except (OSError, EOFError) as error:
                if self.should_stop():
                    raise StopRequested from None
                helper.end()
                if not helper.ready:
                    raise not_started(error) from error
                late = reasons.TOO_SLOW.format(seconds=f"{LIMIT_SECONDS:g}")
                reason = late if helper.late else reasons.CRASHED
        raise ImageError(reason)

    def _helper(self) -> _Helper:
        helper: _Helper | None = getattr(self.mine, "helper", None)
        if helper is None or helper.ended:
            try:
                helper = self.mine.helper = _Helper()
            except OSError as error:
                raise not_started(error) from error
            self.all.append(helper)
        return helper

    def _watch(self) -> None:
        """End helpers that take too long, and all that are busy when the run is to stop."""
        while not self.ended.wait(WATCH_SECONDS):
            stop = self.should_stop()
            for helper in list(self.all):
                helper.late = helper.late or time.monotonic() - helper.since > LIMIT_SECONDS
                if helper.late or (stop and helper.since < float("inf")):
                    helper.kill()


class _Helper:
    """A running helper process. It is used by one thread, and may be killed by another."""

    def __init__(self) -> None:
        self.ready = self.late = self.ended = False
        self.since = float("inf")  # when it began to decode
        self.process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parent.parent,  # where Python then finds this package first
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def decode(self, data: bytes, size: int, channels: int) -> np.ndarray:
        """Raises ImageError, MemoryError; OSError or EOFError if the process has died."""
        assert self.process.stdin is not None
        self.since = time.monotonic()
        if not self.ready:
            self._receive()
            self.ready = True
        self.process.stdin.write(REQUEST.pack(len(data), size, channels))
        self.process.stdin.write(data)
        self.process.stdin.flush()
        kind, content = self._receive()
        self.since = float("inf")
        if kind == NO_MEMORY:
            raise MemoryError
        if kind == REFUSED:
            raise ImageError(content.decode())
        return np.frombuffer(content, np.uint8).reshape(size, size, channels)

    def _receive(self) -> tuple[int, bytes]:
        assert self.process.stdout is not None
        head = self.process.stdout.read(ANSWER.size)
        if len(head) < ANSWER.size:
            raise EOFError
        kind, length = ANSWER.unpack(head)
        content = self.process.stdout.read(length)
        if len(content) < length:
            raise EOFError
        return kind, content

    def kill(self) -> None:
        """End it in the middle of its work."""
        self.process.kill()

    def end(self) -> None:
        """End it and let go of its pipes."""
        if self.ended:
            return
        self.ended = True
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # a request that was never read
                pipe.close()
        self.process.wait()


def not_started(error: Exception) -> StudioError:
    """No image can be decoded."""
    text = _(
        "The process that decodes images cannot be started ({reason}). Nothing was trained: "
        "install VAE Studio again, or see whether a program that guards this computer holds "
        "Python back."
    )
    return StudioError(text.format(reason=str(error) or _("it ended at once")))


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a library prints is no answer

    def answer(kind: int, content: bytes | memoryview) -> None:
        answers.write(ANSWER.pack(kind, len(content)))
        answers.write(content)
        answers.flush()

    answer(READY, b"")
    while head := requests.read(REQUEST.size):
        length, size, channels = REQUEST.unpack(head)
        data = requests.read(length)
        try:
            pixels = decode_image(data, size, channels)
        except ImageError as error:
            answer(REFUSED, str(error).encode())
        except MemoryError:
            answer(NO_MEMORY, b"")
        else:
            answer(PIXELS, pixels.reshape(-1).data)


if __name__ == "__main__":
    main()
