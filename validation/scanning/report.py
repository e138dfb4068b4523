"""The report of a scanned file, and the limits of one scan."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

MAX_DEPTH = 4
MAX_MEMBERS = 20_000
MAX_UNPACKED = 8 * 1024**3
MAX_STEPS = 20_000_000
_GIB = 1024**3
UNKNOWN_FORMAT = (
    "its format is not known. Save the model in a known format, or let the policy name the file in allow_files "
    "once somebody has looked at it"
)


class Unsafe(Exception):
    """The file cannot be accepted; the message says why."""


@dataclass(slots=True)
class FileReport:
    """The report of one file. A file with ``problems`` is rejected.

    ``unsigned`` is a file whose content has no mark of a format. It passes only where another file of a known format
    names it as its data, and where it is not ``loadable``: those names are in ``data_files``, as paths from the root of
    the folder (or the archive), and in ``data_patterns`` as a beginning and a regular expression for the rest.
    ``loadable`` is what a loader would unpickle or unpack. ``expects`` are the files that it has loaded, with the
    formats they may have.
    """

    name: str
    format: str = ""
    problems: list[str] = field(default_factory=list)
    globals: set[str] = field(default_factory=set)
    unsigned: bool = False
    loadable: bool = False
    data_files: set[str] = field(default_factory=set)
    data_patterns: set[tuple[str, str]] = field(default_factory=set)
    expects: dict[str, frozenset[str]] = field(default_factory=dict)

    def refuse(self, problem: str) -> None:
        """Add a problem of the file."""
        if problem not in self.problems:
            self.problems.append(problem)

    def take_over(self, part: FileReport, prefix: str = "") -> None:
        """Add the report of a part of this file."""
        self.globals |= part.globals
        for problem in part.problems:
            self.refuse(prefix + problem)

    @property
    def verdict(self) -> str:
        """Return `rejected` or `clean`."""
        return "rejected" if self.problems else "clean"


def settle(reports: Collection[FileReport]) -> None:
    """Accept files without a recognisable format that another file of the folder names as its data."""
    named = {name for report in reports for name in report.data_files}
    patterns = [re.compile(re.escape(begin) + pattern) for report in reports for begin, pattern in report.data_patterns]
    for report in reports:
        if (
            report.unsigned
            and not report.loadable
            and (report.name in named or any(one.fullmatch(report.name) for one in patterns))
        ):
            report.unsigned, report.problems, report.format = False, [], "raw data"


@dataclass(slots=True)
class Budget:
    """The state that all files of one scan share: what the policy allows, and the limits.

    ``allow`` are names of globals and of ONNX domains, ``allow_code`` lets source code pass, ``allow_files`` are the
    names of files that pass though their format is not known. ``tick`` is called at intervals, so that the check's
    lease is renewed.
    """

    allow: Collection[str] = ()
    allow_code: bool = False
    allow_files: Collection[str] = ()
    tick: Callable[[], None] = lambda: None
    temp_bytes: int = 2 * _GIB
    unpacked: int = 0
    steps: int = 0
    temp_used: int = 0

    def spend_unpacked(self, size: int) -> None:
        """Count unpacked bytes. Raises Unsafe where a small file unpacks to too much."""
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED:
            raise Unsafe(f"the files unpack to more than {MAX_UNPACKED // _GIB} GiB, which is more than one scan reads")
        self.tick()

    def spend_steps(self, count: int) -> None:
        """Count opcodes of pickles and fields of other formats.

        Raises Unsafe where following them would take too long.
        """
        self.steps += count
        if self.steps > MAX_STEPS:
            raise Unsafe(
                f"the files hold more than {MAX_STEPS:,} instructions and fields, which is more than one scan follows; "
                "save the model in a format of arrays"
            )
        self.tick()

    def take_temp(self, size: int) -> None:
        """Count bytes in temporary files; Unsafe above the limit of the setting."""
        self.temp_used += size
        if self.temp_used > self.temp_bytes:
            raise Unsafe(
                f"unpacked it needs more temporary space than the {self.temp_bytes:,} bytes of CUSTODY_SCAN_TEMP_BYTES"
            )

    def give_temp(self, size: int) -> None:
        """Stop counting the bytes of a temporary file that was removed."""
        self.temp_used -= size
