"""What a package exports is what it lists, and nothing else."""

import __future__

import importlib
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(
    ".".join(file.parent.relative_to(ROOT / folder).parts)
    for folder in ("certs", "testbed", "conformance")
    for file in (ROOT / folder).rglob("__init__.py")
)


def public_names(package):
    return {
        name
        for name, value in vars(package).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType | __future__._Feature)
    }


def isort_style(name):
    """Order as ruff's RUF022 does: constants, classes, the rest."""
    if len(name) > 1 and name.isupper():
        return 0, name
    return (1 if name[0].isupper() else 2), name


def test_there_are_packages():
    assert {"cimd_certs", "cimd_testbed.core", "cimd_conformance.model"} <= {*PACKAGES}


@pytest.mark.parametrize("name", PACKAGES)
def test_all(name):
    package = importlib.import_module(name)
    listed = list(getattr(package, "__all__", []))
    for item in listed:  # some are loaded when they are first asked for
        getattr(package, item)
    assert set(listed) == public_names(package)
    assert listed == sorted(set(listed), key=isort_style)
    assert package.__doc__
