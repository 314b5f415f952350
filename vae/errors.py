"""What the parts of the program raise for those above them to answer."""

from __future__ import annotations

from vae.language import _


class StudioError(Exception):
    """An error that was foreseen: its text tells a person what happened and what to do."""


class StopRequested(Exception):
    """The run was asked to stop during a phase that has nothing to save."""


def problem_of(error: BaseException) -> str:
    """What went wrong, in words for a person."""
    return file_problem(error) if isinstance(error, OSError) else str(error) or type(error).__name__


def file_problem(error: OSError) -> str:
    """Which file or folder could not be used, and why, in a sentence."""
    reason = error.strerror or error
    if error.filename:
        return _("{path} could not be used ({reason}).").format(path=error.filename, reason=reason)
    return _("A file could not be used ({reason}).").format(reason=reason)
