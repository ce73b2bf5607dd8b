//! IDs written short: what `sa/frontend` stands for in a suite, and on the command line beside it.

use rustls_pki_types::DnsName;

use crate::certificate::{InvalidSpiffeId, SpiffeId, TrustDomain};
use crate::identity::LINKERD_MARK;

/// What an ID written short leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The trust domain, where there is one to leave out.
    pub trust_domain: Option<TrustDomain>,
    /// The Kubernetes namespace.
    pub namespace: String,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            trust_domain: None,
            namespace: "default".to_owned(),
        }
    }
}

impl Scope {
    /// The ID that `sa/NAME`, `NAMESPACE/sa/NAME`, `ns/NAMESPACE/sa/NAME` or a whole `spiffe://` ID
    /// stands for.
    ///
    /// ```
    /// use mtls_probe::suite::{InvalidId, Scope};
    ///
    /// let mut scope = Scope::default();
    /// assert_eq!(scope.id("sa/api"), Err(InvalidId::NoTrustDomain));
    /// scope.trust_domain = Some("cluster.local".parse().unwrap());
    /// let id = scope.id("sa/api").unwrap().to_string();
    /// assert_eq!(id, "spiffe://cluster.local/ns/default/sa/api");
    /// ```
    pub fn id(&self, text: &str) -> Result<SpiffeId, InvalidId> {
        if text.contains("://") {
            return text.parse().map_err(InvalidId::Spiffe);
        }
        let (namespace, account) = self.account(text).ok_or(InvalidId::NotShort)?;
        let domain = self.trust_domain.as_ref().ok_or(InvalidId::NoTrustDomain)?;
        SpiffeId::of_service_account(domain, namespace, account).map_err(InvalidId::Spiffe)
    }

    /// The name that Linkerd gives to the service account that a short ID stands for, where its control
    /// plane lives in this namespace.
    ///
    /// ```
    /// # let mut scope = mtls_probe::suite::Scope::default();
    /// scope.trust_domain = Some("cluster.local".parse().unwrap());
    /// let name = scope.linkerd_name("shop/sa/web", "linkerd").unwrap();
    /// assert_eq!(name, "web.shop.serviceaccount.identity.linkerd.cluster.local");
    /// ```
    pub fn linkerd_name(&self, text: &str, control_plane: &str) -> Result<String, InvalidId> {
        // What is no good in a SPIFFE ID is no good here.
        let id = self.id(text)?;
        let (namespace, account) = self.account(text).ok_or(InvalidId::NotShort)?;
        linkerd_name(account, namespace, control_plane, id.trust_domain())
    }

    /// Whether the text has the form of an ID, short or whole.
    pub fn is_id(&self, text: &str) -> bool {
        text.contains("://") || self.account(text).is_some()
    }

    fn account<'a>(&'a self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let segments: Vec<&str> = text.split('/').collect();
        match *segments.as_slice() {
            ["sa", name] => Some((&self.namespace, name)),
            [namespace, "sa", name] | ["ns", namespace, "sa", name] => Some((namespace, name)),
            _ => None,
        }
    }
}

/// The name that Linkerd gives to a service account.
pub(super) fn linkerd_name(
    account: &str,
    namespace: &str,
    control_plane: &str,
    domain: &TrustDomain,
) -> Result<String, InvalidId> {
    let name = format!("{account}.{namespace}{LINKERD_MARK}{control_plane}.{domain}");
    match DnsName::try_from(name.as_str()) {
        Ok(_) => Ok(name),
        Err(_) => Err(InvalidId::NotDns(name)),
    }
}

/// Why a text is not an ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// It is neither a short form nor a URI.
    #[error("is not an identity; write sa/NAME, NAMESPACE/sa/NAME or spiffe://TRUST-DOMAIN/PATH")]
    NotShort,
    /// It is short, and there is no trust domain to complete it with.
    #[error(
        "needs a trust domain; set `trust_domain` at the top of the suite, or write the whole spiffe:// ID"
    )]
    NoTrustDomain,
    /// It stands for a name of Linkerd that the DNS does not allow.
    #[error("stands for {0:?}, which is no name of the DNS")]
    NotDns(String),
    /// What it stands for breaks the rules.
    #[error("{0}")]
    Spiffe(InvalidSpiffeId),
}

/// Where Linkerd's control plane lives, unless it is told otherwise.
pub const LINKERD_NAMESPACE: &str = "linkerd";
