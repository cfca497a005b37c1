"""Read `target.toml`, and prepare the target outside the lab."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from cimd_conformance.catalogue import complain, locate, placeholders, read_toml
from cimd_conformance.model import ConfigError, TargetError
from cimd_conformance.target._model import ACCOMMODATIONS, TargetFile

NAMES = frozenset(
    {
        *("origin", "host", "port", "ca_file", "bundle_file", "cache", "state"),
        *("upstream.issuer", "upstream.authorize", "upstream.token", "upstream.jwks"),
        *("token_endpoint", "resource", "dir"),
    }
)
"""Placeholders that a target file may use."""

_WORDS = {
    ("resource", "shown_by"): ("jwks", "introspection", "call"),
    ("login", "driver"): ("form", "auto"),
}


def load_target(path: Path) -> TargetFile:
    """Return the file's value; raises `ConfigError` with file and line."""
    target, text = read_toml(path, TargetFile)

    def wrong(where: list[str | int], what: str, hint: str) -> ConfigError:
        return complain("target", path, locate(text, where), what, hint)

    if target.schema != 1:
        raise wrong(["schema"], f"Schema {target.schema} is unknown.", "allowed: 1")
    for (table, key), allowed in _WORDS.items():
        value = getattr(getattr(target, table), key)
        if value not in allowed:
            hint = "allowed: " + ", ".join(allowed)
            raise wrong([table, key], f"{value!r} is not known here.", hint)
    for number, accommodation in enumerate(target.accommodation):
        if accommodation.what not in ACCOMMODATIONS:
            hint = "allowed: " + ", ".join(ACCOMMODATIONS)
            what = f"{accommodation.what!r} is no accommodation."
            raise wrong(["accommodation", number, "what"], what, hint)
    for table, value in (
        ("server", [target.server.start, target.server.env, target.server.issuer]),
        ("resource", [target.resource.uri]),
    ):
        for name in placeholders(value):
            if name not in NAMES:
                hint = "allowed: " + ", ".join(sorted(NAMES))
                raise wrong([table], f"The placeholder {{{name}}} is unknown.", hint)
    return target


def cache_dir(path: Path, target: TargetFile) -> Path:
    """Return where `prepare` installs this target: one folder per lock content."""
    digest = hashlib.sha256(repr(target.server.prepare).encode())
    for lock in target.server.locks:
        digest.update((path.parent / lock).read_bytes())
    base = os.environ.get("CIMD_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    slug = re.sub(r"[^a-z0-9]+", "-", target.name.lower()).strip("-")
    return root / "cimd-conformance" / f"{slug}-{digest.hexdigest()[:12]}"


def prepare_target(
    path: Path, target: TargetFile, say: Callable[[str], None] = lambda _line: None
) -> Path:
    """Run the `prepare` commands unless they succeeded before; return the cache.

    Raises `TargetError` with the command's last output when one fails.
    """
    try:
        cache = cache_dir(path, target)
    except OSError as error:
        raise ConfigError(
            "lock-unreadable",
            f"{path}: a lock file cannot be read: {error}.",
            "List existing files, relative to the target file, in server.locks.",
        ) from None
    done = cache / ".prepared"
    if done.exists() or not target.server.prepare:
        return cache
    cache.mkdir(parents=True, exist_ok=True)
    for command in target.server.prepare:
        argv = [part.replace("{cache}", str(cache)) for part in command]
        say(" ".join(argv))
        _prepare(argv, path.parent / target.server.cwd)
    done.touch()
    return cache


def _prepare(argv: list[str], cwd: Path) -> None:
    try:
        run = subprocess.run(  # noqa: S603 - the user's own file says so
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise TargetError(
            "prepare-failed", f"{argv[0]} cannot be run: {error}.", "Install it."
        ) from None
    if run.returncode:
        tail = "\n".join(run.stdout.splitlines()[-15:])
        raise TargetError(
            "prepare-failed",
            f"{' '.join(argv)} ended with {run.returncode}:\n{tail}",
            "Run the command by hand, or delete the cache folder and try again.",
        )
