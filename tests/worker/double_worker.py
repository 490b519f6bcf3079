"""A real Celery worker with the small engine of these tests: double_worker.py MODE QUEUE."""

import sys
from pathlib import Path

from backend.settings import Settings
from worker.__main__ import worker_options
from worker.app import create_worker

if __name__ == "__main__":
    mode, queue = sys.argv[1:]
    engine = (sys.executable, str(Path(__file__).with_name("double_engine.py")), mode)
    create_worker(Settings(), engine).worker_main(worker_options(queue))
