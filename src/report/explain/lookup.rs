//! Finds what is said of a code by its name.

use super::entry::{Family, Topic};
use super::pages::{
    accepted, certificates, findings, handshake, open, policy, readings, unreachable,
};
use crate::code::Code;
use crate::rotation::Reading;

/// What is said of the code of a cell.
pub const fn topic(code: Code) -> &'static Topic {
    match code {
        Code::Ok => &accepted::OK,
        Code::PlaintextAccepted => &accepted::PLAINTEXT_ACCEPTED,
        Code::UnknownCa => &certificates::UNKNOWN_CA,
        Code::CertExpired => &certificates::CERT_EXPIRED,
        Code::CertNotYetValid => &certificates::CERT_NOT_YET_VALID,
        Code::SanMismatch => &certificates::SAN_MISMATCH,
        Code::TrustDomainMismatch => &certificates::TRUST_DOMAIN_MISMATCH,
        Code::IncompleteChain => &certificates::INCOMPLETE_CHAIN,
        Code::BadSignature => &certificates::BAD_SIGNATURE,
        Code::CertUnsupported => &certificates::CERT_UNSUPPORTED,
        Code::InvalidSvid => &certificates::INVALID_SVID,
        Code::CertRevoked => &certificates::CERT_REVOKED,
        Code::ClientCertRequired => &policy::CLIENT_CERT_REQUIRED,
        Code::CertRejected => &certificates::CERT_REJECTED,
        Code::PlaintextRejected => &policy::PLAINTEXT_REJECTED,
        Code::NotTls => &handshake::NOT_TLS,
        Code::NoSharedCipher => &handshake::NO_SHARED_CIPHER,
        Code::ProtocolVersion => &handshake::PROTOCOL_VERSION,
        Code::AlpnMismatch => &handshake::ALPN_MISMATCH,
        Code::UnrecognizedName => &handshake::UNRECOGNIZED_NAME,
        Code::NoFilterChain => &handshake::NO_FILTER_CHAIN,
        Code::AuthzDenied => &policy::AUTHZ_DENIED,
        Code::UpstreamTlsFailure => &policy::UPSTREAM_TLS_FAILURE,
        Code::UpstreamUnavailable => &policy::UPSTREAM_UNAVAILABLE,
        Code::DnsFailure => &unreachable::DNS_FAILURE,
        Code::ConnectionRefused => &unreachable::CONNECTION_REFUSED,
        Code::HostUnreachable => &unreachable::HOST_UNREACHABLE,
        Code::ConnectTimeout => &unreachable::CONNECT_TIMEOUT,
        Code::HandshakeTimeout => &open::HANDSHAKE_TIMEOUT,
        Code::Reset => &open::RESET,
        Code::Closed => &open::CLOSED,
        Code::Silent => &open::SILENT,
        Code::ProbeFault => &open::PROBE_FAULT,
    }
}

/// Everything that is explained: the codes of cells, findings, and readings of a rotation. Each name
/// once, each family in one piece.
pub fn topics() -> impl Iterator<Item = &'static Topic> {
    let codes = Code::ALL.iter().map(|code| topic(*code));
    let readings = Reading::ALL.iter().map(|reading| readings::of(*reading));
    codes.chain(findings::ALL.iter().copied()).chain(readings)
}

/// Finds what is said of a code; how it is written does not matter.
pub fn find(name: &str) -> Result<&'static Topic, NoTopic> {
    let wanted = normal(name);
    topics()
        .find(|topic| topic.code == wanted)
        .ok_or_else(|| NoTopic::of(name, &wanted))
}

/// There is no such code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no code {name:?}; {way_out}")]
pub struct NoTopic {
    name: String,
    way_out: String,
}

impl NoTopic {
    fn of(name: &str, wanted: &str) -> Self {
        let way_out = match near(wanted).as_slice() {
            [] => "`probe explain` lists them all".to_owned(),
            near => format!("did you mean {}?", near.join(", ")),
        };
        let name = name.chars().take(LONGEST).collect();
        Self { name, way_out }
    }
}

/// Codes that are written nearly so, else those that hold the word.
fn near(wanted: &str) -> Vec<&'static str> {
    if wanted.chars().count() > LONGEST {
        return vec![];
    }
    let distance = |topic: &Topic| strsim::damerau_levenshtein(wanted, topic.code);
    let nearest = topics().min_by_key(|topic| distance(topic));
    let allowed = (wanted.chars().count() / 3).max(1);
    if let Some(topic) = nearest.filter(|topic| distance(topic) <= allowed) {
        return vec![topic.code];
    }
    let words: Vec<&str> = wanted.split('_').filter(|word| word.len() > 2).collect();
    let holds = |topic: &&Topic| words.iter().any(|word| topic.code.contains(word));
    let found = topics().filter(holds).map(|topic| topic.code);
    found.take(SUGGESTED).collect()
}

/// The one spelling of what may be written in several ways.
fn normal(name: &str) -> String {
    let same = |c: char| match c {
        '-' | ' ' => '_',
        c => c.to_ascii_uppercase(),
    };
    name.trim().chars().map(same).collect()
}

/// The codes of one family.
pub(super) fn family(family: Family) -> impl Iterator<Item = &'static Topic> {
    topics().filter(move |topic| topic.family == family)
}

/// Longer names are cut, and not compared with others.
const LONGEST: usize = 60;
/// How many codes are suggested.
const SUGGESTED: usize = 6;
