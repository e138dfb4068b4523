"""Guards of names that are harmless only in the way picklers use them.

A name on the allow-list must be harmless with any arguments and any state. These are not:
- joblib's array wrapper decides how many bytes the reader skips;
- scipy's distributions execute a source text in their state;
- the boosters of XGBoost and LightGBM open a file that their constructor names;
- ``getattr``, ``type`` and cloudpickle's ``_builtin_type`` reach further objects;
- ``numpy.ndarray`` makes an array of pointers out of bytes: only numpy's own functions may get it as an argument;
- ``_codecs.encode`` and ``str`` with another encoding than Latin-1 make a text that the scan has not read;
- the state of numpy's dtype says whether its elements are pointers.

All but the last two are *watched*: a pickle must call them at once, with the arguments that picklers give them. It must
not pass them on, because another function could call them with other arguments.
"""

from __future__ import annotations

import re

from validation.scanning.pickles.globals import is_held
from validation.scanning.pickles.joblib_arrays import JOBLIB_ARRAY
from validation.scanning.pickles.values import DATA, CallResult, Global, Record

_DISTRIBUTIONS = frozenset({"rv_histogram", "rv_continuous", "rv_discrete", "rv_sample", "rv_generic"})
_FROZEN = frozenset({"rv_frozen", "rv_continuous_frozen", "rv_discrete_frozen"})
_BOOSTERS = frozenset({"xgboost.core.Booster", "lightgbm.basic.Booster"})
_GETATTR, _TYPE, _ZONE = "builtins.getattr", "builtins.type", "zoneinfo.ZoneInfo"
_BUILTIN_TYPES = frozenset({"cloudpickle.cloudpickle._builtin_type", "cloudpickle.cloudpickle_fast._builtin_type"})
_REACHING = _BUILTIN_TYPES | {_GETATTR, _TYPE}
_DTYPE = "numpy.dtype"
_ARRAY = "numpy.ndarray"
# Functions of numpy that get a watched name, and the position of that argument.
_MAKERS = {"_reconstruct": 0, "_mareconstruct": 1}
_TEXTS = frozenset({"builtins.str", "numpy.str_", "numpy.unicode_"})
# The source text that scipy makes from the names of a distribution's parameters, and executes
# (scipy/stats/_distn_infrastructure.py).
_SHAPES = r"(?:[A-Za-z_][A-Za-z0-9_]*, )*"
_PARSER = re.compile(
    rf"\ndef _parse_args\(self, (?P<shapes>{_SHAPES}) (?P<take>loc=0, scale=1|loc=0)\):\n"
    r"    return \((?P=shapes)\), (?P<give>loc, scale|loc, 1)\n\n"
    r"def _parse_args_rvs\(self, (?P=shapes) (?P=take), size=None\):\n"
    r"    return self\._argcheck_rvs\((?P=shapes) (?P=give), size=size\)\n\n"
    r"def _parse_args_stats\(self, (?P=shapes) (?P=take), moments='mv'\):\n"
    r"    return \((?P=shapes)\), (?P=give), moments\n"
)
_HAS_OBJECT = 1
_SUBARRAY_AT, _FIELDS_AT, _FLAGS_AT, _SHORTEST, _PAIR = 2, 4, 7, 8, 2


def is_distribution(module: str, name: str) -> bool:
    """Return whether a global is a distribution of scipy, which executes a text in its state."""
    return module.startswith("scipy.stats.") and (name in _DISTRIBUTIONS or name.endswith("_gen"))


def is_watched(module: str, name: str) -> bool:
    """Return whether a pickle must call this name at once, in the way picklers do."""
    path = f"{module}.{name}"
    if module.startswith("scipy.stats."):
        return name in _FROZEN or is_distribution(module, name)
    return path in {JOBLIB_ARRAY, _ARRAY} or path in _BOOSTERS or path in _REACHING


def is_given_over(function: Global, arguments: object) -> bool:
    """Return whether a call has a watched name as an argument in the way picklers write it."""
    if not isinstance(arguments, tuple):
        return False
    if function.path == "copyreg._reconstructor":
        return bool(arguments) and isinstance(arguments[0], Global) and arguments[0].watched
    position = _MAKERS.get(function.name, -1) if function.module.startswith("numpy.") else -1
    argument = arguments[position] if 0 <= position < len(arguments) else None
    return isinstance(argument, Global) and argument.path == _ARRAY


def holds_watched(value: object) -> bool:
    """Return whether a tuple or dictionary contains a watched name. Such a value may only be used once."""
    if isinstance(value, tuple):
        return any(type(part) is Global and part.watched for part in value)
    return isinstance(value, Record) and value.holds_watched


def problem_of_call(function: Global, arguments: object) -> str:
    """Return the reason why this call is refused, "" if it is allowed."""
    if is_held(function.module, function.name):
        return f"it calls {function.path} while it is loaded, which no pickler does"
    if _makes_unread_text(function.path, arguments):
        return f"it makes a text by {function.path} in a way no pickler does"
    if not function.watched or arguments == ():
        return ""
    if isinstance(arguments, tuple) and _is_usual(function.path, arguments):
        return ""
    return f"it calls {function.path} in a way no pickler does"


def _makes_unread_text(path: str, arguments: object) -> bool:
    """Return whether a call makes a text, or bytes, that the scan has not read in the pickle."""
    count = len(arguments) if isinstance(arguments, tuple) else 0
    if path == "_codecs.encode":
        return not isinstance(arguments, tuple) or count != _PAIR or arguments[1] != "latin1"
    return path in _TEXTS and count > 1


def _is_usual(path: str, arguments: tuple[object, ...]) -> bool:
    if path == _TYPE:
        return arguments == (None,)
    if path in _BUILTIN_TYPES:
        return arguments == ("MethodType",)
    return path == _GETATTR and result_of_call(path, arguments) is not None


def result_of_call(path: str, arguments: object) -> Global | None:
    """Return the result of a call that looks up an object by name; None for a call that no pickler writes."""
    if path in _BUILTIN_TYPES and arguments == ("MethodType",):
        return Global("types", "MethodType")
    if path != _GETATTR or not isinstance(arguments, tuple) or len(arguments) != _PAIR:
        return None
    owner, name = arguments
    if isinstance(owner, CallResult) and name == "_entropy":
        is_entropy = is_distribution(owner.function.module, owner.function.name)
        return Global("scipy.stats", "_entropy") if is_entropy else None
    if isinstance(owner, Global) and owner.path == _ZONE and name == "_unpickle":
        return Global("zoneinfo", "ZoneInfo._unpickle")
    return None


def problem_of_state(target: CallResult, state: object) -> str:
    """Return the reason why an object may not get this state, "" if it may."""
    if is_distribution(target.function.module, target.function.name):
        path = target.function.path
        return "" if is_plain_distribution(state) else f"it fills a {path} with a source text of its own"
    if any(is_dictionary_of_others(part) for part in (state if isinstance(state, tuple) else (state,))):
        return "it fills an object by names that are no plain texts"
    if target.function.path == _DTYPE:
        return "" if _is_plain_dtype(target, state) else "it describes an array type that hides objects"
    return ""


def is_dictionary_of_others(state: object) -> bool:
    """Return whether a state is a dictionary with keys that the scan has not read as texts."""
    if isinstance(state, CallResult):
        return state.function.path == "builtins.dict" and state.arguments != ()
    return isinstance(state, Record) and state.has_other_keys


def is_plain_distribution(state: object) -> bool:
    """Return whether the source text in a state is one that scipy makes."""
    if not isinstance(state, Record) or not state.complete:
        return False
    text = state.items.get("_parse_arg_template")
    return isinstance(text, str) and _PARSER.fullmatch(text) is not None


def _is_plain_dtype(target: CallResult, state: object) -> bool:
    """Return whether the flags of an array type say that it has objects, if it has any."""
    if not isinstance(state, tuple) or len(state) < _SHORTEST or type(state[_FLAGS_AT]) is not int:
        return False
    if state[_FLAGS_AT] & _HAS_OBJECT:
        return True
    code = target.arguments[0] if isinstance(target.arguments, tuple) and target.arguments else None
    if not isinstance(code, str) or "O" in code or "object" in code:
        return False
    inside = []
    if state[_SUBARRAY_AT] is not None:
        inside.append(state[_SUBARRAY_AT])
    if state[_FIELDS_AT] is not None:
        fields = state[_FIELDS_AT]
        if not isinstance(fields, Record) or not fields.complete:
            return False
        inside += fields.items.values()
    return all(_holds_no_objects(part) for part in inside)


def _holds_no_objects(part: object) -> bool:
    """Return whether a field (type, offset) or a sub-array (type, shape) has no Python objects."""
    dtype = part[0] if isinstance(part, tuple) and len(part) >= _PAIR else None
    if not isinstance(dtype, CallResult) or dtype.function.path != _DTYPE or dtype.arguments is DATA:
        return False
    return bool(dtype.states) and all(
        isinstance(state, tuple)
        and len(state) >= _SHORTEST
        and isinstance(state[_FLAGS_AT], int)
        and not state[_FLAGS_AT] & _HAS_OBJECT
        for state in dtype.states
    )
