"""Guards of the service that `python -m nemesis --mutations` takes away, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nemesis.guards import of_files, of_jobs
from nemesis.guards.guard import Guard

_ALL: Final = (
    Guard("token-check", 6, "an attempt whose token is old can write nothing", of_jobs.token_check),
    Guard("lease-check", 8, "only a job whose lease is over is taken back", of_jobs.lease_check),
    Guard("claim-state", 13, "only a queued job can be claimed", of_jobs.claim_state),
    Guard("outbox-resend", 9, "a message that seems lost is sent again", of_jobs.outbox_resend),
    Guard("parent-death", 3, "an engine dies with its supervisor", of_jobs.parent_death),
    Guard("idempotency-key", 31, "a repeated order is found by its key", of_jobs.idempotency_key),
    Guard("unique-result", 27, "the database takes one result of a job", of_jobs.unique_result),
    Guard("transition-trigger", 27, "the database refuses illegal transitions", of_jobs.transition_trigger),
    Guard("checkpoint-rename", 21, "a checkpoint gets its name when it is complete", of_files.checkpoint_rename),
    Guard("checkpoint-hashes", 22, "a checkpoint's bytes are compared with its manifest", of_files.checkpoint_hashes),
    Guard("archive-ratio", 34, "a member of a zip grows to a hundred times its size at most", of_files.archive_ratio),
    Guard("picture-bounds", 40, "a picture's header is judged before it is decoded", of_files.picture_bounds),
    Guard("fresh-canvas", 42, "a stored picture is pixels alone", of_files.fresh_canvas),
    Guard("body-limit", 55, "a body beyond the limit is refused", of_files.body_limit),
    Guard("header-deadline", 56, "a connection whose headers take too long is closed", of_files.header_deadline),
)

GUARDS: Final[Mapping[str, Guard]] = {guard.name: guard for guard in _ALL}
