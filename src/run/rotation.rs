//! What a rotation is read by, beside the cells: the leaves that we come with, and a bundle with both
//! roots, so that every chain is told by signatures to which of them it leads. Edge.

use std::sync::Arc;

use jiff::Timestamp;

use super::Materials;
use crate::certificate::{
    Bundle, Bundles, Expected, Question, Role, SpiffeId, Trust, TrustDomain, judge,
};
use crate::code::{Code, Kind};
use crate::matrix::Certificate;
use crate::matrix::trusted::Trusted;
use crate::rotation::OwnLeaf;
use crate::suite::{Expectation, Source, Suite, Wanted};

impl Materials {
    /// The same with these roots in every suite's bundle of the trust domains of these leaves, so that
    /// neither root makes a stranger of anybody. What is trusted that way is for reading a rotation.
    #[must_use]
    pub fn trusting(mut self, roots: &Bundle, of: &[OwnLeaf]) -> Self {
        let mut domains: Vec<Option<TrustDomain>> = vec![];
        for leaf in of {
            let id = leaf.id.as_deref().map(str::parse::<SpiffeId>);
            let domain = match id {
                Some(Ok(id)) => Some(id.trust_domain().clone()),
                Some(Err(_)) | None => None,
            };
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        for belief in &mut self.beliefs {
            for domain in &domains {
                belief.beside.push((domain.clone(), roots.clone()));
            }
        }
        let trust = (0..self.beliefs.len()).map(|suite| {
            let mut trust = Trust::clone(&self.trusted.latest(suite));
            for domain in &domains {
                admit(&mut trust.bundles, domain.as_ref(), roots);
            }
            trust
        });
        self.trusted = Arc::new(Trusted::new(trust));
        self
    }

    /// The leaf of every source that has one at this moment, each source once.
    pub async fn own_leaves(&self, suites: &[Suite], at: Timestamp) -> Vec<OwnLeaf> {
        let mut leaves: Vec<OwnLeaf> = vec![];
        for (nth, suite) in suites.iter().enumerate() {
            let trust = self.trusted.latest(nth);
            for source in &suite.sources {
                let name = source.name.as_str();
                if leaves.iter().any(|known| known.source == name) {
                    continue;
                }
                let Ok(costume) = self.costume(&source.origin).await else {
                    continue;
                };
                let guise = costume.guise();
                let chain = guise.chain();
                if chain.is_empty() {
                    continue;
                }
                let is_workload = is_workload(source, suite);
                leaves.push(OwnLeaf {
                    source: name.to_owned(),
                    is_workload,
                    ..leaf(chain, &trust, at)
                });
            }
        }
        leaves
    }
}

/// Minted identities are no workload's, and neither is one that the suite expects to be refused only.
fn is_workload(source: &Source, suite: &Suite) -> bool {
    let lines = suite.expectations.iter().filter_map(|line| match line {
        Expectation::Cells { from, verdict, .. } => from.contains(&source.name).then_some(verdict),
        Expectation::Mode { .. } => None,
    });
    let is_let_in = |wanted: &Wanted| match wanted {
        Wanted::Code(code) => code.kind() == Kind::Accepted || *code == Code::AuthzDenied,
        Wanted::Distrusted => true,
        Wanted::Rejected => false,
    };
    let lines: Vec<_> = lines.collect();
    source.origin.is_real()
        && (lines.is_empty() || lines.iter().any(|line| line.iter().any(is_let_in)))
}

/// What signatures say of a chain of ours.
fn leaf(
    chain: &[rustls_pki_types::CertificateDer<'static>],
    trust: &Trust,
    at: Timestamp,
) -> OwnLeaf {
    let judged = |expected: &Expected| {
        judge(&Question {
            chain,
            bundles: &trust.bundles,
            role: Role::Client,
            expected,
            at,
            crls: &[],
            elsewhere: &[],
        })
    };
    let judgement = judged(&Expected::AnySvid);
    let id = judgement.id.clone();
    let is_svid = id
        .as_deref()
        .is_some_and(|id| id.parse::<SpiffeId>().is_ok());
    let root = match is_svid {
        true => judgement.root,
        false => judged(&Expected::AnyName).root,
    };
    OwnLeaf {
        source: String::new(),
        id,
        root: root.as_ref().map(Certificate::from),
        is_workload: false,
    }
}

/// Puts the roots into the bundle that judges this trust domain, or names.
pub(super) fn admit(bundles: &mut Bundles, domain: Option<&TrustDomain>, roots: &Bundle) {
    let both = bundles.of(domain).cloned().unwrap_or_default().with(roots);
    let tagged = bundles.iter().map(|(domain, _)| domain.cloned());
    let tagged: Vec<Option<TrustDomain>> = tagged.collect();
    match (domain, tagged.as_slice()) {
        (Some(domain), _) => bundles.insert(domain.clone(), both),
        // A certificate that is named by DNS or IP is judged by the only bundle that there is.
        (None, [Some(only)]) => bundles.insert(only.clone(), both),
        (None, _) => bundles.set_untagged(both),
    }
}
