"""Patches a Piper model (ONNX): its noise becomes an input, its durations an output.

As shipped, a VITS model draws its own noise, so no two readings are alike, and keeps to itself how long each phoneme
lasts. Both are a matter of a few ONNX nodes, edited here in protobuf's wire format (the onnx package would be 27 MB and
0.8 s of import for it): each RandomNormalLike becomes a slice of an input, and the output of the one Ceil, frames a
phoneme, is published.
Field numbers are those of onnx.proto3; wire format: https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterator

ORIGIN = "noise_origin"  # input, int64[3], zeros: where the slices of noise begin
NOISES = ("noise_of_durations", "noise_of_sound")  # inputs, float32, rank 3: drawn in this order by the model

_GRAPH = 7  # in ModelProto
_NODE, _INPUT, _OUTPUT = 1, 11, 12  # in GraphProto
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP = 1, 2, 4  # in NodeProto
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType

Bytes = bytes | memoryview


def expose_noise_and_durations(model: bytes) -> bytes:
    """The model with the inputs NOISES and ORIGIN, and frames a phoneme id as its second output.

    ValueError if this is not a Piper (VITS) model as exported by its authors.
    """
    whole = list(_fields(memoryview(model)))
    graphs = [payload for field, payload, _ in whole if field == _GRAPH]
    if len(graphs) != 1:
        raise ValueError("this is not an ONNX model")
    others = b"".join(raw for field, _, raw in whole if field != _GRAPH)
    return others + _message(_GRAPH, _edit(graphs[0]))


def _edit(graph: memoryview) -> bytes:
    kept: list[Bytes] = []
    noises = iter(NOISES)
    durations: list[bytes] = []
    for field, payload, raw in _fields(graph):
        node = _Node(payload) if field == _NODE else None
        if node and node.operation == b"RandomNormalLike":
            kept.append(_slice_of(next(noises, "").encode(), node))
            continue
        if node and node.operation == b"Ceil":
            durations += node.outputs
        kept.append(raw)
    if len(durations) != 1 or next(noises, None) is not None:
        raise ValueError("this is not a Piper model: its durations or its noise are not where they should be")
    kept.append(_message(_OUTPUT, _message(1, durations[0])))
    kept += [_declare(name, _FLOAT) for name in NOISES] + [_declare(ORIGIN, _INT64)]
    return b"".join(kept)


class _Node:
    """What is read of a NodeProto."""

    def __init__(self, payload: memoryview) -> None:
        fields = [(field, bytes(value)) for field, value, _ in _fields(payload)]
        self.inputs = [value for field, value in fields if field == _NODE_INPUT]
        self.outputs = [value for field, value in fields if field == _NODE_OUTPUT]
        self.operation = next((value for field, value in fields if field == _NODE_OP), b"")


def _slice_of(noise: bytes, drawn: _Node) -> bytes:
    """`noise[:d0, :d1, :d2]`, where d is the shape that the replaced node would have drawn."""
    like, out = drawn.inputs[0], drawn.outputs[0]
    shape = out + b"_shape"
    return _node(b"Shape", [like], shape) + _node(b"Slice", [noise, ORIGIN.encode(), shape], out)


def _node(operation: bytes, inputs: list[bytes], output: bytes) -> bytes:
    body = b"".join(_message(_NODE_INPUT, name) for name in inputs)
    return _message(_NODE, body + _message(_NODE_OUTPUT, output) + _message(_NODE_OP, operation))


def _declare(name: str, kind: int) -> bytes:
    """A ValueInfoProto: a name, and a tensor type of rank 3 for noise, of shape [3] for int64."""
    dimensions = [b"\x08\x03"] if kind == _INT64 else [b"\x12\x01" + axis for axis in (b"a", b"b", b"c")]
    shape = b"".join(_message(1, dimension) for dimension in dimensions)
    tensor = b"\x08" + bytes([kind]) + _message(2, shape)
    return _message(_INPUT, _message(1, name.encode()) + _message(2, _message(1, tensor)))


def _message(field: int, payload: Bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview, memoryview]]:
    """Each field of a message: its number, its payload, and the whole of it as it stands."""
    at = 0
    while at < len(message):
        begin = at
        key, at = _read_varint(message, at)
        match key & 7:
            case 0:
                length, start = 0, at
                _, at = _read_varint(message, at)
            case 1 | 5 as wire:
                length, start = (8 if wire == 1 else 4), at
            case 2:
                length, start = _read_varint(message, at)
            case wire:
                raise ValueError(f"this is not an ONNX model: wire type {wire}")
        at = max(at, start + length)
        yield key >> 3, message[start : start + length], message[begin:at]


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message):
        value |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if message[at - 1] < 0x80:
            return value, at
    raise ValueError("this is not an ONNX model: it ends too early")
