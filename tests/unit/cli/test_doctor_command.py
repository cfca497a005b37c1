"""`doctor` without a target, and what its options say."""

from __future__ import annotations

import pytest

from cimd_conformance.cli import _preflight, run_cli
from cimd_testbed.net.lab import LabFacts, diagnose

SWITCH = "kernel.apparmor_restrict_unprivileged_userns"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Let the machine have what facts say."""

    def have(facts: LabFacts, *, adopted: bool = False) -> None:
        monkeypatch.setattr(_preflight, "lab_obstacles", lambda: diagnose(facts))
        monkeypatch.setattr(
            _preflight, "adoption_obstacles", lambda: () if adopted else ("no",)
        )

    return have


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (LabFacts(failure="no", switches={SWITCH: "1"}), f"sysctl -w {SWITCH}=0"),
        (LabFacts(failure="no", container=True), "--security-opt"),
        (LabFacts(missing=("setpriv",)), "util-linux"),
        (LabFacts(platform="darwin"), "--network none"),
    ],
)
def test_a_machine_without_a_lab(machine, capsys, facts, said):
    machine(facts)
    assert run_cli(["doctor"]) == 2
    text = " ".join(capsys.readouterr().out.split())
    assert said in text
    assert "Stopped at lab" in text


def test_a_network_that_can_be_adopted(machine, capsys, monkeypatch):
    jobs = []
    monkeypatch.setattr(
        _preflight.Preflight, "_job", lambda _self, job: jobs.append(job) or 0
    )
    machine(LabFacts(failure="no", container=True), adopted=True)
    assert run_cli(["doctor"]) == 0
    assert [(job.kind, job.network, job.adopted) for job in jobs] == [
        ("doctor", "lab", True)
    ]


@pytest.mark.parametrize("option", [["--network", "lab"], ["--ca", "pki"]])
def test_options_that_need_a_target(capsys, option):
    assert run_cli(["doctor", *option]) == 2
    assert "name one" in capsys.readouterr().err
