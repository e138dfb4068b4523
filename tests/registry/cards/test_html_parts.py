"""Facts as HTML: what says nothing is left out, records become tables, and everything is escaped."""

from __future__ import annotations

from registry.cards.exports.html_parts import pairs_html, table_html


def test_a_list_of_records_becomes_a_table_of_the_columns_that_say_something() -> None:
    files = [
        {"name": "MLmodel", "problems": [], "imports": []},
        {"name": "<b>", "problems": [], "imports": ["numpy.dtype"]},
    ]
    html = pairs_html({"files": files})
    assert '<th scope="col">Name</th><th scope="col">Imports</th></tr>' in html
    assert '<td data-label="Name">&lt;b&gt;</td><td data-label="Imports">numpy.dtype</td>' in html
    assert '<td data-label="Name">MLmodel</td><td class="empty"></td>' in html


def test_values_that_say_nothing_are_left_out() -> None:
    facts: dict[str, object] = {
        "stored_by": None,
        "is_complete": True,
        "tags": {"a": {"value": "1", "from": ""}, "b": []},
        "none": [],
    }
    assert pairs_html(facts) == "<dl><dt>Is complete</dt><dd>yes</dd><dt>Tags</dt><dd>a: value: 1</dd></dl>"


def test_a_column_is_named_in_words() -> None:
    assert 'scope="col">Result from<' in table_html([], columns=["result_from"])
