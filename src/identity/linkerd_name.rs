//! The names that Linkerd gives to service accounts:
//! `NAME.NAMESPACE.serviceaccount.identity.CONTROL-PLANE.TRUST-DOMAIN`. Pure.

use super::origin::Account;
use crate::certificate::{SpiffeId, TrustDomain};

/// The trust domain that a name of Linkerd ends in; nothing of other names.
///
/// ```
/// # use mtls_probe::suite::linkerd_domain;
/// let domain = linkerd_domain("web.shop.serviceaccount.identity.linkerd.cluster.local").unwrap();
/// assert_eq!(domain.as_str(), "cluster.local");
/// assert_eq!(linkerd_domain("web.shop.svc.cluster.local"), None);
/// ```
pub fn linkerd_domain(name: &str) -> Option<TrustDomain> {
    let (_, rest) = name.split_once(LINKERD_MARK)?;
    let (_control_plane, domain) = rest.split_once('.')?;
    domain.parse().ok()
}

/// The account that it names. There may be dots in the name of an account, and none in a namespace.
pub(super) fn linkerd_account(name: &str) -> Option<Account> {
    let (account, _) = name.split_once(LINKERD_MARK)?;
    let (name, namespace) = account.rsplit_once('.')?;
    Some(Account {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

/// Whether the name is Linkerd's for the service account that an ID is of.
pub(crate) fn is_linkerds(name: &str, id: &SpiffeId) -> bool {
    let account = linkerd_account(name);
    account.is_some()
        && account == Account::of(id)
        && linkerd_domain(name).as_ref() == Some(id.trust_domain())
}

/// In every one of them.
pub(crate) const LINKERD_MARK: &str = ".serviceaccount.identity.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linkerd_and_spiffe_name_the_same_account() {
        let name = "web.v2.shop.serviceaccount.identity.linkerd.cluster.local";
        for (id, want) in [
            ("spiffe://cluster.local/ns/shop/sa/web.v2", true),
            ("spiffe://cluster.local/ns/v2/sa/web", false),
            ("spiffe://cluster.local/ns/shop/sa/web", false),
            ("spiffe://other.example/ns/shop/sa/web.v2", false),
            ("spiffe://cluster.local/web.v2.shop", false),
        ] {
            let id = id.parse().expect(id);
            assert_eq!(is_linkerds(name, &id), want, "{id}");
        }
        let id = "spiffe://cluster.local/shop".parse().expect("an ID");
        assert!(!is_linkerds("shop.svc.cluster.local", &id));
    }
}
