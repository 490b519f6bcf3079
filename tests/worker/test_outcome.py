"""The verdict about an engine that has ended, or waits for its next order."""

import pytest

from spf_portrait.contract.artifacts import EXIT_FAILED, EXIT_OK, EXIT_PREEMPTED
from spf_portrait.contract.events import Failed, Finished
from worker.outcome import FENCED, HUNG, StopCause, judge

FINISHED = Finished(files={"adapter": "a"})
REFUSED = Failed(error={"code": "bad"})
UNLUCKY = Failed(error={"code": "disk_full"}, permanent=False)


@pytest.mark.parametrize(
    ("last_word", "exit_code", "stop_cause", "kill_reason", "kind", "reason"),
    [
        (FINISHED, EXIT_OK, "", "", "finished", ""),
        (FINISHED, None, "", "", "finished", ""),
        (FINISHED, EXIT_OK, "cancel", "", "finished", ""),
        (FINISHED, EXIT_OK, "", FENCED, "fenced", ""),
        (FINISHED, -9, "", "", "lost", "trainer_killed_by_signal_9"),
        (REFUSED, EXIT_FAILED, "cancel", "", "failed", "bad"),
        (UNLUCKY, EXIT_FAILED, "", "", "lost", "disk_full"),
        (None, -15, "cancel", "", "canceled", ""),
        (None, -15, "drain", "", "preempted", ""),
        (None, EXIT_PREEMPTED, "", "", "preempted", ""),
        (None, -9, "", HUNG, "lost", "trainer_hung"),
        (None, EXIT_FAILED, "", "", "lost", "trainer_exited_with_1"),
    ],
)
def test_verdicts(
    last_word: Finished | Failed | None,
    exit_code: int | None,
    stop_cause: StopCause,
    kill_reason: str,
    kind: str,
    reason: str,
) -> None:
    outcome = judge(last_word, exit_code, stop_cause, kill_reason)
    assert (outcome.kind, outcome.reason) == (kind, reason)
