"""Params and tags of logged models have none of the rules for those of runs, as on MLflow's servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.actors import Actor
from core.errors import InvalidInput
from tests.tracking.conftest import actions
from tracking.limits import checked_model_params
from tracking.models import Experiment, LoggedModel, LoggedModelParam, LoggedModelTag
from tracking.services.logged_models import create_logged_model, delete_model_tag, log_model_params, set_model_tags

KEYS = ["scale (std)", "top@k", "../x", "/abs", "a//b", ".", "é%ü=?#&", "k" * 251, "日" * 9000, "line\nbreak"]


@pytest.mark.parametrize("key", KEYS)
def test_any_key_and_any_length(actor: Actor, experiment: Experiment, key: str) -> None:
    pairs = [(key, "v" * 20_000), ("other", "")]
    model = create_logged_model(actor=actor, experiment_id=experiment.pk, params=pairs, tags=pairs)
    log_model_params(actor=actor, model_id=model.pk, params=[*pairs, (f"{key} late", "1")])
    set_model_tags(actor=actor, model_id=model.pk, tags=[(key, "new"), (f"{key} late", "1")])
    assert dict(LoggedModelParam.objects.values_list("key", "value")) == {**dict(pairs), f"{key} late": "1"}
    assert dict(LoggedModelTag.objects.values_list("key", "value")) == {key: "new", "other": "", f"{key} late": "1"}
    delete_model_tag(actor=actor, model_id=model.pk, key=key)
    assert not LoggedModelTag.objects.filter(key=key).exists()


def test_many_at_once(actor: Actor, experiment: Experiment) -> None:
    many = [(f"k{number}", "v") for number in range(1500)]
    model = create_logged_model(actor=actor, experiment_id=experiment.pk, params=many, tags=many)
    assert (model.params.count(), model.tags.count()) == (1500, 1500)


@pytest.mark.parametrize("bad", [[("a", "1"), ("a", "2")], [("a\x00", "1")], [("a", "\ud800")]])
def test_what_no_database_keeps_is_refused(actor: Actor, experiment: Experiment, bad: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInput):
        create_logged_model(actor=actor, experiment_id=experiment.pk, params=bad)
    assert not LoggedModel.objects.exists()
    assert actions() == ["tracking.experiment.created"]


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), st.text(max_size=3))
)
def test_every_text_is_a_key(params: dict[str, str]) -> None:
    if not any("\x00" in value for value in params.values()):
        assert checked_model_params([*params.items()]) == params
