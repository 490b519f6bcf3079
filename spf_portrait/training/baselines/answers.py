"""What models answer to the states of a step: the tuned one, the original one, and a tuned one that was frozen."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off, renew_adapter
from spf_portrait.method.micro_batches import in_batches
from spf_portrait.method.states import State
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.training.training_state import TrainingState


def answer(base: BaseModel, state: State, text: TextEmbedding, at_once: int) -> Tensor:
    """ε_θ(x_t, t, text) by the model as it is, `at_once` rows through the network together; shaped as x_t."""
    return in_batches(
        lambda rows: predict(base, state.x_t[rows], state.timesteps[rows], text[rows]),
        len(state.x_t),
        at_once,
        torch.cat,
    )


@torch.no_grad()
def original_answer(base: BaseModel, state: State, text: TextEmbedding, at_once: int) -> Tensor:
    """ε_ref: as `answer`, by the original model."""
    with adapter_off(base.network):
        return answer(base, state, text, at_once)


class FrozenTeacher:
    """The tuned model as it was at the end of stage 1, without a second network: its adapter's weights alone are kept.

    Args:
        base: With the adapter attached.
        state: Of the training; a checkpoint keeps the teacher, too.
    """

    def __init__(self, base: BaseModel, state: TrainingState) -> None:
        self._base, self._state = base, state

    def freeze(self, seed: int) -> None:
        """Keep the weights as they are, and start the adapter and its optimizer anew; later calls do nothing.

        `seed` is that of the new adapter's starting values.
        """
        if not self._state.kept:
            self._state.kept = {
                f"teacher.{index}": parameter.detach().clone() for index, parameter in enumerate(self._state.parameters)
            }
            renew_adapter(self._base.network, seed)
            self._state.optimizer.state.clear()

    @torch.no_grad()
    def answer(self, state: State, text: TextEmbedding, at_once: int) -> Tensor:
        """As `answer` of this file, by the teacher."""
        with self._at_work():
            return answer(self._base, state, text, at_once)

    @contextmanager
    def _at_work(self) -> Generator[None]:
        """The teacher's weights in the adapter's place. Never open while a response waits for its backward pass."""
        learners = [parameter.data for parameter in self._state.parameters]
        for index, parameter in enumerate(self._state.parameters):
            parameter.data = self._state.kept[f"teacher.{index}"]
        try:
            yield
        finally:
            for parameter, learner in zip(self._state.parameters, learners, strict=True):
                parameter.data = learner
