"""End-to-end tests share one way to run the suite."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
