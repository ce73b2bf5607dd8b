//! Who is in the lab: the identities to come with, and the servers to come to.

use std::path::Path;
use std::slice;

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use tokio_rustls::TlsAcceptor;

use super::LabError;
use super::http::Policy;
use super::serve::{Behaviour, Manner};
use super::tls::{Ability, Clients, Foundry};
use crate::certificate::{Purpose, SpiffeId};
use crate::identity::{Authority, Flaw, Identity, IdentityError, Leaf, Minted, Subject, files};

/// Everybody in the lab.
pub(super) struct Cast {
    /// What clients need, and labs that join this one; nothing where this one has joined another.
    pub(super) papers: Option<Papers>,
    /// In the order of the suite.
    pub(super) targets: Vec<Target>,
}

/// What is written to files.
pub(super) struct Papers {
    /// What the mesh trusts.
    pub(super) root: CertificateDer<'static>,
    /// What it trusted before.
    pub(super) old_root: CertificateDer<'static>,
    /// Who signs for the mesh.
    pub(super) issuing: Authority,
    /// With the certificate of the target `revoked`.
    pub(super) crl: CertificateRevocationListDer<'static>,
    /// By the name of their files.
    pub(super) identities: Vec<(&'static str, Minted)>,
}

/// A server, or several that pass for one.
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) replicas: Vec<Behaviour>,
}

impl Cast {
    pub(super) fn assemble(now: Timestamp) -> Result<Self, LabError> {
        let root = Authority::throwaway("lab root", now)?;
        let issuing = root.intermediate("lab issuing CA", now)?;
        let old_root = Authority::throwaway("lab root of last year", now)?.sending_root();
        let dates = Dates::from(now);

        let expired = Leaf {
            not_before: dates.last_week,
            not_after: dates.yesterday,
            ..dates.svid(&id("frontend")?)
        };
        let mut identities = vec![
            ("frontend", issuing.issue(&dates.svid(&id("frontend")?))?),
            ("batch", issuing.issue(&dates.svid(&id("batch")?))?),
            ("old-root", old_root.issue(&dates.svid(&id("frontend")?))?),
            ("expired", issuing.issue(&expired)?),
            // For a server beside the lab: a proxy, for example.
            ("api", issuing.issue(&dates.svid(&id("api")?))?),
        ];

        let revoked = issuing.issue(&dates.svid(&id(REVOKED)?))?;
        let crl = issuing.revoke(&[&revoked], now)?;
        let (root, old_root) = (known_root(&root)?, known_root(&old_root)?);
        let stage = Stage {
            foundry: Foundry::new(now),
            dates,
            root: root.clone(),
            old_root: old_root.clone(),
            issuing: &issuing,
            now,
        };
        let targets = stage.targets(&revoked.identity()?)?;
        identities.push((REVOKED, revoked));
        Ok(Self {
            targets,
            papers: Some(Papers {
                root,
                old_root,
                issuing,
                crl,
                identities,
            }),
        })
    }

    /// Servers beside those of the lab that wrote its papers to this folder.
    pub(super) fn join(folder: &Path, now: Timestamp) -> Result<Self, LabError> {
        let root = |name| {
            let file = folder.join(name);
            let first = files::load_chain(&file)?.into_iter().next();
            first.ok_or_else(|| IdentityError::new(Subject::File(file), Flaw::Empty))
        };
        let file = |name, end| folder.join(format!("{name}.{end}"));
        let issuing = files::load_authority(&file(ISSUING, "pem"), &file(ISSUING, "key"))?;
        let stage = Stage {
            foundry: Foundry::new(now),
            dates: Dates::from(now),
            root: root(ROOTS)?,
            old_root: root(OLD_ROOTS)?,
            issuing: &issuing,
            now,
        };
        let revoked = files::load(&file(REVOKED, "pem"), &file(REVOKED, "key"))?;
        Ok(Self {
            targets: stage.targets(&revoked)?,
            papers: None,
        })
    }
}

/// What the servers are made from.
struct Stage<'a> {
    foundry: Foundry,
    dates: Dates,
    root: CertificateDer<'static>,
    old_root: CertificateDer<'static>,
    issuing: &'a Authority,
    now: Timestamp,
}

impl Stage<'_> {
    fn targets(&self, revoked: &Identity) -> Result<Vec<Target>, LabError> {
        let one = |name, manner| Target {
            name,
            replicas: vec![Behaviour::Open(manner)],
        };
        let by_issuing = |name, spoil: fn(&mut Leaf, &Dates)| {
            let mut leaf = self.leaf(name)?;
            spoil(&mut leaf, &self.dates);
            let minted = self.issuing.issue(&leaf)?;
            Ok::<_, LabError>(one(name, self.strict(&minted.identity()?)?))
        };
        let by = |name, authority: &Authority| {
            let minted = authority.issue(&self.leaf(name)?)?;
            Ok::<_, LabError>(one(name, self.strict(&minted.identity()?)?))
        };
        let with = |name, clients: Clients<'_>, ability| {
            let minted = self.issuing.issue(&self.leaf(name)?)?;
            let acceptor = self.acceptor(&minted.identity()?, &clients, ability)?;
            Ok::<_, LabError>(acceptor)
        };
        let open = |name, clients, ability| {
            let acceptor = with(name, clients, ability)?;
            Ok::<_, LabError>(one(name, Manner::Tls(acceptor, Policy::Everybody)))
        };
        let ours = || Clients::Of(slice::from_ref(&self.root));
        let theirs = || Clients::Of(slice::from_ref(&self.old_root));

        let stranger = Authority::throwaway("a CA that the mesh does not know", self.now)?;
        let namesake = Authority::like(&self.root, self.now)?;
        let only_frontend = Policy::Only(id("frontend")?.to_string());

        Ok(vec![
            by_issuing("healthy", |_, _| {})?,
            one(
                "permissive",
                Manner::Permissive(with("permissive", ours(), Ability::Everything)?),
            ),
            one("plaintext-only", Manner::Plaintext),
            open("no-client-auth", Clients::Unasked, Ability::Everything)?,
            open("tls12-only", ours(), Ability::Tls12Only)?,
            one(
                "rbac",
                Manner::Tls(with("rbac", ours(), Ability::Everything)?, only_frontend),
            ),
            by_issuing("expired-cert", |leaf, dates| {
                leaf.not_before = dates.last_week;
                leaf.not_after = dates.yesterday;
            })?,
            by_issuing("future-cert", |leaf, dates| {
                leaf.not_before = dates.next_year;
                leaf.not_after = dates.year_after;
            })?,
            by("unknown-ca", &stranger)?,
            by("same-name-ca", &namesake)?,
            by_issuing("incomplete-chain", |leaf, _| leaf.alone = true)?,
            by_issuing("wrong-san", |leaf, _| {
                leaf.uris = vec!["spiffe://cluster.local/ns/default/sa/somebody-else".into()];
            })?,
            by_issuing("wrong-trust-domain", |leaf, _| {
                leaf.uris = vec!["spiffe://other.example/ns/default/sa/wrong-trust-domain".into()];
            })?,
            by_issuing("wrong-eku", |leaf, _| {
                leaf.purposes = vec![Purpose::ClientAuth];
            })?,
            by_issuing("two-uris", |leaf, _| {
                leaf.uris
                    .push("spiffe://cluster.local/ns/default/sa/also-me".into());
            })?,
            by_issuing("ca-leaf", |leaf, _| leaf.is_ca = true)?,
            one(REVOKED, self.strict(revoked)?),
            open("no-shared-group", ours(), Ability::RareGroupOnly)?,
            open("trusts-old-root", theirs(), Ability::Everything)?,
            Target {
                name: "replicas",
                replicas: [ours(), theirs()]
                    .into_iter()
                    .map(|clients| {
                        let acceptor = with("replicas", clients, Ability::Everything)?;
                        Ok(Behaviour::Open(Manner::Tls(acceptor, Policy::Everybody)))
                    })
                    .collect::<Result<_, LabError>>()?,
            },
            Target {
                name: "closed-port",
                replicas: vec![Behaviour::Closed],
            },
            one("silent", Manner::Silent),
            one("resets", Manner::Resets),
            one("ssh", Manner::Ssh),
            one("garbage", Manner::Garbage),
        ])
    }

    /// A server that takes clients of this mesh and nobody else.
    fn strict(&self, identity: &Identity) -> Result<Manner, LabError> {
        let clients = Clients::Of(slice::from_ref(&self.root));
        let acceptor = self.acceptor(identity, &clients, Ability::Everything)?;
        Ok(Manner::Tls(acceptor, Policy::Everybody))
    }

    fn acceptor(
        &self,
        identity: &Identity,
        clients: &Clients<'_>,
        ability: Ability,
    ) -> Result<TlsAcceptor, LabError> {
        Ok(self.foundry.server(identity, clients, ability)?)
    }

    /// The healthy leaf of a server: its account has the target's name.
    fn leaf(&self, account: &str) -> Result<Leaf, LabError> {
        Ok(self.dates.svid(&id(account)?))
    }
}

/// The moments that certificates begin and end at.
pub(super) struct Dates {
    last_week: Timestamp,
    yesterday: Timestamp,
    next_month: Timestamp,
    next_year: Timestamp,
    year_after: Timestamp,
}

impl Dates {
    pub(super) fn from(now: Timestamp) -> Self {
        let days = |days: i64| {
            let span = SignedDuration::from_hours(24 * days);
            now.saturating_add(span).unwrap_or(now)
        };
        Self {
            last_week: days(-7),
            yesterday: days(-1),
            next_month: days(30),
            next_year: days(365),
            year_after: days(730),
        }
    }

    pub(super) fn svid(&self, id: &SpiffeId) -> Leaf {
        Leaf::svid(id, self.last_week, self.next_month)
    }
}

pub(super) fn id(account: &str) -> Result<SpiffeId, IdentityError> {
    let text = format!("spiffe://cluster.local/ns/default/sa/{account}");
    let unfit = |_| IdentityError::new(Subject::Mint, Flaw::Name(text.clone()));
    text.parse().map_err(unfit)
}

pub(super) fn known_root(authority: &Authority) -> Result<CertificateDer<'static>, IdentityError> {
    let empty = || IdentityError::new(Subject::Mint, Flaw::Empty);
    authority.root().cloned().ok_or_else(empty)
}

pub(super) const ROOTS: &str = "roots.pem";
pub(super) const OLD_ROOTS: &str = "old-roots.pem";
pub(super) const ISSUING: &str = "issuing";
const REVOKED: &str = "revoked";
