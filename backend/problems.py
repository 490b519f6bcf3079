"""Every error of the HTTP side as one RFC 9457 problem document."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from backend.errors import NotSignedIn, ServiceError
from spf_portrait.contract.errors import SpfError
from spf_portrait.contract.full_disk import is_disk_full

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemItem(BaseModel):
    """One wrong field (`pointer`) or file (`file_name`) of the request."""

    code: str
    message: str
    hint: str = ""
    pointer: str | None = Field(default=None, description="JSON pointer into the request body")
    file_name: str | None = None


class Problem(BaseModel):
    """An error: what was found, what is allowed, what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    errors: list[ProblemItem] = []
    request_id: str


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request cannot be carried out", "content": {MEDIA_TYPE: {}}},
    "5XX": {"model": Problem, "description": "The service failed", "content": {MEDIA_TYPE: {}}},
}


def problem_response(
    request_id: str,
    status: int,
    code: str,
    detail: str,
    hint: str = "",
    errors: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Build the answer for one error."""
    problem = Problem(
        type=f"urn:spf-portrait:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        hint=hint,
        errors=[ProblemItem.model_validate(error) for error in errors],
        request_id=request_id,
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


def _validation_items(errors: Sequence[Any], body: object) -> list[dict[str, Any]]:
    """Turn pydantic's error list into problem items."""
    return [
        {"code": str(error["type"]), "message": str(error["msg"]), "pointer": _pointer(error["loc"], body)}
        for error in errors
    ]


def _pointer(place: Sequence[str | int], body: object) -> str:
    """Return the JSON pointer (RFC 6901) to a place in the request's body."""
    parts = [str(part) for part in (place[1:] if place[:1] == ("body",) else place)]
    kind = cast("dict[str, object]", body).get("kind") if isinstance(body, dict) else None
    if len(parts) > 1 and parts[0] == kind:
        parts = parts[1:]  # pydantic names the member of a union first, which is no place in the body
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def install_problem_handlers(app: FastAPI) -> None:
    """Make every failure of the application a problem document."""

    @app.exception_handler(ServiceError)
    def on_service_error(request: Request, error: ServiceError) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return service_error_response(_request_id(request), error)

    @app.exception_handler(SpfError)
    def on_contract_error(request: Request, error: SpfError) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return problem_response(
            _request_id(request), 422, error.code, f"Found {error.found}; allowed: {error.allowed}.", error.hint
        )

    @app.exception_handler(RequestValidationError)
    def on_invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        items = _validation_items(error.errors(), error.body)
        detail = "; ".join(f"{item['pointer']}: {item['message']}" for item in items)
        return problem_response(
            _request_id(request),
            422,
            "invalid_request",
            f"The request does not have the described form: {detail}.",
            "Compare it with /api/v1/openapi.json.",
            items,
        )

    @app.exception_handler(HTTPException)
    def on_http_error(request: Request, error: HTTPException) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        if is_disk_full(error):  # which kept the framework from taking in the request's body
            return _disk_full(_request_id(request))
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_").replace("-", "_")
        return problem_response(_request_id(request), error.status_code, code, str(error.detail), headers=error.headers)

    @app.exception_handler(OSError)
    def on_file_error(request: Request, error: OSError) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        if is_disk_full(error):
            return _disk_full(_request_id(request))
        return internal_error_response(_request_id(request), error)

    _install_database_handlers(app)


def _install_database_handlers(app: FastAPI) -> None:
    """Tell what the asker can do about from what the database fails at."""

    @app.exception_handler(OperationalError)
    def on_database_error(request: Request, error: OperationalError) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return database_error_response(_request_id(request), error)

    @app.exception_handler(DataError)
    def on_unstorable_value(request: Request, error: DataError) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        log.warning("a value that the database refuses: %s", error.orig)
        return problem_response(
            _request_id(request),
            422,
            "unstorable_value",
            "The request has a character or a number that the database cannot hold, such as U+0000.",
            "Remove control characters and use smaller numbers.",
        )


def service_error_response(request_id: str, error: ServiceError) -> JSONResponse:
    """Answer for an expected failure."""
    return problem_response(
        request_id, error.status, error.code, error.detail, error.hint, error.errors, _headers_of(error)
    )


def _headers_of(error: ServiceError) -> dict[str, str]:
    """Return what programs read before they read the problem document."""
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": 'Bearer realm="spf-portrait"' + (', error="invalid_token"' if error.tried else "")}
    return {"Retry-After": "2"} if error.status == 503 else {}


def database_error_response(request_id: str, error: OperationalError) -> JSONResponse:
    """Answer for a database that is locked, away, or has no room left."""
    if is_disk_full(error):
        return _disk_full(request_id)
    log.error("request %s: database: %s", request_id, error)
    return problem_response(
        request_id,
        503,
        "database_busy",
        "The database did not answer in time.",
        "Ask again in a moment.",
        headers={"Retry-After": "2"},
    )


def _disk_full(request_id: str) -> JSONResponse:
    """Answer for a request that needs room on a disk that has none."""
    log.error("request %s: the disk is full", request_id)
    return problem_response(
        request_id,
        507,
        "disk_full",
        "The disk of the studio is full; nothing of this request was stored.",
        "Make room on the disk that holds the data folder and the temporary files, then send it again.",
    )


def internal_error_response(request_id: str, error: Exception) -> JSONResponse:
    """Answer for a failure that nobody foresaw: the log has the details, the asker gets the request id."""
    log.error("request %s failed", request_id, exc_info=error)
    return problem_response(
        request_id,
        500,
        "internal_error",
        "The service failed in a way it did not foresee.",
        "The log has the details under this request_id.",
    )


def _request_id(request: Request) -> str:
    """Return the identifier that the security layer gave to this request."""
    return str(request.scope.get("request_id", ""))
