"""Reading and deleting evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend import results
from backend.context import Context, instant
from backend.evaluations.schemas import EvaluationList, EvaluationOut
from backend.paging import PageRequest
from backend.tables import Evaluation

_OF_THE_ORDER = ("base", "target", "count", "steps", "guidance_scale", "strength", "hold")


def list_evaluations(context: Context, page: PageRequest, adapter_id: str | None) -> EvaluationList:
    """Return a page of evaluations, newest first."""
    cut = results.page_of_results(context, Evaluation, page, adapter_id)
    return EvaluationList(
        data=[_evaluation_out(row) for row in cut.rows],
        next_cursor=cut.next_cursor,
        has_more=cut.next_cursor is not None,
    )


def read_evaluation(context: Context, evaluation_id: str) -> EvaluationOut:
    """Return one evaluation.

    Raises:
        NotFound: no such evaluation.
    """
    return _evaluation_out(results.require_result(context, Evaluation, evaluation_id))


def file_path(context: Context, evaluation_id: str, name: str) -> tuple[Path, str]:
    """Return where a file of an evaluation lies, and its SHA-256.

    Raises:
        NotFound: no such evaluation or file.
    """
    return results.result_file(context, Evaluation, evaluation_id, name)


def delete_evaluation(context: Context, evaluation_id: str) -> None:
    """Delete an evaluation and its files.

    Raises:
        NotFound: no such evaluation.
    """
    results.delete_result(context, Evaluation, evaluation_id)


def _evaluation_out(row: Evaluation) -> EvaluationOut:
    """Show an evaluation."""
    figures = row.figures
    return EvaluationOut.model_validate(
        {
            "id": row.id,
            "job_id": row.job_id,
            "adapter_id": row.adapter_id,
            **{name: figures[name] for name in _OF_THE_ORDER},
            "metrics": [_metric(name, metric) for name, metric in figures["metrics"].items()],
            "pollution_by_axis": [{"axis": axis, **found} for axis, found in figures["pollution_by_axis"].items()],
            "files": {str(file["name"]): results.file_address(row, str(file["name"])) for file in row.files},
            "created_at": instant(row.created_at),
        }
    )


def _metric(name: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    """Show one metric: the engine writes figure and description side by side."""
    missing = metric.get("missing")
    return {"name": name, **metric, "figure": None if missing else metric, "missing": missing}
