"""Flaws: each replaces one check of a reference role by a function that is wrong.

Most are too weak, some too strict. The reference does not know this package.
"""

from cimd_testbed.flaws._flaw import Flaw, flawed
from cimd_testbed.flaws._registry import FLAWS

__all__ = ["FLAWS", "Flaw", "flawed"]
