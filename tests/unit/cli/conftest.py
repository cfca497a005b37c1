"""The commands are tested against the fake inner process of the outer tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "outer"))
