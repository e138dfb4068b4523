"""The program that runs inside the sandbox, in the interpreter with the model's libraries. It imports no Custody code.

First it sets hard limits for itself, which a process without privileges cannot raise again. Then it loads the model in
/model with mlflow, asks it for predictions on its input example, and writes one line of JSON to the original standard
output. Everything that the model prints goes to standard error.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
from typing import Any

_NAMES = 200
_MIB = 1024 * 1024
_ROWS = 20


def limit(memory_mb: int, seconds: int) -> None:
    """Set the limits of memory (MiB), processor time, file size, open files and processes, and forbid core dumps."""
    for resource_kind, value in (
        (resource.RLIMIT_AS, memory_mb * _MIB),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 64 * _MIB),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(resource_kind, (value, value))


def main(arguments: list[str]) -> int | str:
    """Run the model and write its answer to a copy of standard output. Return the exit code, or an error message.

    The model cannot write to that copy, because standard output is redirected before it is loaded.
    """
    if arguments == ["--probe"]:
        return 0 if is_filtered() else "the filter of system calls is not in force"
    limit(int(arguments[0]), int(arguments[1]))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # so that the log is up to date
    try:
        answer = try_model("/model")
    except MemoryError:
        answer = {"problem": "it needs more memory than its limit"}
    except BaseException as error:  # noqa: BLE001 - any exception of the model is its answer, also sys.exit
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        answer = {"problem": f"{type(error).__name__}: {str(error)[:500]}"}
    json.dump(answer, answers)
    answers.flush()
    return 0


def is_filtered() -> bool:
    """Return whether a filter of system calls is in force for this process."""
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123 - as few imports as possible
        return any(line.split() == ["Seccomp:", "2"] for line in file)


def try_model(path: str) -> dict[str, Any]:
    """Load the model, let it predict, and return the facts of its answer, or the `problem`.

    The libraries are imported here, after the limits are set.
    """
    import mlflow.pyfunc  # noqa: PLC0415 - after the limits
    from mlflow.models import Model  # noqa: PLC0415 - after the limits

    print("loading the model", file=sys.stderr)
    facts = Model.load(path)
    example = facts.load_input_example(path)
    if example is None:
        return {"problem": "it was logged without an input example"}
    model = mlflow.pyfunc.load_model(path)
    print("asking it for predictions on its input example", file=sys.stderr)
    answer = model.predict(example)
    return described(answer, example) | {
        "loader": str(facts.flavors.get("python_function", {}).get("loader_module", ""))
    }


def described(answer: Any, example: Any) -> dict[str, Any]:
    """Return rows, kind, columns and the first values of an answer, or the `problem` of a wrong number of rows."""
    rows = len(answer) if hasattr(answer, "__len__") else 1
    row_count = len(example) if hasattr(example, "__len__") and not isinstance(example, (dict, str)) else rows
    columns = [str(name)[:_NAMES] for name in getattr(answer, "columns", [])][:_NAMES]
    listed = answer.tolist() if hasattr(answer, "tolist") else answer.values.tolist() if columns else answer
    values = listed[:_ROWS] if isinstance(listed, list) else listed
    if rows != row_count:
        return {"problem": f"it was given {row_count} rows and answered {rows}"}
    return {
        "rows": rows,
        "kind": type(answer).__name__,
        "columns": columns,
        "first": json.loads(json.dumps(values, default=str)),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
