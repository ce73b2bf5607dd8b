//! CRLs. A certificate is revoked when a CRL that its issuer signed lists it, and only then.

use jiff::Timestamp;
use rustls_pki_types::CertificateRevocationListDer;
use webpki::BorrowedCertRevocationList;
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use super::duration::between;
use super::finding::{Case, Depth, Finding};
use super::node::{Node, quoted};
use super::parts::Signed;
use super::signature::Fit;
use super::walk::Path;
use crate::code::Code;

/// A CRL that can be read.
pub(super) struct Crl<'a> {
    /// Its place among those given, from 1.
    nth: usize,
    list: webpki::CertRevocationList<'a>,
    signed: Signed<'a>,
    next_update: Option<Timestamp>,
}

/// Reads the CRLs. Each text says what is wrong with one that cannot be read.
pub(super) fn read<'a>(
    lists: &'a [CertificateRevocationListDer<'static>],
) -> (Vec<Crl<'a>>, Vec<String>) {
    let mut read = vec![];
    let mut notes = vec![];
    for (nth, der) in lists.iter().enumerate().map(|(at, der)| (at + 1, der)) {
        match (
            BorrowedCertRevocationList::from_der(der),
            Signed::of(der.as_ref()),
        ) {
            (Ok(list), Some(signed)) => read.push(Crl {
                nth,
                list: list.into(),
                signed,
                next_update: next_update(der),
            }),
            (Err(why), _) => notes.push(format!("CRL {nth} cannot be used: {why:?}")),
            (Ok(_), None) => notes.push(format!("CRL {nth} cannot be used: BadDer")),
        }
    }
    (read, notes)
}

fn next_update(der: &[u8]) -> Option<Timestamp> {
    let (_, list) = CertificateRevocationList::from_der(der).ok()?;
    Timestamp::from_second(list.next_update()?.timestamp()).ok()
}

/// The revoked certificates of a path.
///
/// No CRL for an issuer leaves the status unknown, which is accepted. A CRL that the issuer did not sign
/// proves nothing and is passed over with a note. One that has run out, or whose signer may not sign
/// CRLs, still revokes what it lists. webpki gets no CRLs: it takes the first of the issuer's name, and
/// after a rotation that may be another key's, which would refuse a good chain.
pub(super) fn findings(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    signed_by_issuers(case, path)
        .filter(|(_, _, _, fit)| *fit == Fit::Fits)
        .filter_map(|(crl, child, issuer, _)| {
            let revoked = crl.list.find_serial(child.parts.serial).ok()??;
            let reason = match revoked.reason_code {
                Some(reason) => format!(", reason {reason:?}"),
                None => String::new(),
            };
            Some(Finding::new(
                Depth::Revocation,
                Code::CertRevoked,
                format!(
                    "{child} is revoked by {} (CRL {}{reason})",
                    quoted(&issuer.facts.subject),
                    crl.nth
                ),
            ))
        })
        .collect()
}

/// What the CRLs could not say about a path.
pub(super) fn notes(case: &Case<'_>, path: &Path) -> Vec<String> {
    signed_by_issuers(case, path)
        .filter_map(|(crl, child, issuer, fit)| {
            let nth = crl.nth;
            let issuer_name = quoted(&issuer.facts.subject);
            let unknown = format!("whether {child} is revoked is not known from it");
            if fit != Fit::Fits {
                return Some(format!(
                    "CRL {nth} bears the name {issuer_name} but not its signature: {unknown}"
                ));
            }
            match crl.list.find_serial(child.parts.serial) {
                Ok(Some(_)) => return None, // what it lists is known well enough
                Ok(None) => {}
                Err(_) => {
                    return Some(format!(
                        "CRL {nth} of {issuer_name} is malformed: {unknown}"
                    ));
                }
            }
            if issuer.facts.key_usage.is_some_and(|usage| !usage.crl_sign) {
                return Some(format!(
                    "CRL {nth} is signed by {issuer_name}, whose key usage lacks cRLSign: {unknown}"
                ));
            }
            let due = crl.next_update.filter(|due| case.at >= *due)?;
            Some(format!(
                "CRL {nth} of {issuer_name} ran out {} ago (nextUpdate {due}): {unknown}",
                between(case.at, due)
            ))
        })
        .collect()
}

/// Each certificate of a path, its issuer, and each CRL which bears that issuer's name.
fn signed_by_issuers<'c, 'a>(
    case: &'c Case<'a>,
    path: &'c Path,
) -> impl Iterator<Item = (&'c Crl<'a>, &'c Node<'a>, &'c Node<'a>, Fit)> {
    case.field
        .steps(path)
        .filter(|(_, _, fit)| **fit == Fit::Fits)
        .flat_map(|(child, issuer, _)| {
            case.crls
                .iter()
                .filter(|crl| crl.list.issuer() == child.parts.issuer)
                .map(move |crl| (crl, child, issuer, Fit::of(&crl.signed, &issuer.parts.key)))
        })
}
