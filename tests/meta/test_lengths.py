"""Modules and functions stay short enough to be read in one go."""

import ast

MODULE_LINES = 400
FUNCTION_LINES = 40

EXCEPTIONS: dict[str, str] = {}
"""`path` or `path::function` to the reason why it is longer."""


def too_long(sources):
    for source in sources:
        exports = source.path.name == "__init__.py"  # a list of names, not code
        if len(source.text.splitlines()) > MODULE_LINES and not exports:
            yield str(source.path)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if node.end_lineno - node.lineno + 1 > FUNCTION_LINES:
                    yield f"{source.path}::{node.name}"


def test_lengths(sources):
    found = sorted(too_long(sources))
    assert found == sorted(EXCEPTIONS), "\n" + "\n".join(found)


def test_every_exception_has_a_reason():
    assert all(len(reason.split()) > 2 for reason in EXCEPTIONS.values())
