"""A second device for machines that have none: its tensors lie beside those of the CPU, and the two do not mix.

It stands for a GPU in tests. Unlike the device `meta` its tensors have values, so that whole trainings and drawings run
on it. The values are computed on the CPU; what is refused is what a GPU refuses: an operation between tensors of both
devices, or numpy. torch knows it by the name `second` once this module was imported, for the rest of the process.
"""

from typing import Any, Final, cast

import torch
from torch import Tensor
from torch.utils import backend_registration as untyped_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

_registration = cast("Any", untyped_registration)
SECOND: Final = torch.device("privateuseone", 0)
"""Printed as `second:0`."""
_REACHES_ACROSS: Final = ("aten::copy_", "aten::_to_copy")
_INDEXED_FROM_THE_CPU: Final = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")


class SecondTensor(Tensor):
    """A tensor of the second device; `on_cpu` has its numbers."""

    on_cpu: Tensor

    @staticmethod
    def __new__(cls: Any, values: Tensor) -> Any:
        """Looks like `values`, elsewhere."""
        layout: dict[str, Any] = {"strides": values.stride(), "storage_offset": values.storage_offset()}
        made: Any = cast("Any", Tensor)._make_wrapper_subclass(
            cls, values.size(), dtype=values.dtype, device=SECOND, **layout
        )
        made.on_cpu = values
        return made

    def __repr__(self, **_: Any) -> str:
        return f"second({self.on_cpu})"

    def tolist(self) -> Any:
        """Of a wrapped tensor torch refuses it, of a GPU's it does not."""
        return cast("Any", self.on_cpu).tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class SecondDevice(TorchDispatchMode):
    """While this is open, tensors can be made on the second device and moved to it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """One operation: on the values, if all of them are on one device."""
    name, tensors = func._schema.name, [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    ours = any(isinstance(tensor, SecondTensor) for tensor in tensors)
    if ours and not _may_mix(name, args) and any(_is_foreign(tensor) for tensor in tensors):
        raise RuntimeError(f"{name}: Expected all tensors to be on the same device, found second:0 and cpu")
    asked = kwargs.get("device")
    here = ours if asked is None else torch.device(asked).type == SECOND.type
    if here and asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    found = func(*tree_map(_values, args), **tree_map(_values, kwargs))
    if func._schema.is_mutable:
        return args[0]
    return tree_map(_wrapped, found) if here else found


def _may_mix(name: str, args: tuple[Any, ...]) -> bool:
    return name in _REACHES_ACROSS or (name in _INDEXED_FROM_THE_CPU and isinstance(args[0], SecondTensor))


def _is_foreign(tensor: Tensor) -> bool:
    """Single numbers of the CPU go with tensors of any device."""
    return not isinstance(tensor, SecondTensor) and tensor.dim() > 0


def _values(leaf: Any) -> Any:
    return leaf.on_cpu if isinstance(leaf, SecondTensor) else leaf


def _wrapped(leaf: Any) -> Any:
    return SecondTensor(leaf) if isinstance(leaf, Tensor) and not isinstance(leaf, SecondTensor) else leaf


class _Module(_registration._DummyBackendModule):
    """What torch asks of a device: which precision autocast has there, and a state of random numbers, never used."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    def get_rng_state(self, device: Any = None) -> Tensor:
        return torch.zeros(1)

    def set_rng_state(self, state: Tensor, device: Any = None) -> None:
        pass


def _registered() -> tuple[Any, ...]:
    """Make the device known to torch; what is returned must be kept, because torch does not keep it.

    A few operations have to be told apart from the mode: torch takes them past it, inside of `torch.tensor` for one.
    """
    hook, guard = _registration._DummyPrivateUse1Hook(), _registration._DummyDeviceGuard()
    _registration._setup_privateuseone_for_python_backend(
        "second", backend_module=_Module(), hook=hook, device_guard=guard
    )
    inside, around = torch.library.Library("aten", "IMPL"), torch.library.Library("_", "IMPL")
    for operation in (
        torch.ops.aten.empty.memory_format,
        torch.ops.aten.empty_strided.default,
        torch.ops.aten.copy_.default,
        torch.ops.aten._to_copy.default,
    ):
        inside.impl(operation, _kernel(operation), "PrivateUse1")
    around.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    return hook, guard, inside, around


def _kernel(operation: Any) -> Any:
    def kernel(*args: Any, **kwargs: Any) -> Any:
        return _run(operation, args, kwargs)

    return kernel


_REGISTERED: Final = _registered()
