"""The fixtures, as another project's tests use them."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

SYNC = """
import json, urllib.request

def get(bed, url):
    handler = urllib.request.HTTPSHandler(context=bed.trust.context())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
    with opener.open(url) as response:
        return json.load(response)

def test_metadata(cimd_testbed):
    metadata = get(cimd_testbed, cimd_testbed.metadata_url)
    assert metadata["issuer"] == cimd_testbed.issuer

def test_document(cimd_testbed):
    url = cimd_testbed.document_host.publish({"redirect_uris": []})
    assert get(cimd_testbed, url)["client_id"] == url

def test_whole_flow(cimd_testbed):
    bed = cimd_testbed
    called = bed.run(bed.agent_host.call_tool(bed.resource, "whoami"))
    assert called["structuredContent"]["sub"] == "alice"
"""

ASYNC = """
import asyncio

async def test_own_loop(cimd_testbed):
    http = cimd_testbed.http()
    answer = await http.request("GET", cimd_testbed.metadata_url)
    assert answer.status == 200
    await http.close()

async def test_whole_flow(cimd_testbed):
    bed = cimd_testbed
    work = bed.agent_host.call_tool(bed.resource, "whoami")
    called = await asyncio.to_thread(bed.run, work)
    assert called["structuredContent"]["sub"] == "alice"
"""

SESSION = """
issuers = set()

def test_one(cimd_testbed_session, cimd_testbed):
    issuers.update([cimd_testbed_session.issuer, cimd_testbed.issuer])
    assert len(issuers) == 2

def test_two(cimd_testbed_session):
    assert cimd_testbed_session.issuer in issuers
"""

LAZY = """
import sys

def test_nothing_is_loaded():
    loaded = set(sys.modules)
    assert "cimd_testbed.pytest_plugin" in loaded
    assert not {"cimd_testbed._testbed", "cimd_testbed.net", "cryptography"} & loaded
"""


@pytest.mark.parametrize(
    ("source", "passed"),
    [(SYNC, 3), (ASYNC, 2), (SESSION, 2), (LAZY, 1)],
    ids=["sync", "async", "session", "lazy"],
)
def test_fixtures(pytester: pytest.Pytester, source: str, passed: int) -> None:
    pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\nasyncio_mode = "auto"\n'
        'asyncio_default_fixture_loop_scope = "function"\nfilterwarnings = ["error"]\n'
    )
    pytester.makepyfile(source)
    done = pytester.runpytest_subprocess("--strict-markers", "--strict-config")
    done.assert_outcomes(passed=passed)


def test_the_fixtures_are_explained(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_subprocess("--fixtures")
    done.stdout.fnmatch_lines(["cimd_testbed -- *", "*Run an authorization server, *"])


def test_a_run_without_the_fixtures_starts_no_thread(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import threading

        def test_threads():
            names = [thread.name for thread in threading.enumerate()]
            assert "cimd-testbed" not in names
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
