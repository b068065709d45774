"""The restricted unpickler by itself: data comes out right, and nothing is ever called."""

import gc
import io
import pickle
import tracemalloc
from collections import OrderedDict, defaultdict

import pytest

from foreign_files import Name, pickled
from hostile import DEEP, Attack, call, deep, doubled, name, program, string
from orojar_adapters import CheckpointError
from orojar_adapters.readers import unpickle
from orojar_adapters.readers.records import NAMES
from orojar_adapters.readers.unpickle import Bounded, Call, Global, PersistentId, Pickle, read_pickle


def read(data: bytes, persistent_ids: bool = False) -> Pickle:
    return read_pickle(Bounded(io.BytesIO(data), len(data)), NAMES, persistent_ids)


PLAIN = [
    None,
    True,
    [1, -1, 2**40, 2**70, 1.5, float("inf")],
    ("", "text", "ü\U0001f600", b"", b"bytes"),
    {"a": {"b": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]}, 3: [], 1.5: None},
]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", PLAIN, ids=["none", "true", "numbers", "strings", "nested"])
def test_plain_data_comes_out_as_it_went_in(value, protocol):
    if protocol < 3 and isinstance(value, tuple):
        value = value[:2]  # bytes are a call of `_codecs.encode` there, and letters beyond ASCII have escapes
    assert read(pickle.dumps(value, protocol)).value == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_dictionaries_by_other_names_become_plain_ones(protocol):
    shared = [1]
    value = [OrderedDict(a=shared, b=2), defaultdict(dict, c=3), OrderedDict()]
    found = read(pickle.dumps(value, protocol))
    assert found.value == [{"a": [1], "b": 2}, {"c": 3}, {}]
    assert all(type(item) is dict for item in found.value)
    assert {"collections.OrderedDict", "collections.defaultdict"} < found.globals


def test_sharing_and_cycles_survive():
    ring: list = []
    ring += [ring, ring]
    found = read(pickle.dumps(ring)).value
    assert found[0] is found and found[1] is found


def test_what_a_pickle_calls_becomes_a_record():
    found = read(program(call("torch._utils._rebuild_parameter", string("x")), pickle.EMPTY_DICT, pickle.BUILD))
    assert isinstance(found.value, Call)
    assert found.value.function == Global("torch._utils._rebuild_parameter")
    assert found.value.args == ("x",)
    assert found.value.state == {}
    assert found.globals == {"torch._utils._rebuild_parameter"}


def test_references_to_things_outside_are_records_where_they_are_expected():
    found = read(program(string("key"), pickle.BINPERSID), persistent_ids=True)
    assert isinstance(found.value, PersistentId) and found.value.value == "key"
    with pytest.raises(CheckpointError, match="instruction BINPERSID"):
        read(program(string("key"), pickle.BINPERSID))


def test_it_reads_up_to_the_end_of_the_pickle_and_no_further():
    file = io.BytesIO(pickle.dumps(1) + pickle.dumps(2) + b"rest")
    bounded = Bounded(file, len(file.getvalue()))
    assert [read_pickle(bounded, ()).value for _ in range(2)] == [1, 2]
    assert file.read() == b"rest"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_command_is_refused_by_its_name_and_never_run(protocol, tmp_path):
    marker = tmp_path / "ran"
    with pytest.raises(CheckpointError, match=r"asks for '(posix|nt)\.system'.* nothing was run"):
        read(pickle.dumps({"G_ema": Attack(marker)}, protocol))
    assert not marker.exists()


@pytest.mark.parametrize(
    "dotted",
    [
        "builtins.eval",
        "builtins.exec",
        "builtins.getattr",
        "__builtin__.eval",
        "os.system",
        "collections.OrderedDict.__init__.__globals__",
        "torch.load",
        "torch.storage._load_from_bytes.__globals__",
        "torch.hub.load",
        "numpy.load",
        "numpy.core.multiarray.fromfile",
        "functools.partial",
        "operator.attrgetter",
        "pickle.loads",
        "importlib.import_module",
    ],
)
def test_names_that_no_checkpoint_needs_are_refused(dotted):
    module, _, attribute = dotted.rpartition(".")
    for data in (program(name(dotted)), pickled(Name(module, attribute), protocol=4)):
        with pytest.raises(CheckpointError, match=f"asks for '{dotted}'"):
            read(data)


@pytest.mark.parametrize(
    ("instructions", "opcode"),
    [
        (pickle.EXT1 + b"\1", "EXT1"),
        (pickle.EXT2 + b"\1\0", "EXT2"),
        (pickle.EXT4 + b"\1\0\0\0", "EXT4"),
        (pickle.MARK + string("touch ran") + pickle.INST + b"os\nsystem\n", "INST"),
        (pickle.MARK + name("builtins.set") + pickle.OBJ, "OBJ"),
        (name("builtins.set") + pickle.EMPTY_TUPLE + pickle.EMPTY_DICT + pickle.NEWOBJ_EX, "NEWOBJ_EX"),
        (pickle.NONE + pickle.DUP, "DUP"),
        (pickle.MARK + pickle.POP_MARK, "POP_MARK"),
        (pickle.MARK + pickle.FROZENSET, "FROZENSET"),
        (pickle.NEXT_BUFFER, "NEXT_BUFFER"),
        (pickle.NONE + pickle.READONLY_BUFFER, "READONLY_BUFFER"),
        (pickle.LONG4 + b"\1\0\0\0\1", "LONG4"),
        (pickle.PERSID + b"x\n", "PERSID"),
    ],
)
def test_instructions_that_no_checkpoint_needs_are_refused(instructions, opcode):
    with pytest.raises(CheckpointError, match=f"instruction {opcode}, which no checkpoint needs"):
        read(program(instructions, protocol=5))


@pytest.mark.parametrize(
    "instructions",
    [
        pytest.param(name("builtins.set") + pickle.EMPTY_DICT + pickle.BUILD, id="build-a-class"),
        pytest.param(pickle.EMPTY_LIST + pickle.EMPTY_DICT + pickle.BUILD, id="build-a-list"),
        pytest.param(pickle.NONE + pickle.EMPTY_LIST + pickle.REDUCE, id="arguments-in-a-list"),
        pytest.param(pickle.EMPTY_DICT + pickle.NONE + pickle.APPEND, id="append-to-a-dict"),
        pytest.param(pickle.EMPTY_LIST + pickle.NONE + pickle.NONE + pickle.SETITEM, id="items-of-a-list"),
        pytest.param(pickle.MARK + pickle.NONE + pickle.DICT, id="half-an-item"),
        pytest.param(pickle.NONE + pickle.NONE + pickle.STACK_GLOBAL, id="a-name-of-nothing"),
        pytest.param(pickle.BINGET + b"\7", id="unknown-memo"),
        pytest.param(pickle.TUPLE, id="no-mark"),
        pytest.param(pickle.TUPLE2, id="too-few-values"),
        pytest.param(b"", id="nothing-at-all"),
        pytest.param(pickle.POP, id="pop-of-nothing"),
        pytest.param(pickle.MEMOIZE, id="memoize-nothing"),
        pytest.param(call("collections.OrderedDict", pickle.MARK + pickle.NONE + pickle.LIST), id="no-pairs"),
        pytest.param(b"\xff", id="no-instruction"),
        pytest.param(pickle.INT + b"9" * 5000 + b"\n", id="a-number-of-5000-digits"),
        pytest.param(pickle.GLOBAL + b"os\\\nsystem\n", id="backslash"),
        pytest.param(pickle.GLOBAL + b"x" * 2**20 + b"y\nz\n", id="endless-line"),
        pytest.param(pickle.BINUNICODE + b"\1\0\0\0\xff", id="no-utf-8"),
    ],
)
def test_a_pickle_that_makes_no_sense_is_damaged(instructions):
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        read(program(instructions, protocol=4))


def test_building_a_dictionary_does_not_change_what_it_is():
    state = pickle.MARK + string("__class__") + name("builtins.set") + pickle.DICT
    found = read(program(call("collections.OrderedDict"), state, pickle.BUILD)).value
    assert type(found) is dict and found == {}


def test_sizes_that_are_only_claimed_allocate_nothing():
    huge = (2**62).to_bytes(8, "little")
    for instruction in (
        pickle.BINBYTES8 + huge,
        pickle.BINUNICODE8 + huge,
        pickle.BYTEARRAY8 + huge,
        pickle.BINBYTES + b"\xff\xff\xff\xff",
        pickle.BINUNICODE + b"\xff\xff\xff\xff",
        pickle.LONG4 + b"\xff\xff\xff\x7f",
        pickle.BINSTRING + b"\xff\xff\xff\x7f",
    ):
        tracemalloc.start()
        with pytest.raises(CheckpointError, match="damaged or cut short"):
            read(program(instruction, b"x" * 100, protocol=5))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**20


def test_a_frame_of_any_size_is_only_a_hint():
    assert read(program(pickle.FRAME + (2**63).to_bytes(8, "little"), pickle.NONE, protocol=4)).value is None


def test_a_huge_memo_index_allocates_nothing():
    tracemalloc.start()
    found = read(program(pickle.NONE, pickle.LONG_BINPUT + b"\xff\xff\xff\xff", pickle.LONG_BINGET + b"\xff\xff\xff\xff"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.value is None
    assert peak < 2**20


@pytest.mark.parametrize("kind", ["tuple", "list", "dict", "call", "parameter"])
def test_deep_nesting_is_read_and_let_go_without_overflowing_the_stack(kind):
    found = read(program(deep(kind)))
    levels, value = 0, found.value
    while value:
        levels += 1
        value = value.args if isinstance(value, Call) else next(iter(value.values())) if isinstance(value, dict) else value[0]
    assert levels >= 0.9 * DEEP
    del found, value
    gc.collect()


@pytest.mark.parametrize("key", [deep("tuple"), deep("list"), pickle.EMPTY_TUPLE, name("builtins.set")])
def test_keys_of_dictionaries_are_plain_values_only(key):
    for instructions in (
        pickle.EMPTY_DICT + key + pickle.NONE + pickle.SETITEM,
        pickle.MARK + key + pickle.NONE + pickle.DICT,
        call("collections.OrderedDict", pickle.MARK + key + pickle.NONE + pickle.TUPLE2 + pickle.LIST),
    ):
        with pytest.raises(CheckpointError, match="as the key of a dictionary"):
            read(program(instructions))


def test_a_value_that_doubles_itself_costs_only_its_instructions():
    tracemalloc.start()
    found = read(program(doubled()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.value) == 2
    assert peak < 2**20


def test_copying_one_dictionary_again_and_again_is_refused(monkeypatch):
    monkeypatch.setattr(unpickle, "MOST_OPCODES", 10_000)
    pairs = pickle.MARK + b"".join(pickle.BININT + i.to_bytes(4, "little") + pickle.NONE + pickle.TUPLE2 for i in range(2_000))
    pairs += pickle.LIST + pickle.TUPLE1 + pickle.BINPUT + b"\0"
    copy = name("collections.OrderedDict") + pickle.BINGET + b"\0" + pickle.REDUCE
    with pytest.raises(CheckpointError, match="copies one dictionary again and again"):
        read(program(pairs, copy * 100))


def test_a_pickle_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(unpickle, "MOST_OPCODES", 1000)
    with pytest.raises(CheckpointError, match="more than 1,000 instructions"):
        read(program(pickle.NONE * 1001))
