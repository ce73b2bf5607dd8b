//! Every known cause of broken mTLS that the wire can show is reached from some code.

use std::collections::BTreeSet;

use super::super::causes::{dates, identity, mode, network, ours, policy, proxy, tls, trust};
use super::super::{Cause, find};

/// Where a cause is told.
enum Told {
    /// From these codes.
    By(&'static Cause, &'static [&'static str]),
    /// Nowhere, and why.
    Not(&'static str),
}

use Told::{By, Not};

/// The causes collected from troubleshooting guides, by their number there.
const CAUSES: &[(u8, &str, Told)] = &[
    (
        1,
        "workload certificate expired",
        By(&dates::NOT_RENEWED, &["CERT_EXPIRED", "WILL_BREAK"]),
    ),
    (
        2,
        "renewal failed, or stale after a rotation",
        By(
            &dates::NOT_RENEWED,
            &["CERT_EXPIRES_SOON", "REISSUE_PENDING"],
        ),
    ),
    (
        2,
        "the renewed file is not read",
        By(
            &dates::FILES_READ_ONCE,
            &["CERT_EXPIRED", "REPLICAS_DIFFER"],
        ),
    ),
    (
        3,
        "sidecar never got a certificate",
        By(
            &dates::NO_CERT_YET,
            &[
                "NO_FILTER_CHAIN",
                "RESET",
                "HANDSHAKE_TIMEOUT",
                "UPSTREAM_TLS_FAILURE",
            ],
        ),
    ),
    (
        4,
        "STRICT, client without sidecar",
        By(
            &mode::STRICT,
            &["PLAINTEXT_REJECTED", "CLIENT_CERT_REQUIRED", "AUTHZ_DENIED"],
        ),
    ),
    (
        5,
        "clients that cannot have sidecars",
        By(&mode::STRICT, &["PLAINTEXT_REJECTED"]),
    ),
    (
        6,
        "scope of PeerAuthentication",
        By(
            &mode::SCOPE,
            &["MODE_MISMATCH", "PLAINTEXT_ACCEPTED", "PLAINTEXT_REJECTED"],
        ),
    ),
    (
        7,
        "namespace weakens a STRICT mesh",
        By(
            &mode::NAMESPACE_WEAKENS,
            &["PLAINTEXT_ACCEPTED", "MODE_MISMATCH"],
        ),
    ),
    (
        8,
        "port-level mode",
        By(
            &mode::PORT_LEVEL,
            &["PLAINTEXT_ACCEPTED", "PLAINTEXT_REJECTED", "NOT_TLS"],
        ),
    ),
    (
        9,
        "DestinationRule DISABLE",
        By(
            &proxy::RULE_DISABLE,
            &["UPSTREAM_UNAVAILABLE", "PLAINTEXT_REJECTED"],
        ),
    ),
    (
        10,
        "DestinationRule SIMPLE",
        By(
            &proxy::RULE_SIMPLE,
            &[
                "UPSTREAM_TLS_FAILURE",
                "CLIENT_CERT_REQUIRED",
                "NO_FILTER_CHAIN",
            ],
        ),
    ),
    (
        11,
        "DestinationRule MUTUAL",
        By(
            &proxy::RULE_MUTUAL,
            &["UPSTREAM_TLS_FAILURE", "NO_FILTER_CHAIN"],
        ),
    ),
    (
        12,
        "ISTIO_MUTUAL to a plain server",
        By(
            &proxy::MUTUAL_TO_PLAIN,
            &["UPSTREAM_TLS_FAILURE", "NOT_TLS"],
        ),
    ),
    (
        13,
        "conflicting DestinationRules",
        By(
            &proxy::RULES_CONFLICT,
            &["UPSTREAM_TLS_FAILURE", "UPSTREAM_UNAVAILABLE"],
        ),
    ),
    (
        14,
        "mesh-wide DestinationRule",
        By(&proxy::RULES_CONFLICT, &["UPSTREAM_TLS_FAILURE"]),
    ),
    (
        15,
        "root rotated, bundles differ",
        By(
            &trust::BUNDLE_BEHIND,
            &[
                "UNKNOWN_CA",
                "REPLICAS_DIFFER",
                "MISSED_TRUST",
                "BAD_SIGNATURE",
            ],
        ),
    ),
    (
        16,
        "root or intermediate expired",
        By(&dates::CA_ENDED, &["CERT_EXPIRED"]),
    ),
    (
        16,
        "CA near its end",
        By(
            &dates::CA_ENDS_SOON,
            &["LEAF_LIFE_CUT", "LEAVES_GET_SHORTER"],
        ),
    ),
    (
        17,
        "chain broken",
        By(&trust::NO_INTERMEDIATE, &["INCOMPLETE_CHAIN", "UNKNOWN_CA"]),
    ),
    (
        17,
        "issuer not trusted",
        By(&trust::OTHER_CA, &["UNKNOWN_CA", "TRUSTS_NEITHER"]),
    ),
    (
        18,
        "trust domains differ",
        By(
            &identity::TRUST_DOMAIN,
            &["TRUST_DOMAIN_MISMATCH", "IDENTITY_REFUSED"],
        ),
    ),
    (
        19,
        "SAN is not the expected one",
        By(&identity::OTHER_WORKLOAD, &["SAN_MISMATCH"]),
    ),
    (
        19,
        "stale list of names",
        By(
            &identity::STALE_NAMES,
            &["SAN_MISMATCH", "UPSTREAM_TLS_FAILURE"],
        ),
    ),
    (
        20,
        "clock skew",
        By(
            &dates::CLOCK,
            &["CLOCK_SKEW", "CERT_EXPIRED", "CERT_NOT_YET_VALID"],
        ),
    ),
    (
        21,
        "no policy allows",
        By(&policy::NO_ALLOW, &["AUTHZ_DENIED", "CLOSED"]),
    ),
    (22, "a policy denies", By(&policy::DENY, &["AUTHZ_DENIED"])),
    (
        23,
        "wrong principal",
        By(&policy::PRINCIPAL, &["AUTHZ_DENIED"]),
    ),
    (
        23,
        "wrong service account",
        By(&identity::WRONG_ACCOUNT, &["AUTHZ_DENIED", "SAN_MISMATCH"]),
    ),
    (
        24,
        "injection disabled in a namespace",
        By(
            &mode::NOT_INJECTED,
            &["PLAINTEXT_REJECTED", "CLIENT_CERT_REQUIRED"],
        ),
    ),
    (
        25,
        "CA overloaded or unavailable",
        By(&dates::CA_DOWN, &["PROBE_FAULT", "CERT_EXPIRES_SOON"]),
    ),
    (
        26,
        "no right to review tokens",
        By(&dates::CA_REFUSES, &["PROBE_FAULT", "CERT_EXPIRED"]),
    ),
    (
        27,
        "service account missing",
        By(&dates::CA_REFUSES, &["PROBE_FAULT"]),
    ),
    (
        28,
        "custom CA bundle not configured",
        By(&trust::WRONG_CA_SECRET, &["UNKNOWN_CA"]),
    ),
    (
        28,
        "root of the CA's own certificate",
        By(&dates::CA_UNREACHABLE, &["PROBE_FAULT"]),
    ),
    (
        29,
        "limit of the certificates API",
        By(&dates::CA_REFUSES, &["PROBE_FAULT"]),
    ),
    (
        30,
        "external CA misconfigured",
        By(&dates::CA_REFUSES, &["PROBE_FAULT"]),
    ),
    (
        31,
        "managed control plane unhealthy",
        By(&dates::CA_DOWN, &["PROBE_FAULT"]),
    ),
    (
        32,
        "CA crash loops",
        By(&dates::CA_DOWN, &["CERT_EXPIRED", "PROBE_FAULT"]),
    ),
    (
        33,
        "issuer of Linkerd expired",
        By(&dates::CA_DOWN, &["CERT_EXPIRED", "PROBE_FAULT"]),
    ),
    (
        34,
        "proxy version does not fit",
        By(
            &tls::VERSION_SKEW,
            &["PROTOCOL_VERSION", "NO_SHARED_CIPHER"],
        ),
    ),
    (
        35,
        "network policy to mesh ports",
        By(&network::NETWORK_POLICY, &["CONNECT_TIMEOUT"]),
    ),
    (
        35,
        "network policy to the CA",
        By(&dates::CA_UNREACHABLE, &["CERT_EXPIRED", "PROBE_FAULT"]),
    ),
    (
        36,
        "configuration rejected or not synced",
        By(
            &policy::NOT_SYNCED,
            &["REPLICAS_DIFFER", "MODE_MISMATCH", "AUTHZ_DENIED"],
        ),
    ),
    (
        37,
        "sidecar missing",
        By(&mode::NOT_INJECTED, &["NOT_TLS", "PLAINTEXT_ACCEPTED"]),
    ),
    (
        38,
        "mixed pods behind a Service",
        By(
            &mode::MIXED,
            &["MODES_DIFFER", "REPLICAS_DIFFER", "NOT_TLS"],
        ),
    ),
    (
        39,
        "PERMISSIVE causes intermittency",
        Not("is no cause: both kinds are taken at every address; the page of MODES_DIFFER says so"),
    ),
    (
        40,
        "auto mTLS disabled",
        By(
            &proxy::AUTO_MTLS_OFF,
            &["UPSTREAM_UNAVAILABLE", "PLAINTEXT_REJECTED"],
        ),
    ),
    (
        41,
        "ServiceEntry without TLS settings",
        By(
            &proxy::SERVICE_ENTRY,
            &["UPSTREAM_TLS_FAILURE", "PLAINTEXT_REJECTED"],
        ),
    ),
    (
        42,
        "health probes after STRICT",
        By(&mode::HEALTH_CHECKS, &["PLAINTEXT_REJECTED"]),
    ),
    (
        43,
        "TLS versions",
        By(&tls::VERSIONS, &["PROTOCOL_VERSION"]),
    ),
    (
        43,
        "cipher suites",
        By(&tls::CIPHERS, &["NO_SHARED_CIPHER", "CLIENT_CERT_REQUIRED"]),
    ),
    (
        44,
        "no endpoints",
        By(
            &proxy::NO_ENDPOINTS,
            &["DNS_FAILURE", "UPSTREAM_UNAVAILABLE"],
        ),
    ),
    (
        44,
        "name does not resolve",
        By(&network::NAME, &["DNS_FAILURE"]),
    ),
    (45, "rate limit", By(&policy::RATE_LIMIT, &["OK"])),
    (
        46,
        "circuit breaker",
        By(&proxy::BREAKER, &["UPSTREAM_UNAVAILABLE", "OK"]),
    ),
    (
        47,
        "missing DestinationRule",
        Not("is no error: auto mTLS needs none"),
    ),
    (
        48,
        "edge of Linkerd not secured",
        By(&tls::SERVER_NAME, &["NOT_TLS"]),
    ),
    (
        48,
        "the same, by plaintext",
        By(
            &identity::NOT_MESH_TLS,
            &["PLAINTEXT_ACCEPTED", "UNKNOWN_CA"],
        ),
    ),
    (
        49,
        "order of a migration",
        By(&mode::STRICT, &["MODE_MISMATCH", "PLAINTEXT_REJECTED"]),
    ),
    (
        50,
        "revision of the command line tool",
        Not("concerns the tool at the terminal and no connection"),
    ),
    // Not in the guides, with the same symptoms.
    (
        0,
        "ALPN at a PERMISSIVE port",
        By(
            &mode::ALPN_OF_ISTIO,
            &["NO_FILTER_CHAIN", "NOT_TLS", "RESET"],
        ),
    ),
    (
        0,
        "excluded ports",
        By(&mode::EXCLUDED, &["NOT_TLS", "PLAINTEXT_ACCEPTED"]),
    ),
    (
        0,
        "opaque ports",
        By(&mode::EXCLUDED, &["NOT_TLS", "HANDSHAKE_TIMEOUT"]),
    ),
    (
        0,
        "ambient beside sidecars",
        By(&mode::MIXED, &["MODES_DIFFER", "REPLICAS_DIFFER"]),
    ),
    (
        0,
        "waypoint passed by",
        By(&policy::WAYPOINT_PASSED_BY, &["OK"]),
    ),
    (
        0,
        "HTTP rule on a TCP port",
        By(&policy::HTTP_RULE_ON_TCP, &["AUTHZ_DENIED"]),
    ),
    (
        0,
        "tunnels and waypoints",
        By(&proxy::WAYPOINT, &["UPSTREAM_UNAVAILABLE", "ALPN_MISMATCH"]),
    ),
    (0, "revocation", By(&identity::REVOKED, &["CERT_REVOKED"])),
    (
        0,
        "a list missing at the server",
        By(&trust::CRL_MISSING, &["UNKNOWN_CA"]),
    ),
    (
        0,
        "extended key usage",
        By(&identity::WRONG_USAGE, &["CERT_UNSUPPORTED"]),
    ),
    (
        0,
        "server speaks first",
        By(&tls::SERVER_FIRST, &["HANDSHAKE_TIMEOUT", "NOT_TLS"]),
    ),
    (
        0,
        "server name",
        By(&tls::SERVER_NAME, &["UNRECOGNIZED_NAME", "NO_FILTER_CHAIN"]),
    ),
    (
        0,
        "token or audience",
        By(&ours::NO_IDENTITY, &["PROBE_FAULT"]),
    ),
    (
        0,
        "a relay loses the alert",
        By(&proxy::RELAY, &["RESET", "CERT_REJECTED"]),
    ),
];

#[test]
fn every_cause_that_the_wire_can_show_is_reached_from_its_codes() {
    for (number, words, told) in CAUSES {
        match told {
            By(cause, codes) => {
                for code in *codes {
                    let pages = find(code).unwrap().pages.iter();
                    let mut causes = pages.flat_map(|page| page.causes);
                    let has = causes.any(|likely| likely.cause == *cause);
                    assert!(
                        has,
                        "{code} does not lead to {number}, {words}: {}",
                        cause.name
                    );
                }
            }
            Not(why) => assert!(!why.is_empty(), "{number}"),
        }
    }
    let numbers: BTreeSet<u8> = CAUSES.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (0..=50).collect());
}
