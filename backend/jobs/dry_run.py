"""What would become of an order of a training: its settings, problems and time, without writing anything."""

from __future__ import annotations

from backend.context import Context
from backend.datasets.report import report
from backend.datasets.report_schemas import ReportOut
from backend.jobs.kinds.training import TrainingIn, checked_spec
from backend.jobs.measured_times import estimated
from backend.jobs.training_schemas import DryRunOut, EstimateOut, OrderProblem
from spf_portrait.contract.errors import SpfError


def dry_run(context: Context, order: TrainingIn) -> DryRunOut:
    """Look at an order as if it were placed.

    Raises:
        NotFound: no such caption set.
    """
    try:
        spec = checked_spec(context, order)
    except SpfError as error:
        return DryRunOut(accepted=False, problems=[_refusal(error)], notices=[], spec=None, estimate=None)
    found = report(context, order.dataset_id, spec.base)
    settings = spec.model_dump(mode="json")
    with context.db.read() as session:
        estimate = estimated(session, settings)
    return DryRunOut(
        accepted=found.trainable,
        problems=[OrderProblem.model_validate(problem.model_dump()) for problem in found.problems],
        notices=_notices(found),
        spec=settings,
        estimate=estimate and EstimateOut(seconds=estimate.seconds, trainings=estimate.trainings),
    )


def _refusal(error: SpfError) -> OrderProblem:
    """Show why settings are refused."""
    message = f"Found {error.found}; allowed: {error.allowed}."
    return OrderProblem(code=error.code, message=message, hint=f"{error.hint.rstrip('.')}.")


def _notices(found: ReportOut) -> list[str]:
    """Return everything that the caption set's report warns of, the weightiest first."""
    return [*found.unseen_words, *(bias.message for bias in found.biases), *found.hints]
