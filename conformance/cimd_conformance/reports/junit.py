"""JUnit XML: every scenario is a test case, so that any CI shows a run.

What a case becomes:

- `passed` is a case without a child; `warned` too, with what was seen in `system-out`,
  because a SHOULD that is not met does not fail a run. With `--strict` it is a failure.
- `failed` is a `failure`, `error` (our own fault) an `error`.
- `inconclusive` is an `error`: in JUnit's words, the test could not be carried out. It
  must not be green, because nothing was proven, and it is not a `failure`, because
  nothing was found; the run ends with exit code 3, which a CI sees as red too.
- `not-run` and `not-applicable` are `skipped`, with the reason.

A run that is not green though no case says why (it was interrupted, the target did not
start, nothing was selected) has one more case named `run`, which is an `error`.

The library for this format that is alive adds nothing to `xml.etree` for writing, and
neither of them refuses characters that XML cannot carry: everything that a target sent
is made visible first. Clauses, levels, severity and profile are `properties`, which
JUnit itself does not know for a case; Jenkins, GitLab and pytest use them so.
"""

from __future__ import annotations

import shlex
from xml.etree import ElementTree as ET

from cimd_conformance.model import AnyEvent, Level, RunFinished, RunStarted, Status
from cimd_conformance.reports._output import check_writable, write_document
from cimd_conformance.reports._profiles import levels_of
from cimd_conformance.reports._report import Evidence, Keep, Report, ScenarioResult
from cimd_conformance.reports._types import ErrorEntry
from cimd_conformance.reports._wording import (
    clause_line,
    evidence_line,
    expected_line,
    reason_of,
)
from cimd_conformance.reports.text import shortened, visible

_SHOWN_EVIDENCE = 40
_BAD = (Status.ERROR, Status.FAILED, Status.WARNED, Status.INCONCLUSIVE)
_SKIPPED = (Status.NOT_RUN, Status.NOT_APPLICABLE)
_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


class JunitWriter:
    """Writes one document when the run is over."""

    def __init__(self, destination: str, *, replay: str = "") -> None:
        check_writable(destination)
        self._destination = destination
        self._replay = replay
        self._report = Report(Keep.NOT_PASSED)

    def event(self, event: AnyEvent) -> None:
        """Take an event in."""
        self._report.add(event)

    def finish(self) -> None:
        """Write the document."""
        root = _suites(self._report, self._replay)
        ET.indent(root)
        text = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        write_document(self._destination, text + b"\n")


def _suites(report: Report, replay: str) -> ET.Element:
    started, finished = report.started, report.finished
    if started is None or finished is None:
        raise ValueError("The run has no header or no footer.")
    levels = levels_of(started.profile)
    cases = [
        _case(report, result, levels, replay, strict=started.strict)
        for result in report.scenarios.values()
    ]
    if finished.exit_code and not any(_is_red(case) for case in cases):
        cases.append(_run_case(finished))
    numbers = {
        "tests": str(len(cases)),
        **{
            plural: str(sum(case.find(tag) is not None for case in cases))
            for tag, plural in _COUNTED.items()
        },
        "time": f"{finished.seconds:.3f}",
    }
    root = ET.Element("testsuites", {"name": "cimd-conformance", **numbers})
    suite = ET.SubElement(
        root,
        "testsuite",
        {"name": visible(f"{started.target} ({started.role})"), **numbers},
        timestamp=started.started,
    )
    _properties(suite, _of_run(started, finished))
    suite.extend(cases)
    return root


def _is_red(case: ET.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def _of_run(started: RunStarted, finished: RunFinished) -> dict[str, str]:
    return {
        "version": started.version,
        "role": started.role,
        "network": started.network,
        "profile": started.profile,
        "powers": ", ".join(started.powers),
        "seed": str(started.seed),
        "verdict": finished.verdict,
        "exit-code": str(finished.exit_code),
    }


def _case(
    report: Report,
    result: ScenarioResult,
    levels: dict[str, Level],
    replay: str,
    *,
    strict: bool,
) -> ET.Element:
    planned, status = result.planned, result.status
    area = planned.id.split("/")[1] if "/" in planned.id else planned.id
    case = ET.Element(
        "testcase",
        classname=visible(f"{planned.role.value}.{area}"),
        name=visible(planned.id),
        time=f"{result.seconds:.3f}",
    )
    _properties(case, _of_case(report, result, levels))
    if status in _SKIPPED:
        reason = shortened(visible(reason_of(report, result)), 600)
        ET.SubElement(case, "skipped", type=status.value, message=reason)
    elif status in _BAD:
        text = "\n".join(_told(report, result, replay))
        if status is Status.WARNED and not strict:
            ET.SubElement(case, "system-out").text = text
        else:
            tag = "failure" if status in (Status.FAILED, Status.WARNED) else "error"
            message = _message(report, result)
            ET.SubElement(case, tag, type=status.value, message=message).text = text
    return case


def _of_case(
    report: Report, result: ScenarioResult, levels: dict[str, Level]
) -> dict[str, str]:
    """Return the properties of a case; `level` is the strictest of its clauses."""
    planned = result.planned
    demanded = {
        name: levels[name] for name in planned.requirements if name in levels
    } | {check.requirement: check.level for check in result.checks if check.level}
    properties = {
        "title": planned.title,
        "status": result.status.value,
        "severity": planned.severity.value,
        "profile": report.started.profile if report.started else "",
        "clauses": ", ".join(planned.requirements),
    }
    if demanded:
        strictest = min(demanded.values(), key=list(Level).index)
        properties["level"] = strictest.value
    for name, level in demanded.items():
        properties[f"level.{name}"] = level.value
    if planned.attacks:
        properties["attacks"] = ", ".join(planned.attacks)
    return properties


def _properties(parent: ET.Element, properties: dict[str, str]) -> None:
    holder = ET.SubElement(parent, "properties")
    for name, value in properties.items():
        ET.SubElement(holder, "property", name=visible(name), value=visible(value))


def _message(report: Report, result: ScenarioResult) -> str:
    """Return the failure in one line."""
    for check in result.checks:
        if check.status is result.status:
            why = f" ({visible(check.reason)})" if check.reason else ""
            line = f"expected {expected_line(check)}; got {visible(check.actual)}{why}"
            return shortened(f"{visible(check.requirement)}: {line}", 600)
    return shortened(visible(reason_of(report, result)), 600)


def _told(report: Report, result: ScenarioResult, replay: str) -> list[str]:
    """Return the failure in full, as the console tells it."""
    planned = result.planned
    lines = [visible(planned.title), ""]

    def fact(label: str, text: str) -> None:
        lines.append(f"{label:<8}  {shortened(text, 1000)}")

    checks = [check for check in result.checks if check.status in _BAD]
    if not checks or result.reason:
        fact("reason", visible(reason_of(report, result)))
    for check in checks:
        fact("clause", clause_line(check))
        fact("expected", expected_line(check))
        fact("got", visible(check.actual))
    for change in planned.change:
        fact("change", visible(change))
    numbers = [number for check in checks for number in check.evidence]
    items = result.evidence.of(numbers) or _seen(report, result).items()
    for item in items[:_SHOWN_EVIDENCE]:
        fact("evidence", evidence_line(item))
    if replay:
        lines.append(f"replay    {replay} --only {shlex.quote(planned.id)}")
    for fix in dict.fromkeys(check.fix for check in checks if check.fix):
        fact("fix", visible(fix))
    return lines


def _seen(report: Report, result: ScenarioResult) -> Evidence:
    """Return what was seen in a scenario, or in the control that it stopped at."""
    control = report.control(result.control)
    if result.evidence or control is None or control.status is Status.PASSED:
        return result.evidence
    return report.evidence_of(control)


def _run_case(finished: RunFinished) -> ET.Element:
    """Return the case of a run that is not green for a reason of its own."""
    case = ET.Element("testcase", classname="cimd-conformance", name="run", time="0")
    error = ErrorEntry.of(finished)
    message, hint = f"The run ended as {finished.verdict}.", ""
    if error is not None:
        message, hint = visible(error.message), visible(error.hint)
    kind = error.code if error is not None else finished.verdict
    told = ET.SubElement(case, "error", type=visible(kind), message=message)
    told.text = "\n".join(filter(None, [message, hint]))
    return case
