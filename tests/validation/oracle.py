"""What real readers would import from a file, without importing it: run with the Python whose readers are asked.

    python oracle.py < cases > answers

A case is a line of base64; its answer a line of JSON: the names that any reader asks for. Every name is answered by an
inert class. An audit hook ends the process if anything starts a program or opens a connection all the same.
"""

from __future__ import annotations

import base64
import builtins
import contextlib
import io
import json
import os
import pickle
import resource
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

_ACTING = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
    "shutil.",
    "os.remove",
)
_CONTAINERS = frozenset({"dict", "list", "set", "slice", "str", "tuple"})
_MEMORY = 1 << 30
_MEMORY_OF_TORCH = 12 << 30  # addresses, most of them never used


class Inert:
    """Takes any arguments, any state, any item, and does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        return None

    def __setstate__(self, _: object) -> None:
        return None

    def append(self, _: object) -> None:
        """Do nothing."""

    def __setitem__(self, _: object, __: object) -> None:
        return None


def watch(event: str, _: tuple[Any, ...]) -> None:
    """End the process where a reader acts."""
    if event.startswith(_ACTING):
        os.write(2, f"a reader acted: {event}\n".encode())
        os._exit(3)


def recording(unpickler: type, taken: set[str], real: tuple[str, ...] = ()) -> type:
    """Return an unpickler that notes the names it is asked for, and gives an inert class for all but a few."""

    class Watching(unpickler):  # type: ignore[misc]  # either implementation
        def find_class(self, module: str, name: str) -> object:
            taken.add(f"{module}\n{name}")
            return super().find_class(module, name) if f"{module}.{name}" in real else Inert

    return Watching


def plain_readers(taken: set[str]) -> Iterator[Callable[[bytes], object]]:
    """Yield pickle.load of both implementations, as often as the file has pickles."""
    for implementation in (pickle.Unpickler, pickle._Unpickler):
        made = recording(implementation, taken)

        def read(data: bytes, made: type = made) -> None:
            stream = io.BytesIO(data)
            for _ in range(5):
                made(stream).load()

        yield read


def library_readers(taken: set[str]) -> Iterator[Callable[[bytes], object]]:
    """Yield joblib.load and numpy.load, where they are installed."""
    try:
        import joblib.numpy_pickle as numbers  # noqa: PLC0415 - only where it is installed
        import joblib.numpy_pickle_utils as streams  # noqa: PLC0415 - only where it is installed
        import numpy as np  # noqa: PLC0415 - only where it is installed
        from numpy.lib import _format_impl, _npyio_impl  # noqa: PLC0415 - only where it is installed
    except ImportError:
        return
    real = ("joblib.numpy_pickle.NumpyArrayWrapper", "numpy.ndarray", "numpy.dtype")
    unpickler = recording(numbers.NumpyUnpickler, taken, real)
    plain = recording(pickle.Unpickler, taken, real)
    watched = SimpleNamespace(load=lambda stream, **_: plain(stream).load(), UnpicklingError=pickle.UnpicklingError)
    _format_impl.pickle = _npyio_impl.pickle = watched

    def by_joblib(data: bytes) -> None:
        stream = io.BytesIO(data)
        opened = (
            streams._validate_fileobject_and_memmap if hasattr(streams, "_validate_fileobject_and_memmap") else None
        )
        reading = opened(stream, "", None) if opened else streams._read_fileobject(stream, "")
        with reading as (handle, _):
            unpickler("", handle, ensure_native_byte_order=False).load()

    def by_numpy(data: bytes) -> None:
        found = np.load(io.BytesIO(data), allow_pickle=True)
        for name in getattr(found, "files", ()):
            found[name]

    yield by_joblib
    yield by_numpy


def torch_readers(taken: set[str]) -> Iterator[Callable[[bytes], object]]:
    """Yield torch.load that takes any class, where it is installed. TorchScript is a program, and counts as a name."""
    try:
        import torch  # noqa: PLC0415 - only where it is installed
    except ImportError:
        return
    unpickler = recording(pickle.Unpickler, taken)
    watched = SimpleNamespace(
        __name__="watched",
        Unpickler=unpickler,
        UnpicklingError=pickle.UnpicklingError,
        load=lambda stream, **_: unpickler(stream).load(),
        loads=lambda data, **_: unpickler(io.BytesIO(data)).load(),
    )
    torch.jit.load = lambda *_, **__: taken.add("torch.jit\nload")

    def by_torch(data: bytes) -> None:
        torch.load(io.BytesIO(data), weights_only=False, pickle_module=watched)

    yield by_torch


def skops_readers(taken: set[str]) -> Iterator[Callable[[bytes], object]]:
    """Yield skops.io.load that trusts every type, where it is installed."""
    try:
        import skops.io  # noqa: PLC0415 - only where it is installed
        from skops.io import _general, _numpy, _persist, _sklearn, _utils  # noqa: PLC0415 - only where it is installed
    except ImportError:
        return

    def named(module: str, name: str, **_: object) -> object:
        taken.add(f"{module}\n{name}")
        return getattr(builtins, name) if module == "builtins" and name in _CONTAINERS else Inert

    class Operators:
        """Stands for the module that skops takes functions of operator from."""

        def __getattr__(self, name: str) -> object:
            return named("operator", name)

    for module in (_general, _numpy, _sklearn, _utils):
        for function in ("gettype", "_import_obj"):
            if hasattr(module, function):
                setattr(module, function, named)
    _general.operator = Operators()
    _persist.audit_tree = lambda *_, **__: None

    def by_skops(data: bytes) -> None:
        skops.io.loads(data)

    yield by_skops


def names_taken(data: bytes) -> set[str]:
    """Return the names that any reader asks for before it ends or fails."""
    taken: set[str] = set()
    for readers in (plain_readers, library_readers, torch_readers, skops_readers):
        for read in readers(taken):
            with contextlib.suppress(Exception):
                read(data)
    return taken


def main() -> None:
    """Answer each case."""
    import warnings  # noqa: PLC0415 - readers warn about damaged files

    warnings.simplefilter("ignore")
    names_taken(pickle.dumps(1))  # whatever readers import they have imported before the hook watches
    memory = _MEMORY_OF_TORCH if "torch" in sys.modules else _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sys.addaudithook(watch)
    for line in sys.stdin:
        print(json.dumps(sorted(names_taken(base64.b64decode(line)))))


if __name__ == "__main__":
    main()
