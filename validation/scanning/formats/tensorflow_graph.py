"""Reader of the graphs of a TensorFlow SavedModel, as far as the scan needs them: operations, inputs and calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from validation.scanning.formats.protobuf import BYTES, Message

_MAX_STRING = 4096

Fields = Iterator[tuple[int, int, int]]


@dataclass(slots=True)
class Node:
    """One operation. ``inputs`` are names of other nodes or arguments, ``calls`` names of functions.

    ``texts`` is the value of a constant of plain texts, None for any other operation.
    """

    name: str = ""
    operation: str = ""
    inputs: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    texts: list[str] | None = None


@dataclass(slots=True)
class Graph:
    """The main graph, whose name is "", or a function with its arguments."""

    name: str = ""
    arguments: list[str] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Add a node. If its name is taken, it is stored under another name, so that no node is missed."""
        key = node.name
        while key in self.nodes:
            key += "'"
        self.nodes[key] = node


@dataclass(slots=True)
class SavedModel:
    """The content of a saved_model.pb."""

    graphs: list[Graph] = field(default_factory=list)
    assets: dict[str, str] = field(default_factory=dict)
    metadata: list[str] = field(default_factory=list)
    metagraphs: int = 0


def read_saved_model(message: Message) -> SavedModel:
    """Return the graphs, assets and descriptions of a SavedModel. Raises Unsafe for a damaged message."""
    model = SavedModel()
    for number, wire, size in message.fields():
        if number == 2 and wire == BYTES:  # noqa: PLR2004 - SavedModel.meta_graphs
            model.metagraphs += 1
            _read_metagraph(message, message.inside(size), model)
    return model


def _read_metagraph(message: Message, fields: Fields, model: SavedModel) -> None:
    main = Graph()
    model.graphs.append(main)
    for number, wire, size in fields:
        if wire != BYTES:
            continue
        if number == 2:  # noqa: PLR2004 - MetaGraphDef.graph_def
            _read_graph(message, message.inside(size), main, model)
        elif number == 6:  # noqa: PLR2004 - MetaGraphDef.asset_file_def
            _read_asset(message, message.inside(size), model)
        elif number == 7:  # noqa: PLR2004 - MetaGraphDef.object_graph_def
            _read_objects(message, message.inside(size), model)


def _read_graph(message: Message, fields: Fields, graph: Graph, model: SavedModel) -> None:
    for number, wire, size in fields:
        if number == 1 and wire == BYTES:
            graph.add(_read_node(message, message.inside(size)))
        elif number == 2 and wire == BYTES:  # noqa: PLR2004 - GraphDef.library
            for inner, inner_wire, inner_size in message.inside(size):
                if inner == 1 and inner_wire == BYTES:
                    model.graphs.append(_read_function(message, message.inside(inner_size)))


def _read_function(message: Message, fields: Fields) -> Graph:
    function = Graph()
    for number, wire, size in fields:
        if number == 1 and wire == BYTES:  # FunctionDef.signature
            for inner, inner_wire, inner_size in message.inside(size):
                if inner == 1 and inner_wire == BYTES:
                    function.name = message.text(inner_size)
                elif inner == 2 and inner_wire == BYTES:  # noqa: PLR2004 - OpDef.input_arg
                    function.arguments.append(_first_text(message, message.inside(inner_size)))
        elif number == 3 and wire == BYTES:  # noqa: PLR2004 - FunctionDef.node_def
            function.add(_read_node(message, message.inside(size)))
    return function


def _first_text(message: Message, fields: Fields) -> str:
    text = ""
    for number, wire, size in fields:
        if number == 1 and wire == BYTES:
            text = message.text(size)
    return text


def _read_node(message: Message, fields: Fields) -> Node:
    node = Node()
    for number, wire, size in fields:
        if wire != BYTES:
            continue
        if number == 1:
            node.name = message.text(size)
        elif number == 2:  # noqa: PLR2004 - NodeDef.op
            node.operation = message.text(size)
        elif number == 3:  # noqa: PLR2004 - NodeDef.input
            node.inputs.append(message.text(size))
        elif number == 5:  # noqa: PLR2004 - NodeDef.attr
            _read_entry(message, message.inside(size), node)
    return node


def _read_entry(message: Message, fields: Fields, node: Node) -> None:
    """Read one entry of a map of attributes: field 2 is the value."""
    for number, wire, size in fields:
        if number == 2 and wire == BYTES:  # noqa: PLR2004 - the value
            _read_attribute(message, message.inside(size), node)


def _read_attribute(message: Message, fields: Fields, node: Node) -> None:
    for number, wire, value in fields:
        if number == 8 and wire == BYTES:  # noqa: PLR2004 - AttrValue.tensor
            _read_tensor(message, message.inside(value), node)
        elif number == 10 and wire == BYTES:  # noqa: PLR2004 - AttrValue.func
            node.calls.append(_first_text(message, message.inside(value)))
        elif number == 1 and wire == BYTES:  # AttrValue.list
            for inner, inner_wire, inner_size in message.inside(value):
                if inner == 9 and inner_wire == BYTES:  # noqa: PLR2004 - ListValue.func
                    node.calls.append(_first_text(message, message.inside(inner_size)))


def _read_tensor(message: Message, fields: Fields, node: Node) -> None:
    texts: list[str] = []
    is_plain = True
    for number, wire, value in fields:
        if number == 4 and wire == BYTES and value:  # noqa: PLR2004 - TensorProto.tensor_content, which has precedence over string_val
            is_plain = False
        elif number == 8 and wire == BYTES:  # noqa: PLR2004 - TensorProto.string_val
            is_plain = is_plain and value <= _MAX_STRING
            texts += [message.data(value, _MAX_STRING).decode("utf-8", "replace")] if value <= _MAX_STRING else []
    node.texts = texts if is_plain and texts else None


def _read_asset(message: Message, fields: Fields, model: SavedModel) -> None:
    tensor, filename = "", ""
    for number, wire, size in fields:
        if number == 1 and wire == BYTES:  # AssetFileDef.tensor_info
            tensor = _first_text(message, message.inside(size))
        elif number == 2 and wire == BYTES:  # noqa: PLR2004 - AssetFileDef.filename
            filename = message.text(size)
    model.assets[tensor.partition(":")[0]] = filename


def _read_objects(message: Message, fields: Fields, model: SavedModel) -> None:
    """Read Keras's description of each object: SavedObjectGraph.nodes[].user_object.metadata."""
    for number, wire, size in fields:
        if number != 1 or wire != BYTES:
            continue
        for inner, inner_wire, inner_size in message.inside(size):
            if inner == 4 and inner_wire == BYTES:  # noqa: PLR2004 - SavedObject.user_object
                for third, third_wire, third_size in message.inside(inner_size):
                    if third == 3 and third_wire == BYTES:  # noqa: PLR2004 - SavedUserObject.metadata
                        model.metadata.append(message.data(third_size, 1 << 24).decode("utf-8", "replace"))
