"""Check that the licence of every package that Custody needs at run time goes with its own, the Apache License 2.0.

Usage: licences.py [--path DIR] REQUIREMENTS…

Reads the installed metadata of what the requirements files name and of what that needs in turn, and prints each package
whose licence is unknown or not allowed. The exit code is then 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Licences whose terms an Apache-2.0 product meets when it is distributed together with the package. The LGPL is met
# because Python packages stay files of their own that anybody can replace. The GPL and the AGPL are not among them.
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-2.1-only",
        "LGPL-2.1-or-later",
        "LGPL-3.0-only",
        "LGPL-3.0-or-later",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
    }
)
# Packages whose metadata names no SPDX expression: what it says instead, and what the licence file beside it says.
# Where a later release says something else, it has to be read again.
READ_BY_HAND = {
    "amqp": ("BSD", "BSD-3-Clause"),
    "billiard": ("BSD", "BSD-3-Clause"),
    "click-plugins": ("New BSD", "BSD-3-Clause"),
    "django-csp": ("BSD", "BSD-3-Clause"),
    "drf-spectacular-sidecar": ("BSD", "BSD-3-Clause"),
    "id": ("License :: OSI Approved :: Apache Software License", "Apache-2.0"),
    "markdown-it-py": ("License :: OSI Approved :: MIT License", "MIT"),
    "mdurl": ("License :: OSI Approved :: MIT License", "MIT"),
    "prompt-toolkit": ("License :: OSI Approved :: BSD License", "BSD-3-Clause"),
    "protobuf": ("3-Clause BSD License", "BSD-3-Clause"),
    "pyasn1-modules": ("BSD", "BSD-2-Clause"),
    "pyopenssl": ("Apache License, Version 2.0", "Apache-2.0"),
    "python-dateutil": ("Dual License", "Apache-2.0 OR BSD-3-Clause"),
    "rfc3161-client": ("License :: OSI Approved :: Apache Software License", "Apache-2.0"),
    "rfc8785": ("License :: OSI Approved :: Apache Software License", "Apache-2.0"),
    "s3transfer": ("Apache License 2.0", "Apache-2.0"),
    "scim2-server": ("Apache License", "Apache-2.0"),
    "segno": ("License :: OSI Approved :: BSD License", "BSD-3-Clause"),
    "sigstore-models": ("", "MIT"),
    "sigstore-rekor-types": ("Apache License", "Apache-2.0"),
    "sqlparse": ("License :: OSI Approved :: BSD License", "BSD-3-Clause"),
    "uritemplate": ("BSD 3-Clause OR Apache-2.0", "Apache-2.0 OR BSD-3-Clause"),
    "valkey": ("MIT License", "MIT"),
    "vine": ("BSD", "BSD-3-Clause"),
    "wcwidth": ("License :: OSI Approved :: MIT License", "MIT"),
}
_WORD = re.compile(r"\(|\)|[^\s()]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """A package that is not installed, or whose licence is unknown or not allowed."""

    package: str
    why: str


def problems(requirements: Iterable[Requirement], path: Sequence[str] | None = None) -> list[Problem]:
    """Return what is wrong with the licences of these packages and of all that they need, by name.

    ``path`` is where the packages are installed, None for the running environment.
    """
    licence_problems = []
    for name, package in sorted(_installed(requirements, path).items()):
        if package is None:
            licence_problems.append(Problem(name, "is not installed"))
            continue
        expression = licence_of(package)
        if not expression:
            licence_problems.append(
                Problem(name, f"has an unknown licence: {_declared(package) or 'its metadata names none'}")
            )
        elif not is_allowed(expression):
            licence_problems.append(Problem(name, f"has the licence {expression}, which is not allowed"))
    return licence_problems


def licence_of(package: Distribution) -> str:
    """Return a package's licence as an SPDX expression; "" where neither its metadata nor READ_BY_HAND names one."""
    stated = _field(package, "License-Expression") or _declared(package)
    declared, read = READ_BY_HAND.get(canonicalize_name(package.metadata["Name"]), ("", ""))
    try:
        return str(canonicalize_license_expression(read if declared == stated else stated))
    except InvalidLicenseExpression:
        return ""


def is_allowed(expression: str) -> bool:
    """Return whether an SPDX expression can be met: of A OR B one part must be allowed, of A AND B both."""
    words = _WORD.findall(expression)
    allowed = _either(words)
    return allowed and not words


def _either(words: list[str]) -> bool:
    allowed = _both(words)
    while words and words[0] == "OR":
        words.pop(0)
        allowed = _both(words) or allowed
    return allowed


def _both(words: list[str]) -> bool:
    allowed = _single(words)
    while words and words[0] == "AND":
        words.pop(0)
        allowed = _single(words) and allowed
    return allowed


def _single(words: list[str]) -> bool:
    word = words.pop(0)
    if word == "(":
        allowed = _either(words)
        words.pop(0)
        return allowed
    if words and words[0] == "WITH":  # an exception only adds permissions
        del words[:2]
    return word in ALLOWED


def _installed(requirements: Iterable[Requirement], path: Sequence[str] | None) -> dict[str, Distribution | None]:
    """Return the packages by name, with all that they need in this environment; None for one that is not installed."""
    packages: dict[str, Distribution | None] = {}
    extras: dict[str, set[str]] = {}
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in packages and requirement.extras <= extras[name]:
            continue
        extras.setdefault(name, set()).update(requirement.extras)
        packages[name] = package = _find(name, path)
        waiting += _needed_by(package, extras[name]) if package else []
    return packages


def _find(name: str, path: Sequence[str] | None) -> Distribution | None:
    context = DistributionFinder.Context(name=name, **({} if path is None else {"path": list(path)}))
    return next(iter(MetadataPathFinder.find_distributions(context)), None)


def _needed_by(package: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for text in package.requires or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in {*extras, ""}):
            yield requirement


def _declared(package: Distribution) -> str:
    """Return the first line of the field License, else the classifiers; "" where there are neither."""
    classifiers = [each for each in package.metadata.get_all("Classifier") or [] if each.startswith("License ::")]
    return _field(package, "License") or "; ".join(classifiers)


def _field(package: Distribution, name: str) -> str:
    """Return the first line of a field of the metadata, "" where it is not there."""
    value = str((package.metadata.get_all(name) or [""])[0])
    return value.strip().partition("\n")[0]


def read_requirements(files: Iterable[Path]) -> Iterator[Requirement]:
    """Yield the requirements that files name; comments and options such as ``-r`` are left out."""
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            text = line.partition("#")[0].strip()
            if text and not text.startswith("-"):
                yield Requirement(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requirements", nargs="+", type=Path)
    parser.add_argument("--path", help="the folder with the installed packages (default: the running environment)")
    options = parser.parse_args()
    licence_problems = problems(read_requirements(options.requirements), options.path and [options.path])
    for problem in licence_problems:
        print(f"{problem.package} {problem.why}")
    return 1 if licence_problems else 0


if __name__ == "__main__":
    sys.exit(main())
