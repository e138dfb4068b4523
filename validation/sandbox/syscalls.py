"""The filter of system calls: a seccomp program, compiled by the system's libseccomp, which bubblewrap installs.

It denies calls that no model needs and that programs have used to escape from sandboxes: new namespaces and mounts,
kernel keys, io_uring, bpf, userfaultfd, reading other processes, kernel modules, clocks, rare kinds of sockets, and
input to a terminal. An allow-list would be stricter, and would break with every new libc (docs/decisions/0063).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

_LIBRARY = "libseccomp.so.2"
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EQUAL, _MASKED = 4, 7
_UNKNOWN = -1
_DENIED = (
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module", "fanotify_init",
    "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module", "io_uring_enter", "io_uring_register",
    "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "migrate_pages",
    "modify_ldt", "mount", "mount_setattr", "move_mount", "move_pages", "name_to_handle_at", "nfsservctl",
    "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pidfd_getfd", "pivot_root", "process_vm_readv",
    "process_vm_writev", "ptrace", "quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname", "sethostname",
    "setns", "settimeofday", "swapoff", "swapon", "syslog", "umount", "umount2", "unshare", "userfaultfd", "uselib",
    "vhangup",
)  # fmt: skip
# AF_PACKET, AF_RDS, AF_CAN, AF_TIPC, AF_BLUETOOTH, AF_ALG, AF_NFC, AF_VSOCK, AF_KCM, AF_XDP
_FAMILIES = (17, 21, 29, 30, 31, 38, 39, 40, 41, 44)
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_NEW_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


class FilterUnavailable(Exception):
    """The filter cannot be compiled on this machine. The message is the reason."""


class _Argument(ctypes.Structure):
    """A condition on an argument of a call: `struct scmp_arg_cmp`."""

    _fields_ = (
        ("number", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


@lru_cache(maxsize=1)
def filter_program() -> bytes:
    """Return the filter as a BPF program. Raises FilterUnavailable if libseccomp is missing or refuses it."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise FilterUnavailable(f"libseccomp is not installed ({error})") from error
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))
    if not context:
        raise FilterUnavailable("libseccomp does not support this machine")
    try:
        for name, code, argument in _rules():
            _add(library, context, name, code, argument)
        with tempfile.TemporaryFile() as file:
            if library.seccomp_export_bpf(context, file.fileno()) != 0:
                raise FilterUnavailable("libseccomp cannot write the filter")
            file.seek(0)
            return file.read()
    finally:
        library.seccomp_release(context)


@contextmanager
def filter_file() -> Iterator[int]:
    """Yield a file descriptor for bubblewrap to read the filter from, for one run. Raises FilterUnavailable."""
    descriptor = os.memfd_create("seccomp")
    try:
        os.write(descriptor, filter_program())
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _rules() -> Iterator[tuple[str, int, _Argument | None]]:
    for name in _DENIED:
        yield name, errno.EPERM, None
    yield "clone3", errno.ENOSYS, None  # a filter cannot read its flags, which are in memory; glibc falls back to clone
    flags = 1 if platform.machine().startswith("s390") else 0
    for bit in _NEW_NAMESPACES:
        yield "clone", errno.EPERM, _Argument(flags, _MASKED, bit, bit)
    for family in _FAMILIES:
        yield "socket", errno.EAFNOSUPPORT, _Argument(0, _EQUAL, family, 0)
    for request in (_TIOCSTI, _TIOCLINUX):
        yield "ioctl", errno.EPERM, _Argument(1, _MASKED, 0xFFFFFFFF, request)


def _add(library: ctypes.CDLL, context: ctypes.c_void_p, name: str, code: int, argument: _Argument | None) -> None:
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number == _UNKNOWN:  # a call that is newer than this libseccomp
        return
    count = 0 if argument is None else 1
    pointer = None if argument is None else ctypes.byref(argument)
    action = ctypes.c_uint32(_ERRNO | code)
    if library.seccomp_rule_add_array(context, action, number, ctypes.c_uint(count), pointer) not in (0, -errno.EDOM):
        raise FilterUnavailable(f"libseccomp refuses a rule on {name}")
