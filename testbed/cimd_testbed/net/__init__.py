"""The network of a run: dialers, names, listeners, HTTP, evidence."""

from cimd_testbed.net._contacts import Arrival, Contact, ContactLog, Depth, IPAddress
from cimd_testbed.net._dialer import (
    Dialer,
    ForbiddenAddressError,
    Resolver,
    Stream,
    SystemDialer,
    SystemResolver,
)
from cimd_testbed.net._egress import EGRESS_URL, EgressProxy, egress_environment
from cimd_testbed.net._faketime import FakeClock, find_libfaketime
from cimd_testbed.net._http import (
    Handler,
    Headers,
    Params,
    Request,
    Response,
    json_response,
    parse_params,
    redirect_response,
)
from cimd_testbed.net._http_client import (
    HeadersTooLargeError,
    HttpClient,
    HttpError,
    Limits,
    exchange,
)
from cimd_testbed.net._leases import (
    CANARY_PORTS,
    CLIENT_HOSTS,
    NOWHERE,
    OTHER_PUBLIC,
    OWN_SOURCES,
    PUBLIC_IPV6,
    SERVERS,
    TARGET_ADDRESSES,
    Leases,
)
from cimd_testbed.net._listener import CertificateFor, Door, Listener, Service
from cimd_testbed.net._listening import ListeningSocket
from cimd_testbed.net._namespace import (
    inside_verified_namespace,
    network_namespace,
    verify_namespace,
)
from cimd_testbed.net._network import (
    LOOPBACK,
    EmbeddedNetwork,
    LoopbackNetwork,
    Network,
)
from cimd_testbed.net._processes import (
    Command,
    ProcessError,
    TargetProcess,
    only_one_user,
)
from cimd_testbed.net._proxy import VisitorProxy
from cimd_testbed.net._ranges import LAB_RANGES, UNDIALLED_RANGES
from cimd_testbed.net._timeouts import ShiftedTimeouts, TimeLimit
from cimd_testbed.net._zone import Fault, Zone

__all__ = [
    "CANARY_PORTS",
    "CLIENT_HOSTS",
    "EGRESS_URL",
    "LAB_RANGES",
    "LOOPBACK",
    "NOWHERE",
    "OTHER_PUBLIC",
    "OWN_SOURCES",
    "PUBLIC_IPV6",
    "SERVERS",
    "TARGET_ADDRESSES",
    "UNDIALLED_RANGES",
    "Arrival",
    "CertificateFor",
    "Command",
    "Contact",
    "ContactLog",
    "Depth",
    "Dialer",
    "Door",
    "EgressProxy",
    "EmbeddedNetwork",
    "FakeClock",
    "Fault",
    "ForbiddenAddressError",
    "Handler",
    "Headers",
    "HeadersTooLargeError",
    "HttpClient",
    "HttpError",
    "IPAddress",
    "Leases",
    "Limits",
    "Listener",
    "ListeningSocket",
    "LoopbackNetwork",
    "Network",
    "Params",
    "ProcessError",
    "Request",
    "Resolver",
    "Response",
    "Service",
    "ShiftedTimeouts",
    "Stream",
    "SystemDialer",
    "SystemResolver",
    "TargetProcess",
    "TimeLimit",
    "VisitorProxy",
    "Zone",
    "egress_environment",
    "exchange",
    "find_libfaketime",
    "inside_verified_namespace",
    "json_response",
    "network_namespace",
    "only_one_user",
    "parse_params",
    "redirect_response",
    "verify_namespace",
]
