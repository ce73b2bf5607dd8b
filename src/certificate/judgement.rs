//! The judgement of a chain: does it hold, and if not, why not.

use std::cell::OnceCell;
use std::net::IpAddr;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};

use super::finding::{Case, Depth, Finding, Profile};
use super::node::{Node, Place};
use super::walk::Field;
use super::{Bundles, Facts, SpiffeId, TrustDomain, anchors, decision, name, revocation, svid};
use crate::code::Code;

/// What is asked of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The chain as presented, leaf first.
    pub chain: &'a [CertificateDer<'static>],
    /// The trust anchors we hold.
    pub bundles: &'a Bundles,
    /// Which end presents the chain.
    pub role: Role,
    /// Who the leaf must be.
    pub expected: &'a Expected,
    /// Judge validity as of this moment.
    pub at: Timestamp,
    /// Revocation lists. One counts for the certificates whose issuer signed it; a certificate without
    /// one is taken for good.
    pub crls: &'a [CertificateRevocationListDer<'static>],
    /// Certificates known from other places (other chains of the run), never trusted, only used to say
    /// that a missing intermediate is one of them.
    pub elsewhere: &'a [CertificateDer<'static>],
}

/// Which end of the connection presents the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The chain of a server: `serverAuth`.
    Server,
    /// The chain of a client: `clientAuth`.
    Client,
}

/// Who a leaf must be. The first three judge by the X.509-SVID rules, the last three by ordinary TLS
/// rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// Any SVID of a trust domain that we hold a bundle for.
    AnySvid,
    /// Any SVID of this trust domain.
    TrustDomain(TrustDomain),
    /// This SPIFFE ID.
    Id(SpiffeId),
    /// Anybody with a good chain.
    AnyName,
    /// This DNS name.
    Dns(String),
    /// This address.
    Ip(IpAddr),
}

/// What we think of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The SPIFFE ID of the leaf, else its first DNS name, where there is one.
    pub id: Option<String>,
    /// What is wrong, the root cause first. Empty: the chain holds.
    pub problems: Vec<Problem>,
    /// What is worth knowing and no reason to refuse.
    pub notes: Vec<String>,
    /// What the certificates say, in the order sent; a certificate that does not parse is a problem.
    pub chain: Vec<Facts>,
    /// The anchor that the chain leads to, also where something else is wrong.
    pub root: Option<Facts>,
}

/// One thing that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code it stands for.
    pub code: Code,
    /// What is wrong, naming the certificate and the fact.
    pub what: String,
}

impl Judgement {
    /// The code of the first problem, else `OK`.
    pub fn code(&self) -> Code {
        self.problems
            .first()
            .map_or(Code::Ok, |problem| problem.code)
    }

    /// Nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Judges a chain. webpki has the last word on `OK`: what it refuses is never good here, and where it is
/// more lenient than RFC 5280 or the SVID rules (root dates and path length, key usage) we are not.
pub fn judge(question: &Question<'_>) -> Judgement {
    let profile = Profile::of(question.expected);
    let Read {
        facts,
        mut findings,
    } = read(question.chain, profile);
    let (crls, mut notes) = revocation::read(question.crls);
    if question.chain.len() > MAX_SENT {
        let sent = question.chain.len();
        notes.push(format!(
            "{sent} certificates were sent; {MAX_SENT} are read"
        ));
    }
    let mut judgement = Judgement {
        id: None,
        problems: vec![],
        notes: vec![],
        chain: facts.iter().flatten().cloned().collect(),
        root: None,
    };
    let sent: Vec<_> = sent_nodes(question.chain, &facts);
    if let Some(leaf) = sent.first().filter(|node| node.place == Place::Leaf) {
        let identity = svid::identity(leaf);
        judgement.id = name_of(leaf, identity.as_ref().ok());
        let id = match (profile, identity) {
            (Profile::Svid, Ok(id)) => Some(id),
            (Profile::Svid, Err(why)) => {
                findings.push(why);
                None
            }
            (Profile::Tls, _) => None,
        };
        let anchors = anchors::choose(question, profile, id.as_ref());
        notes.extend(anchors.note.clone());
        let roots = anchors.nodes();
        let case = Case {
            question,
            profile,
            field: Field::new(sent.iter().copied().chain(roots).collect()),
            crls: &crls,
            at: Timestamp::from_second(question.at.as_second()).unwrap_or(question.at),
            bundle: &anchors.title,
            roots: anchors.roots,
        };
        let known = OnceCell::new();
        let decision = decision::decide(case, &known);
        findings.extend(decision.findings);
        notes.extend(decision.notes);
        judgement.root = decision.root;
        if profile == Profile::Svid {
            findings.extend(svid::leaf_findings(leaf, question.role));
        }
        match anchors.missing {
            // It says already that the trust domain is not the one expected.
            Some(missing) if missing.problem.code == Code::TrustDomainMismatch => {
                findings.push(missing);
            }
            Some(missing) => {
                findings.push(missing);
                findings.extend(name::finding(leaf, id.as_ref(), question.expected));
            }
            None => findings.extend(name::finding(leaf, id.as_ref(), question.expected)),
        }
    }
    findings.sort_by_key(|finding| finding.depth);
    judgement.problems = findings.into_iter().map(|found| found.problem).collect();
    judgement.notes = notes;
    judgement
}

/// The certificates of a chain, read.
struct Read {
    facts: Vec<Option<Facts>>,
    findings: Vec<Finding>,
}

fn read(chain: &[CertificateDer<'static>], profile: Profile) -> Read {
    let code = match profile {
        Profile::Svid => Code::InvalidSvid,
        Profile::Tls => Code::CertUnsupported,
    };
    let mut findings = vec![];
    if chain.is_empty() {
        let what = "no certificate was presented";
        findings.push(Finding::new(Depth::Unreadable, code, what));
    }
    let mut facts = vec![];
    for (nth, der) in chain.iter().take(MAX_SENT).enumerate() {
        let read = Facts::parse(der);
        if let Err(why) = &read {
            let (code, name) = match nth {
                0 => (code, "leaf".to_owned()),
                _ => (
                    Code::CertUnsupported,
                    format!("certificate {nth} of the chain"),
                ),
            };
            let what = format!("{name} {why}");
            findings.push(Finding::new(Depth::Unreadable, code, what));
        }
        facts.push(read.ok());
    }
    Read { facts, findings }
}

/// The certificates that can be read, each once.
fn sent_nodes<'a>(
    chain: &'a [CertificateDer<'static>],
    facts: &'a [Option<Facts>],
) -> Vec<Node<'a>> {
    let mut nodes: Vec<Node<'a>> = vec![];
    for (nth, (der, facts)) in chain.iter().zip(facts).enumerate() {
        let place = if nth == 0 {
            Place::Leaf
        } else {
            Place::Sent(nth)
        };
        let node = facts
            .as_ref()
            .and_then(|facts| Node::new(place, der, facts));
        nodes.extend(node.filter(|node| nodes.iter().all(|other| other.der != node.der)));
    }
    nodes
}

/// The SPIFFE ID, else the first DNS name of a leaf that does not try to be an SVID.
fn name_of(leaf: &Node<'_>, id: Option<&SpiffeId>) -> Option<String> {
    match id {
        Some(id) => Some(id.to_string()),
        None if leaf.facts.uris.len() > 1 => None,
        None => leaf.facts.dns.first().cloned(),
    }
}

/// Certificates of one chain that are read; a handshake message holds about as many.
const MAX_SENT: usize = 100;
