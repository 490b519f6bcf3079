"""The parent-death signal, with real processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from worker.die_with_parent import die_with_parent


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is a service of the Linux kernel")
def test_a_child_dies_with_its_parent() -> None:
    parent_code = (
        "import subprocess, sys, time; from worker.die_with_parent import die_with_parent;"
        "command = die_with_parent([sys.executable, '-c', 'import time; time.sleep(600)']);"
        "child = subprocess.Popen(command, start_new_session=True);"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        time.sleep(0.5)
        assert _is_alive(child_pid)
        parent.kill()
    for _ in range(100):
        if not _is_alive(child_pid):
            break
        time.sleep(0.05)
    assert not _is_alive(child_pid)


def test_a_parent_that_is_gone_already_is_noticed() -> None:
    command = die_with_parent([sys.executable, "-c", "print('ran')"])
    command[3] = "1" if os.getpid() != 1 else "2"
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "ran" not in result.stdout
