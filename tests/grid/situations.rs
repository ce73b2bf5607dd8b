//! The rows of the grid: who comes, to a server in which role, and what is true then.

use mtls_probe::code::{By, Code};

use crate::stack::{Role, Tls};

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    /// As in the table.
    pub(crate) name: &'static str,
    /// The source, as in a suite.
    pub(crate) client: &'static str,
    pub(crate) role: Role,
    pub(crate) twist: Twist,
    /// What is true where the server does not take it.
    refused: Truth,
}

/// What is special about our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    None,
    /// We offer the TLS version alone that the server does not speak.
    OtherVersion,
    /// We ask for a name that is not the server's.
    OtherName,
    /// We offer an application protocol that nobody speaks.
    OtherProtocol,
    /// We expect another SPIFFE ID of the server.
    OtherId,
    /// We trust another root.
    OtherRoot,
}

/// What a verdict has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    /// Any of these is right.
    pub(crate) codes: &'static [Code],
    pub(crate) by: Option<By>,
    /// Our own judgement of the server, where that is the point.
    pub(crate) server: Option<Code>,
}

const fn peer(codes: &'static [Code]) -> Truth {
    Truth {
        codes,
        by: Some(By::Peer),
        server: None,
    }
}

const fn ours(codes: &'static [Code]) -> Truth {
    Truth {
        codes,
        by: Some(By::Probe),
        server: None,
    }
}

/// We refuse the server, and it takes us.
const fn distrusted(codes: &'static [Code; 1]) -> Truth {
    let [code] = codes;
    Truth {
        codes,
        by: Some(By::Probe),
        server: Some(*code),
    }
}

/// We refuse the server, and it refuses us.
const fn mutual(server: Code) -> Truth {
    Truth {
        codes: &[Code::UnknownCa],
        by: Some(By::Peer),
        server: Some(server),
    }
}

const OK: Truth = Truth {
    codes: &[Code::Ok],
    by: None,
    server: None,
};
const ANY_REFUSAL: Truth = peer(&[Code::AuthzDenied, Code::ClientCertRequired]);
const NOT_ALLOWED: Truth = peer(&[Code::AuthzDenied]);
const DOWN: Truth = peer(&[Code::UpstreamUnavailable]);

const fn comes(name: &'static str, refused: Truth) -> Situation {
    Situation {
        name,
        client: name,
        role: Role::Required,
        twist: Twist::None,
        refused,
    }
}

const fn at(
    name: &'static str,
    client: &'static str,
    role: Role,
    twist: Twist,
    refused: Truth,
) -> Situation {
    Situation {
        name,
        client,
        role,
        twist,
        refused,
    }
}

pub(crate) const SITUATIONS: &[Situation] = &[
    comes("good", OK),
    comes("none", peer(&[Code::ClientCertRequired])),
    at("none, optional", "none", Role::Optional, Twist::None, OK),
    at(
        "good, one name served",
        "good",
        Role::StrictSni,
        Twist::None,
        OK,
    ),
    at(
        "none, one name served",
        "none",
        Role::StrictSni,
        Twist::None,
        peer(&[Code::ClientCertRequired]),
    ),
    comes("self-signed", peer(&[Code::UnknownCa])),
    comes("unknown-ca", peer(&[Code::UnknownCa])),
    comes("namesake-ca", peer(&[Code::UnknownCa, Code::BadSignature])),
    comes("no-intermediate", peer(&[Code::IncompleteChain])),
    comes("expired", peer(&[Code::CertExpired])),
    comes("not-yet-valid", peer(&[Code::CertNotYetValid])),
    comes("issuer-expired", peer(&[Code::CertExpired])),
    comes("server-only", peer(&[Code::CertUnsupported])),
    comes("ca-leaf", peer(&[Code::CertUnsupported])),
    comes("sha-1", peer(&[Code::CertUnsupported, Code::BadSignature])),
    comes("wrong-trust-domain", peer(&[Code::TrustDomainMismatch])),
    comes("wrong-id", peer(&[Code::SanMismatch])),
    comes("no-uri", peer(&[Code::SanMismatch])),
    at(
        "revoked",
        "revoked",
        Role::Crl,
        Twist::None,
        peer(&[Code::CertRevoked]),
    ),
    at(
        "other version",
        "good",
        Role::Required,
        Twist::OtherVersion,
        // Some answer a hello for TLS 1.3 alone in TLS 1.2: then it is we who object.
        Truth {
            codes: &[Code::ProtocolVersion],
            by: None,
            server: None,
        },
    ),
    at(
        "no shared cipher",
        "good",
        Role::ForeignCipher,
        Twist::None,
        peer(&[Code::NoSharedCipher]),
    ),
    at(
        "SNI refused",
        "good",
        Role::StrictSni,
        Twist::OtherName,
        peer(&[Code::UnrecognizedName, Code::NoFilterChain]),
    ),
    at(
        "ALPN refused",
        "good",
        Role::StrictAlpn,
        Twist::OtherProtocol,
        peer(&[Code::AlpnMismatch, Code::NoFilterChain]),
    ),
    at(
        "plaintext to TLS",
        "plaintext",
        Role::Required,
        Twist::None,
        peer(&[Code::PlaintextRejected]),
    ),
    at(
        "plaintext to plaintext",
        "plaintext",
        Role::Plaintext,
        Twist::None,
        Truth {
            codes: &[Code::PlaintextAccepted],
            by: None,
            server: None,
        },
    ),
    at(
        "TLS to plaintext",
        "good",
        Role::Plaintext,
        Twist::None,
        ours(&[Code::NotTls]),
    ),
    at(
        "server expired, takes us",
        "good",
        Role::ExpiredServer,
        Twist::None,
        distrusted(&[Code::CertExpired]),
    ),
    at(
        "server expired, refuses us",
        "unknown-ca",
        Role::ExpiredServer,
        Twist::None,
        mutual(Code::CertExpired),
    ),
    at(
        "server incomplete, takes us",
        "good",
        Role::IncompleteServer,
        Twist::None,
        distrusted(&[Code::IncompleteChain]),
    ),
    at(
        "server incomplete, refuses us",
        "unknown-ca",
        Role::IncompleteServer,
        Twist::None,
        mutual(Code::IncompleteChain),
    ),
    at(
        "server unknown CA, takes us",
        "good",
        Role::Required,
        Twist::OtherRoot,
        distrusted(&[Code::UnknownCa]),
    ),
    at(
        "server unknown CA, refuses us",
        "unknown-ca",
        Role::Required,
        Twist::OtherRoot,
        mutual(Code::UnknownCa),
    ),
    at(
        "server wrong SAN, takes us",
        "good",
        Role::Required,
        Twist::OtherId,
        distrusted(&[Code::SanMismatch]),
    ),
    at(
        "server wrong SAN, refuses us",
        "unknown-ca",
        Role::Required,
        Twist::OtherId,
        mutual(Code::SanMismatch),
    ),
];

/// The TLS library of a stack; nothing where it asks for no certificate in the handshake.
pub(crate) fn library(stack: &str) -> Option<&'static str> {
    let behind = stack.rsplit('>').next().unwrap_or(stack);
    Some(match behind {
        "apache-location" => return None,
        "gnutls" => "GnuTLS",
        "nss" => "NSS",
        "caddy" | "go" | "go-spiffe" => "Go crypto/tls",
        "wolfssl" => "wolfSSL",
        "mbedtls" => "Mbed TLS",
        "s2n" => "s2n-tls",
        "erlang" => "Erlang/OTP ssl",
        "java" | "java-engine" => "JSSE",
        "rustls" | "rustls-id" => "rustls",
        "grpc" => "BoringSSL",
        _ if behind.starts_with("envoy") => "BoringSSL",
        _ => "OpenSSL",
    })
}

/// What is true of a stack: its programmers and its configuration decide.
pub(crate) fn truth(stack: &str, tls: Tls, situation: &Situation) -> Truth {
    let is_one_of = |names: &[&str]| names.contains(&stack);
    match situation.name {
        // It cannot be told to speak one version alone.
        "other version" if stack == "grpc" => return OK,
        "plaintext to TLS" | "other version" => return situation.refused,
        _ => {}
    }
    // It asks only once it knows the request, and we renegotiate with nobody. What it thinks of us is
    // not asked where we send none.
    if stack == "apache-location" && situation.refused.by.is_some() {
        return match situation.refused.server {
            Some(Code::CertExpired) => distrusted(&[Code::CertExpired]),
            Some(Code::IncompleteChain) => distrusted(&[Code::IncompleteChain]),
            Some(Code::SanMismatch) => distrusted(&[Code::SanMismatch]),
            Some(_) => distrusted(&[Code::UnknownCa]),
            None if situation.role == Role::Required => ANY_REFUSAL,
            None => situation.refused,
        };
    }
    if stack == "apache-location" && situation.name == "good" {
        return ANY_REFUSAL;
    }
    // Now and then it comes to judge us before it has found its application down.
    if stack == "envoy-tcp-down" {
        return match situation.name {
            "none" => peer(&[Code::UpstreamUnavailable, Code::ClientCertRequired]),
            "unknown-ca" => peer(&[Code::UpstreamUnavailable, Code::UnknownCa]),
            _ => DOWN,
        };
    }
    let names_wrong = ["wrong-trust-domain", "wrong-id", "no-uri"];
    if names_wrong.contains(&situation.name) {
        let checks_all = ["envoy-san", "go-spiffe", "rustls-id"];
        let domain_alone = stack == "envoy-spiffe" && situation.name != "wrong-id";
        return match stack {
            "envoy-rbac" | "envoy-rbac-l4" => NOT_ALLOWED,
            _ if is_one_of(&checks_all) || domain_alone => situation.refused,
            _ => OK,
        };
    }
    let is_envoy = stack.starts_with("envoy") || stack.ends_with("envoy");
    let takes = match situation.name {
        // They keep the intermediates that others have sent, or that they send themselves.
        "no-intermediate" => is_one_of(&["nss", "wolfssl"]),
        "server-only" => is_one_of(&["envoy-spiffe", "gnutls", "go-spiffe"]),
        "ca-leaf" => !is_one_of(&["envoy-spiffe", "go-spiffe", "nss", "rustls", "rustls-id"]),
        "sha-1" => {
            (stack == "s2n" && tls == Tls::V13)
                || is_envoy
                || is_one_of(&["erlang", "grpc", "java", "java-engine", "nss", "wolfssl"])
        }
        // Many ignore what they do not know.
        "ALPN refused" => false,
        _ => false,
    };
    match takes {
        true => OK,
        false => situation.refused,
    }
}
