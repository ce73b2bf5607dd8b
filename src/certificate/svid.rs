//! The X.509-SVID rules: sections 2 to 5 of the standard.

use super::finding::{Case, Depth, Finding};
use super::node::{Node, Place, quoted};
use super::walk::Path;
use super::{Purpose, Role, SpiffeId};
use crate::code::Code;

/// The SPIFFE ID of a leaf, or why it has none.
pub(super) fn identity(leaf: &Node<'_>) -> Result<SpiffeId, Finding> {
    let broken = |what: String| Finding::new(Depth::Identity, Code::InvalidSvid, what);
    if leaf.parts.alt_names_broken() {
        return Err(broken("leaf has a malformed subjectAltName".into()));
    }
    let uris = leaf.parts.uris();
    match uris.as_slice() {
        [] => Err(broken(
            "leaf has no URI SAN; the SPIFFE ID belongs there".into(),
        )),
        [uri] => uri.parse().map_err(|why| {
            broken(format!(
                "leaf's URI SAN {} is no SPIFFE ID: it {why}",
                quoted(uri)
            ))
        }),
        [_, ..] => Err(broken(format!(
            "leaf has {} URI SANs; an X.509-SVID has exactly one",
            uris.len()
        ))),
    }
}

/// The rules of a leaf that do not touch its identity.
pub(super) fn leaf_findings(leaf: &Node<'_>, role: Role) -> Vec<Finding> {
    let facts = leaf.facts;
    let mut whats = vec![];
    if identity(leaf).is_ok_and(|id| id.path().is_empty()) {
        whats.push("leaf's SPIFFE ID has no path: it names a trust domain, not a workload".into());
    }
    if facts.is_ca {
        whats.push("leaf is a CA certificate".to_owned());
    }
    match facts.key_usage {
        None => whats.push("leaf has no key usage".into()),
        Some(usage) => {
            if !usage.critical {
                whats.push("leaf's key usage is not critical".into());
            }
            if !usage.digital_signature {
                whats.push("leaf's key usage lacks digitalSignature".into());
            }
            if usage.key_cert_sign {
                whats.push(
                    "leaf's key usage has keyCertSign, which is for signing certificates".into(),
                );
            }
            if usage.crl_sign {
                whats
                    .push("leaf's key usage has cRLSign, which is for signing certificates".into());
            }
        }
    }
    if let Some(purposes) = &facts.extended_key_usage {
        // The purpose of this very role is asked for whatever the profile.
        let other = match role {
            Role::Server => Purpose::ClientAuth,
            Role::Client => Purpose::ServerAuth,
        };
        if !purposes.contains(&other) {
            whats.push(format!(
                "leaf lacks {} in its extended key usage, which must hold both serverAuth and clientAuth",
                other.as_str()
            ));
        }
    }
    if leaf.parts.subject.is_empty() && facts.san_critical == Some(false) {
        whats.push("leaf has an empty subject, so its subjectAltName must be critical".into());
    }
    whats.into_iter().map(finding).collect()
}

/// The rules of the signing certificates sent. That they are CAs, and that a key usage they have
/// allows signing, is asked for whatever the profile. Roots are not judged: holding one is trusting it.
pub(super) fn signer_findings(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    case.field
        .along(path)
        .filter(|node| matches!(node.place, Place::Sent(_) | Place::Elsewhere))
        .flat_map(|node| {
            let without_usage = node.facts.key_usage.is_none().then(|| {
                format!("{node} has no key usage; a signing certificate needs keyCertSign")
            });
            without_usage.into_iter().chain(paths(node).map(move |id| {
                format!("{node} has the SPIFFE ID {id}; a signing certificate's has no path")
            }))
        })
        .map(finding)
        .collect()
}

/// What a root would be told if it were not a root.
pub(super) fn root_notes(root: &Node<'_>) -> Vec<String> {
    let mut notes: Vec<_> = paths(root)
        .map(|id| format!("{root} has the SPIFFE ID {id}; a signing certificate's has no path"))
        .collect();
    if !root.facts.is_ca {
        notes.push(format!("{root} is not a CA certificate"));
    }
    if !root
        .facts
        .key_usage
        .is_some_and(|usage| usage.key_cert_sign)
    {
        notes.push(format!("{root} lacks keyCertSign in its key usage"));
    }
    notes
}

/// The SPIFFE IDs of a signing certificate that have a path.
fn paths(node: &Node<'_>) -> impl Iterator<Item = SpiffeId> + use<> {
    node.parts
        .uris()
        .into_iter()
        .filter_map(|uri| uri.parse::<SpiffeId>().ok())
        .filter(|id| !id.path().is_empty())
}

fn finding(what: String) -> Finding {
    Finding::new(Depth::Svid, Code::InvalidSvid, what)
}
