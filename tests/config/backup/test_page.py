"""A machine is restored by the commands of docs/operations.md, as they are written there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.backup.folder import BackupFolder
from tests.config.backup.places import Place
from tests.config.backup.test_backup_restore import RUNS
from tests.documented_commands import commands_between, run_documented
from tests.e2e.installation import PASSWORD, ROOT

pytestmark = pytest.mark.process


def test_the_page_restores_a_machine(old: Place, new: Place, tmp_path: Path) -> None:
    for name in ("kim", "lee"):
        with old.begin("create_user", name, "--superuser") as process:
            process.communicate()
    set_passwords(old)
    old.manage("audit_sequencer", "--once")
    folder = tmp_path / "backup"
    paths = {"/backup": folder, "/srv/custody": old.data, "/srv/restored": new.data}
    lines = commands_between("## Backup", "## The audit log")
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
        place = new if "/srv/restored" in line else old
        run_documented(line, place.environment, paths, f"{PASSWORD}\n{PASSWORD}\n")
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
