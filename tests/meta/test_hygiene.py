"""What must never be committed: keys, one machine's paths, the hosts of registries."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "a path of one machine": re.compile(r"(?<![\w.})/-])/(work|root)/"),
    "the host of a registry": re.compile(
        r"(?i)\b(pypi\.org|pythonhosted\.org|npmjs\.(org|com)|yarnpkg\.com|crates\.io"
        r"|rubygems\.org|nuget\.org|repo1?\.maven|proxy\.golang\.org|docker\.io"
        r"|ghcr\.io|quay\.io)\b"
    ),
    "the address of an index": re.compile(r"(?m)index-url\s*=|^registry\s*=\s*http"),
}


@pytest.fixture(scope="module")
def texts():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = listing.stdout.decode().split("\0")
    files = [ROOT / name for name in names if name]
    return {
        str(file.relative_to(ROOT)): file.read_text("utf-8", errors="replace")
        for file in files
        if file.is_file()
    }


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_that_must_not_be_committed(texts, what):
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in texts.items()
        for match in FORBIDDEN[what].finditer(text)
    ]
    assert not found, f"{what} in\n" + "\n".join(found)


def test_scripts_are_executable():
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
