"""The lab: a hermetic internet inside a namespace (Linux, no root needed)."""

from cimd_testbed.net.lab._adopt import adopt_lab, adoption_obstacles
from cimd_testbed.net.lab._environment import clean_environment, trust_environment
from cimd_testbed.net.lab._files import LabFiles, LabFilesError
from cimd_testbed.net.lab._init import enter_lab
from cimd_testbed.net.lab._network import LabNetwork
from cimd_testbed.net.lab._obstacles import (
    LabFacts,
    LabObstacle,
    diagnose,
    lab_available,
    lab_obstacles,
)
from cimd_testbed.net.lab._outside import LabProcess, lab_argv
from cimd_testbed.net.lab._shell import run_lab

__all__ = [
    "LabFacts",
    "LabFiles",
    "LabFilesError",
    "LabNetwork",
    "LabObstacle",
    "LabProcess",
    "adopt_lab",
    "adoption_obstacles",
    "clean_environment",
    "diagnose",
    "enter_lab",
    "lab_argv",
    "lab_available",
    "lab_obstacles",
    "run_lab",
    "trust_environment",
]
