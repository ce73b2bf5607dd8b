//! The one place where errors of the system and of rustls become facts.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the libraries' enums are open: what we know is listed, the rest is told in their words"
)]

use std::io;

use rustls::{CertificateError, Error, PeerIncompatible, PeerMisbehaved};

use crate::observation::{Ending, NeverConnected, Objection, Wordless};

/// Why there is no TCP connection.
pub(super) fn of_connect(err: &io::Error) -> Ending {
    Ending::NeverConnected(match err.kind() {
        // Somebody was there.
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
            return Ending::Wordless(Wordless::Reset);
        }
        io::ErrorKind::ConnectionRefused => NeverConnected::Refused,
        io::ErrorKind::TimedOut => NeverConnected::Timeout,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => NeverConnected::HostUnreachable(err.to_string()),
        // Out of files or ports, forbidden by a local rule: ours, whatever it is.
        _ => return Ending::Fault(format!("cannot open a connection: {err}")),
    })
}

/// Why a read failed on an open connection.
pub(super) fn of_read(err: &io::Error) -> Ending {
    Ending::Wordless(match err.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Wordless::Reset,
        // Keep-alive or retransmission gave up: the peer is gone without a word.
        io::ErrorKind::TimedOut => Wordless::Quiet,
        io::ErrorKind::UnexpectedEof => Wordless::Fin,
        _ => return Ending::Fault(format!("cannot read from the connection: {err}")),
    })
}

/// Why rustls would not go on. `is_tls` tells whether anything of TLS had come by then.
pub(super) fn of_tls(err: &Error, is_tls: bool) -> Ending {
    let objection = match err {
        Error::AlertReceived(alert) => return Ending::Alert(u8::from(*alert)),
        _ if !is_tls => Objection::NotTls,
        Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => Objection::Version,
        Error::PeerIncompatible(
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon,
        )
        | Error::PeerMisbehaved(
            PeerMisbehaved::SelectedUnofferedCipherSuite
            | PeerMisbehaved::SelectedUnofferedKxGroup
            | PeerMisbehaved::IllegalHelloRetryRequestWithUnofferedNamedGroup
            | PeerMisbehaved::IllegalHelloRetryRequestWithUnofferedCipherSuite
            | PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme
            | PeerMisbehaved::SignedKxWithWrongAlgorithm,
        ) => Objection::NothingInCommon(err.to_string()),
        Error::InvalidCertificate(CertificateError::BadSignature) => Objection::BadProof,
        Error::InvalidCertificate(_) => Objection::UnreadableCertificate,
        Error::FailedToGetRandomBytes | Error::FailedToGetCurrentTime => {
            return Ending::Fault(err.to_string());
        }
        _ => Objection::Protocol(err.to_string()),
    };
    Ending::Objection(objection)
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, InvalidMessage};

    use super::*;

    #[test]
    fn every_error_we_know_becomes_its_own_fact() {
        let objection = Ending::Objection;
        for (err, is_tls, want) in [
            (
                Error::AlertReceived(AlertDescription::UnknownCA),
                true,
                Ending::Alert(48),
            ),
            (
                Error::AlertReceived(AlertDescription::from(200)),
                true,
                Ending::Alert(200),
            ),
            (
                InvalidMessage::InvalidContentType.into(),
                false,
                objection(Objection::NotTls),
            ),
            (
                InvalidMessage::InvalidContentType.into(),
                true,
                objection(Objection::Protocol(
                    Error::from(InvalidMessage::InvalidContentType).to_string(),
                )),
            ),
            (
                PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into(),
                true,
                objection(Objection::Version),
            ),
            (
                CertificateError::BadSignature.into(),
                true,
                objection(Objection::BadProof),
            ),
            (
                CertificateError::BadEncoding.into(),
                true,
                objection(Objection::UnreadableCertificate),
            ),
        ] {
            assert_eq!(of_tls(&err, is_tls), want, "{err:?}");
        }
    }

    #[test]
    fn our_own_trouble_is_never_the_peers() {
        let too_many_files = io::Error::from_raw_os_error(24);
        assert!(matches!(of_connect(&too_many_files), Ending::Fault(_)));
        let no_ports = io::Error::from(io::ErrorKind::AddrNotAvailable);
        assert!(matches!(of_connect(&no_ports), Ending::Fault(_)));
    }
}
