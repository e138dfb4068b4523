"""Proofs are those of RFC 6962: made from tiles, and accepted for nothing else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.transparency.proofs import BadProof, TreeReader, check_consistency, proof_text
from audit.transparency.publish import publish
from audit.transparency.tiles import TileFolder
from audit.transparency.tree import Frontier
from audit.verifier.audit_verify import Tree, leaf_hash, node_hash

MOST = 700
ENTRIES = [b"%d" % number for number in range(MOST)]
FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> TileFolder:
    """Publish a log that grows one by one, so that every size has its tiles."""
    files = TileFolder(tmp_path_factory.mktemp("log"))
    publish(files, Frontier(), [], ENTRIES)
    return files


@pytest.fixture(scope="module")
def roots() -> list[bytes]:
    tree, found = Tree(), []
    for entry in ENTRIES:
        found.append(tree.root())
        tree.append(leaf_hash(entry))
    return [*found, tree.root()]


@FIXTURES
@given(st.integers(0, MOST))
def test_consistency_is_proved(folder: TileFolder, roots: list[bytes], old: int) -> None:
    reader = TreeReader(folder, MOST)
    proof = reader.consistency(old)
    check_consistency(old, roots[old], MOST, roots[MOST], proof)
    assert reader.root_at(old) == roots[old]


@FIXTURES
@given(st.integers(1, MOST - 1), st.data())
def test_a_changed_proof_is_refused(folder: TileFolder, roots: list[bytes], old: int, data: st.DataObject) -> None:
    proof = TreeReader(folder, MOST).consistency(old)
    wrong = list(proof)
    place = data.draw(st.integers(0, len(wrong) - 1))
    wrong[place] = data.draw(st.sampled_from([bytes(32), wrong[place][::-1]]))
    for attempt in (wrong, proof[:-1], [*proof, bytes(32)]):
        with pytest.raises(BadProof):
            check_consistency(old, roots[old], MOST, roots[MOST], attempt)
    with pytest.raises(BadProof):
        check_consistency(old, bytes(32), MOST, roots[MOST], proof)


@FIXTURES
@given(st.integers(0, MOST - 1))
def test_inclusion_is_proved(folder: TileFolder, roots: list[bytes], number: int) -> None:
    proof = TreeReader(folder, MOST).inclusion(number)
    value, node, last = leaf_hash(ENTRIES[number]), number, MOST - 1
    for sibling in proof:
        if node % 2 or node == last:
            value = node_hash(sibling, value)
            while not node % 2 and node:
                node, last = node // 2, last // 2
        else:
            value = node_hash(value, sibling)
        node, last = node // 2, last // 2
    assert value == roots[MOST]


def test_a_proof_is_a_file_in_the_open_format() -> None:
    assert proof_text(7, [bytes(32)], b"note").decode().splitlines() == [
        "c2sp.org/tlog-proof@v1", "index 7", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "", "note",
    ]  # fmt: skip
