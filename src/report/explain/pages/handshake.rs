//! Handshakes that ended before any certificate was judged.

use crate::code::{By, Code};
use crate::report::explain::causes::{dates, identity, mode, policy, proxy, tls};
use crate::report::explain::entry::{Page, Topic, seen};

pub(in crate::report::explain) const NOT_TLS: Topic = Topic::code(
    Code::NotTls,
    &[Page {
        by: None,
        meaning: "Our ClientHello was answered with something that is not TLS, a plaintext HTTP 400 for example. No proxy ends TLS on this port: the bytes reached an application or a codec that speaks plaintext. Sidecars of clients that send mTLS there report WRONG_VERSION_NUMBER.",
        is_not: "A refusal of our certificate: none was ever shown. Nor an outage for clients that speak plaintext here.",
        advice: "Check whether the target has its proxy, the port is excluded from it, or its mode is DISABLE.",
        causes: &[
            seen(
                "every port of the pod is so, and plaintext is accepted",
                &mode::NOT_INJECTED,
            ),
            seen(
                "this port alone is so, and others of the pod do mTLS",
                &mode::EXCLUDED,
            ),
            seen("some addresses do TLS and others do not", &mode::MIXED),
            seen(
                "the policy has another mode for this port",
                &mode::PORT_LEVEL,
            ),
            seen(
                "mTLS without Istio's ALPN, at a TCP port of a PERMISSIVE sidecar: TLS is passed on",
                &mode::ALPN_OF_ISTIO,
            ),
            seen(
                "clients in the mesh get 503 with WRONG_VERSION_NUMBER from their sidecars",
                &proxy::MUTUAL_TO_PLAIN,
            ),
            seen(
                "a peer of Linkerd: an opaque or skipped port, or TLS with a name that is not the proxy's",
                &tls::SERVER_NAME,
            ),
            seen(
                "the answer is a greeting (PostgreSQL, MySQL, SMTP, LDAP)",
                &tls::SERVER_FIRST,
            ),
            seen("an answer that nobody expects there", &tls::NOT_A_TLS_PORT),
        ],
    }],
);

pub(in crate::report::explain) const NO_SHARED_CIPHER: Topic = Topic::code(
    Code::NoSharedCipher,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer found nothing in common in our ClientHello, or no way to use our key: no cipher suite, group or signature scheme. It says handshake_failure(40) or insufficient_security(71) before its own certificate.",
            is_not: "A missing client certificate, which over TLS 1.2 has the same alert 40, but later, after the peer has asked for one. No certificate was judged.",
            advice: "Compare cipher suites, groups and signature schemes of both ends, and the types of their keys.",
            causes: &[
                seen("alert 40 or 71 before the server's hello", &tls::CIPHERS),
                seen(
                    "one TLS version works and the other does not",
                    &tls::VERSIONS,
                ),
                seen(
                    "it began with an upgrade of proxies or control plane",
                    &tls::VERSION_SKEW,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "We have nothing in common with what the peer chose, or cannot use its key.",
            is_not: "A judgement of its certificate.",
            advice: "Compare cipher suites, groups and signature schemes of both ends, and the types of their keys.",
            causes: &[
                seen(
                    "a certificate with a key that we do not know, or a suite of old",
                    &tls::CIPHERS,
                ),
                seen("a peer that knows old versions only", &tls::VERSIONS),
            ],
        },
    ],
);

pub(in crate::report::explain) const PROTOCOL_VERSION: Topic = Topic::code(
    Code::ProtocolVersion,
    &[
        Page {
            by: Some(By::Peer),
            meaning: "The peer takes none of the TLS versions that we offered, and says so with alert protocol_version(70). It has judged nothing else yet.",
            is_not: "A matter of certificates.",
            advice: "Compare the lowest and the highest TLS version of both ends.",
            causes: &[
                seen(
                    "`--tls 1.2` fails and 1.3 works: ztunnel, a waypoint, Linkerd, or a minimum that was set",
                    &tls::VERSIONS,
                ),
                seen(
                    "it began with an upgrade, at proxies of another version",
                    &tls::VERSION_SKEW,
                ),
            ],
        },
        Page {
            by: Some(By::Probe),
            meaning: "The peer chose a TLS version that we did not offer, or one that we never speak (1.1 and older).",
            is_not: "A matter of certificates.",
            advice: "Compare the lowest and the highest TLS version of both ends.",
            causes: &[seen(
                "a server that answers an offer of 1.3 alone with 1.2, or one of old",
                &tls::VERSIONS,
            )],
        },
    ],
);

pub(in crate::report::explain) const ALPN_MISMATCH: Topic = Topic::code(
    Code::AlpnMismatch,
    &[Page {
        by: None,
        meaning: "The two ends have no application protocol in common. The peer says no_application_protocol(120) where it knows none of those offered; where it chose one that nobody offered, it is us who end it.",
        is_not: "A matter of certificates: ALPN comes first.",
        advice: "Compare the `dialect` and the `alpn` of the target in the suite with what its proxy expects.",
        causes: &[
            seen("alert no_application_protocol(120)", &tls::ALPN),
            seen(
                "port 15008 (HBONE wants h2), or port 4143 of Linkerd",
                &proxy::WAYPOINT,
            ),
        ],
    }],
);

pub(in crate::report::explain) const UNRECOGNIZED_NAME: Topic = Topic::code(
    Code::UnrecognizedName,
    &[Page {
        by: None,
        meaning: "The peer knows no certificate or route for the server name we sent, or wants one and got none, and says unrecognized_name(112) or ends it in another way that means the same.",
        is_not: "A judgement of our certificate, or of the name in the server's.",
        advice: "Check the `sni` and the `dialect` of the target in the suite; gateways choose by server name.",
        causes: &[
            seen(
                "alert unrecognized_name(112), at a gateway or a server with several names",
                &tls::SERVER_NAME,
            ),
            seen(
                "a gateway in front of several servers, none of which has this name",
                &proxy::RELAY,
            ),
        ],
    }],
);

pub(in crate::report::explain) const NO_FILTER_CHAIN: Topic = Topic::code(
    Code::NoFilterChain,
    &[Page {
        by: None,
        meaning: "The connection was ended right after our ClientHello, without an alert and before any certificate: a proxy had no listener for this combination of ALPN, server name and transport. Where a follow-up with Istio's ALPN is answered, that is the proof.",
        is_not: "A denial by policy, or a word on our certificate, which was never asked for. Nor a network that drops packets: TCP was open.",
        advice: "Check the `dialect` of the target in the suite (a PERMISSIVE sidecar wants Istio's ALPN), then its listeners.",
        causes: &[
            seen(
                "`dialect: tls` at an HTTP port of a PERMISSIVE sidecar: \"is answered once it offers\" Istio's ALPN",
                &mode::ALPN_OF_ISTIO,
            ),
            seen(
                "real clients come with DestinationRule SIMPLE or MUTUAL, and so without Istio's ALPN",
                &proxy::RULE_MUTUAL,
            ),
            seen("the same, from clients with SIMPLE", &proxy::RULE_SIMPLE),
            seen(
                "a gateway, and a server name that it has no route for",
                &tls::SERVER_NAME,
            ),
            seen(
                "the pod is young, its proxy not ready, and every client is ended so",
                &dates::NO_CERT_YET,
            ),
            seen(
                "the policy was changed, and this address does not know it",
                &policy::NOT_SYNCED,
            ),
            seen(
                "TLS is passed on to an application that resets it",
                &identity::NOT_MESH_TLS,
            ),
        ],
    }],
);
