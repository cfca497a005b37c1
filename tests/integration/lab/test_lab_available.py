"""Where no lab can be made, one sentence says why and what would allow it."""

import subprocess
import sys

import pytest

from cimd_testbed.net.lab import _outside, lab_argv

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="about Linux")
probe = _outside.lab_available.__wrapped__


def failed(stderr):
    return lambda *_, **__: subprocess.CompletedProcess([], 1, "", stderr)


def test_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert probe() == "The lab needs Linux namespaces, and this is darwin."


def test_util_linux_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "install the package util-linux" in probe()


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("user.max_user_namespaces", "0", "=15000"),
        ("kernel.unprivileged_userns_clone", "0", "=1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "=0"),
    ],
)
def test_a_switch_of_the_kernel(monkeypatch, name, value, hint):
    monkeypatch.setattr(_outside.shutil, "which", lambda name: name)
    monkeypatch.setattr(_outside.subprocess, "run", failed("not permitted"))
    monkeypatch.setattr(_outside, "_sysctl", lambda asked: value * (asked == name))
    assert f"`sudo sysctl -w {name}{hint}`" in probe()


def test_a_container(monkeypatch):
    monkeypatch.setattr(_outside.shutil, "which", lambda name: name)
    monkeypatch.setattr(_outside.subprocess, "run", failed("not permitted"))
    monkeypatch.setattr(_outside, "_sysctl", lambda _asked: "")
    monkeypatch.setattr(_outside.Path, "exists", lambda _path: True)
    assert "--security-opt" in probe()


def test_anything_else_is_quoted(monkeypatch):
    monkeypatch.setattr(_outside.shutil, "which", lambda name: name)
    monkeypatch.setattr(_outside.subprocess, "run", failed("one\nunshare: odd"))
    monkeypatch.setattr(_outside, "_sysctl", lambda _asked: "")
    monkeypatch.setattr(_outside.Path, "exists", lambda _path: False)
    assert probe() == "A trial lab could not be made (unshare: odd)."


def test_the_command_line_hands_over_where_it_was_made():
    argv = lab_argv(["true", "--flag"])
    assert argv[-2:] == ["true", "--flag"]
    assert argv[-4].startswith("CIMD_LAB_OUTSIDE=net:[")
    assert argv[-3].startswith("CIMD_LAB_SOCKETS=")
