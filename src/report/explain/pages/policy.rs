//! What a port wants of its clients, what policy says, and what stands behind a proxy.

use crate::code::Code;
use crate::report::explain::causes::{dates, identity, mode, network, policy, proxy, tls, trust};
use crate::report::explain::entry::{Page, Topic, seen};

pub(in crate::report::explain) const CLIENT_CERT_REQUIRED: Topic = Topic::code(
    Code::ClientCertRequired,
    &[Page {
        by: None,
        meaning: "The peer asked for a certificate, got none and ended the connection: certificate_required(116) over TLS 1.3, mostly handshake_failure(40) over 1.2, or a page that says so. For `none` this is what mTLS looks like; for an identity it means that no certificate went out.",
        is_not: "A refusal of a certificate: none reached the peer. Not a fault where `none` is meant to be refused.",
        advice: "Give the client a certificate; if it has one, check that its key type is among those the target takes.",
        causes: &[
            seen("the source is `none`: the target does mTLS", &mode::STRICT),
            seen(
                "clients of one namespace, or without a proxy, come so",
                &mode::NOT_INJECTED,
            ),
            seen(
                "real clients use a DestinationRule that brings no certificate",
                &proxy::RULE_SIMPLE,
            ),
            seen(
                "an identity comes so: the peer takes no key of our type, and TLS then sends none",
                &tls::CIPHERS,
            ),
        ],
    }],
);

pub(in crate::report::explain) const PLAINTEXT_REJECTED: Topic = Topic::code(
    Code::PlaintextRejected,
    &[Page {
        by: None,
        meaning: "We came without TLS and were turned away: by a reset or an end without a word (an Istio port in STRICT), a TLS alert in clear, a page that says this is a TLS port, or words of the protocol. For `plaintext` this is what mTLS looks like.",
        is_not: "A broken network, though clients see only \"connection reset by peer\". Not a fault where plaintext is meant to be refused. A reset alone is likely at most, since an application may do the same.",
        advice: "Make the client speak TLS here; while clients move, PERMISSIVE lets both in.",
        causes: &[
            seen("mTLS is let in, `none` is refused: STRICT", &mode::STRICT),
            seen(
                "clients of one namespace are all turned away, and have no proxies",
                &mode::NOT_INJECTED,
            ),
            seen(
                "clients with a sidecar get 503 with flag UC from it",
                &proxy::RULE_DISABLE,
            ),
            seen(
                "the same, from every sidecar and for every host",
                &proxy::AUTO_MTLS_OFF,
            ),
            seen(
                "the same, for a host that a ServiceEntry names",
                &proxy::SERVICE_ENTRY,
            ),
            seen(
                "pods restart since STRICT was set, with failing probes",
                &mode::HEALTH_CHECKS,
            ),
            seen(
                "the policy that one looked at says PERMISSIVE",
                &mode::SCOPE,
            ),
            seen(
                "it says PERMISSIVE for this port, by another number",
                &mode::PORT_LEVEL,
            ),
            seen(
                "some clients fail now and then, of a Service with pods that have no proxy",
                &mode::MIXED,
            ),
            seen(
                "the policy was relaxed, and this address does not know it",
                &policy::NOT_SYNCED,
            ),
        ],
    }],
);

pub(in crate::report::explain) const AUTHZ_DENIED: Topic = Topic::code(
    Code::AuthzDenied,
    &[Page {
        by: None,
        meaning: "TLS took us, certificate and all, and then policy said no: HTTP 403 (\"RBAC: access denied\" from Istio, l5d-proxy-error from Linkerd), gRPC status 7, 401 from ztunnel, or a TCP connection that is closed when the first data arrives. The peer knows who we are and does not want us.",
        is_not: "A fault of certificate, root or TLS settings: the handshake was fine, and PeerAuthentication and DestinationRule have no part in it. A 401 or 403 without a proxy's words may be the application's own, and is likely at most.",
        advice: "Check the authorization policies of the target: the handshake was fine, the certificate is not the trouble.",
        causes: &[
            seen(
                "another identity is let in at the same target",
                &policy::NO_ALLOW,
            ),
            seen(
                "identities of one namespace are denied, or those of all but one",
                &policy::DENY,
            ),
            seen(
                "the policy names this client, and it is denied all the same",
                &policy::PRINCIPAL,
            ),
            seen(
                "the client's certificate names another account than one thinks",
                &identity::WRONG_ACCOUNT,
            ),
            seen(
                "plaintext is denied where it is let in at TCP (ambient): STRICT is a policy there",
                &mode::STRICT,
            ),
            seen(
                "closed on the first data, at a port that is taken for TCP",
                &policy::HTTP_RULE_ON_TCP,
            ),
            seen(
                "403 or 401 without a proxy's words (likely)",
                &policy::APPLICATION,
            ),
            seen(
                "the policy was changed, and some addresses still say no",
                &policy::NOT_SYNCED,
            ),
        ],
    }],
);

pub(in crate::report::explain) const UPSTREAM_TLS_FAILURE: Topic = Topic::code(
    Code::UpstreamTlsFailure,
    &[Page {
        by: None,
        meaning: "A proxy took us and answered 503, because it could not do TLS with the next server; it quotes the reason (flag UF, \"TLS_error: ...\"). Through our own sidecar the next server is the target itself: the numbers tell who refused whom, CERTIFICATE_VERIFY_FAILED for the sidecar, an alert for the server.",
        is_not: "A refusal of our own certificate by the target: it never saw it, only that of the proxy. `upstream_connect_failure` and flag URX are no names of TLS errors.",
        advice: "Check the TLS settings of the proxy that answered, towards the next server; its access log says why (%UPSTREAM_TRANSPORT_FAILURE_REASON%).",
        causes: &[
            seen(
                "WRONG_VERSION_NUMBER: the server answers plaintext to TLS",
                &proxy::MUTUAL_TO_PLAIN,
            ),
            seen(
                "CERTIFICATE_VERIFY_FAILED, or alert 116 or 40: no certificate was sent",
                &proxy::RULE_SIMPLE,
            ),
            seen(
                "alert unknown ca, or a secret that is missing",
                &proxy::RULE_MUTUAL,
            ),
            seen("clients of one namespace alone", &proxy::RULES_CONFLICT),
            seen(
                "alert unknown ca or CERTIFICATE_VERIFY_FAILED since a rotation",
                &trust::BUNDLE_BEHIND,
            ),
            seen(
                "CERTIFICATE_VERIFY_FAILED with a name: verify SAN list",
                &identity::STALE_NAMES,
            ),
            seen("\"Secret is not supplied by SDS\"", &dates::NO_CERT_YET),
            seen("alert certificate expired", &dates::NOT_RENEWED),
            seen(
                "WRONG_VERSION_NUMBER or a handshake within a handshake, to a host outside",
                &proxy::SERVICE_ENTRY,
            ),
        ],
    }],
);

pub(in crate::report::explain) const UPSTREAM_UNAVAILABLE: Topic = Topic::code(
    Code::UpstreamUnavailable,
    &[Page {
        by: None,
        meaning: "A proxy took us, certificate and all, and could not reach what stands behind it: 503 with its own words, an l5d-proxy-error, 503 on an HBONE tunnel, or an end without a word where a good certificate is taken. mTLS with the proxy itself worked.",
        is_not: "A refusal by the proxy, or a fault of TLS. Flag UO is a circuit breaker, UH no healthy endpoint, NR no route, UC plaintext that the server closed; none of them is about a certificate.",
        advice: "Check whether the next server behind the proxy runs and is ready; the proxy's access log says why it did not get there.",
        causes: &[
            seen(
                "flag UF, connection refused, or closed without a word at a TCP port",
                &proxy::APP_DOWN,
            ),
            seen(
                "flag UH (no healthy upstream), NC or NR",
                &proxy::NO_ENDPOINTS,
            ),
            seen(
                "flag UC through our sidecar, and mTLS straight to the server is OK",
                &proxy::RULE_DISABLE,
            ),
            seen(
                "flag UC from every sidecar and for every host",
                &proxy::AUTO_MTLS_OFF,
            ),
            seen("flag UO, \"overflow\"", &proxy::BREAKER),
            seen("503 or 400 on an HBONE tunnel", &proxy::WAYPOINT),
            seen(
                "\"connection timeout\", from one proxy and not from others",
                &network::NETWORK_POLICY,
            ),
            seen("clients of one namespace alone", &proxy::RULES_CONFLICT),
        ],
    }],
);
