"""The documents say what the code does: tables, commands, links, decisions."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from cimd_conformance.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "scenarios").rglob("*.md"),
    ]
)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")
FIELD_TABLES = (
    *("scenario", "place", "change", "step", "expect", "target", "target-tables"),
    *("verbs", "ops", "outcomes", "statuses"),
)
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "docs_generate", ROOT / "docs" / "generate.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys_modules = pytest.MonkeyPatch()
    with sys_modules.context() as patch:
        patch.setitem(__import__("sys").modules, "docs_generate", module)
        spec.loader.exec_module(module)
    return module


def test_tables_are_up_to_date(generate: ModuleType):
    stale = [
        page.name
        for page in generate.pages()
        if generate.render(page.read_text("utf-8")) != page.read_text("utf-8")
    ]
    assert stale == [], "run `python docs/generate.py`"


def test_every_field_of_a_file_has_a_meaning(generate: ModuleType):
    places = re.compile(r"<!-- table: ([a-z-]+) -->")
    for page in generate.pages():
        for name in places.findall(page.read_text("utf-8")):
            rows = generate.TABLES[name]()[2:]
            rows = [row for row in rows if row.startswith("| `")]
            lacking = [row for row in rows if not _meaning(name, row)]
            if name in FIELD_TABLES:
                assert lacking == [], f"{name}: give it a docstring"


def _meaning(table: str, row: str) -> str:
    """Return the cell of a row that says what it is."""
    fields = table in FIELD_TABLES[:7]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    return cells[3] if fields else cells[1]


def test_the_readme_mentions_every_command():
    text = (ROOT / "README.md").read_text("utf-8")
    missing = [
        name
        for name in cli.list_commands(None)
        if f"`cimd-conformance {name}" not in text
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    text = FENCE.sub("", page.read_text("utf-8"))
    broken = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert broken == []


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "adr"
    text = (folder / "README.md").read_text("utf-8")
    decisions = sorted(page.name for page in folder.glob("[0-9]*.md"))
    assert [name for name in decisions if f"]({name})" not in text] == []


def test_scenarios_named_in_the_documents_exist():
    from cimd_conformance.catalogue import load_catalogue
    from cimd_testbed.flaws import FLAWS

    catalogue = load_catalogue()
    known = {name for i in catalogue.instances for name in (i.id, i.scenario.id)}
    named = re.compile(r"--flaw ([a-z0-9-]+)|(?:show|--only) (as/[a-z0-9/-]+)(?![*\w])")
    for page in (ROOT / "README.md", ROOT / "docs" / "target.md"):
        for flaw, scenario in named.findall(page.read_text("utf-8")):
            assert not flaw or flaw in FLAWS
            assert not scenario or scenario in known
