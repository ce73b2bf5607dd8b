//! Cells without a TCP connection.

use crate::code::Code;
use crate::report::explain::causes::{network, proxy};
use crate::report::explain::entry::{Page, Topic, seen};

pub(in crate::report::explain) const DNS_FAILURE: Topic = Topic::code(
    Code::DnsFailure,
    &[Page {
        by: None,
        meaning: "The name of the target led to no address: it does not exist, has none, or nobody answered. No packet went to the target.",
        is_not: "A word on TLS, certificates or policy: nothing was tried.",
        advice: "Check the name and its search domains, and whether the service exists in that namespace.",
        causes: &[
            seen("one name does not exist, others do", &network::NAME),
            seen(
                "the name exists and has no address: a headless Service without ready pods",
                &proxy::NO_ENDPOINTS,
            ),
            seen(
                "no name resolves, or only after a timeout",
                &network::DNS_DOWN,
            ),
        ],
    }],
);

pub(in crate::report::explain) const CONNECTION_REFUSED: Topic = Topic::code(
    Code::ConnectionRefused,
    &[Page {
        by: None,
        meaning: "The host answered our SYN with a reset: it is there, and nothing listens on the port. That comes from TCP, before any proxy or TLS; a pod with a sidecar takes TCP on every port, even where it refuses everybody.",
        is_not: "A refusal of our identity, and it never meets the expectation REJECTED. Clients behind a sidecar see 503 instead.",
        advice: "Check the port, and whether the process listens; TLS has no part in it.",
        causes: &[
            seen("every source is refused so", &network::NOT_LISTENING),
            seen(
                "the address was that of a pod that is gone, and belongs to another now",
                &network::GONE,
            ),
            seen(
                "the pods behind the name are not ready",
                &proxy::NO_ENDPOINTS,
            ),
            seen(
                "refused at once, from one network and not from another",
                &network::NETWORK_POLICY,
            ),
        ],
    }],
);

pub(in crate::report::explain) const HOST_UNREACHABLE: Topic = Topic::code(
    Code::HostUnreachable,
    &[Page {
        by: None,
        meaning: "There is no way to that address: the kernel here or a router in between said so. No packet reached the target.",
        is_not: "A word on TLS, certificates or policy of the mesh.",
        advice: "Check routes and network policies from here to the target.",
        causes: &[
            seen(
                "a whole network, or IPv6, is out of reach",
                &network::NO_ROUTE,
            ),
            seen("one address alone", &network::GONE),
            seen(
                "a firewall that answers \"prohibited\"",
                &network::NETWORK_POLICY,
            ),
        ],
    }],
);

pub(in crate::report::explain) const CONNECT_TIMEOUT: Topic = Topic::code(
    Code::ConnectTimeout,
    &[Page {
        by: None,
        meaning: "Our SYN was never answered: something drops the packets, or nobody has the address. A proxy of a mesh always answers TCP, so this is the network, before any mesh.",
        is_not: "A slow handshake (HANDSHAKE_TIMEOUT): it did not come to one.",
        advice: "Check network policies and firewalls from here to the target, and whether the address still exists.",
        causes: &[
            seen(
                "other places do get through, or other ports of the host do",
                &network::NETWORK_POLICY,
            ),
            seen("nobody gets through, to this address alone", &network::GONE),
            seen("a whole network does not answer", &network::NO_ROUTE),
            seen("now and then, under load", &network::BUSY),
        ],
    }],
);
