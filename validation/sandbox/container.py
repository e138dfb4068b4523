"""The sandbox: a bubblewrap container that shares only read-only files and has its own environment variables.

Inside are the interpreter with the model's libraries and the model (both read-only), and a small /tmp in memory. There
is no network, no other process, and no file or variable of this server. A filter denies rare system calls
(syscalls.py). The program inside first sets its limits (child.py).

For an ordinary user, bubblewrap uses a user namespace. For root it does not, and the program inside becomes the user
nobody, because the kernel does not limit the number of processes of root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import DomainError
from validation.sandbox.syscalls import FilterUnavailable, filter_file

CHILD = Path(__file__).with_name("child.py")
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/lib32", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
_TMP_BYTES = 256 * 1024**2
_SHARED_BYTES = 64 * 1024**2
_PROBE_SECONDS = 20
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
_VARIABLES = {
    "HOME": "/tmp",  # noqa: S108 - the sandbox's own
    "USER": "nobody",
    "LOGNAME": "nobody",
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONNOUSERSITE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MPLCONFIGDIR": "/tmp",  # noqa: S108 - the sandbox's own
    **dict.fromkeys(_THREADS, "1"),
}


class SandboxUnavailable(DomainError):
    """There is no working sandbox on this machine, so the model's code is not run."""

    code = "sandbox_unavailable"


_AS_USER = ("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL")
_AS_ROOT = (
    *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
    *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
)


@dataclass(frozen=True, slots=True)
class Container:
    """A sandbox that has been tried: the paths of bubblewrap, interpreter and libraries, and whether this is root."""

    bwrap: str
    python: str
    prefixes: tuple[str, ...]
    is_root: bool

    def command(self, model: Path, arguments: Sequence[str], *, seccomp: int) -> list[str]:
        """Return the command that runs child.py inside, with the model's folder at /model.

        ``seccomp`` is the file descriptor of the filter of system calls (syscalls.py).
        """
        return [
            *(
                self.bwrap,
                *(_AS_ROOT if self.is_root else _AS_USER),
                "--die-with-parent",
                "--new-session",
                "--clearenv",
                *("--seccomp", str(seccomp)),
            ),
            *("--proc", "/proc", "--dev", "/dev", "--size", str(_TMP_BYTES), "--perms", "1777", "--tmpfs", "/tmp"),  # noqa: S108 - its own
            *("--size", str(_SHARED_BYTES), "--perms", "1777", "--tmpfs", "/dev/shm"),  # noqa: S108 - its own
            *_binds((*_SYSTEM, *self.prefixes)),  # after /tmp, because an environment can be below it
            *("--ro-bind", str(model), "/model", "--ro-bind", str(CHILD), "/child.py", "--chdir", "/tmp"),  # noqa: S108 - its own
            *("--remount-ro", "/"),
            *(word for name, value in _VARIABLES.items() for word in ("--setenv", name, value)),
            *("--", *(_become_nobody() if self.is_root else ()), self.python, "-I", "/child.py", *arguments),
        ]


def _become_nobody() -> tuple[str, ...]:
    nobody = pwd.getpwnam("nobody")
    identity = ("--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups")
    return ("setpriv", *identity, "--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all")


def open_container(python: str) -> Container:
    """Return a sandbox for the interpreter ``python``, after trying it. Raises SandboxUnavailable with the reason."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxUnavailable("sandbox_unavailable: bubblewrap (bwrap) is not installed. The model was not run.")
    if not python:
        raise SandboxUnavailable(
            "sandbox_unavailable: CUSTODY_SMOKE_PYTHON names no interpreter that has the model's libraries. "
            "The model was not run."
        )
    container = Container(bwrap, python, _prefixes(python), is_root=os.geteuid() == 0)
    try:
        with filter_file() as seccomp:
            probe = _run(container.command(CHILD.parent, ["--probe"], seccomp=seccomp), descriptors=(seccomp,))
    except (FilterUnavailable, OSError) as error:
        raise SandboxUnavailable(f"sandbox_unavailable: {error}. The model was not run."[:500]) from error
    if probe.returncode != 0:
        why = probe.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"code {probe.returncode}"]
        raise SandboxUnavailable(f"sandbox_unavailable: {why[0][:300]}. The model was not run.")
    return container


def _prefixes(python: str) -> tuple[str, ...]:
    """Return the folders that an interpreter needs: its environment, and the installation that it is based on."""
    code = "import sys; print(sys.prefix); print(sys.base_prefix); print(sys.base_exec_prefix)"
    result = _run([python, "-I", "-c", code])
    if result.returncode != 0:
        raise SandboxUnavailable(f"sandbox_unavailable: {python} does not run. The model was not run.")
    folders = dict.fromkeys(result.stdout.decode().split("\n"))
    return tuple(folder for folder in folders if folder and not folder.startswith("/usr/") and folder not in _ROOTS)


_ROOTS = frozenset({"/", "/usr", "/root", "/home", "/etc", "/tmp", "/var"})  # noqa: S108 - never bound whole


def _binds(folders: Sequence[str]) -> Iterator[str]:
    """Yield the options that bind folders read-only.

    A link, such as Debian's /bin, becomes a link; a missing folder is left out. The parent folders are created readable
    for everybody; inside the sandbox they are empty except for the bound folders.
    """
    for folder in folders:
        path = Path(folder)
        if path.is_symlink() and not path.readlink().is_absolute():
            yield from ("--symlink", str(path.readlink()), folder)
        elif path.exists():
            for parent in list(path.parents)[-2::-1]:
                if str(parent) in ("/tmp", "/usr"):  # noqa: S108 - exists already, with its own mode
                    continue
                yield from ("--perms", "0755", "--dir", str(parent))
            yield from ("--ro-bind", folder, folder)


def _run(command: list[str], *, descriptors: tuple[int, ...] = ()) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - our own arguments
            command,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
            pass_fds=descriptors,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxUnavailable(f"sandbox_unavailable: {error}. The model was not run."[:500]) from error
