"""The local PKI of a run: one CA, leaves on demand, deliberately bad certificates.

    authority = Authority()
    server = authority.context_for("client-1.cimd-hosts.net")
    client = authority.trust()
    ca_file = authority.write(directory)

Nothing here is meant to outlive a run: the CA's key stays in memory unless it is asked
for, and nobody but the target of the run should be told to trust the CA.
"""

from cimd_certs._authority import Authority
from cimd_certs._bad import BadCertificate
from cimd_certs._leaf import Leaf, old_tls
from cimd_certs._trust import TrustHint, trust_hints

__all__ = [
    "Authority",
    "BadCertificate",
    "Leaf",
    "TrustHint",
    "old_tls",
    "trust_hints",
]
