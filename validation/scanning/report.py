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
    """The file is rejected. The message is the reason, a sentence about the file without its subject's name."""


@dataclass(slots=True)
class FileReport:
    """The report of one file. A file with ``problems`` is rejected.

    - ``unsigned``: the content has no mark of a known format. Such a file is accepted only if a file of a known format
      names it as its data, and if it is not ``loadable``.
    - ``loadable``: a loader would unpickle or unpack the file.
    - ``data_files``: the files that this file names as its data. They are paths from the root of the folder or archive.
    - ``data_patterns``: the same as pairs of the start of a path and a regular expression for the end of the path.
    - ``expects``: the paths of the files that a loader reads because of this file, each with the formats that it may
      have. An empty set means any known format.
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
        """Add the globals and the problems of a part of this file, the problems with ``prefix``."""
        self.globals |= part.globals
        for problem in part.problems:
            self.refuse(prefix + problem)

    @property
    def verdict(self) -> str:
        """Return `rejected` or `clean`."""
        return "rejected" if self.problems else "clean"


def settle(reports: Collection[FileReport]) -> None:
    """Accept the files without a known format that another of these files names as its data."""
    data_files = {name for report in reports for name in report.data_files}
    patterns = [re.compile(re.escape(start) + pattern) for report in reports for start, pattern in report.data_patterns]
    for report in reports:
        if (
            report.unsigned
            and not report.loadable
            and (report.name in data_files or any(pattern.fullmatch(report.name) for pattern in patterns))
        ):
            report.unsigned, report.problems, report.format = False, [], "raw data"


@dataclass(slots=True)
class Budget:
    """The permissions of the policy for all files of one scan, and the part of the scan's limits that they have used.

    - ``allow``: names of globals, loaders and ONNX domains that the policy allows.
    - ``allow_code``: source code is accepted.
    - ``allow_files``: names of files that are accepted although their format is not known.
    - ``tick``: a function that is called at intervals, so that the lease of the check is renewed.
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
        """Count unpacked bytes. Raises Unsafe if the files of the scan unpack to more than MAX_UNPACKED."""
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED:
            raise Unsafe(f"the files unpack to more than {MAX_UNPACKED // _GIB} GiB, which is more than one scan reads")
        self.tick()

    def spend_steps(self, count: int) -> None:
        """Count opcodes of pickles and fields of other formats. Raises Unsafe if there are more than MAX_STEPS."""
        self.steps += count
        if self.steps > MAX_STEPS:
            raise Unsafe(
                f"the files hold more than {MAX_STEPS:,} instructions and fields, which is more than one scan follows; "
                "save the model in a format of arrays"
            )
        self.tick()

    def take_temp(self, size: int) -> None:
        """Count the bytes of a temporary file. Raises Unsafe above CUSTODY_SCAN_TEMP_BYTES."""
        self.temp_used += size
        if self.temp_used > self.temp_bytes:
            raise Unsafe(
                f"unpacked it needs more temporary space than the {self.temp_bytes:,} bytes of CUSTODY_SCAN_TEMP_BYTES"
            )

    def give_temp(self, size: int) -> None:
        """Stop counting the bytes of a temporary file that was removed."""
        self.temp_used -= size
