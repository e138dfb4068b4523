"""A hidden experiment is on no page and in no answer without an id: neither its run, nor its logged model or trace."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import get_resolver
from django.utils.regex_helper import normalize

from lineage.models import Node
from tests.architecture.test_routes import leaves
from tests.mlflow_api.levels.test_level_matrix import World, api_of, world
from tests.signed_in import actor_of
from tracking.services.logging import set_tag

__all__ = ["api_of", "world"]
# No group but `auditors`, who read the whole log, shows more of experiments.
GROUPS = ("reviewers", "operators", "policy-editors")
QUERIES = ("", "?q=secret&experiment={experiment_id}&run={run_id}&object=run:{run_id}")


def addresses() -> list[str]:
    """Return every address without a variable."""
    known = set()
    for expression in leaves(get_resolver().url_patterns):
        for template, names in normalize(expression):
            if template is not None and not names and "logout" not in template and "%(" not in template:
                known.add(f"/{template}")
    return sorted(known)


def words_of(world: World) -> list[str]:
    return [world.run.pk, world.model.pk, world.trace.pk, world.run.name, "hidden_orders"]


@pytest.mark.parametrize("query", QUERIES)
def test_it_is_on_no_page(query: str, world: World) -> None:
    set_tag(actor=actor_of(world.people["bot"]), run_id=world.run.pk, key="dataset_version", value="hidden_orders_v1")
    assert Node.objects.filter(urn="dataset-version:hidden_orders/v1").exists()
    stranger, leaks = world.people["stranger"], {}
    stranger.groups.set(Group.objects.filter(name__in=GROUPS))
    client = Client()
    client.force_login(stranger)
    filled = query.format(**world.names())
    for address in addresses():
        answer = client.get(address + filled)
        assert answer.status_code < 500, (address, answer.status_code)
        body = answer.getvalue().decode(errors="replace")
        shown = [word for word in words_of(world) if word in body and word not in filled]
        if shown:
            leaks[address] = shown
    assert leaks == {}


def test_the_pages_show_it_to_a_reader(world: World) -> None:
    client = Client()
    client.force_login(world.people["reader"])
    pages = {address: client.get(address) for address in ("/runs/", "/experiments/")}
    assert "secret" in pages["/experiments/"].content.decode()
    assert world.run.pk in pages["/runs/"].content.decode()
