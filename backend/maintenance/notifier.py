"""The broker as the relay sees it: a message goes in, and one can ask how many wait there."""

from __future__ import annotations

from typing import Any, Protocol, cast

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

RUN_JOB = "worker.run_job"
"""Name of the worker's task."""


class Notifier(Protocol):
    """Tells the workers that a job may be there to be claimed; both calls raise BrokerError when it is away."""

    def notify(self, queue: str, job_id: str) -> None:
        """Send the message; it carries the job's id only."""
        ...

    def queue_length(self, queue: str) -> int:
        """Return how many messages in it no worker has taken yet."""
        ...


class CeleryNotifier:
    """Notifies by Celery's messages.

    Args:
        redis_url: the broker.
    """

    def __init__(self, redis_url: str) -> None:
        # Celery has no type information; this class is the typed edge around it.
        self._celery = cast(Any, Celery("backend", broker=redis_url))
        self._celery.conf.update(
            task_ignore_result=True,
            broker_connection_retry=False,
            # A broker that is away is tried again at the relay's next turn, not inside a call.
            broker_transport_options={
                "socket_connect_timeout": 2,
                "socket_timeout": 5,
                "max_retries": 1,
                "interval_start": 0,
                "interval_step": 0,
            },
        )

    def notify(self, queue: str, job_id: str) -> None:
        """Send the message."""
        self._celery.send_task(RUN_JOB, args=[job_id], queue=queue, ignore_result=True, retry=False)

    def queue_length(self, queue: str) -> int:
        """Ask the broker for the length of the queue, by a connection that is kept for the next time."""
        try:
            with self._celery.pool.acquire(block=True) as connection:
                return int(connection.default_channel.client.llen(queue))
        except RedisError as error:
            # The client underneath has errors of its own; who asks is to know one kind only.
            raise BrokerError(str(error)) from error

    def close(self) -> None:
        """Close the connections."""
        self._celery.close()
