//! The mode of a target, read from its rows. An open door is reported only where it is certain, and
//! whatever the rows leave open is UNKNOWN.

use std::collections::BTreeMap;

use super::{by_name, is_identity, is_mediated};
use crate::code::{Code, Confidence};
use crate::matrix::{AddressMode, Cell, Http, PortMode};
use crate::suite::{Mode, SourceName};
use crate::target::Dialect;

/// The mode of a target from all its cells, and what it rests on. Addresses that differ make it mixed.
pub fn mode(cells_of_target: &[&Cell]) -> (Mode, Vec<String>) {
    together(&by_address(cells_of_target))
}

/// One address, its mode, and what that rests on.
pub(super) type Here<'a> = (&'a str, Mode, Vec<String>);

/// The mode of each address.
pub(super) fn by_address<'a>(cells_of_target: &[&'a Cell]) -> Vec<Here<'a>> {
    let here = by_name(cells_of_target, |cell| &cell.address).into_iter();
    let here = here.map(|(address, cells)| {
        let (mode, evidence) = mode_at(&cells);
        (address, mode, evidence)
    });
    here.collect()
}

/// The mode of each port, and of each address; nothing where there is one address.
pub(super) fn by_port(here: &[Here<'_>]) -> Vec<PortMode> {
    if here.len() < 2 {
        return vec![];
    }
    let mut ports: BTreeMap<u16, Vec<Here<'_>>> = BTreeMap::new();
    for one in here {
        let port = one
            .0
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        // A name that does not resolve may have none.
        if let Some(port) = port {
            ports.entry(port).or_default().push(one.clone());
        }
    }
    let ports = ports.into_iter().map(|(port, here)| {
        let (mode, evidence) = together(&here);
        let addresses = here.iter().map(|(address, mode, _)| AddressMode {
            address: (*address).to_owned(),
            mode: mode.as_str().to_owned(),
        });
        PortMode {
            port,
            mode: mode.as_str().to_owned(),
            addresses: addresses.collect(),
            evidence,
        }
    });
    ports.collect()
}

fn together(here: &[Here<'_>]) -> (Mode, Vec<String>) {
    let mut by_mode: Vec<(Mode, Vec<&str>, &[String])> = vec![];
    for (address, mode, evidence) in here {
        match by_mode.iter_mut().find(|(known, _, _)| known == mode) {
            Some((_, addresses, _)) => addresses.push(address),
            None => by_mode.push((*mode, vec![address], evidence)),
        }
    }
    match by_mode.as_slice() {
        [] => (Mode::Unknown, vec!["nothing was probed".into()]),
        [(mode, _, evidence)] => (*mode, evidence.to_vec()),
        several => {
            let line = |(mode, at, _): &(Mode, Vec<&str>, _)| {
                format!("{} at {}", mode.as_str(), super::listed(at))
            };
            // What one address leaves open does not contradict another.
            let known = several.iter().filter(|(mode, _, _)| *mode != Mode::Unknown);
            let mode = if known.count() > 1 {
                Mode::Mixed
            } else {
                Mode::Unknown
            };
            (mode, several.iter().map(line).collect())
        }
    }
}

/// The mode of one address.
fn mode_at(cells: &[&Cell]) -> (Mode, Vec<String>) {
    let of = |source: &str| -> Vec<&Cell> {
        let fits = |cell: &&Cell| cell.from == source && !is_mediated(cell);
        cells.iter().copied().filter(fits).collect()
    };
    let plaintext = of(SourceName::PLAINTEXT);
    let none = of(SourceName::NONE);
    let identities: Vec<&Cell> = cells.iter().copied().filter(|c| is_identity(c)).collect();

    let mut evidence = said(&plaintext);
    evidence.extend(said(&none));
    if plaintext.is_empty() {
        evidence.push("plaintext was not probed".into());
    }
    if cells.iter().any(|cell| is_mediated(cell)) {
        evidence
            .push("what went through our own sidecar tells nothing of the target's mode".into());
    }
    let taken = any(&identities, took_the_certificate);
    let ok = any(&identities, |cell| cell.code == Code::Ok);
    let judged = any(&identities, judged_the_certificate);
    let mut because = |cell: Option<&Cell>| evidence.extend(cell.map(say));

    let mode = if all(&plaintext, |cell| {
        cell.code == Code::PlaintextAccepted && cell.confidence == Confidence::Certain
    }) {
        let tls: Vec<&Cell> = none.iter().chain(&identities).copied().collect();
        let spoken = taken.or(judged);
        because(spoken.or(identities.first().copied()));
        let not_tls = |cell: &Cell| cell.code == Code::NotTls;
        if all(&tls, not_tls) {
            evidence.push("a PERMISSIVE sidecar says the same to TLS outside its dialect".into());
            Mode::Plaintext
        } else if (spoken.is_some() || any(&none, judged_the_certificate).is_some())
            && !tls.iter().any(|cell| not_tls(cell))
        {
            Mode::Permissive
        } else {
            Mode::Unknown
        }
    } else if all(&plaintext, is_denied_in_plaintext) {
        let spoken = taken.or(judged).or(any(&none, judged_the_certificate));
        because(ok.or(spoken).or(identities.first().copied()));
        let is_linkerd = cells
            .iter()
            .any(|cell| cell.dialect.as_deref() == Some(LINKERD));
        let denied = |cell: &Cell| cell.code == Code::AuthzDenied && cell.refused_by_peer();
        let is_sure = |cell: &Cell| cell.confidence == Confidence::Certain;
        if is_linkerd {
            // Its proxy takes everybody at TLS, and leaves the rest to policy; at its own port it closes
            // on the nameless.
            let turned_away = |cell: &Cell| denied(cell) || judged_the_certificate(cell);
            if all(&none, turned_away) && ok.is_some() {
                Mode::Strict
            } else {
                Mode::Unknown
            }
        } else if spoken.is_some() && plaintext.iter().all(|cell| is_sure(cell)) {
            evidence.push("the transport took plaintext, and policy denied the request".into());
            Mode::Permissive
        } else {
            Mode::Unknown
        }
    } else if all(&plaintext, |cell| {
        cell.code == Code::PlaintextRejected && cell.refused_by_peer()
    }) {
        because(ok.or(taken).or(identities.first().copied()));
        let required = |cell: &Cell| {
            let required = cell.code == Code::ClientCertRequired && cell.refused_by_peer();
            required && cell.confidence == Confidence::Certain
        };
        let denied = |cell: &Cell| {
            judged_the_certificate(cell) || cell.code == Code::AuthzDenied && cell.refused_by_peer()
        };
        let accepted =
            |cell: &Cell| cell.code == Code::Ok && cell.confidence == Confidence::Certain;
        if all(&none, accepted) {
            Mode::TlsOnly
        } else if all(&none, required)
            || all(&none, judged_the_certificate) && taken.is_some()
            // Policy may deny everybody; it asks for a certificate only if having one helps.
            || all(&none, denied) && ok.is_some()
        {
            Mode::Strict
        } else {
            Mode::Unknown
        }
    } else {
        Mode::Unknown
    };
    (mode, evidence)
}

/// Plaintext was answered, and the answer is that policy does not have us.
fn is_denied_in_plaintext(cell: &Cell) -> bool {
    let is_denial = |http: &Http| http.status == 403 || http.grpc_status == Some(PERMISSION_DENIED);
    let is_answer = cell.http.as_ref().is_some_and(is_denial);
    cell.code == Code::AuthzDenied && cell.refused_by_peer() && is_answer
}

/// The row was probed, and every cell of it is settled and of this kind.
fn all(row: &[&Cell], is: impl Fn(&Cell) -> bool) -> bool {
    !row.is_empty() && row.iter().all(|cell| is_settled(cell) && is(cell))
}

/// The first settled cell of this kind.
fn any<'a>(cells: &[&'a Cell], is: impl Fn(&Cell) -> bool) -> Option<&'a Cell> {
    let mut cells = cells.iter().copied();
    cells.find(|cell| is_settled(cell) && is(cell))
}

/// One cause or a likely one, and every connection said the same.
fn is_settled(cell: &Cell) -> bool {
    cell.confidence != Confidence::Ambiguous && cell.attempts.agreeing >= cell.attempts.total
}

/// The peer took our certificate, whatever became of the request.
fn took_the_certificate(cell: &Cell) -> bool {
    match word(cell.code) {
        Word::Answer => true,
        Word::Denial => cell.refused_by_peer(),
        Word::OnCertificate | Word::Else => false,
    }
}

/// The peer refused us for our certificate, or for want of one: it speaks mTLS.
fn judged_the_certificate(cell: &Cell) -> bool {
    word(cell.code) == Word::OnCertificate && cell.refused_by_peer()
}

/// What a code of the peer says about TLS.
#[derive(PartialEq, Eq)]
enum Word {
    /// TLS was through, and the request was answered.
    Answer,
    /// TLS was through, and the request was denied or came to nothing.
    Denial,
    /// TLS ended over the client's certificate.
    OnCertificate,
    /// Anything else, or nothing.
    Else,
}

fn word(code: Code) -> Word {
    match code {
        Code::Ok => Word::Answer,
        Code::AuthzDenied | Code::UpstreamTlsFailure | Code::UpstreamUnavailable => Word::Denial,
        Code::ClientCertRequired
        | Code::CertRejected
        | Code::UnknownCa
        | Code::CertExpired
        | Code::CertNotYetValid
        | Code::SanMismatch
        | Code::TrustDomainMismatch
        | Code::IncompleteChain
        | Code::BadSignature
        | Code::CertUnsupported
        | Code::InvalidSvid
        | Code::CertRevoked => Word::OnCertificate,
        Code::PlaintextAccepted
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
        | Code::ProbeFault => Word::Else,
    }
}

fn said(row: &[&Cell]) -> Vec<String> {
    row.iter().map(|cell| say(cell)).collect()
}

fn say(cell: &Cell) -> String {
    let doubt = if is_settled(cell) {
        ""
    } else {
        " (not settled)"
    };
    format!("{} got {}{doubt}", cell.from, cell.code)
}

const LINKERD: &str = Dialect::Linkerd.as_str();
/// Of gRPC.
const PERMISSION_DENIED: u32 = 7;
