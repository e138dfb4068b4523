"""The globals a pickle (or a skops file) may name. An allow-list: what is not here is refused, whatever it is.

Everything listed only builds data: arrays, trees, estimators. Within the named scikit-learn packages any class goes (their
constructors keep their arguments and do nothing else), except what those modules merely import. A policy may add names with
the check's ``allow`` parameter.
"""

from __future__ import annotations

import _compat_pickle
import re
from collections.abc import Collection


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EXACT: dict[str, frozenset[str]] = {
    "builtins": _names(
        "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple NoneType"
    ),
    "collections": frozenset({"OrderedDict", "defaultdict", "deque", "Counter"}),
    "copyreg": frozenset({"_reconstructor"}),
    "_codecs": frozenset({"encode"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "uuid": frozenset({"UUID"}),
    "numpy": _names(
        "ndarray dtype bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 intc uintc longlong ulonglong "
        "float16 float32 float64 longdouble complex64 complex128 str_ bytes_ void datetime64 timedelta64 "
        "exp expm1 log log10 log1p log2 sqrt square absolute sign tanh nan"
    ),
    "numpy.ma": frozenset({"MaskedArray"}),
    "numpy.ma.core": frozenset({"MaskedArray", "_mareconstruct"}),
    "numpy.random._mt19937": frozenset({"MT19937"}),
    "numpy.random._pcg64": frozenset({"PCG64", "PCG64DXSM"}),
    "numpy.random._philox": frozenset({"Philox"}),
    "numpy.random._sfc64": frozenset({"SFC64"}),
    "numpy.random.mtrand": frozenset({"RandomState"}),
    "numpy.random._generator": frozenset({"Generator"}),
    "numpy.random._pickle": frozenset({"__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"}),
    "numpy.random.bit_generator": frozenset({"SeedSequence", "__pyx_unpickle_SeedSequence"}),
    "pandas": _names(
        "DataFrame Series Index RangeIndex MultiIndex Timestamp Timedelta Categorical CategoricalDtype StringDtype"
    ),
    "pandas._libs.arrays": frozenset({"__pyx_unpickle_NDArrayBacked"}),
    "pandas._libs.internals": frozenset({"_unpickle_block"}),
    "pandas.arrays": frozenset({"StringArray", "IntegerArray", "FloatingArray", "BooleanArray"}),
    "pandas.core.frame": frozenset({"DataFrame"}),
    "pandas.core.series": frozenset({"Series"}),
    "pandas.core.indexes.base": frozenset({"Index", "_new_Index"}),
    "pandas.core.indexes.range": frozenset({"RangeIndex"}),
    "pandas.core.indexes.multi": frozenset({"MultiIndex"}),
    "pandas.core.internals.managers": frozenset({"BlockManager", "SingleBlockManager"}),
    "pandas.core.arrays.string_": frozenset({"StringArray", "StringDtype"}),
    "pandas.core.arrays.categorical": frozenset({"Categorical"}),
    "pandas.core.dtypes.dtypes": frozenset({"CategoricalDtype"}),
    "scipy.interpolate._interpolate": frozenset({"interp1d"}),
    "scipy.interpolate._bsplines": frozenset({"BSpline"}),
    "sklearn.utils._bunch": frozenset({"Bunch"}),
    "sklearn.utils._encode": frozenset({"MissingValues"}),
    "sklearn.feature_selection._univariate_selection": frozenset({"f_classif", "f_regression", "chi2"}),
    "sklearn.feature_selection._mutual_info": frozenset({"mutual_info_classif", "mutual_info_regression"}),
    "torch": _names(
        "FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage "
        "ByteStorage BoolStorage Size float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool"
    ),
    "torch._utils": frozenset({"_rebuild_tensor_v2", "_rebuild_parameter"}),
    "xgboost.core": frozenset({"Booster"}),
    "lightgbm.basic": frozenset({"Booster"}),
}
_ARRAY_BUILDERS = frozenset({"_reconstruct", "scalar"})
_NUMPY_CORE = re.compile(r"numpy\.(?:_core|core)\.(?:multiarray|_multiarray_umath|numeric)")
_NUMPY_UFUNCS = _names("exp expm1 log log10 log1p log2 sqrt square absolute sign tanh _frombuffer")

_SKLEARN_PACKAGES = re.compile(
    r"sklearn\.(?:_loss|base|calibration|cluster|compose|covariance|cross_decomposition|decomposition|discriminant_analysis"
    r"|dummy|ensemble|feature_extraction|feature_selection|gaussian_process|impute|isotonic|kernel_approximation|kernel_ridge"
    r"|linear_model|manifold|metrics|mixture|model_selection|multiclass|multioutput|naive_bayes|neighbors|neural_network"
    r"|pipeline|preprocessing|random_projection|semi_supervised|svm|tree)(?:\.[a-z0-9_]+)*"
)
_CLASS_NAME = re.compile(r"_?[A-Z][A-Za-z0-9]*(?:32|64)?|__pyx_unpickle_[A-Za-z0-9]+")
# What these modules import from elsewhere under a class's name, and what makes or runs more than data.
_NOT_THEIR_OWN = _names(
    "ABC ABCMeta Any Callable Client Connection Counter GzipFile Listener Memory MethodType NamedTemporaryFile Parallel "
    "Parameter Path PathLike Queue Request StringIO BytesIO TemporaryDirectory Thread ThreadpoolController"
)
_MORE_CLASSES = (
    (re.compile(r"scipy\.sparse\._(?:bsr|coo|csc|csr|dia|dok|lil)"), re.compile(r"[a-z]{3}_(?:array|matrix)")),
    (re.compile(r"xgboost\.sklearn"), re.compile(r"XGB[A-Za-z]+")),
    (re.compile(r"lightgbm\.sklearn"), re.compile(r"LGBM[A-Za-z]+")),
)
# Names of Python 2 that an unpickler translates for old protocols.
_LEGACY_MODULES = frozenset({"__builtin__", "copy_reg"})


def is_allowed(module: str, name: str, extra: Collection[str] = ()) -> bool:
    """Return whether a file may name this global. A dotted name reaches into an object, and is never allowed."""
    if f"{module}.{name}" in extra:
        return True
    if "." in name:
        return False
    new_module, new_name = _translated(module, name)
    if (new_module, new_name) != (module, name) and module not in _LEGACY_MODULES:
        return False
    return _is_listed(new_module, new_name)


def _is_listed(module: str, name: str) -> bool:
    if name in _EXACT.get(module, ()):
        return True
    if _NUMPY_CORE.fullmatch(module):
        return name in _ARRAY_BUILDERS or name in _NUMPY_UFUNCS
    if _SKLEARN_PACKAGES.fullmatch(module):
        return _CLASS_NAME.fullmatch(name) is not None and name not in _NOT_THEIR_OWN
    return any(where.fullmatch(module) and what.fullmatch(name) for where, what in _MORE_CLASSES)


def _translated(module: str, name: str) -> tuple[str, str]:
    """Return the global an unpickler of Python 3 takes when the pickle is of protocol 0 to 2."""
    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name
