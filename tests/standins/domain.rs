//! A SPIFFE trust domain: its root, and what its CA signs.

use jiff::{SignedDuration, Timestamp};
use mtls_probe::identity::{Authority, Leaf, Minted};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::generated::workload::X509svid;

/// A trust domain that draws the keys of its workloads itself, as an agent of SPIRE does.
pub(crate) struct Domain {
    pub(crate) name: &'static str,
    pub(crate) now: Timestamp,
    root: Authority,
    issuing: Authority,
}

impl Domain {
    pub(crate) fn new(name: &'static str) -> Self {
        let now = mtls_probe::run::now();
        let root = Authority::throwaway(name, now).unwrap();
        let issuing = root.intermediate("issuing CA", now).unwrap();
        Self {
            name,
            now,
            root,
            issuing,
        }
    }

    pub(crate) fn id(&self, path: &str) -> String {
        format!("spiffe://{}{path}", self.name)
    }

    /// Its own ID, by which bundles go.
    pub(crate) fn own_id(&self) -> String {
        self.id("")
    }

    pub(crate) fn bundle(&self) -> Vec<u8> {
        self.root.root().unwrap().to_vec()
    }

    /// The CA that signs.
    #[cfg(feature = "kubernetes")]
    pub(crate) fn issuing(&self) -> &Authority {
        &self.issuing
    }

    pub(crate) fn crl(&self) -> Vec<u8> {
        self.issuing.revoke(&[], self.now).unwrap().to_vec()
    }

    pub(crate) fn issue(&self, path: &str, spoil: impl FnOnce(&mut Leaf)) -> Minted {
        let id = self.id(path).parse().unwrap();
        let hour = SignedDuration::from_hours(1);
        let mut leaf = Leaf::svid(&id, self.now - hour, self.now + hour);
        spoil(&mut leaf);
        self.issuing.issue(&leaf).unwrap()
    }

    /// As the Workload API hands it out.
    pub(crate) fn svid(&self, path: &str, hint: &str) -> X509svid {
        self.spoilt(path, hint, |_| {})
    }

    pub(crate) fn spoilt(&self, path: &str, hint: &str, spoil: impl FnOnce(&mut Leaf)) -> X509svid {
        let minted = self.issue(path, spoil);
        X509svid {
            spiffe_id: self.id(path),
            x509_svid: concatenated(&minted),
            x509_svid_key: key_der(&minted),
            bundle: self.bundle(),
            hint: hint.to_owned(),
        }
    }
}

pub(crate) fn concatenated(minted: &Minted) -> Vec<u8> {
    minted.chain().iter().flat_map(|der| der.to_vec()).collect()
}

pub(crate) fn key_der(minted: &Minted) -> Vec<u8> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(minted.key_pem().as_bytes()).unwrap();
    key.secret_pkcs8_der().to_vec()
}
