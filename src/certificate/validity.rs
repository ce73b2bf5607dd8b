//! Dates, of every certificate on the path: webpki leaves out the root's.

use super::duration::between;
use super::finding::{Case, Depth, Finding};
use super::walk::Path;
use crate::code::Code;

pub(super) fn findings(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    case.field
        .along(path)
        .filter_map(|node| {
            let (from, to) = (node.facts.not_before, node.facts.not_after);
            let twisted = if from > to {
                "; its notBefore lies after its notAfter"
            } else {
                ""
            };
            if case.at > to {
                let ago = between(case.at, to);
                Some((
                    Code::CertExpired,
                    format!("{node} expired {ago} ago (notAfter {to}){twisted}"),
                ))
            } else if case.at < from {
                let ahead = between(case.at, from);
                Some((
                    Code::CertNotYetValid,
                    format!("{node} is not valid for another {ahead} (notBefore {from}){twisted}"),
                ))
            } else {
                None
            }
        })
        .map(|(code, what)| Finding::new(Depth::Validity, code, what))
        .collect()
}
