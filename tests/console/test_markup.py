"""What every page holds to: nothing inline, so that the content policy can forbid it; and text stays text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from console.shell.markdown import plain_text, render_markdown
from core.actors import Actor
from registry.services.deployments import register_deployment
from tests.console.conftest import Asked, SignedIn, text_of

PAGES = [
    "/admin/", "/models/", "/models/fraud/", "/models/fraud/versions/1/", "/models/fraud/versions/1/card/",
    "/models/fraud/versions/1/card/edit/", "/models/fraud/versions/1/card/edit/?template=eu_annex_iv",
    "/models/fraud/versions/1/card/diff/", "/models/fraud/versions/1/card/import/", "/models/fraud/risk/",
    "/models/fraud/versions/1/transition/Staging/", "/runs/", f"/runs/{1:032x}/", "/traces/",
    "/experiments/", "/datasets/", "/datasets/version/?node=dataset-version:orders/v2.1", "/checks/", "/checks/runs/JOB/", "/checks/runs/JOB/cancel/",
    "/datasets/version/quarantine/?node=dataset-version:orders/v2.1", "/endpoints/", "/lineage/",
    "/lineage/?node=endpoint:/predict", "/lineage/impact/?node=dataset-version:orders/v2.1", "/diff/", "/diff/?a=endpoint:/predict&b=model-version:fraud/1",
    "/models/fraud/versions/1/reproduce/", "/policies/", "/policies/POLICY/", "/audit/?model=fraud", "/account/tokens/",
    "/admin/approvals/transitionrequest/", "/admin/approvals/transitionrequest/REQUEST/change/", "/nothing-here/", "/models/none/",
]  # fmt: skip


@pytest.fixture
def pages(asked: Asked, by_ada: Actor) -> list[str]:
    request = asked()
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    ids = {
        "POLICY": request.policy_revision.policy_id,
        "REQUEST": request.pk,
        "JOB": request.check_runs.earliest("pk").pk,
    }
    return [re.sub("POLICY|REQUEST|JOB", lambda word: str(ids[word[0]]), url) for url in PAGES]


def test_nothing_is_inline_and_every_page_has_a_heading(pages: list[str], ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    for url in pages:
        page = text_of(client.get(url))
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page), url
        assert not re.search(r"<[^>]+\son[a-z]+=", page), url
        assert page.count("<h1") == 1, url
        assert "<title>" in page, url


def test_the_content_policy_allows_no_inline_script(ada: User, signed_in: SignedIn) -> None:
    policy = signed_in(ada).get("/models/").headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in re.search(r"script-src ([^;]*)", policy)[1]  # type: ignore[index]  # it is there


@given(st.text(alphabet=st.sampled_from("<>\"'=()[]!`*_ abcjs:/onerimgp&;#x\n")))
def test_markdown_never_lets_a_script_through(text: str) -> None:
    html = render_markdown(text)
    assert not re.search(r"<(?!/?(?:a|blockquote|br|code|del|em|h[1-4]|hr|li|ol|p|pre|strong|t[a-z]+|ul)\b)", html)
    assert not re.search(r"<[^>]*(?:javascript:|\son[a-z]+=)", html)


@pytest.mark.parametrize(
    "text",
    ["<script>x</script>", "[a](javascript:x)", "![a](http://x/y.png)", "<a onclick=x>", "[a](data:text/html,x)"],
)
def test_known_script_injections_are_removed(text: str) -> None:
    html = render_markdown(text)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert 'href="data' not in html


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Replaces the rules of **thumb**, see `split.py`.", "Replaces the rules of thumb, see split.py."),
        ("one\n\n- two\n- three", "one two three"),
        ("a < b & c", "a < b & c"),
        ("[here](http://x.test/)", "here"),
    ],
)
def test_a_line_in_a_list_is_plain_text(text: str, words: str) -> None:
    assert plain_text(text) == words
