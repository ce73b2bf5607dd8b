//! Which TLS library the peer looks like, and what it means by an alert: measured, and kept as data.
//!
//! Libraries change between releases. An order of schemes that is not in the table, or that somebody
//! has configured, names no library, and its alerts are read with all doubt.

use super::alert::{
    ACCESS_DENIED, BAD_CERTIFICATE, CERTIFICATE_UNKNOWN, HANDSHAKE_FAILURE, NO_CERTIFICATE,
    UNKNOWN_CA,
};
use crate::code::Code;
use crate::observation::{CertificateRequest, Observation, Version};

/// A TLS library, as far as it can be told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// Envoy, gRPC core.
    BoringSsl,
    /// Erlang/OTP `ssl`.
    Erlang,
    /// GnuTLS.
    GnuTls,
    /// Go's `crypto/tls`.
    Go,
    /// Java's JSSE.
    Jsse,
    /// Mbed TLS.
    MbedTls,
    /// NSS.
    Nss,
    /// OpenSSL.
    OpenSsl,
    /// rustls.
    Rustls,
    /// s2n-tls.
    S2n,
    /// wolfSSL.
    WolfSsl,
}

impl Library {
    /// The name its makers use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BoringSsl => "BoringSSL",
            Self::Erlang => "Erlang/OTP ssl",
            Self::GnuTls => "GnuTLS",
            Self::Go => "Go crypto/tls",
            Self::Jsse => "JSSE",
            Self::MbedTls => "Mbed TLS",
            Self::Nss => "NSS",
            Self::OpenSsl => "OpenSSL",
            Self::Rustls => "rustls",
            Self::S2n => "s2n-tls",
            Self::WolfSsl => "wolfSSL",
        }
    }

    /// The libraries that ask for these signature schemes in this order; none where none is known to.
    pub fn of(seen: &Observation) -> &'static [Self] {
        let CertificateRequest::Asked { schemes, .. } = &seen.certificate_request else {
            return &[];
        };
        let is_it = |print: &&Print| Some(print.0) == seen.tls.version && print.1 == schemes;
        PRINTS.iter().find(is_it).map_or(&[], |print| print.2)
    }

    /// What it asks for.
    #[cfg(test)]
    pub(super) fn schemes(self, version: Version) -> &'static [u16] {
        let is_it = |print: &&Print| print.0 == version && print.2.contains(&self);
        PRINTS.iter().find(is_it).map_or(&[], |print| print.1)
    }

    /// It finishes the handshake whatever the certificate, where the application wants to judge.
    pub(super) const fn may_judge_late(self) -> bool {
        matches!(self, Self::OpenSsl)
    }

    /// It has a word of its own for a revoked certificate.
    pub(super) const fn names_revoked(self) -> bool {
        matches!(self, Self::BoringSsl | Self::OpenSsl | Self::Rustls)
    }

    /// Why this library refuses a certificate with this alert; nothing where that is not known.
    const fn means(self, alert: u8, names_strangers: bool) -> Option<Meaning> {
        const UNTRUSTED: Meaning = Meaning::OneOf(&[Code::UnknownCa, Code::IncompleteChain]);
        const UNFIT: Meaning = Meaning::OneOf(&[Code::CertUnsupported]);
        const IDENTITY: Meaning = Meaning::OneOf(&[Code::SanMismatch, Code::TrustDomainMismatch]);
        Some(match (self, alert) {
            // Envoy: an identity by itself, anything with its SPIFFE validator.
            (Self::BoringSsl, CERTIFICATE_UNKNOWN) if names_strangers => IDENTITY,
            (Self::OpenSsl, BAD_CERTIFICATE) | (Self::MbedTls, CERTIFICATE_UNKNOWN) => {
                Meaning::OneOf(&[Code::CertNotYetValid, Code::CertUnsupported])
            }
            // One that signs itself; or what an application's own check said no to.
            (Self::Nss | Self::Erlang, BAD_CERTIFICATE) => Meaning::OneOf(&[
                Code::UnknownCa,
                Code::SanMismatch,
                Code::TrustDomainMismatch,
            ]),
            (Self::WolfSsl, BAD_CERTIFICATE) => {
                Meaning::OneOf(&[Code::UnknownCa, Code::CertUnsupported])
            }
            (Self::Nss, CERTIFICATE_UNKNOWN) | (Self::Erlang, HANDSHAKE_FAILURE) => UNFIT,
            // Verifiers of its users: webpki finds other words for what it checks, but for encodings
            // and extensions that it cannot read.
            (Self::Rustls, ACCESS_DENIED) if names_strangers => IDENTITY,
            (Self::Rustls, BAD_CERTIFICATE) => Meaning::OneOf(&[
                Code::SanMismatch,
                Code::TrustDomainMismatch,
                Code::CertUnsupported,
            ]),
            (Self::Nss, UNKNOWN_CA) => {
                Meaning::OneOf(&[Code::UnknownCa, Code::IncompleteChain, Code::CertExpired])
            }
            (Self::Go, UNKNOWN_CA) => Meaning::OneOf(&[
                Code::UnknownCa,
                Code::IncompleteChain,
                Code::CertUnsupported,
            ]),
            (
                Self::BoringSsl
                | Self::Erlang
                | Self::MbedTls
                | Self::OpenSsl
                | Self::Rustls
                | Self::WolfSsl,
                UNKNOWN_CA,
            ) => UNTRUSTED,
            _ => return None,
        })
    }
}

/// What an alert may mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Any fault of a certificate.
    Anything,
    /// One of these.
    OneOf(&'static [Code]),
}

impl Meaning {
    pub(super) fn includes(self, code: Code) -> bool {
        match self {
            Self::Anything => true,
            Self::OneOf(codes) => codes.contains(&code),
        }
    }
}

/// What the library of this peer means by this alert is known.
pub(super) fn is_known(alert: u8, libraries: &[Library]) -> bool {
    matches!(libraries, [one] if one.means(alert, false).is_some())
}

/// Why a peer that may be any of these libraries refuses a certificate with this alert. Where the
/// library is not known, that is all that any is known to mean by it. `names_strangers`: the peer was
/// seen to answer a stranger's certificate with unknown_ca.
pub(super) fn means(alert: u8, libraries: &[Library], names_strangers: bool) -> Meaning {
    let known = match libraries {
        [one] => one.means(alert, names_strangers),
        _ => None,
    };
    known.unwrap_or(match alert {
        UNKNOWN_CA => Meaning::OneOf(&[
            Code::UnknownCa,
            Code::IncompleteChain,
            Code::CertExpired,
            Code::CertNotYetValid,
            Code::CertUnsupported,
        ]),
        HANDSHAKE_FAILURE | NO_CERTIFICATE => Meaning::OneOf(&[
            Code::CertUnsupported,
            Code::UnknownCa,
            Code::BadSignature,
            Code::SanMismatch,
            Code::TrustDomainMismatch,
        ]),
        _ => Meaning::Anything,
    })
}

/// Who asks for which signature schemes, in which order, unless told otherwise.
struct Print(Version, &'static [u16], &'static [Library]);

const PRINTS: &[Print] = &[
    Print(
        Version::Tls13,
        &[0x0403, 0x0804, 0x0503, 0x0805, 0x0806],
        &[Library::BoringSsl],
    ),
    Print(
        Version::Tls12,
        &[
            0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201,
        ],
        &[Library::BoringSsl],
    ),
    Print(
        Version::Tls13,
        &[
            0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806,
        ],
        &[Library::OpenSsl],
    ),
    Print(
        Version::Tls12,
        &[
            0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
        ],
        &[Library::OpenSsl, Library::Jsse],
    ),
    // Java 17.0.15; later ones ask for no SHA-1 any more.
    Print(
        Version::Tls12,
        &[
            0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
            0x0203, 0x0201,
        ],
        &[Library::Jsse],
    ),
    Print(
        Version::Tls13,
        &[
            0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b,
        ],
        &[Library::Jsse],
    ),
    Print(
        Version::Tls13,
        &[
            0x0809, 0x0804, 0x0403, 0x0807, 0x080a, 0x0805, 0x0503, 0x0808, 0x080b, 0x0806, 0x0603,
        ],
        &[Library::GnuTls],
    ),
    Print(
        Version::Tls12,
        &[
            0x0401, 0x0804, 0x0403, 0x0807, 0x0501, 0x0805, 0x0503, 0x0808, 0x0601, 0x0806, 0x0603,
            0x0201, 0x0203,
        ],
        &[Library::GnuTls],
    ),
    Print(
        Version::Tls13,
        &[0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806],
        &[Library::Nss],
    ),
    Print(
        Version::Tls12,
        &[
            0x0403, 0x0503, 0x0603, 0x0203, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201,
        ],
        &[Library::Nss],
    ),
    // Up to Go 1.19 at least.
    Print(
        Version::Tls13,
        &[0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0503, 0x0603],
        &[Library::Go],
    ),
    Print(
        Version::Tls12,
        &[
            0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0503, 0x0603, 0x0201,
            0x0203,
        ],
        &[Library::Go],
    ),
    // Go 1.27
    Print(
        Version::Tls13,
        &[
            0x0904, 0x0905, 0x0906, 0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0503, 0x0603,
        ],
        &[Library::Go],
    ),
    Print(
        Version::Tls12,
        &[
            0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0503, 0x0603,
        ],
        &[Library::Go],
    ),
    Print(
        Version::Tls13,
        &[
            0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0403, 0x0503, 0x0603, 0x0808, 0x0807,
        ],
        &[Library::Erlang],
    ),
    Print(
        Version::Tls12,
        &[
            0x0201, 0x0203, 0x0401, 0x0804, 0x0403, 0x0501, 0x0805, 0x0503, 0x0601, 0x0806, 0x0603,
        ],
        &[Library::Erlang],
    ),
    Print(
        Version::Tls12,
        &[
            0x0201, 0x0203, 0x0401, 0x0403, 0x0501, 0x0503, 0x0601, 0x0603, 0x0804, 0x0805, 0x0806,
        ],
        &[Library::Erlang],
    ),
    // With aws-lc-rs.
    Print(
        Version::Tls13,
        &[
            0x0503, 0x0403, 0x0603, 0x0807, 0x0806, 0x0805, 0x0804, 0x0904, 0x0905, 0x0906,
        ],
        &[Library::Rustls],
    ),
    Print(
        Version::Tls12,
        &[
            0x0503, 0x0403, 0x0603, 0x0807, 0x0806, 0x0805, 0x0804, 0x0601, 0x0501, 0x0401,
        ],
        &[Library::Rustls],
    ),
    // With ring.
    Print(
        Version::Tls13,
        &[0x0503, 0x0403, 0x0807, 0x0806, 0x0805, 0x0804],
        &[Library::Rustls],
    ),
    Print(
        Version::Tls12,
        &[
            0x0503, 0x0403, 0x0807, 0x0806, 0x0805, 0x0804, 0x0601, 0x0501, 0x0401,
        ],
        &[Library::Rustls],
    ),
    Print(
        Version::Tls13,
        &[
            0x0603, 0x0503, 0x0403, 0x0807, 0x0808, 0x0806, 0x080b, 0x0805, 0x080a, 0x0804, 0x0809,
        ],
        &[Library::WolfSsl],
    ),
    Print(
        Version::Tls12,
        &[0x0603, 0x0503, 0x0403, 0x0203, 0x0807, 0x0808],
        &[Library::WolfSsl],
    ),
    Print(
        Version::Tls12,
        &[0x0501, 0x0503, 0x0401, 0x0403],
        &[Library::MbedTls],
    ),
    Print(
        Version::Tls13,
        &[
            0x0403, 0x0503, 0x0603, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806,
        ],
        &[Library::S2n],
    ),
    Print(
        Version::Tls12,
        &[
            0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
        ],
        &[Library::S2n],
    ),
];
