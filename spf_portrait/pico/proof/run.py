"""Cell after cell, as far as the time goes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from spf_portrait.pico.proof.budget import Budget
from spf_portrait.pico.proof.records import Record, record_file, records_in, write_record
from spf_portrait.pico.proof.trial import Trial
from spf_portrait.training.train import Preempted


def run(trials: Sequence[Trial], results: Path, budget: Budget, on_record: Callable[[Record], None]) -> int:
    """Work on all cells that are not recorded yet.

    A cell that would not finish in time is not begun, judged by the slowest record of its kind; one that was begun is
    left with a checkpoint when the time is over.

    Args:
        trials: The cells.
        results: Folder of the records.
        budget: The time.
        on_record: Is told every cell that is finished in this run.

    Returns:
        How many cells are left for another run.

    Raises:
        SpfError: A cell cannot be trained or measured.
    """
    left = [trial for trial in trials if not record_file(results, trial.cell.name, trial.digest).exists()]
    while left and _finished(left[0], results, budget, on_record):
        left = left[1:]
    return len(left)


def _finished(trial: Trial, results: Path, budget: Budget, on_record: Callable[[Record], None]) -> bool:
    """Train and measure one cell; False if the time does not reach."""
    alike = expected_s(records_in(results), trial.cell.system.name)
    if not budget.allows(None if alike is None else sum(alike)):
        return False
    try:
        if trial.trained(budget.is_over):
            budget.worked()
    except Preempted:
        return False
    if not budget.allows(None if alike is None else alike[1]):
        return False
    record = trial.record()
    budget.worked()
    write_record(record_file(results, trial.cell.name, trial.digest), record)
    on_record(record)
    return True


def expected_s(records: Sequence[Record], system: str) -> tuple[float, float] | None:
    """Seconds of training and of measuring a cell: the longest of the system's, or else of all; None without any."""
    alike = [record["seconds"] for record in records if record["system"] == system]
    seconds = alike or [record["seconds"] for record in records]
    if not seconds:
        return None
    return max(one["training"] for one in seconds), max(one["measuring"] for one in seconds)
