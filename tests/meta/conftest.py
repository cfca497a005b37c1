"""The project's own sources, parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("certs", "testbed", "conformance")


@dataclass(frozen=True)
class Source:
    """One module: where it is, and what it imports."""

    path: Path
    """Relative to the checkout."""
    module: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def package(self) -> str:
        is_package = self.path.name == "__init__.py"
        return self.module if is_package else self.module.rpartition(".")[0]

    @cached_property
    def imports(self) -> frozenset[str]:
        """Every `module` and `module.name` that it imports, wherever in the file."""
        return frozenset(self._imports())

    def _imports(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                up = self.package.split(".")[: 1 - node.level or None]
                parts = [*(up if node.level else []), node.module or ""]
                base = ".".join(filter(None, parts))
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _read(folder: str) -> Iterator[Source]:
    for file in sorted((ROOT / folder).rglob("*.py")):
        inside = file.relative_to(ROOT / folder)
        parts = inside.with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        yield Source(file.relative_to(ROOT), module, file.read_text("utf-8"))


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    return [source for folder in FOLDERS for source in _read(folder)]
