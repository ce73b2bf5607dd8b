//! A mesh, and the certificates that a client may come to it with.

use std::iter;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, SanType};
use rustls_pki_types::CertificateDer;

use crate::certificate::{
    Bundle, Bundles, Expected, Facts, Judgement, Problem, Purpose, Question, Role, judge,
};
use crate::code::Code;
use crate::identity::{Authority, Leaf};
use crate::verdict::Own;

pub(super) static WORLD: LazyLock<World> = LazyLock::new(World::new);
static GOOD: LazyLock<Own> = LazyLock::new(|| WORLD.come("good").remove(0));
static ALONE: LazyLock<Own> = LazyLock::new(|| WORLD.come("nointer").remove(1));

/// Our own certificate, up to a root of our bundle, with these problems and no others.
pub(super) fn own(codes: &[Code]) -> Own {
    let problems = codes.iter().map(|&code| Problem {
        code,
        what: format!("something is {code}"),
    });
    let mut own = GOOD.clone();
    own.judgement.problems = problems.collect();
    own
}

/// A faultless one, of which only the leaf is sent; and we have no bundle.
pub(super) fn sent_alone() -> Own {
    ALONE.clone()
}

/// The CA names of a server that knows the root of ours.
pub(super) fn ours() -> Vec<Vec<u8>> {
    vec![WORLD.root_name.clone()]
}

/// The CA names of a server that does not.
pub(super) fn others() -> Vec<Vec<u8>> {
    vec![vec![2]]
}

/// What we think of a faultless server with this identity.
pub(super) fn server(id: &str) -> Judgement {
    Judgement {
        id: Some(id.to_owned()),
        ..Judgement::default()
    }
}

/// A mesh, and the certificates that a client may come to it with.
pub(super) struct World {
    pub(super) root: CertificateDer<'static>,
    /// The CA name that servers of the mesh list.
    pub(super) root_name: Vec<u8>,
    issuing: Authority,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let root = Authority::throwaway("mesh root", now).unwrap();
        let issuing = root.intermediate("mesh issuing CA", now).unwrap();
        let root = root.root().unwrap().clone();
        Self {
            root_name: Facts::parse(&root).unwrap().subject_der,
            root,
            issuing,
            now,
        }
    }

    fn svid(&self, id: &str) -> Leaf {
        let day = SignedDuration::from_hours(24);
        Leaf::svid(&id.parse().unwrap(), self.now - day, self.now + day)
    }

    /// Every way in which we may see the certificate of this situation.
    pub(super) fn come(&self, situation: &str) -> Vec<Own> {
        let me = "spiffe://cluster.local/ns/default/sa/frontend";
        let day = SignedDuration::from_hours(24);
        let mut leaf = self.svid(me);
        let chain = |by: &Authority, leaf: &Leaf| by.issue(leaf).unwrap().chain().to_vec();
        let other = || Authority::throwaway("another root", self.now).unwrap();
        let twin = || Authority::like(&self.root, self.now).unwrap();
        let (chain, own_root) = match situation {
            "good" | "keymismatch" | "sha1" | "wrongid" | "revoked" => {
                (chain(&self.issuing, &leaf), None)
            }
            "selfsigned" => (vec![self_signed(me)], None),
            "unknownca" => {
                let root = other();
                let issuing = root.intermediate("another CA", self.now).unwrap();
                (chain(&issuing, &leaf), root.root().cloned())
            }
            "samedn" => {
                let root = twin();
                let issuing = root.intermediate("mesh issuing CA", self.now).unwrap();
                (chain(&issuing, &leaf), root.root().cloned())
            }
            "nointer" => {
                leaf.alone = true;
                (chain(&self.issuing, &leaf), None)
            }
            "expired" => {
                leaf.not_after = self.now - SignedDuration::from_hours(1);
                (chain(&self.issuing, &leaf), None)
            }
            "notyet" => {
                leaf.not_before = self.now + SignedDuration::from_hours(1);
                (chain(&self.issuing, &leaf), None)
            }
            "eku" => {
                leaf.purposes = vec![Purpose::ServerAuth];
                (chain(&self.issuing, &leaf), None)
            }
            "caleaf" => {
                leaf.is_ca = true;
                (chain(&self.issuing, &leaf), None)
            }
            "wrongtd" => (
                chain(
                    &self.issuing,
                    &self.svid("spiffe://other/ns/default/sa/frontend"),
                ),
                None,
            ),
            "nouri" => {
                leaf.uris = vec![];
                leaf.dns = vec!["frontend.example".into()];
                (chain(&self.issuing, &leaf), None)
            }
            "expint" => {
                let root = Authority::throwaway("mesh root", self.now).unwrap();
                let long_ago = self.now - day * (366 * 11);
                let issuing = root.intermediate("mesh issuing CA", long_ago).unwrap();
                let chain = chain(&issuing, &leaf);
                return vec![self.own(&chain, root.root(), situation)];
            }
            other => panic!("no situation is called {other}"),
        };
        // We may hold the bundle of the mesh, none, or that of a CA of our own.
        let held = [
            Some(Some(&self.root)),
            Some(None),
            own_root.as_ref().map(Some),
        ];
        let held = held.into_iter().flatten();
        held.map(|root| self.own(&chain, root, situation)).collect()
    }

    /// As the run judges it: without a bundle, that nothing leads to one says nothing.
    fn own(
        &self,
        chain: &[CertificateDer<'static>],
        root: Option<&CertificateDer<'static>>,
        situation: &str,
    ) -> Own {
        let bundles = match root {
            Some(root) => Bundles::untagged(Bundle::new(iter::once(root.clone())).unwrap()),
            None => Bundles::none(),
        };
        let expected = match situation {
            "nouri" => Expected::AnyName,
            _ => Expected::AnySvid,
        };
        let mut judgement = judge(&Question {
            chain,
            bundles: &bundles,
            role: Role::Client,
            expected: &expected,
            at: self.now,
            crls: &[],
            elsewhere: &[],
        });
        if root.is_none() {
            let is_known = |problem: &Problem| problem.code != Code::UnknownCa;
            judgement.problems.retain(is_known);
        }
        if situation == "sha1" {
            // The engine cannot verify such a signature; minting one is more than it is worth.
            judgement.problems.push(Problem {
                code: Code::CertUnsupported,
                what: "leaf is signed with ecdsa-with-SHA1".to_owned(),
            });
        }
        Own {
            judgement,
            top_issuer: Facts::parse(chain.last().unwrap()).unwrap().issuer_der,
        }
    }
}

fn self_signed(id: &str) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "lone");
    params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().into()
}
