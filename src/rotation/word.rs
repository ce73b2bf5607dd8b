//! What a server's answer to one canary tells of the roots it trusts. A refusal for any other reason
//! tells nothing, and neither does a server that takes anybody.

use super::member::Word;
use crate::code::{Code, Confidence, Kind};
use crate::matrix::{Cell, Tls};

/// The answer, and why it is read so.
pub(super) type Answer = (Word, String);

/// What all cells of one source at one address say together.
pub(super) fn of_all(cells: &[&Cell]) -> Answer {
    let mut answers = cells.iter().map(|cell| of(cell));
    let Some(first) = answers.next() else {
        return (Word::Open, "was not probed".to_owned());
    };
    match answers.find(|other| other.0 != first.0) {
        None => first,
        Some(other) => (
            Word::Open,
            format!("two probes differ: {}; {}", first.1, other.1),
        ),
    }
}

fn of(cell: &Cell) -> Answer {
    let Some(peer) = cell.peer else {
        let said = cell.evidence.first().map_or("", String::as_str);
        return (Word::Open, format!("{}: {said}", cell.code));
    };
    let attempts = &cell.attempts;
    if attempts.agreeing < attempts.total {
        let (agreeing, total) = (attempts.agreeing, attempts.total);
        let why = format!(
            "{agreeing} of {total} connections say {peer}: several instances behind one address?"
        );
        return (Word::Open, why);
    }
    let tls = cell.tls.as_ref();
    let word = word(peer, cell, tls);
    let alert = tls.and_then(|tls| tls.alert);
    let why = match alert {
        Some(alert) if peer.kind() != Kind::Accepted => format!("{peer}, alert {alert}"),
        Some(_) | None => peer.to_string(),
    };
    let why = match word {
        Word::Anybody => "it did not ask for our certificate".to_owned(),
        Word::Open
            if peer.kind() != Kind::Inconclusive && cell.confidence == Confidence::Ambiguous =>
        {
            format!("{why}, and other causes fit as well")
        }
        Word::Took | Word::Root | Word::Dates | Word::Identity | Word::Open => why,
    };
    (word, why)
}

fn word(peer: Code, cell: &Cell, tls: Option<&Tls>) -> Word {
    let gave = tls.is_some_and(|tls| tls.certificate_sent);
    let asked = tls.and_then(|tls| tls.certificate_requested);
    // Where the verdict is our own refusal of the server, its confidence is not the peer's.
    let is_ambiguous = cell.confidence == Confidence::Ambiguous && !cell.refused_by_probe();
    match peer {
        Code::Ok | Code::AuthzDenied | Code::UpstreamTlsFailure | Code::UpstreamUnavailable => {
            match (asked, gave) {
                _ if is_ambiguous => Word::Open,
                (Some(false), _) => Word::Anybody,
                (Some(true), true) => Word::Took,
                (Some(true), false) | (None, _) => Word::Open,
            }
        }
        // 45 does not tell expired from not yet valid, which is all that is ambiguous about it.
        Code::CertExpired | Code::CertNotYetValid => Word::Dates,
        Code::SanMismatch | Code::TrustDomainMismatch => Word::Identity,
        // Of those who say 46 most mean the name, and some mean anything: the roots stay open.
        Code::CertRejected if tls.and_then(|tls| tls.alert) == Some(CERTIFICATE_UNKNOWN) => {
            Word::Identity
        }
        _ if is_ambiguous || !gave => Word::Open,
        Code::UnknownCa | Code::BadSignature => Word::Root,
        Code::PlaintextAccepted
        | Code::IncompleteChain
        | Code::CertUnsupported
        | Code::InvalidSvid
        | Code::CertRevoked
        | Code::ClientCertRequired
        | Code::CertRejected
        | Code::PlaintextRejected
        | Code::NotTls
        | Code::NoSharedCipher
        | Code::ProtocolVersion
        | Code::AlpnMismatch
        | Code::UnrecognizedName
        | Code::NoFilterChain
        | Code::DnsFailure
        | Code::ConnectionRefused
        | Code::HostUnreachable
        | Code::ConnectTimeout
        | Code::HandshakeTimeout
        | Code::Reset
        | Code::Closed
        | Code::Silent
        | Code::ProbeFault => Word::Open,
    }
}

const CERTIFICATE_UNKNOWN: u8 = 46;
