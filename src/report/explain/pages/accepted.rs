//! Cells that were accepted.

use crate::code::Code;
use crate::report::explain::causes::{identity, mode, ours, policy, proxy};
use crate::report::explain::entry::{Page, Topic, seen};

pub(in crate::report::explain) const OK: Topic = Topic::code(
    Code::Ok,
    &[Page {
        by: None,
        meaning: "The handshake was completed and the peer has shown that it takes us: by an answer to the request, by a session ticket after our certificate, or by data. We trust its certificate as well. The evidence names the proof; without an answer the verdict is at most likely.",
        is_not: "That the certificate was needed (only `none` beside it shows that), that policy lets every request in (one request was made), or that real clients, whose own proxy has a say, fare the same. An answer such as 404, 429 or 503 of the application is OK as well: mTLS worked.",
        advice: "If this client should be refused, check the mTLS mode of the port and the policies that let it in.",
        causes: &[
            seen("the cell is as expected", &ours::EXPECTED),
            seen(
                "identities that should be refused are accepted, and no policy is named",
                &policy::TOO_OPEN,
            ),
            seen(
                "`plaintext` or `none` are accepted beside it, where the mesh is thought to be STRICT",
                &mode::NAMESPACE_WEAKENS,
            ),
            seen(
                "in ambient mode, a pod accepts whom its waypoint denies",
                &policy::WAYPOINT_PASSED_BY,
            ),
            seen(
                "the same identity fails through its own sidecar, though it is let in directly",
                &proxy::RULE_DISABLE,
            ),
            seen(
                "direct cells are OK, and real clients get 503 from their own proxies",
                &proxy::AUTO_MTLS_OFF,
            ),
            seen("HTTP 429 in the evidence", &policy::RATE_LIMIT),
            seen(
                "our sidecar answers 503 with flag UO or \"overflow\", and the direct cell is OK",
                &proxy::BREAKER,
            ),
            seen(
                "a 5xx of something behind the peer, likely and not certain",
                &proxy::APP_DOWN,
            ),
        ],
    }],
);

pub(in crate::report::explain) const PLAINTEXT_ACCEPTED: Topic = Topic::code(
    Code::PlaintextAccepted,
    &[Page {
        by: None,
        meaning: "We came without TLS and were answered as a client is answered. Whoever reaches the port can do so without an identity, and nothing is encrypted. The finding of the same name says this of the whole target, gravest where it was believed STRICT.",
        is_not: "An outage: nobody is turned away, so nothing but this probe shows it. Nor that mTLS fails: a PERMISSIVE port takes both. A banner before we had said anything is only likely, and opens no door.",
        advice: "Check the mTLS mode of the port, also a port-level exception, and whether its proxy is in the way at all.",
        causes: &[
            seen(
                "mTLS is accepted at the same address too (mode PERMISSIVE), though the mesh is STRICT",
                &mode::NAMESPACE_WEAKENS,
            ),
            seen(
                "this port is open and others of the same pod are STRICT",
                &mode::PORT_LEVEL,
            ),
            seen(
                "the mode seen is not the one in the policy that one looked at",
                &mode::SCOPE,
            ),
            seen(
                "TLS is NOT_TLS at the same address (mode PLAINTEXT), at every port of the pod",
                &mode::NOT_INJECTED,
            ),
            seen(
                "TLS is NOT_TLS at this port alone, or reaches a certificate of the application",
                &mode::EXCLUDED,
            ),
            seen(
                "some addresses of the target take plaintext and others do not",
                &mode::MIXED,
            ),
            seen(
                "the policy was changed, and this address shows the old mode",
                &policy::NOT_SYNCED,
            ),
            seen(
                "a peer of Linkerd with a server name that is not the proxy's: TLS passes through, plaintext is taken",
                &identity::NOT_MESH_TLS,
            ),
        ],
    }],
);
