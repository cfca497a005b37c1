"""The options that `demo` and `run` share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

_SELECTION = [
    click.option(
        "--only",
        multiple=True,
        metavar="GLOB",
        help="Run only scenarios whose id is this or matches it; may be repeated.",
    ),
    click.option(
        "--skip",
        multiple=True,
        metavar="GLOB",
        help="Leave out scenarios whose id is this or matches it; may be repeated.",
    ),
]

_REPORTS = [
    click.option(
        "--html",
        "html_path",
        metavar="FILE",
        help="Write one page that shows everything, without a network; `-` is stdout.",
    ),
    click.option(
        "--json",
        "json_path",
        metavar="FILE",
        help="Write the results as one JSON document; `-` is stdout.",
    ),
    click.option(
        "--ndjson",
        "ndjson_path",
        metavar="FILE",
        help="Write every event as a line of JSON; `-` is stdout.",
    ),
    click.option(
        "--junit",
        "junit_path",
        metavar="FILE",
        help="Write JUnit XML, for CI; `-` is stdout.",
    ),
]

_RUN = [
    click.option(
        "--profile",
        default="hardened",
        show_default=True,
        metavar="NAME",
        help="The text whose requirements count.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Where names, keys and addresses come from.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        help="How many scenarios are open at the same time.",
    ),
    click.option("--strict", is_flag=True, help="A warning counts as a failure."),
    click.option("-q", "--quiet", is_flag=True, help="Only failures and the verdict."),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Every scenario as it ends, and the evidence of those that passed.",
    ),
]


@dataclasses.dataclass(frozen=True, slots=True)
class SuiteOptions:
    """What the shared options say."""

    html_path: str | None
    json_path: str | None
    ndjson_path: str | None
    junit_path: str | None
    only: tuple[str, ...]
    skip: tuple[str, ...]
    profile: str
    seed: int
    jobs: int | None
    strict: bool
    quiet: bool
    verbose: bool

    def __post_init__(self) -> None:
        to_stdout = [name for name, path in self._paths.items() if path == "-"]
        if len(to_stdout) > 1:
            both = " and ".join(to_stdout[:2])
            raise click.UsageError(f"{both} cannot both go to stdout.")
        if self.quiet and self.verbose:
            raise click.UsageError("--quiet and --verbose exclude each other.")

    @property
    def stdout_taken(self) -> bool:
        """Whether a document goes to stdout, so that people read stderr."""
        return "-" in self._paths.values()

    @property
    def _paths(self) -> dict[str, str | None]:
        return {
            "--html": self.html_path,
            "--json": self.json_path,
            "--ndjson": self.ndjson_path,
            "--junit": self.junit_path,
        }


def selection_options(function: _Function) -> _Function:
    """Add `--only` and `--skip`."""
    return _with(function, _SELECTION)


def suite_options(function: _Function) -> _Function:
    """Add the options of a run; `SuiteOptions(**values)` takes them."""
    return _with(function, [*_REPORTS, *_SELECTION, *_RUN])


def _with(
    function: _Function, options: Sequence[Callable[[_Function], _Function]]
) -> _Function:
    for option in reversed(options):
        function = option(function)
    return function
