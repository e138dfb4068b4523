"""The search for dead code finds what only tests use, and knows the ways in which frameworks use a name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture.source import ROOT


@pytest.fixture
def dead_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The search, over a project with one package in an empty folder."""
    spec = importlib.util.spec_from_file_location("dead_code", ROOT / "script" / "dead_code.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "dead_code", module)  # a dataclass looks its module up
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ALLOWED", tmp_path / "allowed.toml")
    (tmp_path / "pyproject.toml").write_text('[tool.importlinter]\nroot_packages = ["shop"]\n', encoding="utf-8")
    (tmp_path / "shop" / "migrations").mkdir(parents=True)
    (tmp_path / "templates").mkdir()
    allow(module, "")
    return module


def allow(dead_code: ModuleType, names: str) -> None:
    text = f'[decorators]\n"@task" = "a queue runs it"\n[names]\n{names}'
    dead_code.ALLOWED.write_text(text, encoding="utf-8")


def write(dead_code: ModuleType, path: str, text: str) -> None:
    (dead_code.ROOT / path).write_text(text, encoding="utf-8")


def test_what_nothing_uses_is_found(dead_code: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write(dead_code, "shop/orders.py", "def ship():\n    pass\n")
    write(dead_code, "test_orders.py", "from shop.orders import ship\nship()\n")
    assert dead_code.main() == 1
    assert capsys.readouterr().out == "shop/orders.py:1 unused function ship\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("shop/views.py", "from shop.orders import ship\nship()\n"),
        ("shop/views.py", "log(ship=1)\n"),
        ("shop/views.py", "load('shop.orders.ship')\n"),
        ("shop/migrations/0001_initial.py", "from shop.orders import ship\n"),
        ("templates/order.html", "{% if order.ship %}"),
    ],
    ids=["call", "keyword", "dotted path", "migration", "template"],
)
def test_a_use_counts_wherever_it_is(dead_code: ModuleType, path: str, text: str) -> None:
    write(dead_code, "shop/orders.py", "def ship():\n    pass\n")
    write(dead_code, path, text)
    assert dead_code.main() == 0


def test_a_decorator_or_an_entry_excuses(dead_code: ModuleType) -> None:
    write(dead_code, "shop/orders.py", "@task\ndef ship():\n    pass\n\ndef pack():\n    pass\n")
    allow(dead_code, '"shop/orders.py:p*" = "a plug-in calls it"\n')
    assert dead_code.main() == 0


def test_an_entry_that_excuses_nothing_is_an_error(dead_code: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    write(dead_code, "shop/orders.py", "")
    allow(dead_code, '"ship" = "it was used once"\n')
    assert dead_code.main() == 1
    assert capsys.readouterr().out == "allowed.toml: 'ship' excuses nothing\n"
