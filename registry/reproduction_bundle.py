"""The script that trains a version again, and the zip with the script and the files that it needs."""

from __future__ import annotations

import io
import json
import shlex
import zipfile

from registry.reproduction import LEVELS, DataFile, Reproduction

_HEAD = """#!/usr/bin/env bash
# Trains {version} again, from the facts that its run logged. Level {level} of 5 ({text}). Run it in an empty folder.
# Exit status: 0 the outputs are identical, 1 they differ or a step failed, 2 a part is missing and nothing was run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"""
_FETCH = """# Copies a file that DVC tracks from a remote that is a folder, else pulls it with dvc, and checks its MD5.
fetch() {
  local path=$1 md5=$2 remote=$3
  if [ -n "$remote" ] && [ -d "${remote#file://}" ]; then
    local stored="${remote#file://}/files/md5/${md5:0:2}/${md5:2}"
    [ -f "$stored" ] || stored="${remote#file://}/${md5:0:2}/${md5:2}"
    mkdir -p "$(dirname "$path")" && cp -- "$stored" "$path"
  else
    dvc pull -- "$path"
  fi
  echo "$md5  $path" | md5sum --check --quiet -
}
"""
_COMPARE = """# Compares the outputs with those of the training.
status=0
compare() {
  if echo "$2  $1" | sha256sum --check --status -; then echo "identical: $1"; else echo "differs: $1"; status=1; fi
}
"""


def script_of(training: Reproduction) -> str:
    """Return reproduce.sh. Where code, command, data or environment is missing, the script says so and runs nothing."""
    head = _HEAD.format(version=training.version, level=training.level, text=LEVELS[training.level])
    missing = {part: text for part, text in training.missing.items() if part != "outputs"}
    if missing:
        lines = "\n".join(f"echo {shlex.quote(f'{part}: {text}')} >&2" for part, text in missing.items())
        return f"{head}\necho 'This training cannot be repeated. Missing:' >&2\n{lines}\nexit 2\n"
    return (
        "\n".join(
            [head, *_code(training), *_environment(training), *_data(training), *_run(training), *_verdict(training)]
        )
        + "\n"
    )


def _code(training: Reproduction) -> list[str]:
    lines = [
        f"git clone --quiet --filter=blob:none --no-checkout -- {shlex.quote(training.repository)} source",
        "cd source",
        f"git checkout --quiet {training.commit}",
    ]
    if training.is_dirty:
        lines.append('git apply --whitespace=nowarn "$here/changes.patch"')
    return lines


def _environment(training: Reproduction) -> list[str]:
    lines = ["python3 -m venv ../environment", ". ../environment/bin/activate"]
    if training.python:
        lines.append(
            f"python -c 'import platform,sys; sys.exit(platform.python_version() != sys.argv[1])' {shlex.quote(training.python)}"
            f" || echo {shlex.quote(f'Python is not {training.python}; the result may differ.')} >&2"
        )
    if training.packages:
        lines.append('pip install --quiet -r "$here/requirements.txt"')
    return lines


def _data(training: Reproduction) -> list[str]:
    return [_FETCH, *(_fetch_call(file) for file in training.files)] if training.files else []


def _fetch_call(file: DataFile) -> str:
    return f"fetch {shlex.quote(file.path)} {file.md5} {shlex.quote(file.remote)}"


def _run(training: Reproduction) -> list[str]:
    lines = ['export CUSTODY_PARAMS="$here/params.json"']
    if training.seed:
        lines += [
            f"export CUSTODY_SEED={shlex.quote(training.seed)}",
            f"export PYTHONHASHSEED={shlex.quote(training.seed)}",
        ]
    change_folder = f"cd {shlex.quote(training.folder)} && " if training.folder else ""
    return [*lines, f"({change_folder}{shlex.join(training.command)})"]


def _verdict(training: Reproduction) -> list[str]:
    if not training.outputs:
        return ["echo 'Done. The run names no outputs to compare with.'"]
    return [
        _COMPARE,
        *(f"compare {shlex.quote(path)} {digest}" for path, digest in training.outputs.items()),
        "exit $status",
    ]


def bundle_of(training: Reproduction) -> bytes:
    """Return the zip: reproduce.sh, reproduce.json, params.json, and requirements and patch where there are any."""
    files = {
        "reproduce.sh": script_of(training),
        "reproduce.json": json.dumps(training.as_json(), indent=2, sort_keys=True) + "\n",
        "params.json": json.dumps(dict(training.params), indent=2, sort_keys=True) + "\n",
    }
    if training.packages:
        files["requirements.txt"] = "\n".join(training.packages) + "\n"
    if training.patch:
        files["changes.patch"] = training.patch.rstrip("\n") + "\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same bundle is the same bytes
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, text)
    return out.getvalue()
