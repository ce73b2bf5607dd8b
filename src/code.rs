//! The words every room shares: codes, outcomes, who refused, and how sure we are.
//!
//! One name each: `as_str` is the only spelling, on the terminal, in JSON and in a suite.

use std::fmt;
use std::str::FromStr;

/// How a probe ended, and for a refusal, who refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The peer took us as we came.
    Accepted,
    /// One of the two ends refused the other.
    Rejected(By),
    /// There never was a TCP connection.
    Unreachable,
    /// The evidence fits more than one outcome.
    Inconclusive,
}

impl Outcome {
    /// The name without who refused, as in the JSON result.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected(_) => "rejected",
            Self::Unreachable => "unreachable",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Who refused, where somebody did.
    pub const fn by(self) -> Option<By> {
        match self {
            Self::Rejected(by) => Some(by),
            Self::Accepted | Self::Unreachable | Self::Inconclusive => None,
        }
    }
}

/// Who refused whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum By {
    /// The peer refused us.
    Peer,
    /// We refuse the peer.
    Probe,
}

impl By {
    /// The name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Probe => "probe",
        }
    }
}

/// How many causes the evidence leaves open. The outcome itself is never in doubt here: doubt about
/// the outcome is [`Outcome::Inconclusive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// The evidence allows one cause.
    Certain,
    /// One cause fits best.
    Likely,
    /// Several causes fit as well; the verdict lists them.
    Ambiguous,
}

impl Confidence {
    /// The name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// What kind of outcome a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Stands for an acceptance.
    Accepted,
    /// Stands for a refusal, by the peer or by us.
    Rejected,
    /// Stands for a TCP connection that never was.
    Unreachable,
    /// Stands for doubt.
    Inconclusive,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $kind:ident, $short:literal;)+) => {
        /// What happened in one cell of the matrix.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The one spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What kind of outcome the code stands for.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)+ }
            }

            /// The meaning in one short line, for legends and tables.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $short,)+ }
            }
        }
    };
}

codes! {
    /// The peer accepted us at TLS, and the request, if any, was answered and not denied.
    Ok = "OK", Accepted, "the peer accepted us, and the request (if any) was answered and not denied";
    /// A plaintext exchange succeeded.
    PlaintextAccepted = "PLAINTEXT_ACCEPTED", Accepted, "a plaintext exchange succeeded";
    /// The chain does not lead to a trusted root.
    UnknownCa = "UNKNOWN_CA", Rejected, "the chain does not lead to a trusted root";
    /// A certificate of the chain is past its `notAfter`.
    CertExpired = "CERT_EXPIRED", Rejected, "a certificate of the chain has expired";
    /// A certificate of the chain is before its `notBefore`.
    CertNotYetValid = "CERT_NOT_YET_VALID", Rejected, "a certificate of the chain is not valid yet";
    /// The identity in the certificate is not the one expected.
    SanMismatch = "SAN_MISMATCH", Rejected, "the identity in the certificate is not the expected one";
    /// The identity in the certificate is not the one expected, and already its trust domain differs.
    TrustDomainMismatch = "TRUST_DOMAIN_MISMATCH", Rejected, "the identity belongs to another trust domain";
    /// An intermediate is missing; with it the chain would verify.
    IncompleteChain = "INCOMPLETE_CHAIN", Rejected, "an intermediate certificate was not sent";
    /// A signature in the chain does not verify.
    BadSignature = "BAD_SIGNATURE", Rejected, "a signature in the chain does not verify (same CA name, other key?)";
    /// Wrong extended key usage, key usage, CA flag, key type or strength.
    CertUnsupported = "CERT_UNSUPPORTED", Rejected, "wrong key usage, CA flag, constraint, key type or strength";
    /// The leaf breaks the X.509-SVID rules.
    InvalidSvid = "INVALID_SVID", Rejected, "the certificate breaks the X.509-SVID rules";
    /// A certificate of the chain is on a CRL.
    CertRevoked = "CERT_REVOKED", Rejected, "a certificate of the chain is revoked";
    /// We sent no certificate and the peer insists on one.
    ClientCertRequired = "CLIENT_CERT_REQUIRED", Rejected, "no certificate was sent and the peer insists on one";
    /// Our certificate was refused and nothing tells why.
    CertRejected = "CERT_REJECTED", Rejected, "our certificate was refused and nothing tells why";
    /// Plaintext was refused.
    PlaintextRejected = "PLAINTEXT_REJECTED", Rejected, "plaintext was refused";
    /// The peer answers a ClientHello with something that is not TLS.
    NotTls = "NOT_TLS", Rejected, "the peer does not speak TLS here";
    /// No cipher suite, group or signature scheme in common.
    NoSharedCipher = "NO_SHARED_CIPHER", Rejected, "no cipher suite, group or signature scheme in common";
    /// No TLS version in common.
    ProtocolVersion = "PROTOCOL_VERSION", Rejected, "no TLS version in common";
    /// The peer knows none of the application protocols we offered.
    AlpnMismatch = "ALPN_MISMATCH", Rejected, "none of the offered application protocols suits the peer";
    /// The peer does not know the server name we sent.
    UnrecognizedName = "UNRECOGNIZED_NAME", Rejected, "the peer does not know the server name we sent";
    /// Closed right after the ClientHello without an alert: no listener for this ALPN or SNI.
    NoFilterChain = "NO_FILTER_CHAIN", Rejected, "no listener of the proxy takes this ALPN and server name";
    /// TLS accepted us, then policy said no.
    AuthzDenied = "AUTHZ_DENIED", Rejected, "TLS accepted us, then policy said no";
    /// A proxy in between could not do TLS with the application behind it.
    UpstreamTlsFailure = "UPSTREAM_TLS_FAILURE", Rejected, "a proxy in between failed at TLS with its upstream";
    /// A proxy in between could not reach the application behind it.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", Rejected, "a proxy in between cannot reach its upstream";
    /// The name does not resolve.
    DnsFailure = "DNS_FAILURE", Unreachable, "the name does not resolve";
    /// Nothing listens on the port.
    ConnectionRefused = "CONNECTION_REFUSED", Unreachable, "nothing listens on the port";
    /// There is no route to the host.
    HostUnreachable = "HOST_UNREACHABLE", Unreachable, "no route to the host";
    /// The TCP connection was not answered in time.
    ConnectTimeout = "CONNECT_TIMEOUT", Unreachable, "the TCP connection was not answered in time";
    /// The handshake did not finish in time.
    HandshakeTimeout = "HANDSHAKE_TIMEOUT", Inconclusive, "the handshake did not finish in time";
    /// The connection was reset, and more than one cause fits.
    Reset = "RESET", Inconclusive, "the connection was reset and more than one cause fits";
    /// The connection was closed, and more than one cause fits.
    Closed = "CLOSED", Inconclusive, "the connection was closed and more than one cause fits";
    /// The peer said nothing either way.
    Silent = "SILENT", Inconclusive, "the peer said nothing either way";
    /// Our own trouble.
    ProbeFault = "PROBE_FAULT", Inconclusive, "our own trouble; it says nothing about the peer";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no code {0:?}")]
pub struct UnknownCode(pub String);

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_reads_back() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse::<Code>().as_ref(), Ok(code));
        }
        assert_eq!(
            "unknown_ca".parse::<Code>(),
            Err(UnknownCode("unknown_ca".into()))
        );
    }
}
