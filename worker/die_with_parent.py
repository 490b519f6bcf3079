"""`python die_with_parent.py PARENT_PID COMMAND...`: become COMMAND, and die when the parent dies.

A worker that is killed with SIGKILL cannot end its trainer, and an orphaned trainer would go on holding the device. The
kernel can: with PR_SET_PDEATHSIG it kills this process as soon as the parent is gone. The setting survives exec. It
follows the thread that started the process, so start it from the main thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent(command: Sequence[str]) -> list[str]:
    """Return the command line that runs a command which dies with the calling process."""
    return [sys.executable, "-P", str(Path(__file__).resolve()), str(os.getpid()), *command]


def main() -> None:
    """Ask the kernel for the parent-death signal and become the command."""
    parent_pid, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the setting took hold; then the kernel has nothing left to tell.
    if os.getppid() != parent_pid:
        sys.exit(f"the parent process {parent_pid} is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
