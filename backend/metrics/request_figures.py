"""Requests that this process has answered; every process of the API is a target of its own for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from backend.request_layer import AnsweredRequest

_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_BOUNDS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class RequestFigures:
    """Counts requests and times them.

    Args:
        figures: where they are shown.
    """

    def __init__(self, figures: CollectorRegistry) -> None:
        self._answers = Counter(
            "spf_http_requests", "Answered requests.", ("method", "route", "status"), registry=figures
        )
        self._waits = Histogram(
            "spf_http_request_seconds",
            "Time until an answer began.",
            ("method", "route"),
            buckets=_BOUNDS_S,
            registry=figures,
        )

    def count(self, request: AnsweredRequest) -> None:
        """Count one request; what a stranger may make up becomes no label."""
        method = request.method if request.method in _METHODS else "other"
        self._answers.labels(method, request.route, request.status).inc()
        self._waits.labels(method, request.route).observe(request.wait_s)
