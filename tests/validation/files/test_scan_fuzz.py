"""Real readers against the scan: whatever a reader would import from a mutated file, the scan has seen, or it refuses
the file.

The readers are the unpicklers of Python, joblib and numpy (those of .venv-mlflow where it exists), in a process of
their own that imports nothing that a file names. The cases are made from a seed: the known evasions of picklescan and
modelscan, honest models, and what becomes of both by flipped bytes, splices, odd numbers in front, and packing.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import struct
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.validation.conftest import MODELS
from tests.validation.files.test_scan_odd_pickles import PREFIXES
from tests.validation.scanning import SYSTEM, scan, zipped
from validation.scanning.pickles.globals import is_allowed
from validation.scanning.pickles.scan import _may_exist

LIBRARIES = ROOT / ".venv-mlflow" / "bin" / "python"
NAMES = [
    "model.pkl",
    "model.bin",
    "weights",
    "a.txt",
    "data.csv",
    "m.joblib",
    "x.npy",
    "config.json",
    "x.index",
    "spiece.model",
]
# Globals that scanners by a list of forbidden names have let through (the advisories of picklescan, fickling and
# modelscan).
EVASIONS = [
    "pkgutil.resolve_name",
    "ensurepip._run_pip",
    "cProfile.run",
    "profile.run",
    "trace.Trace.run",
    "doctest.debug_script",
    "pdb.run",
    "bdb.Bdb.run",
    "lib2to3.pgen2.pgen.ParserGenerator.make_label",
    "lib2to3.pgen2.grammar.Grammar.loads",
    "idlelib.calltip.get_entity",
    "idlelib.autocomplete.AutoComplete.get_entity",
    "idlelib.run.Executive.runcode",
    "idlelib.debugobj.ObjectTreeItem.SetText",
    "numpy.f2py.crackfortran.getlincoef",
    "numpy.f2py.crackfortran.param_eval",
    "numpy.testing._private.utils.runstring",
    "torch.utils._config_module.ConfigModule.load_config",
    "torch._dynamo.guards.GuardBuilder.get",
    "torch._inductor.codecache.compile_file",
    "torch.jit.unsupported_tensor_ops.execWrapper",
    "torch.utils.bottleneck.__main__.run_cprofile",
    "torch.serialization.load",
    "torch.utils.data.datapipes.utils.decoder.basichandlers",
    "torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression",
    "torch.utils.collect_env.run",
    "torch.storage._load_from_bytes",
    "torch.hub.load",
    "distutils.file_util.write_file",
    "distutils.spawn.spawn",
    "_io.FileIO",
    "io.FileIO",
    "io.open",
    "zipimport.zipimporter",
    "_operator.methodcaller",
    "operator.methodcaller",
    "operator.attrgetter",
    "pty.spawn",
    "code.interact",
    "venv.create",
    "shelve.open",
    "logging.config.dictConfig",
    "gc.get_objects",
    "sys.setprofile",
    "asyncio.run",
    "multiprocessing.util.spawnv_passfds",
    "imaplib.IMAP4_stream",
    "smtplib.SMTP",
    "ftplib.FTP",
    "http.client.HTTPConnection",
    "ssl.get_server_certificate",
    "webbrowser.open",
    "uuid._get_command_stdout",
    "ctypes.CDLL",
    "marshal.loads",
    "importlib.import_module",
    "importlib.util.module_from_spec",
    "runpy.run_module",
    "functools.reduce",
    "builtins.__import__",
    "builtins.compile",
    "builtins.map",
    "builtins.apply",
    "aifc.open",
    "getpass.getuser",
    "pandas.io.pickle.read_pickle",
    "pandas.core.computation.eval.eval",
    "joblib.load",
    "joblib.numpy_pickle.load",
    "dill.loads",
    "cloudpickle.loads",
    "sklearn.utils._testing.check_output",
    "sklearn.datasets.fetch_openml",
    "scipy.io.loadmat",
    "numpy.load",
    "numpy.fromfile",
    "numpy.memmap",
    "keras.models.load_model",
    "keras.utils.get_file",
    "tensorflow.io.read_file",
    "mlflow.pyfunc.load_model",
    "transformers.pipeline",
]


def call(path: str) -> bytes:
    module, _, name = path.rpartition(".")
    if not path[len(module) + 1 :].islower() and "." in module and module.rpartition(".")[2][:1].isupper():
        module, _, name = path.rpartition(".")[0].rpartition(".")[0], "", ".".join(path.split(".")[-2:])
    return (
        b"\x80\x04\x8c"
        + bytes([len(module)])
        + module.encode()
        + b"\x8c"
        + bytes([len(name)])
        + name.encode()
        + b"\x93\x8c\x01x\x85R."
    )


@pytest.mark.parametrize("path", EVASIONS)
def test_a_known_evasion_is_refused(path: str) -> None:
    data = call(path)
    for form in (data, data[:-1], b"N." + data, zlib.compress(data), zipped({"archive/data.pkl": data})):
        assert scan("model.pt", form).verdict == "rejected"
        assert scan("weights.bin", form).verdict == "rejected"


def packed_in_tar(data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("pickle")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def in_array(data: bytes) -> bytes:
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


PACKERS: list[Callable[[bytes], bytes]] = [
    zlib.compress,
    gzip.compress,
    bz2.compress,
    lzma.compress,
    lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    lambda data: zlib.compress(data, 0),
    lambda data: zipped({"a.npy": in_array(data), "b": data}),
    packed_in_tar,
    in_array,
]
SEEDS = [
    SYSTEM,
    b"(S'true'\nios\nsystem\n.",
    b"(cos\nsystem\nS'true'\no.",
    pickle.dumps({"a": [1, 2.5, None, b"x"], "b": (1, 2)}),
    *(call(path) for path in EVASIONS[:12]),
    *(
        (MODELS / name).read_bytes()
        for name in ("boosting.protocol0.pkl", "columns.joblib", "frame.pkl", "objects.npy")
    ),
]


def mutated(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0 and changed:
            changed[place % len(changed)] = chance.randrange(256)
        elif kind == 1:
            changed[place:place] = chance.choice(list(PREFIXES.values()))[:64]
        elif kind == 2:
            other = chance.choice(SEEDS)
            start = chance.randrange(len(other))
            changed[place:place] = other[start : start + chance.randint(1, 200)]
        elif kind == 3:
            del changed[place : place + chance.randint(1, 8)]
        else:
            changed[place:place] = bytes(
                [chance.choice(b"(.0123abcdeghijlopqrstuRV)]}\x80\x81\x85\x86\x8c\x93\x94\x95NIJKLMFSUXT")]
            )
    return bytes(changed)


def cases(seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(seed)  # noqa: S311 - cases, not secrets
    for _ in range(count):
        data = chance.choice(SEEDS)
        if chance.random() < 0.3:
            data = chance.choice(list(PREFIXES.values())) + data
        if chance.random() < 0.85:
            data = mutated(chance, data)
        while chance.random() < 0.2:
            data = chance.choice(PACKERS)(data)
            data = mutated(chance, data) if chance.random() < 0.2 else data
        yield data


def libraries() -> Path:
    """Return the Python that has joblib, numpy and skops where it is installed; else this one."""
    return LIBRARIES if LIBRARIES.exists() else Path(sys.executable)


def answers(data: list[bytes], python: Path) -> Iterator[set[tuple[str, str]] | None]:
    """Yield the names that readers take from each case; None where a reader crashed, and its process with it."""
    left = data
    while left:
        done = subprocess.run(
            [str(python), str(Path(__file__).parents[1] / "oracle.py")],
            input="".join(base64.b64encode(one).decode() + "\n" for one in left),
            capture_output=True,
            text=True,
            timeout=3000,
            check=False,
        )
        assert done.returncode <= 0, done.stderr[-2000:]
        said = done.stdout.splitlines()
        yield from ({(name.partition("\n")[0], name.partition("\n")[2]) for name in json.loads(line)} for line in said)
        if len(said) < len(left):
            yield None
        left = left[len(said) + 1 :]


def overlooked(made: list[bytes], python: Path, names: Sequence[str] = NAMES, seed: int = 0) -> list[str]:
    """Return the cases that a reader takes more from than the scan has seen and allowed, or that crash it."""
    chance = random.Random(seed)  # noqa: S311 - cases, not secrets
    found = []
    for data, taken in zip(made, answers(made, python), strict=True):
        report = scan(chance.choice(names), data)
        if report.verdict == "rejected":
            continue
        # A column of words may be a name of a module that nobody has; the scan lets it pass.
        real = {name for name in taken or () if _may_exist(*name)}
        seen = {".".join(name) for name in real} <= report.globals
        if taken is None or not seen or not all(is_allowed(*name) for name in real):
            found.append(f"{report.name}: {sorted(real)[:5]} {base64.b64encode(data).decode()[:400]}")
    return found


def test_no_reader_takes_what_the_scan_has_not_seen() -> None:
    assert overlooked(list(cases(1, 1500)), libraries()) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 22))
def test_no_reader_takes_what_the_scan_has_not_seen_in_the_long_run(seed: int) -> None:
    assert overlooked(list(cases(seed, 10_000)), libraries(), seed=seed) == []
