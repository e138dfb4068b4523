"""Environment variables are read strictly; secrets may come from files and are made once."""

from pathlib import Path

import pytest

from config import env


@pytest.mark.parametrize(
    ("raw", "value"), [("on", True), ("TRUE", True), ("1", True), ("off", False), ("0", False), ("", True)]
)
def test_a_flag_is_on_or_off(monkeypatch: pytest.MonkeyPatch, raw: str, value: bool) -> None:
    monkeypatch.setenv("CUSTODY_X", raw)
    assert env.flag("CUSTODY_X", default=True) is value


@pytest.mark.parametrize("raw", ["yes", "no", "2", " on"])
def test_another_flag_stops_the_start(monkeypatch: pytest.MonkeyPatch, raw: str) -> None:
    monkeypatch.setenv("CUSTODY_X", raw)
    with pytest.raises(env.BadSetting, match="CUSTODY_X must be on or off"):
        env.flag("CUSTODY_X", default=True)


def test_a_choice_is_one_of_a_few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = ["none", "read"]
    for raw, value in (("", "read"), ("none", "none"), ("READ", "read")):
        monkeypatch.setenv("CUSTODY_X", raw)
        assert env.choice("CUSTODY_X", allowed, "read") == value
    monkeypatch.setenv("CUSTODY_X", "write")
    with pytest.raises(env.BadSetting, match="CUSTODY_X must be one of none, read"):
        env.choice("CUSTODY_X", allowed, "read")


def test_a_number_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTODY_X", "many")
    with pytest.raises(env.BadSetting, match="must be a number"):
        env.number("CUSTODY_X", 1)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "-0.5"])
def test_a_number_below_the_least_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CUSTODY_X", value)
    with pytest.raises(env.BadSetting, match="at least 0"):
        env.number("CUSTODY_X", 1, least=0)


def test_a_value_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n", encoding="utf-8")
    monkeypatch.setenv("CUSTODY_X_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("CUSTODY_X", "from the variable")
    assert env.text("CUSTODY_X") == "from the file"


def test_names_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTODY_X", " a, b,,c ")
    assert env.names("CUSTODY_X") == ["a", "b", "c"]


def test_sockets_stay_in_reach_of_a_deep_directory(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 80) / ("e" * 80)
    assert len(str(env.runtime_dir(deep) / "valkey.sock")) < 100
    assert env.runtime_dir(deep) == env.runtime_dir(deep) != env.runtime_dir(deep / "f")
