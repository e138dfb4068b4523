"""Other people's software accepts our log and refuses a changed one: Go's sumdb packages, and pymerkle."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # it has no types

from audit.transparency.notes import Signer, checkpoint_text, new_signer, sign_note
from audit.transparency.publish import publish
from audit.transparency.tiles import TileFolder
from audit.transparency.tree import Frontier
from audit.verifier.audit_verify import Tree, leaf_hash, root_of

GO, PACKAGES = shutil.which("go"), Path("/usr/share/gocode")
NEEDS_GO = pytest.mark.skipif(
    GO is None or not (PACKAGES / "src/golang.org/x/mod/sumdb").is_dir(),
    reason="needs Debian's golang-go and golang-golang-x-mod-dev",
)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=600))
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
def test_pymerkle_makes_the_same_roots(entries: list[bytes]) -> None:
    theirs, ours, frontier = InmemoryTree(algorithm="sha256"), Tree(), Frontier()
    for entry in entries:
        theirs.append_entry(entry)
        ours.append(leaf_hash(entry))
    frontier.append(map(leaf_hash, entries))
    assert theirs.get_root() == ours.root() == frontier.root() == root_of([leaf_hash(entry) for entry in entries])


def entry(number: int) -> bytes:
    return b'{"event":{"n":%d},"gen":null,"seq":%d,"stream":""}' % (number, number)


def publish_log(folder: Path, signer: Signer, sizes: list[int]) -> None:
    """Publish a log that grows to each of the sizes; the checkpoint of each is kept as `old-<size>`."""
    frontier, bundle = Frontier(), list[bytes]()
    for size in sizes:
        bundle = publish(TileFolder(folder), frontier, bundle, [entry(n) for n in range(frontier.size, size)])
        note = sign_note(checkpoint_text(signer.name, size, frontier.root()), [signer])
        for name in ("checkpoint", f"old-{size}"):
            (folder / name).write_bytes(note)


@pytest.fixture(scope="session")
def goverify(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the verifier, compiled from tests/audit/goverify."""
    program = tmp_path_factory.mktemp("go") / "goverify"
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(PACKAGES),
        "GOCACHE": str(program.with_name("cache")),
        "GOFLAGS": "",
    }
    source = Path(__file__).parent / "goverify"
    assert GO is not None
    subprocess.run([GO, "build", "-o", str(program), "."], cwd=source, env=environment, check=True)
    return program


def accepts(program: Path, *arguments: str) -> bool:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


@pytest.mark.e2e
@NEEDS_GO
@pytest.mark.parametrize("sizes", [[0, 1, 3], [3, 255, 256, 300], [1, 700, 1500], [66_000]], ids=str)
def test_go_accepts_the_log_and_that_it_grew(goverify: Path, tmp_path: Path, sizes: list[int]) -> None:
    signer = new_signer("log.example/audit")
    publish_log(tmp_path, signer, sizes)
    assert accepts(goverify, str(tmp_path), signer.vkey)
    assert all(accepts(goverify, str(tmp_path), signer.vkey, str(tmp_path / f"old-{size}")) for size in sizes if size)
    assert not accepts(goverify, str(tmp_path), new_signer("log.example/audit").vkey)


@pytest.mark.e2e
@NEEDS_GO
def test_go_refuses_a_fork(goverify: Path, tmp_path: Path) -> None:
    signer = new_signer("log.example/audit")
    for name, size in (("one", 300), ("two", 400)):
        (tmp_path / name).mkdir()
        publish_log(tmp_path / name, signer, [size])
    fork = sign_note(checkpoint_text(signer.name, 300, bytes(32)), [signer])
    (tmp_path / "fork").write_bytes(fork)
    assert accepts(goverify, str(tmp_path / "two"), signer.vkey, str(tmp_path / "one/checkpoint"))
    assert not accepts(goverify, str(tmp_path / "two"), signer.vkey, str(tmp_path / "fork"))


@pytest.mark.e2e
@NEEDS_GO
def test_go_refuses_every_flipped_bit(goverify: Path, tmp_path: Path) -> None:
    signer, rng = new_signer("log.example/audit"), random.Random(7)  # noqa: S311 - choices of a test
    publish_log(tmp_path, signer, [600])
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file() and not path.name.startswith("old")):
        original = path.read_bytes()
        for _ in range(4):
            damaged = bytearray(original)
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            path.write_bytes(damaged)
            assert not accepts(goverify, str(tmp_path), signer.vkey), path
        path.write_bytes(original)
    assert accepts(goverify, str(tmp_path), signer.vkey)
