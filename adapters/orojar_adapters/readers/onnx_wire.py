"""How much of an ONNX file is description, counted before the file is parsed.

Parsing turns two bytes of description into a hundred of memory, while the values of tensors stay as large as they are.
"""

from collections.abc import Iterator

from orojar_adapters.errors import CheckpointError

MOST_DESCRIPTION = 2**20
"""Bytes: room for some 5,000 operators."""
TENSOR = {4: None, 5: None, 7: None, 9: None, 10: None}
"""Fields with the values of a TensorProto."""
MODEL = {7: {1: {5: {5: TENSOR}}, 5: TENSOR}}
"""Fields on the way to them: the graph of a model, its operators' attributes and its weights."""


def check_description(data: memoryview) -> None:
    """Refuses a file whose description is larger than any generator's.

    Raises:
        CheckpointError: too large, or no messages of this format.
    """
    described = 0
    todo: list[tuple[int, int, dict | None]] = [(0, len(data), MODEL)]
    while todo:
        start, end, fields = todo.pop()
        for number, first, last, whole in _fields(data, start, end):
            inner = (fields or {}).get(number, {})
            if inner:
                todo.append((first, last, inner))
            described += first - whole if inner or inner is None else last - whole
            if described > MOST_DESCRIPTION:
                raise CheckpointError(
                    f"it describes its graph in more than {MOST_DESCRIPTION >> 20} MB, no generator's needs that"
                )


def _fields(data: memoryview, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number of every field of a message, where its content begins and ends, and where the field itself begins."""
    while at < end:
        whole = at
        key, at = _varint(data, at, end)
        kind = key & 7
        if kind == 2:
            size, at = _varint(data, at, end)
        elif kind == 0:
            size = _varint(data, at, end)[1] - at
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise CheckpointError("it is damaged: a field of a kind that there is not")
        if size > end - at:
            raise CheckpointError("it is damaged or cut short")
        yield key >> 3 if kind == 2 else 0, at, at + size, whole
        at += size


def _varint(data: memoryview, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise CheckpointError("it is damaged or cut short")
