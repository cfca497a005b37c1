"""The preflight: a module of its own, as runs need none of it."""

from cimd_conformance.engine._doctor import doctor_job

__all__ = ["doctor_job"]
