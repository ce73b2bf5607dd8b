//! A CA that signs, what it is asked with, and a server that takes what it signs.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mtls_probe::certificate::{Expected, Question, Role, judge};
use mtls_probe::handshake::{Attempt, Guise, observe};
use mtls_probe::identity::{
    BundleOrigin, Fetched, IdentityError, IstioCa, Linkerd, Origin, Step, Supplier, Supply, Token,
    Walk, load,
};
use mtls_probe::plan::Probe;
use mtls_probe::run::now;
use mtls_probe::suite::Pause;
use mtls_probe::target::{Offer, Request, Way};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::standins::istio_ca;
use crate::standins::linkerd_identity::{self, LinkerdIdentity};
use crate::standins::pem;
use crate::standins::signer::Signer;
use crate::standins::tokens::token;

/// One CA and one who asks it.
pub(crate) struct Stage {
    pub origin: Fetched,
    pub signer: Arc<Signer>,
    pub istio: Option<istio_ca::IstioCa>,
    pub linkerd: Option<LinkerdIdentity>,
    folder: TempDir,
}

impl Stage {
    pub(crate) async fn istio() -> Self {
        Self::of_istio(istio_ca::IstioCa::start().await)
    }

    pub(crate) fn of_istio(ca: istio_ca::IstioCa) -> Self {
        let folder = folder(&ca.desk.signer, &token("default", "frontend", "istio-ca"));
        Self {
            origin: Fetched::IstioCa(IstioCa {
                address: ca.door.address().to_string(),
                server_name: Some(istio_ca::NAMES[0].to_owned()),
                anchors: BundleOrigin::File(folder.path().join("roots.pem")),
                token: Token::File {
                    path: folder.path().join("token"),
                    audience: "istio-ca".to_owned(),
                },
                id: ID.parse().unwrap(),
                // In the middle of a minute, so that a moment more or less does not show.
                lifetime: Duration::from_secs(15 * 60 + 30),
                cluster_id: None,
            }),
            signer: Arc::clone(&ca.desk.signer),
            istio: Some(ca),
            linkerd: None,
            folder,
        }
    }

    pub(crate) async fn linkerd() -> Self {
        Self::of_linkerd(LinkerdIdentity::start().await)
    }

    pub(crate) fn of_linkerd(ca: LinkerdIdentity) -> Self {
        let folder = folder(
            &ca.desk.signer,
            &token("default", "frontend", "identity.l5d.io"),
        );
        Self {
            origin: Fetched::Linkerd(Linkerd {
                address: ca.door.address().to_string(),
                server_name: linkerd_identity::NAME.to_owned(),
                anchors: BundleOrigin::File(folder.path().join("roots.pem")),
                token: Token::File {
                    path: folder.path().join("token"),
                    audience: "identity.l5d.io".to_owned(),
                },
                name: NAME.to_owned(),
                domain: "cluster.local".parse().unwrap(),
            }),
            signer: Arc::clone(&ca.desk.signer),
            istio: None,
            linkerd: Some(ca),
            folder,
        }
    }

    /// The same, asked otherwise.
    pub(crate) fn asking_istio(mut self, change: impl FnOnce(&mut IstioCa)) -> Self {
        if let Fetched::IstioCa(origin) = &mut self.origin {
            change(origin);
        }
        self
    }

    pub(crate) fn asking_linkerd(mut self, change: impl FnOnce(&mut Linkerd)) -> Self {
        if let Fetched::Linkerd(origin) = &mut self.origin {
            change(origin);
        }
        self
    }

    pub(crate) fn be_istio(&self, whim: istio_ca::Whim) {
        self.istio.as_ref().unwrap().desk.be(whim);
    }

    pub(crate) fn be_linkerd(&self, whim: linkerd_identity::Whim) {
        self.linkerd.as_ref().unwrap().desk.be(whim);
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::Fetched(Box::new(self.origin.clone()))
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(crate) fn roots_file(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }

    /// How often the CA was asked.
    pub(crate) fn asked(&self) -> usize {
        let istio = self.istio.as_ref().map(|ca| ca.desk.asked());
        let linkerd = self.linkerd.as_ref().map(|ca| ca.desk.asked());
        istio.or(linkerd).unwrap()
    }

    pub(crate) async fn try_load(&self) -> Result<(Supply, Walk), IdentityError> {
        let mut walk = Walk::default();
        let supply = load(&self.origin(), now(), &mut walk).await?;
        Ok((supply.unwrap(), walk))
    }

    pub(crate) async fn supply(&self) -> (Supply, Walk) {
        self.try_load().await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// What each step of the way there found.
    pub(crate) async fn told(&self) -> (Supply, Vec<String>) {
        let (supply, walk) = self.supply().await;
        let steps: Vec<Step> = walk.steps().iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, self.origin().steps());
        let text = format!("{walk:?} {supply:?}");
        assert!(!text.contains("eyJ") && !text.contains("PRIVATE"), "{text}");
        let found = walk.steps().iter().map(|(_, found)| found.clone());
        (supply, found.collect())
    }

    pub(crate) async fn supplier(&self) -> Supplier {
        let opened = Supplier::open(&self.origin(), now()).await;
        opened.unwrap().unwrap()
    }

    /// A certificate of a few seconds is renewed before it is over, and the next one is taken.
    pub(crate) async fn renews(&self) {
        let supplier = self.supplier().await;
        let first = supplier.current().await.unwrap();
        for _ in 0..80 {
            sleep(Duration::from_millis(50)).await;
            let next = supplier.current().await.unwrap();
            let leaf = next.identity.leaf();
            assert!(leaf.not_after > now(), "no moment without one");
            if leaf.serial != first.identity.leaf().serial {
                assert!(is_taken(&next, &self.signer).await);
                return;
            }
        }
        panic!("it was never renewed");
    }

    /// An attempt that must fail at this step, in these words.
    pub(crate) async fn refused_at(&self, step: Step, words: &[&str]) {
        let error = self.refused().await;
        assert_eq!(error.step(), Some(step), "{error}");
        say(&error, words);
    }

    /// The error of an attempt that must fail.
    pub(crate) async fn refused(&self) -> IdentityError {
        match self.try_load().await {
            Ok((supply, _)) => panic!("it was granted: {supply:?}"),
            Err(why) => why,
        }
    }
}

/// An error holds these words, names the CA or what else is at fault, and no secret.
pub(crate) fn say(error: &IdentityError, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    assert!(!text.contains("eyJ"), "a token: {text}");
    assert!(text.chars().count() < 1500, "{text}");
}

/// Whether a server of this root takes the identity, and its holder the server: a real handshake, in
/// which each judges the other by the root alone.
pub(crate) async fn is_taken(supply: &Supply, signer: &Signer) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(signer.peer("peer"));
    let served = async {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        std::io::Result::Ok(chain.first().cloned())
    };
    let probe = Probe {
        origin: Origin::NoCertificate,
        address: address.into(),
        dns_server: None,
        way: Way::default(),
        offer: Offer::default(),
        request: Request::None,
        timeout: Duration::from_secs(3),
        attempts: 1,
        pause: Pause::default(),
        follow_ups: false,
    };
    let ours = observe(Attempt {
        probe: &probe,
        address,
        dialled: address,
        guise: Guise::Identity(&supply.identity),
        may_speak: &|_| false,
    });
    let (seen, served) = tokio::join!(ours, served);
    let judgement = judge(&Question {
        chain: &seen.chain,
        bundles: &supply.trust.bundles,
        role: Role::Server,
        expected: &Expected::Dns("peer".to_owned()),
        at: now(),
        crls: &[],
        elsewhere: &[],
    });
    assert!(judgement.is_ok(), "{judgement:?}");
    served.is_ok_and(|leaf| leaf.as_ref() == supply.identity.chain().first())
}

fn folder(signer: &Signer, token: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("roots.pem"), pem(&signer.root)).unwrap();
    fs::write(folder.path().join("token"), token).unwrap();
    folder
}

pub(crate) const ID: &str = "spiffe://cluster.local/ns/default/sa/frontend";
pub(crate) const NAME: &str = "frontend.default.serviceaccount.identity.linkerd.cluster.local";
