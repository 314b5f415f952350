"""A disk that fails on demand: every call that changes files goes through it and is counted."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from vae import training
from vae.lock import STEM

CHANGING = ("open", "write", "truncate", "fsync", "replace", "unlink", "mkdir")
ASKING = ("stat", "lstat", "listdir", "scandir")


class Killed(BaseException):
    """The process would be dead: nothing it tries has any effect from here on."""


@dataclass(frozen=True)
class Call:
    """A call that changes files. `path` is what it acts on, for "replace" the target."""

    name: str
    path: Path
    source: Path | None = None
    offset: int = 0
    data: bytes = b""
    is_folder: bool = False


@dataclass
class Disk:
    """Records the calls below some folders, and lets one of them fail.

    `fault` "kill" ends the process before call number `at`; "torn" too, but half of what that call
    writes is on the disk; an errno's name lets that one call fail with it.
    """

    roots: tuple[Path, ...]
    fault: str = ""
    at: int = -1
    calls: list[Call] = field(default_factory=list)
    dead: bool = False
    paths: dict[int, Path] = field(default_factory=dict)  # of the open descriptors

    def concerns(self, path: Path) -> bool:
        """Whether a path is one whose calls count."""
        inside = any(path.is_relative_to(root) for root in self.roots)
        # A lock's files are no lasting ones; the system takes them from a killed process.
        return inside and not path.name.startswith(STEM)

    def step(self, call: Call, half: Callable[[], object] = lambda: None) -> None:
        """Count a call that is about to be made; raise if it is the one that fails."""
        if self.dead:
            raise Killed
        number = len(self.calls)
        self.calls.append(call)
        if number != self.at:
            return
        if self.fault in ("kill", "torn"):
            self.dead = True
            if self.fault == "torn":
                half()
            raise Killed
        code = getattr(errno, self.fault)
        raise OSError(code, os.strerror(code), str(call.path))


class _Raw(io.FileIO):
    """An unbuffered file whose writes the disk sees. A buffer over it is lost with the process."""

    def __init__(self, descriptor: int, disk: Disk, path: Path) -> None:
        super().__init__(descriptor, "r+")
        self.disk, self.path = disk, path

    def write(self, data: Any, /) -> int:
        content = bytes(data)
        half = content[: len(content) // 2]
        call = Call("write", self.path, offset=self.tell(), data=content)
        self.disk.step(call, lambda: io.FileIO.write(self, half))
        return super().write(data)

    def truncate(self, size: int | None = None, /) -> int:
        size = self.tell() if size is None else size
        self.disk.step(Call("truncate", self.path, offset=size))
        return super().truncate(size)


@contextlib.contextmanager
def faulty(disk: Disk) -> Iterator[Disk]:
    """Put a disk below everything that Python calls. Training saves in its own thread's turn.

    Inline saving makes the calls' order the same each time, so that each has a number.
    """
    real = {name: getattr(os, name) for name in ("open", "fdopen", "fsync", "replace", "close")}
    real |= {name: getattr(os, name) for name in ("unlink", "mkdir")}

    def open_(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        place = Path(path)
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        if writes and disk.concerns(place):
            disk.step(Call("open", place))
        descriptor: int = real["open"](path, flags, *rest, **named)
        if disk.concerns(place):
            disk.paths[descriptor] = place
        return descriptor

    def fdopen(descriptor: int, *rest: Any, **named: Any) -> Any:
        if path := disk.paths.get(descriptor):
            return io.BufferedRandom(_Raw(descriptor, disk, path))
        return real["fdopen"](descriptor, *rest, **named)

    def fsync(descriptor: int) -> None:
        if path := disk.paths.get(descriptor):
            disk.step(Call("fsync", path, is_folder=path.is_dir()))
        real["fsync"](descriptor)

    def close(descriptor: int) -> None:
        disk.paths.pop(descriptor, None)
        real["close"](descriptor)

    def replace(source: Any, target: Any) -> None:
        if disk.concerns(Path(target)):
            disk.step(Call("replace", Path(target), source=Path(source)))
        real["replace"](source, target)

    def unlink(path: Any, **named: Any) -> None:
        if disk.concerns(Path(path)):
            disk.step(Call("unlink", Path(path)))
        real["unlink"](path, **named)

    def mkdir(path: Any, *rest: Any, **named: Any) -> None:
        if disk.concerns(Path(path)):
            disk.step(Call("mkdir", Path(path)))
        real["mkdir"](path, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        for function in (fdopen, fsync, close, replace, unlink, mkdir):
            patch.setattr(os, function.__name__, function)
        patch.setattr(os, "open", open_)
        patch.setattr(training, "ThreadPoolExecutor", Inline)
        yield disk


@contextlib.contextmanager
def unreachable(folders: Mapping[Path, int]) -> Iterator[None]:
    """Let folders be on drives that fail: what is asked of them is answered with their errno.

    Which folders these are may change meanwhile.
    """

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *rest: Any, **named: Any) -> Any:
            for folder, code in () if isinstance(path, int) else tuple(folders.items()):
                if Path(os.fsdecode(path)).is_relative_to(folder):
                    raise OSError(code, os.strerror(code), str(path))
            return real(path, *rest, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in (*ASKING, "open", "replace", "unlink", "mkdir"):
            patch.setattr(os, name, failing(getattr(os, name)))
            # Python 3.10's paths keep these functions to themselves.
            accessor = getattr(pathlib, "_NormalAccessor", None)
            if hasattr(accessor, name):
                patch.setattr(accessor, name, staticmethod(getattr(os, name)))
        yield


class Inline:
    """A pool that does each piece of work at once, in the caller's thread."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *arguments: object) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future
