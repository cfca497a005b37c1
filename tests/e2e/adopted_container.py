"""What a container without network is like, for the tests of the adopted lab.

    adopted_container.py RESOLV_CONF SCRIPT…

Started as the first program of new user, network and mount namespaces. It forbids
further ones, as a container's seccomp filter does, and runs the shell script.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cimd_testbed.net.lab._routes import may_configure


def main(resolv_conf: str, *script: str) -> int:
    """Prepare the namespace and run the script in it."""
    resolver = str(Path("/etc/resolv.conf").resolve())
    subprocess.run(["mount", "--bind", resolv_conf, resolver], check=True)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    assert may_configure()  # brings lo up
    return subprocess.run(script, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
