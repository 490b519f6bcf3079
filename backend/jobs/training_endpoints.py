"""/trainings: what can be set, and what would become of an order. Trainings themselves are jobs."""

from __future__ import annotations

from fastapi import APIRouter

from backend.context import OwnContextDep
from backend.jobs import dry_run
from backend.jobs.kinds.training import TrainingIn
from backend.jobs.setting_groups import setting_groups
from backend.jobs.training_schemas import DryRunOut, SettingGroup, SettingsOut
from spf_portrait.contract.training_spec import TrainingSpec

router = APIRouter(prefix="/trainings", tags=["jobs"])


@router.get("/settings")
def read_settings() -> SettingsOut:
    """Read every setting of a training, with its bounds, as a JSON schema."""
    return SettingsOut(
        groups=[SettingGroup(title=title, settings=list(names)) for title, names in setting_groups().items()],
        specification=TrainingSpec.model_json_schema(),
    )


@router.post("/dry-run")
def try_order(context: OwnContextDep, order: TrainingIn) -> DryRunOut:
    """Check an order of a training without placing it: resolved settings, problems, notices and, if known, the time.

    The body is that of `POST /jobs`. Nothing is written, and the caption set is not frozen.
    """
    return dry_run.dry_run(context, order)
