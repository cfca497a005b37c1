"""The direction of imports (ARCHITECTURE.md), as tables.

A table names what a package may import of its own family. A package that no table
names is outermost: it may import everything, and no package of a table may import it.
"""

import sys

import pytest

PROJECT = ("cimd_certs", "cimd_testbed", "cimd_conformance")
"""Each may import those before it."""

TESTBED = {
    "core": (),
    "net": ("core",),
    "parties": ("core", "net"),
    "reference": ("core", "net"),
    "flaws": ("core", "reference"),
}

CONFORMANCE = (
    *("model", "catalogue", "lint", "target", "evidence", "flows"),
    *("engine", "reports", "outer", "prove", "init", "inner", "cli"),
)
"""Each may import those before it."""

PURE_LIBRARIES: set[str] = set()
"""Third-party packages that the pure core may use."""

IN_AND_OUT = {"asyncio", "http", "selectors", "socket", "ssl", "subprocess"}
"""Standard modules that do I/O, which the pure core must not know."""

MAY_KNOW_THE_REFERENCE = (
    "cimd_conformance.engine._agent_host",
    "cimd_conformance.engine._embedded",
    "cimd_conformance.engine._roles",
    "cimd_conformance.engine._embedded_tool_server",
    "cimd_conformance.prove",
)
"""Build the embedded targets, and prove the suite on them; no verdict is made there."""

NEUTRAL_CORE = {"Clock", "ShiftedClock", "SystemClock", "UrlParts", "split_url"}
"""What verdict code may take from the core: no validator, no rule."""


def within(name, *packages):
    return any(name == item or name.startswith(f"{item}.") for item in packages)


def part(name, family):
    """Return the part of `family` that a dotted name lies in; '' for outside."""
    inside = name.startswith(f"{family}.") and not name.endswith("__")
    return name.split(".")[1] if inside else ""


def forbid(sources, family, is_wrong):
    found = [
        f"{source.path} imports {name}"
        for source in sources
        if within(source.module, family)
        for name in sorted(source.imports)
        if is_wrong(source, name)
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("position", range(len(PROJECT)))
def test_distributions(sources, position):
    later = PROJECT[position + 1 :]
    forbid(sources, PROJECT[position], lambda _source, name: within(name, *later))


@pytest.mark.parametrize("package", TESTBED)
def test_testbed(sources, package):
    family = "cimd_testbed"
    allowed = [f"{family}.{item}" for item in (package, *TESTBED[package])]
    forbid(
        sources,
        f"{family}.{package}",
        lambda _source, name: (
            within(name, family) and name != family and not within(name, *allowed)
        ),
    )


@pytest.mark.parametrize("package", CONFORMANCE)
def test_conformance(sources, package):
    family = "cimd_conformance"
    allowed = CONFORMANCE[: CONFORMANCE.index(package) + 1]
    forbid(
        sources,
        f"{family}.{package}",
        lambda _source, name: part(name, family) not in ("", *allowed),
    )


def test_the_core_is_pure(sources):
    pure = (sys.stdlib_module_names - IN_AND_OUT) | PURE_LIBRARIES
    forbid(
        sources,
        "cimd_testbed.core",
        lambda _source, name: (
            not within(name, "cimd_testbed.core")
            and (name.split(".")[0] not in pure or within(name, "urllib.request"))
        ),
    )


def test_the_judge_shares_no_brain_with_the_judged(sources):
    core = "cimd_testbed.core"
    neutral = {core, *(f"{core}.{name}" for name in NEUTRAL_CORE)}

    def is_wrong(source, name):
        if within(source.module, *MAY_KNOW_THE_REFERENCE):
            return False
        if within(name, "cimd_testbed.reference", "cimd_testbed.flaws"):
            return True
        return within(name, core) and name not in neutral

    forbid(sources, "cimd_conformance", is_wrong)


@pytest.mark.parametrize("family", PROJECT)
def test_private_modules_stay_in_their_package(sources, family):
    def is_wrong(source, name):
        owner, private, _ = name.partition("._")
        return private and within(name, *PROJECT) and not within(source.package, owner)

    forbid(sources, family, is_wrong)
