"""`manage.py storage_sizes`: prints the sizes of tables and folders."""

from __future__ import annotations

from django.template.defaultfilters import filesizeformat

from config.backup.storage_sizes import folder_sizes, table_sizes
from core.commands import InstallationCommand


class Command(InstallationCommand):
    """`manage.py storage_sizes`: see `--help`."""

    help = "Print the bytes and rows of each table, the largest first, and the size of each folder."

    def handle(self, **_options: object) -> None:
        """Print the sizes, a line for each."""
        for table in table_sizes():
            self.stdout.write(f"{_size(table.size):>10}  {table.rows:>10} rows  {table.name}")
        for name, size in folder_sizes():
            self.stdout.write(f"{_size(size):>10}  {'':>15}  {name}/")


def _size(size: int | None) -> str:
    """Return a size as text, "?" where it is not known."""
    if size is None:
        return "?"
    return filesizeformat(size).replace("\xa0", " ")
