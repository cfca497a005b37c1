"""Where no lab can be made, one sentence says why, another what would allow it."""

import sys

import pytest

from cimd_testbed.net.lab import LabFacts, _obstacles, diagnose, lab_argv


def only(**facts):
    (found,) = diagnose(LabFacts(**facts))
    return found


def test_nothing_is_in_the_way():
    assert diagnose(LabFacts()) == ()


def test_other_systems():
    found = only(platform="darwin")
    assert found.code == "system"
    assert found.what == "The lab needs Linux namespaces, and this is darwin."
    assert "--network none" in found.allow


def test_util_linux_is_missing():
    found = only(missing=("setpriv", "unshare"), failure="ignored")
    assert found.what == "The lab needs `setpriv`, `unshare`."
    assert "util-linux" in found.allow


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("user.max_user_namespaces", "0", "=15000`."),
        ("kernel.unprivileged_userns_clone", "0", "=1`, or run the suite with sudo."),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "=0`, or run "),
    ],
)
def test_a_switch_of_the_kernel(name, value, hint):
    found = only(failure="not permitted", switches={name: value})
    assert found.what.endswith(f"forbidden by {name}={value}.")
    assert f"`sudo sysctl -w {name}{hint}" in found.allow
    allowed = only(failure="not permitted", switches={name: value + "7"})
    assert allowed.code == "unknown"


def test_a_container():
    found = only(failure="not permitted", container=True)
    assert found.code == "container"
    assert "--security-opt" in found.allow
    assert "--network none" in found.allow


def test_several_causes_are_all_told():
    switches = {"user.max_user_namespaces": "0"}
    facts = LabFacts(failure="no", switches=switches, container=True)
    assert [found.code for found in diagnose(facts)] == ["switch", "container"]


def test_anything_else_is_quoted():
    found = only(failure="one\nunshare: odd")
    assert found.what == "A trial lab could not be made (unshare: odd)."
    assert "no message" in only(failure="").what


@pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux")
def test_the_facts_of_a_machine_without_the_programs(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    facts = _obstacles._facts()
    assert facts.missing == _obstacles.PROGRAMS
    assert facts.failure is None


@pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux")
def test_the_facts_of_a_machine_where_the_trial_fails(monkeypatch):
    monkeypatch.setattr(_obstacles, "lab_argv", lambda _words: ["sh", "-c", "exit 1"])
    monkeypatch.setattr(_obstacles.shutil, "which", lambda name: name)
    assert _obstacles._facts().failure == ""


@pytest.mark.skipif(sys.platform != "linux", reason="about Linux")
def test_the_command_line_hands_over_where_it_was_made():
    argv = lab_argv(["true", "--flag"])
    assert argv[-2:] == ["true", "--flag"]
    assert argv[-4].startswith("CIMD_LAB_OUTSIDE=net:[")
    assert argv[-3].startswith("CIMD_LAB_SOCKETS=")
