"""How a system asks a program to stop."""

from __future__ import annotations

import signal


def stop_signals() -> list[int]:
    """Ctrl-C, a request to terminate, and a closed terminal unless nohup asks to ignore it."""
    numbers: list[int] = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        numbers.append(hangup)
    return numbers
