"""The inner side of `cimd-conformance lab`; started by `run_lab` alone."""

import sys

from cimd_testbed.net.lab._shell import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
