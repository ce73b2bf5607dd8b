//! Certificates by way of cert-manager, and the tokens of service accounts that it takes.

use std::time::Duration;

use mtls_probe::identity::{
    Account, CertificateRequest, Cluster, Fetched, IdentityError, Issuer, Origin, Step, Supply,
    Walk, load,
};
use mtls_probe::run::now;
use tokio::time::Instant;

use crate::standins::cert_manager::{CertManager, Manner};
use crate::standins::kubernetes::Kubernetes;

#[tokio::test]
async fn the_account_asks_with_a_token_of_its_own() {
    let stage = Stage::set().await;
    let (supply, walk) = stage.fetch(Manner::Signs).await;
    let supply = supply.unwrap();
    assert_eq!(supply.identity.name(), Some(ID));
    assert_eq!(supply.identity.leaf().uris, [ID]);
    assert_eq!(supply.trust.bundles.iter().count(), 1);
    assert!(
        supply
            .trust
            .bundles
            .for_domain(&"cluster.local".parse().unwrap())
            .is_some()
    );
    let url = &stage.cluster.url;
    assert_eq!(
        walk.steps(),
        [
            (Step::Cluster, format!("context kind-alice, {url}")),
            (
                Step::Request,
                "CertificateRequest default/probe-x1 of default/frontend".to_owned()
            ),
            (
                Step::Grant,
                "approved, and signed by ClusterIssuer \"mesh-ca\"".to_owned()
            ),
            (Step::Identity, format!("{ID}, with 1 root")),
        ]
    );
    let audit = stage.cluster.audit();
    let frontend = "system:serviceaccount:default:frontend";
    assert_eq!(
        audit[0],
        "alice create serviceaccounts/token default/frontend 201"
    );
    assert_eq!(
        audit[1],
        format!("{frontend} create certificaterequests default/ 201")
    );
    assert_eq!(
        audit[2],
        "alice get certificaterequests default/probe-x1 200"
    );
    assert_eq!(
        audit.last().unwrap(),
        "alice delete certificaterequests default/probe-x1 200"
    );
    assert_eq!(stage.left(), 0);
}

#[tokio::test]
async fn we_may_ask_with_our_own_access() {
    let stage = Stage::set().await;
    stage
        .cluster
        .state()
        .allow("alice", "create", "certificaterequests", "default", "*");
    let request = CertificateRequest {
        account: None,
        ..stage.request()
    };
    let (supply, walk) = stage.ask(request, Manner::Signs).await;
    // The approver goes by who asked, and that was nobody's workload.
    let error = supply.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("got username is not a ServiceAccount: alice"),
        "{error}"
    );
    assert_eq!(walk.steps()[1].1, "CertificateRequest default/probe-x1");
    assert_eq!(
        stage.cluster.audit()[0],
        "alice create certificaterequests default/ 201"
    );
}

#[tokio::test]
async fn where_only_the_account_may_look_it_looks() {
    let stage = Stage::set().await;
    stage.cluster.state().forbid("alice", "certificaterequests");
    let frontend = "system:serviceaccount:default:frontend";
    stage
        .cluster
        .state()
        .allow(frontend, "get", "certificaterequests", "default", "*");
    stage.fetch(Manner::Signs).await.0.unwrap();
    // Nobody may delete it: it stays, and that is no failure.
    assert_eq!(stage.left(), 1);
}

#[tokio::test]
async fn whatever_cert_manager_does_instead_is_told_apart() {
    let stage = Stage::set().await;
    for (manner, step, words) in [
        (
            Manner::Fails,
            Some(Step::Grant),
            "ClusterIssuer \"mesh-ca\" did not sign: Failed, Error signing certificate: the CA is on holiday",
        ),
        (
            Manner::FindsFlaw,
            Some(Step::Grant),
            "cert-manager takes the request for invalid: Invalid, encoded CSR is not to our taste",
        ),
        (
            Manner::ForSomebodyElse,
            Some(Step::Identity),
            "it signed for spiffe://cluster.local/ns/default/sa/other, and spiffe://cluster.local/ns/default/sa/frontend was asked for",
        ),
        (
            Manner::Expired,
            Some(Step::Identity),
            "it signed a certificate that expired ",
        ),
        (
            Manner::OtherKey,
            Some(Step::Identity),
            "(identity): entry \"certificate\" is for another key",
        ),
        (
            Manner::Empty,
            Some(Step::Grant),
            "the request is ready, and no certificate is in it",
        ),
        (
            Manner::Garbage,
            Some(Step::Identity),
            "holds no certificate",
        ),
        (
            Manner::Deletes,
            Some(Step::Grant),
            "there is no CertificateRequest \"probe-x",
        ),
    ] {
        let (supply, _) = stage.fetch(manner).await;
        let error = supply.expect_err(words);
        assert_eq!(error.step(), step, "{manner:?}: {error}");
        assert!(error.to_string().contains(words), "{manner:?}: {error}");
    }
    assert_eq!(stage.left(), 0);
}

#[tokio::test]
async fn an_approver_that_says_no_is_quoted() {
    let stage = Stage::set().await;
    let day = Duration::from_secs(24 * 3600);
    let long = CertificateRequest {
        lifetime: day,
        ..stage.request()
    };
    let error = stage.ask(long, Manner::Signs).await.0.unwrap_err();
    let words = "cert-manager's ClusterIssuer \"mesh-ca\" in default cannot serve us (grant): the \
                 request was denied: spiffe.csi.cert-manager.io, Denied request: requested duration \
                 \"86400s\" does not match required 3600s; ask for what the approver";
    assert!(error.to_string().contains(words), "{error}");
    let other = CertificateRequest {
        id: "spiffe://cluster.local/ns/pay/sa/payments".parse().unwrap(),
        ..stage.request()
    };
    let error = stage.ask(other, Manner::Signs).await.0.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("Denied request: unexpected SPIFFE ID requested"),
        "{error}"
    );
    assert_eq!(stage.left(), 0);
}

#[tokio::test]
async fn nobody_waits_for_ever_for_an_approval_or_a_signature() {
    let (one, two) = (Stage::set().await, Stage::set().await);
    let begun = Instant::now();
    let (first, second) = tokio::join!(
        one.fetch(Manner::NobodyApproves),
        two.fetch(Manner::NobodySigns)
    );
    assert!(begun.elapsed() < Duration::from_secs(25));
    let words = "nobody approved the request within 20 s; is an approver there for this issuer";
    let error = first.0.unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    let words = "the request is approved, and ClusterIssuer \"mesh-ca\" did not sign within 20 s: \
                 Pending, Referenced \"ClusterIssuer\" not found";
    let error = second.0.unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    assert_eq!((one.left(), two.left()), (0, 0));
}

#[tokio::test]
async fn a_cluster_without_cert_manager_is_told() {
    let stage = Stage::set().await;
    stage.cluster.state().cert_manager = None;
    let error = stage.try_fetch(stage.request()).await.0.unwrap_err();
    assert_eq!(error.step(), Some(Step::Request));
    let words = "cert-manager is not installed: the API knows no cert-manager.io/v1";
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn every_missing_right_is_named() {
    let stage = Stage::set().await;
    let cluster = stage.cluster.user("bob");
    let request = || CertificateRequest {
        cluster: cluster.clone(),
        ..stage.request()
    };
    let grant = |user: &str, verb: &str, what: &str| {
        stage
            .cluster
            .state()
            .allow(user, verb, what, "default", "*");
    };
    for (words, then) in [
        (
            "bob may not create serviceaccounts/token \"frontend\" in namespace default; grant it: \
             kubectl create role probe-create-token-frontend -n default --verb=create \
             --resource=serviceaccounts/token --resource-name=frontend && kubectl create rolebinding",
            ("bob", "create", "serviceaccounts/token"),
        ),
        (
            "bob may not get certificaterequests.cert-manager.io \"probe-x1\" in namespace default",
            ("bob", "get", "certificaterequests"),
        ),
    ] {
        let error = stage.try_fetch(request()).await.0.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        grant(then.0, then.1, then.2);
    }
    stage.try_fetch(request()).await.0.unwrap();
    stage.cluster.state().forbid(
        "system:serviceaccount:default:frontend",
        "certificaterequests",
    );
    let error = stage.try_fetch(request()).await.0.unwrap_err();
    let words = "system:serviceaccount:default:frontend may not create \
                 certificaterequests.cert-manager.io in namespace default; grant it: kubectl create \
                 role probe-create-certificaterequest -n default --verb=create \
                 --resource=certificaterequests.cert-manager.io && kubectl create rolebinding \
                 probe-create-certificaterequest -n default --role=probe-create-certificaterequest \
                 --serviceaccount=default:frontend";
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn an_account_or_a_namespace_that_is_not_there_is_named() {
    let stage = Stage::set().await;
    let gone = Account {
        namespace: "default".to_owned(),
        name: "backend".to_owned(),
    };
    let request = CertificateRequest {
        account: Some(gone),
        ..stage.request()
    };
    let error = stage.try_fetch(request).await.0.unwrap_err();
    let words = "there is no service account \"backend\" in namespace default";
    assert!(error.to_string().contains(words), "{error}");
    let frontend = "system:serviceaccount:default:frontend";
    stage
        .cluster
        .state()
        .allow(frontend, "create", "certificaterequests", "nowhere", "*");
    let request = CertificateRequest {
        namespace: "nowhere".to_owned(),
        ..stage.request()
    };
    let error = stage.try_fetch(request).await.0.unwrap_err();
    assert!(
        error.to_string().contains("there is no namespace nowhere"),
        "{error}"
    );
}

struct Stage {
    cluster: Kubernetes,
    alice: Cluster,
}

impl Stage {
    /// alice may be default/frontend, and look at and delete requests; frontend may make them.
    async fn set() -> Self {
        let cluster = Kubernetes::start(now()).await;
        let alice = cluster.user("alice");
        let mut state = cluster.state();
        state.account("default", "frontend");
        state.allow("alice", "create", "serviceaccounts/token", "default", "*");
        state.allow("alice", "get", "certificaterequests", "default", "*");
        state.allow("alice", "delete", "certificaterequests", "default", "*");
        let frontend = "system:serviceaccount:default:frontend";
        state.allow(frontend, "create", "certificaterequests", "default", "*");
        state.cert_manager = Some(CertManager::new());
        drop(state);
        Self { cluster, alice }
    }

    fn request(&self) -> CertificateRequest {
        CertificateRequest {
            cluster: self.alice.clone(),
            namespace: "default".to_owned(),
            issuer: Issuer {
                name: "mesh-ca".to_owned(),
                kind: "ClusterIssuer".to_owned(),
                group: "cert-manager.io".to_owned(),
            },
            id: ID.parse().unwrap(),
            lifetime: Duration::from_secs(3600),
            account: Some(Account {
                namespace: "default".to_owned(),
                name: "frontend".to_owned(),
            }),
        }
    }

    async fn fetch(&self, manner: Manner) -> (Result<Supply, IdentityError>, Walk) {
        self.ask(self.request(), manner).await
    }

    async fn ask(
        &self,
        request: CertificateRequest,
        manner: Manner,
    ) -> (Result<Supply, IdentityError>, Walk) {
        self.cluster.state().cert_manager.as_mut().unwrap().manner = manner;
        self.try_fetch(request).await
    }

    async fn try_fetch(
        &self,
        request: CertificateRequest,
    ) -> (Result<Supply, IdentityError>, Walk) {
        let origin = Origin::Fetched(Box::new(Fetched::CertificateRequest(request)));
        let mut walk = Walk::default();
        let supply = load(&origin, now(), &mut walk).await;
        (supply.map(Option::unwrap), walk)
    }

    fn left(&self) -> usize {
        self.cluster.state().cert_manager.as_ref().unwrap().left()
    }
}

const ID: &str = "spiffe://cluster.local/ns/default/sa/frontend";
