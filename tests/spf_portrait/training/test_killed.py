"""A training that the system kills while it writes a checkpoint."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from spf_portrait.contract.artifacts import LOSS_LOG
from spf_portrait.training.checkpoint import newest_sound_step
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.stepping import equal, stepped

KILLED_AT = {
    "before_tensors": ("os.mkdir", "step-000003.tmp", 2),
    "before_facts": ("open", "step-000003.tmp/facts.json", 2),
    "before_manifest": ("open", "step-000003.tmp/manifest.json", 2),
    "before_rename": ("os.rename", "step-000003.tmp", 2),
    "before_removing_old": ("shutil.rmtree", "step-000001", 3),
}
"""What Python is about to do when the process is killed, and the step of the newest sound checkpoint then."""

DYING = """
import json, os, signal, sys
from pathlib import Path
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train

orders = json.loads(sys.argv[1])
for name, (event, place, _) in orders["killed_at"].items():
    if os.fork() == 0:
        def die(found, arguments):
            if found != event or not str(arguments[0]).endswith(place):
                return
            if found != "shutil.rmtree" or os.path.isdir(arguments[0]):
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(die)
        job = orders["job"]
        folders = [Path(job["data"]), Path(job["out"]) / name, Path(job["checkpoints"]) / name]
        spec = TrainingSpec.from_mapping(job["spec"])
        train(TrainingJob(*folders, spec, models_dir=Path(job["models_dir"])), lambda event: None)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGKILL, name
"""


def test_a_process_killed_while_it_writes_a_checkpoint_loses_nothing_else(make_job: Callable[..., TrainingJob]) -> None:
    """Real processes, each killed at another point of the third checkpoint."""
    options: dict[str, Any] = {"checkpoint_every": 1, "keep_checkpoints": 2, "validate_every": 2}
    unbroken, dying = make_job("unbroken", **options), make_job("dying", **options)
    expected = stepped(unbroken)
    order = {name: str(getattr(dying, name)) for name in ("data", "out", "checkpoints", "models_dir")}
    order_with_spec = json.dumps({"killed_at": KILLED_AT, "job": order | {"spec": dying.spec.model_dump()}})
    subprocess.run([sys.executable, "-c", DYING, order_with_spec], check=True)
    for name, (_, _, step) in KILLED_AT.items():
        folder = dying.checkpoints / name
        assert newest_sound_step(folder) == step, name
        resumed = make_job(f"resumed-{name}", resume=True, checkpoints=f"dying-checkpoints/{name}", **options)
        run = stepped(resumed)
        assert equal(run, expected), name
        assert (resumed.out / LOSS_LOG).read_bytes() == (unbroken.out / LOSS_LOG).read_bytes(), name
        assert sorted(path.name for path in folder.iterdir()) == ["step-000004", "step-000005"], name
