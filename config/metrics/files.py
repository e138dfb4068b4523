"""The folder in which the processes of an installation keep their counters."""

from __future__ import annotations

from pathlib import Path


def clear_metrics(folder: Path) -> None:
    """Make the folder, and remove the counters of the processes of an earlier start. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in folder.glob("*.db"):
        path.unlink(missing_ok=True)
