"""Operations of a SavedModel that open files, and where the names of the files come from.

Each SavedModel has functions that save and restore its variables; the loader gives them the name of the file. So the
name of a file may only come from an argument, joined with harmless constants, or be an asset of the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from validation.scanning.formats.tensorflow_graph import Graph, Node, SavedModel
from validation.scanning.paths import is_plain_path

# Operations that open files, with the positions of their inputs that are file names.
_NAMED_BY = {
    "SaveV2": (0,),
    "RestoreV2": (0,),
    "MergeV2Checkpoints": (0, 1),
    "InitializeTableFromTextFile": (1,),
    "InitializeTableFromTextFileV2": (1,),
}
OPENING = frozenset({*_NAMED_BY, "ShardedFilename"})
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# Operations that pass a name on, with the inputs that are parts of the name (not the condition of Select, for example).
_STRUCTURAL_OPERATIONS = {
    "StringJoin": slice(None),
    "ShardedFilename": slice(1),
    "Select": slice(1, None),
    "SelectV2": slice(1, None),
    "Identity": slice(1),
    "Pack": slice(None),
}

Opening = dict[str, set[int]]
"""Functions that open files, with the positions of their arguments that are file names."""


def problems_of_files(model: SavedModel) -> Iterator[str]:
    """Yield a problem for each file that the graph itself names, and for each asset outside the model's folder."""
    for filename in model.assets.values():
        if not is_plain_path(filename):
            yield f"its asset {filename[:200]!r} lies outside the model's folder"
    opening = _functions_that_open(model)
    for graph in model.graphs:
        for node in graph.nodes.values():
            if opening.keys() & set(node.calls) and node.operation not in _CALLS:
                yield f"its operation {node.operation} calls a function that opens files"
            for position in _naming_inputs(node, opening):
                yield from _problems_of_input(graph, node, position, model)


def _functions_that_open(model: SavedModel) -> Opening:
    """Return the functions that open files, also those that only call such functions."""
    opening: Opening = {}
    while True:
        before = {name: len(positions) for name, positions in opening.items()}
        for graph in model.graphs:
            for node in graph.nodes.values() if graph.name else ():
                for position in _naming_inputs(node, opening):
                    arguments = {source for source in _sources(graph, node, position) if source in graph.arguments}
                    opening.setdefault(graph.name, set()).update(graph.arguments.index(name) for name in arguments)
        if before == {name: len(positions) for name, positions in opening.items()}:
            return opening


def _naming_inputs(node: Node, opening: Opening) -> Iterator[int]:
    """Yield the positions of the inputs of a node that are file names."""
    yield from _NAMED_BY.get(node.operation, ())
    for name in node.calls:
        yield from sorted(opening.get(name, ()))


def _sources(graph: Graph, node: Node, position: int) -> set[str]:
    """Return the names of the nodes and arguments that an input comes from; {""} for a missing input."""
    sources: set[str] = set()
    pending = [_bare(node.inputs[position]) if position < len(node.inputs) else ""]
    visited: set[str] = set()
    while pending:
        name = pending.pop()
        if name in visited:
            continue
        visited.add(name)
        source = graph.nodes.get(name)
        if source is not None and source.operation in _STRUCTURAL_OPERATIONS:
            inputs = source.inputs[_STRUCTURAL_OPERATIONS[source.operation]]
            pending += [_bare(input_name) for input_name in inputs if not input_name.startswith("^")]
        else:
            sources.add(name)
    return sources


def _bare(name: str) -> str:
    return name.partition(":")[0]


def _problems_of_input(graph: Graph, node: Node, position: int, model: SavedModel) -> Iterator[str]:
    are_given = [_is_given(graph, node, name, model) for name in _sources(graph, node, position)]
    if False in are_given or True not in are_given:
        yield f"its operation {node.operation} opens a file that the graph names"


def _is_given(graph: Graph, node: Node, name: str, model: SavedModel) -> bool | None:
    """Return whether the caller of the graph gives the name of the file; None for a harmless part of a name."""
    source = graph.nodes.get(name)
    if source is None:
        return name in graph.arguments
    if source.operation == "Placeholder" or (not graph.name and name in model.assets):
        return True
    if source.operation == "ReadVariableOp" and not graph.name and model.assets:
        return _fills_tables(node, model)  # the loader keeps the path of an asset in a variable
    if source.operation == "PlaceholderWithDefault":
        default = graph.nodes.get(_bare(source.inputs[0])) if source.inputs else None
        return default is not None and _is_harmless(default)
    return None if source.operation == "Const" and _is_harmless(source) else False


def _fills_tables(node: Node, model: SavedModel) -> bool:
    """Return whether a node only calls functions that fill tables from a file and open no other file."""
    called = [graph for graph in model.graphs if graph.name in node.calls]
    return all(
        not inner.calls and inner.operation not in {"SaveV2", "RestoreV2", "MergeV2Checkpoints"}
        for graph in called
        for inner in graph.nodes.values()
    )


def _is_harmless(constant: Node) -> bool:
    """Return whether a constant can be a part of a name: joined with others it cannot lead up either."""
    return constant.texts is not None and all(
        not text or (is_plain_path(text) and ".." not in text and text.strip(".")) for text in constant.texts
    )
