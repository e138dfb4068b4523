"""A machine is restored by the commands of docs/operations.md, as they are written there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.backup.folder import BackupFolder
from tests.config.backup.places import Place
from tests.config.backup.test_backup_restore import RUNS
from tests.e2e.installation import ROOT

pytestmark = pytest.mark.process

PASSWORD = "correct-horse-battery"
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def commands(first: str, last: str) -> list[str]:
    """Return the shell commands between two headings of the page."""
    section = PAGE.partition(f"\n{first}\n")[2].partition(f"\n{last}\n")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def run(line: str, place: Place, paths: dict[str, Path]) -> str:
    """Run a command of the page with other paths, and return what it printed; passwords are typed."""
    for written, real in paths.items():
        line = line.replace(written, str(real))
    done = subprocess.run(
        ["/bin/bash", "-c", line],
        cwd=ROOT,
        env=place.environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        input=f"{PASSWORD}\n{PASSWORD}\n",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # without a terminal passwords are read from the input
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


def test_the_page_restores_a_machine(old: Place, new: Place, tmp_path: Path) -> None:
    for name in ("kim", "lee"):
        with old.begin("create_user", name, "--superuser") as process:
            process.communicate()
    set_passwords(old)
    old.manage("audit_sequencer", "--once")
    folder = tmp_path / "backup"
    paths = {"/backup": folder, "/srv/custody": old.data, "/srv/restored": new.data}
    lines = commands("## Backup", "## The audit log")
    assert [re.findall(r"manage\.py (\w+)", line) for line in lines] == [
        ["backup"],
        ["backup"],
        ["backup"],
        ["restore"],
        ["audit_continue_log"],
    ]
    for line in lines:
        if "last-checkpoint" in line:
            (checkpoint,) = BackupFolder(folder).select().glob("audit-log/logs/*/checkpoint")
            shutil.copy(checkpoint, folder / "last-checkpoint")
        run(line, new if "/srv/restored" in line else old, paths)
    assert sorted(new.rows(RUNS)) == sorted(old.rows(RUNS))
    new.write(1)
    assert "events signed" in new.manage("audit_sequencer", "--once")
    assert [problem for (problem,) in new.rows("SELECT problem FROM audit_log")] == [""]


def set_passwords(place: Place) -> None:
    """Give every account the password."""
    code = (
        "import django; django.setup()\n"
        "from accounts.models import User\n"
        f"for user in User.objects.all():\n    user.set_password({PASSWORD!r}); user.save()\n"
    )
    environment = place.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
