//! Whether the leaf is who it must be.

use rustls_pki_types::{DnsName, IpAddr, ServerName};
use webpki::EndEntityCert;

use super::finding::{Depth, Finding};
use super::node::{Node, quoted};
use super::{Expected, SpiffeId};
use crate::code::Code;

/// `id` is the SPIFFE ID of the leaf, where it has one.
pub(super) fn finding(
    leaf: &Node<'_>,
    id: Option<&SpiffeId>,
    expected: &Expected,
) -> Option<Finding> {
    match expected {
        Expected::AnySvid | Expected::AnyName => None,
        Expected::TrustDomain(wanted) => {
            let id = id?;
            (id.trust_domain() != wanted).then(|| {
                Finding::new(
                    Depth::Name,
                    Code::TrustDomainMismatch,
                    format!("expected trust domain {wanted}; the certificate says {id}"),
                )
            })
        }
        Expected::Id(wanted) => {
            let id = id.filter(|id| *id != wanted)?;
            let code = if id.trust_domain() == wanted.trust_domain() {
                Code::SanMismatch
            } else {
                Code::TrustDomainMismatch
            };
            let what = format!("expected {wanted}; the certificate says {id}");
            Some(Finding::new(Depth::Name, code, what))
        }
        Expected::Dns(name) => match DnsName::try_from(name.clone()) {
            Ok(dns) => subject_name(leaf, &ServerName::DnsName(dns), &quoted(name)),
            Err(_) => Some(mismatch(format!(
                "expected {}, which is no DNS name",
                quoted(name)
            ))),
        },
        Expected::Ip(address) => subject_name(
            leaf,
            &ServerName::IpAddress(IpAddr::from(*address)),
            &address.to_string(),
        ),
    }
}

fn subject_name(leaf: &Node<'_>, name: &ServerName<'_>, shown: &str) -> Option<Finding> {
    // A leaf that webpki cannot read has been refused for that.
    let certificate = EndEntityCert::try_from(leaf.der).ok()?;
    certificate.verify_is_valid_for_subject_name(name).err()?;
    let facts = leaf.facts;
    let held: Vec<_> = (facts.dns.iter().map(|dns| quoted(dns)))
        .chain(facts.ips.iter().map(ToString::to_string))
        .chain(facts.uris.iter().map(|uri| quoted(uri)))
        .collect();
    let more = held.len().saturating_sub(MAX_SHOWN);
    let mut says = held
        .into_iter()
        .take(MAX_SHOWN)
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        says.push_str(&format!(" and {more} more"));
    }
    Some(mismatch(if says.is_empty() {
        format!("expected {shown}; the certificate has no name in its subjectAltName")
    } else {
        format!("expected {shown}; the certificate says {says}")
    }))
}

fn mismatch(what: String) -> Finding {
    Finding::new(Depth::Name, Code::SanMismatch, what)
}

const MAX_SHOWN: usize = 5;
