//! Whether each certificate is fit for its place: readable, CA or not, key usage, purpose, depth.

use super::der::dotted;
use super::engine;
use super::finding::{Case, Depth, Finding, Profile};
use super::node::{Node, Place};
use super::parts::{
    BASIC_CONSTRAINTS, CRL_DISTRIBUTION_POINTS, EXTENDED_KEY_USAGE, KEY_USAGE, NAME_CONSTRAINTS,
    SUBJECT_ALT_NAME,
};
use super::signature::supports;
use super::walk::Path;
use super::{Purpose, Role};
use crate::code::Code;

pub(super) fn findings(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    let nodes: Vec<_> = case.field.along(path).collect();
    let mut whats: Vec<String> = vec![];
    for (at, node) in nodes.iter().enumerate() {
        match node.place {
            Place::Leaf => {
                whats.extend(reading(node));
                whats.extend(purpose(node, case.question.role));
                // webpki does not look, but no handshake can be verified with such a key.
                if !supports(&node.parts.key) {
                    let key = &node.facts.key;
                    whats.push(format!(
                        "leaf has a key of type {key}, which is not supported"
                    ));
                }
                // To an SVID it is a matter of the SVID rules.
                if node.facts.is_ca && case.profile == Profile::Tls {
                    whats.push("leaf is a CA certificate".into());
                }
            }
            Place::Sent(_) | Place::Elsewhere => {
                whats.extend(reading(node));
                whats.extend(authority(node));
                whats.extend(purpose(node, case.question.role));
                whats.extend(depth(node, at.saturating_sub(1)));
            }
            Place::Root => {
                whats.extend(anchor(node));
                // Unlike webpki with an intermediate, RFC 5280 does not count self-issued ones.
                let below = nodes
                    .iter()
                    .filter(|node| node.place != Place::Leaf && node.place != Place::Root)
                    .filter(|node| !node.facts.self_issued)
                    .count();
                whats.extend(depth(node, below));
            }
        }
    }
    let intermediates = nodes
        .iter()
        .filter(|node| matches!(node.place, Place::Sent(_) | Place::Elsewhere))
        .count();
    if intermediates > MAX_INTERMEDIATES {
        whats.push(format!(
            "the chain has {intermediates} intermediates or more; {MAX_INTERMEDIATES} are followed"
        ));
    }
    whats
        .into_iter()
        .map(|what| Finding::new(Depth::Fitness, Code::CertUnsupported, what))
        .collect()
}

/// What hinders webpki from reading a certificate.
fn reading(node: &Node<'_>) -> Option<String> {
    let why = engine::readable(node.der).err()?;
    let unknown = || {
        let known = [
            BASIC_CONSTRAINTS,
            CRL_DISTRIBUTION_POINTS,
            EXTENDED_KEY_USAGE,
            KEY_USAGE,
            NAME_CONSTRAINTS,
            SUBJECT_ALT_NAME,
        ];
        node.parts
            .extensions()
            .find(|extension| extension.critical && !known.contains(&extension.oid))
            .map_or_else(String::new, |extension| {
                format!(" ({})", dotted(extension.oid))
            })
    };
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the list of webpki is open; the rest is shown by name"
    )]
    Some(match why {
        webpki::Error::UnsupportedCriticalExtension => format!(
            "{node} has a critical extension that is not understood{}",
            unknown()
        ),
        webpki::Error::UnsupportedCertVersion => {
            format!("{node} is not an X.509 version 3 certificate")
        }
        webpki::Error::ExtensionValueInvalid => {
            format!("{node} has an extension that is malformed or stands twice")
        }
        webpki::Error::SignatureAlgorithmMismatch => {
            format!("{node} names two different signature algorithms")
        }
        other => format!("{node} is malformed: {other:?}"),
    })
}

fn anchor(node: &Node<'_>) -> Option<String> {
    let why = webpki::anchor_from_trusted_cert(node.der).err()?;
    Some(format!("{node} cannot serve as a trust anchor: {why:?}"))
}

/// What an issuing certificate lacks to be one.
fn authority(node: &Node<'_>) -> Option<String> {
    if !node.facts.is_ca {
        return Some(format!("{node} issues certificates but is not a CA"));
    }
    let usage = node.facts.key_usage?;
    (!usage.key_cert_sign)
        .then(|| format!("{node} issues certificates but its key usage lacks keyCertSign"))
}

fn depth(node: &Node<'_>, below: usize) -> Option<String> {
    let allowed = node.facts.path_len.filter(|_| node.facts.is_ca)?;
    (u32::try_from(below).unwrap_or(u32::MAX) > allowed).then(|| {
        format!("{node} allows {allowed} intermediates below it (pathLen); the chain has {below}")
    })
}

/// The extended key usage, where there is one, lacks the purpose of the role.
fn purpose(node: &Node<'_>, role: Role) -> Option<String> {
    let wanted = Purpose::of(role);
    let allowed = node.facts.extended_key_usage.as_ref()?;
    if allowed.contains(&wanted) {
        return None;
    }
    let any = if allowed.contains(&Purpose::Any) {
        "; anyExtendedKeyUsage does not stand for it"
    } else {
        ""
    };
    Some(format!(
        "{node} lacks {} in its extended key usage{any}",
        wanted.as_str()
    ))
}

impl Purpose {
    /// The purpose that a role needs.
    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::Server => Self::ServerAuth,
            Role::Client => Self::ClientAuth,
        }
    }

    /// The name of the standard, else the OID.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ServerAuth => "serverAuth",
            Self::ClientAuth => "clientAuth",
            Self::Any => "anyExtendedKeyUsage",
            Self::Other(oid) => oid,
        }
    }
}

/// As many as webpki follows.
const MAX_INTERMEDIATES: usize = 6;
