//! Where the wire cannot tell two causes apart: the cells of the grid that may stay open, each with
//! its reason. Any other that does is a failure.

use crate::stack::Tls;

/// Cells that may stay open.
pub(crate) struct Doubt {
    pub(crate) stacks: &'static [&'static str],
    pub(crate) situations: &'static [&'static str],
    /// In one version alone.
    pub(crate) only: Option<Tls>,
    pub(crate) why: &'static str,
}

/// The reason why a cell may stay open.
pub(crate) fn why(stack: &str, tls: Tls, situation: &str) -> Option<&'static Doubt> {
    DOUBTS.iter().find(|doubt| {
        doubt.stacks.contains(&stack)
            && doubt.situations.contains(&situation)
            && doubt.only.is_none_or(|only| only == tls)
    })
}

const REFUSES_US: &[&str] = &[
    "server expired, refuses us",
    "server incomplete, refuses us",
    "server unknown CA, refuses us",
    "server wrong SAN, refuses us",
];

pub(crate) const DOUBTS: &[Doubt] = &[
    Doubt {
        stacks: &["nginx", "nginx-stream"],
        situations: REFUSES_US,
        only: None,
        why: "It judges us in its answer, and a server that we do not trust is not asked: our refusal of it \
              is certain, its refusal of us stays open.",
    },
    Doubt {
        stacks: &["s2n"],
        situations: REFUSES_US,
        only: None,
        why: "It refuses by silence, and a server that we do not trust is not asked: our refusal of it is \
              certain, its refusal of us stays open.",
    },
    Doubt {
        stacks: &["nginx", "gnutls", "java", "node"],
        situations: &["revoked"],
        only: None,
        why: "It refuses the certificate without naming the cause, and nothing we know speaks against the \
              certificate: CERT_REJECTED, with what is left. A suite with the same `crls` settles it.",
    },
    Doubt {
        stacks: &["nginx-stream", "java-engine", "python-asyncio"],
        situations: &["revoked"],
        only: None,
        why: "It closes without an alert, nothing we know speaks against the certificate, and nobody else is \
              accepted there: as from a proxy whose application is down.",
    },
    Doubt {
        stacks: &["envoy-spiffe"],
        situations: &["wrong-trust-domain", "no-uri"],
        only: None,
        why: "The SPIFFE validator says certificate_unknown(46) of everything, also of the throw-away \
              certificate: a CA that it does not know, or an identity that it does not want.",
    },
    Doubt {
        stacks: &["go-spiffe"],
        situations: &["wrong-trust-domain", "wrong-id", "no-uri"],
        only: None,
        why: "go-spiffe says bad_certificate(42) of everything, also of the throw-away certificate, and \
              lists no CA names: a CA that it does not know, or an identity that it does not want.",
    },
    Doubt {
        stacks: &["envoy-tcp-down"],
        situations: &["good", "none", "unknown-ca"],
        only: None,
        why: "Envoy closes as soon as it cannot reach the application, mostly before its first handshake \
              message: as from a server that dislikes something of the ClientHello.",
    },
    Doubt {
        stacks: &["envoy"],
        situations: &["SNI refused", "ALPN refused"],
        only: None,
        why: "Without a filter chain for the ClientHello Envoy resets before its first byte, whatever it \
              disliked. Plaintext answered there by Envoy makes it NO_FILTER_CHAIN.",
    },
    Doubt {
        stacks: &["node", "python-asyncio", "java-engine"],
        situations: &["SNI refused", "ALPN refused", "no shared cipher"],
        only: None,
        why: "It closes before its first byte and says nothing: version, cipher, name and protocol look alike.",
    },
    Doubt {
        stacks: &["caddy", "go", "rustls"],
        situations: &["SNI refused"],
        only: None,
        why: "Without a certificate for the name it sends an alert that means other things as well: \
              internal_error(80) from Go, access_denied(49) from rustls.",
    },
    Doubt {
        stacks: &["grpc"],
        situations: &["ALPN refused"],
        only: None,
        why: "gRPC closes after the handshake where HTTP/2 was not agreed on, as it does for a certificate \
              that it refuses.",
    },
    Doubt {
        stacks: &["nss", "s2n"],
        situations: &["plaintext to TLS"],
        only: None,
        why: "It neither answers plaintext nor closes: SILENT, and PLAINTEXT_REJECTED fits.",
    },
];
