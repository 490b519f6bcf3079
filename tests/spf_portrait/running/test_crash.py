"""A crash in words."""

import errno

import pytest

from spf_portrait.running.crash import crash_report


def _chained() -> RuntimeError:
    error = RuntimeError("writing failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
        _chained(),
    ],
)
def test_a_full_disk_is_told_from_other_errors(error: Exception) -> None:
    failed = crash_report(error)
    assert (failed.error["code"], failed.permanent) == ("disk_full", False)


def test_an_unforeseen_error_is_named_without_the_paths_of_the_machine() -> None:
    failed = crash_report(FileNotFoundError(errno.ENOENT, "No such file or directory", "/home/anna/model"))
    assert failed.error["code"] == "unforeseen_error"
    assert "FileNotFoundError: No such file or directory." in failed.error["message"]
    assert "anna" not in str(failed.error)
    assert not failed.permanent
