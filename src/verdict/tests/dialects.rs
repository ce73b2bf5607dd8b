//! Which dialect is found from which answers, and in how many connections.

use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use rustls_pki_types::CertificateDer;

use super::scene::{FLIGHT_13, HELLO, REQUEST_13};
use crate::observation::{Answer, Ending, Gave, Knocked, NeverConnected, Objection, Wordless};
use crate::observation::{Came, Observation};
use crate::plan::Knock::{self, HbonePort, Hello, LinkerdPort, Plaintext};
use crate::target::{Dialect, Via};
use crate::verdict::{Library, Step, find};

/// Every knock, in order, and what came of it.
type Answers = Vec<(Knock, Observation)>;

pub(super) const SPIFFE: &str = "spiffe://cluster.local/ns/default/sa/api";
const LINKERD: &str = "api.default.serviceaccount.identity.linkerd.cluster.local";

#[test]
fn a_dialect_is_found_from_what_a_peer_answers() {
    let refused = || HELLO.ends(Ending::NeverConnected(NeverConnected::Refused));
    let filtered = || HELLO.ends(Ending::NeverConnected(NeverConnected::Timeout));
    let garbage = || {
        heard(
            HELLO.objects(Objection::NotTls),
            b"HTTP/1.1 400 Bad Request",
        )
    };
    let closed = || HELLO.wordless(Wordless::Reset);
    let hbone = || with_alpn(shows(SPIFFE, Library::Rustls, false), "h2");
    let other = || shows("", Library::OpenSsl, true);
    let wanted: &[(&str, Answers, bool, Dialect, Option<Via>)] = &[
        (
            "a sidecar",
            vec![(Hello, shows(SPIFFE, Library::BoringSsl, true))],
            false,
            Dialect::Istio,
            None,
        ),
        (
            "gRPC lists no CA names",
            vec![(Hello, shows(SPIFFE, Library::BoringSsl, false))],
            false,
            Dialect::Tls,
            None,
        ),
        (
            "a SPIFFE server of its own",
            vec![(Hello, shows(SPIFFE, Library::Go, true))],
            false,
            Dialect::Tls,
            None,
        ),
        (
            "Linkerd",
            vec![(Hello, shows(LINKERD, Library::Rustls, true))],
            true,
            Dialect::Linkerd,
            None,
        ),
        (
            "Linkerd, an opaque port",
            vec![
                (Hello, garbage()),
                (LinkerdPort, shows(LINKERD, Library::Rustls, true)),
            ],
            true,
            Dialect::Linkerd,
            Some(Via::Port(4143)),
        ),
        (
            "meant to be Linkerd, and is not",
            vec![
                (Hello, garbage()),
                (LinkerdPort, refused()),
                (HbonePort, refused()),
                (Plaintext, answers(None)),
            ],
            true,
            Dialect::Tls,
            None,
        ),
        (
            "ambient, an application in plaintext",
            vec![(Hello, garbage()), (HbonePort, hbone())],
            false,
            Dialect::Hbone,
            None,
        ),
        (
            "ambient, an application with TLS of its own",
            vec![(Hello, other()), (HbonePort, hbone())],
            false,
            Dialect::Hbone,
            None,
        ),
        (
            "ambient, behind a NetworkPolicy",
            vec![(Hello, filtered()), (HbonePort, hbone())],
            false,
            Dialect::Hbone,
            None,
        ),
        (
            "something else at the port of ztunnel",
            vec![
                (Hello, other()),
                (HbonePort, shows(SPIFFE, Library::Rustls, false)),
            ],
            false,
            Dialect::Tls,
            None,
        ),
        (
            "a plain TLS server",
            vec![(Hello, other()), (HbonePort, refused())],
            false,
            Dialect::Tls,
            None,
        ),
        (
            "one that knows other protocols",
            vec![(Hello, HELLO.alert(120)), (HbonePort, refused())],
            false,
            Dialect::Tls,
            None,
        ),
        (
            "a sidecar with DISABLE",
            vec![
                (Hello, garbage()),
                (HbonePort, refused()),
                (Plaintext, answers(Some("istio-envoy"))),
            ],
            false,
            Dialect::Istio,
            None,
        ),
        (
            "our own sidecar",
            vec![
                (Hello, closed()),
                (HbonePort, filtered()),
                (Plaintext, answers(Some("envoy"))),
            ],
            false,
            Dialect::Sidecar,
            None,
        ),
        (
            "no TLS and no mesh",
            vec![
                (Hello, garbage()),
                (HbonePort, refused()),
                (Plaintext, answers(Some("nginx"))),
            ],
            false,
            Dialect::Tls,
            None,
        ),
        (
            "nobody there",
            vec![(Hello, refused())],
            false,
            Dialect::Tls,
            None,
        ),
    ];
    for (what, answers, is_linkerd, dialect, via) in wanted {
        let mut knocked = vec![];
        for (kind, observation) in answers {
            assert_eq!(find(&knocked, *is_linkerd), Step::Knock(*kind), "{what}");
            knocked.push(Knocked {
                kind: *kind,
                observation: observation.clone(),
            });
        }
        assert!(knocked.len() <= Knock::MOST as usize, "{what}");
        match find(&knocked, *is_linkerd) {
            Step::Speak(found) => {
                assert_eq!(
                    (found.way.dialect, &found.way.via),
                    (*dialect, via),
                    "{what}"
                );
                assert_eq!(found.evidence.len(), knocked.len() + 1, "{what}");
            }
            Step::Knock(kind) => panic!("{what}: knocks again: {kind:?}"),
        }
    }
}

#[test]
fn whatever_is_answered_the_knocking_ends() {
    let answers = [
        HELLO.wordless(Wordless::Fin),
        HELLO.alert(40),
        HELLO.ends(Ending::NeverConnected(NeverConnected::Timeout)),
        shows("", Library::Go, true),
        shows(SPIFFE, Library::BoringSsl, true),
        shows(LINKERD, Library::Rustls, true),
        answers(Some("envoy")),
    ];
    for is_linkerd in [false, true] {
        for first in &answers {
            for second in &answers {
                let mut knocked = vec![];
                while let Step::Knock(kind) = find(&knocked, is_linkerd) {
                    let turn: &Observation = if knocked.is_empty() { first } else { second };
                    knocked.push(Knocked {
                        kind,
                        observation: turn.clone(),
                    });
                    assert!(knocked.len() <= Knock::MOST as usize);
                }
            }
        }
    }
}

/// A server that shows a certificate with this name, and lists CA names or not.
pub(super) fn shows(name: &str, library: Library, lists: bool) -> Observation {
    let hints: &[Vec<u8>] = if lists { &[vec![0x30, 0]] } else { &[] };
    let mut seen = FLIGHT_13.gave(Gave::Nothing, hints).asked_by(library);
    seen.chain = vec![leaf(name)];
    seen
}

fn leaf(name: &str) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    if name.contains("://") {
        params.subject_alt_names = vec![SanType::URI(name.try_into().unwrap())];
    } else if !name.is_empty() {
        params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
    }
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

fn with_alpn(mut seen: Observation, name: &str) -> Observation {
    seen.tls.alpn = Some(name.to_owned());
    seen
}

fn heard(mut seen: Observation, bytes: &[u8]) -> Observation {
    seen.received = bytes.len() as u64;
    seen.first_bytes = bytes.to_vec();
    seen
}

/// Plaintext, answered by this `server`.
fn answers(server: Option<&str>) -> Observation {
    let mut seen = REQUEST_13.ends(Ending::Answered);
    seen.came = Came::Plaintext;
    seen.answer = Some(Answer {
        status: 200,
        server: server.map(str::to_owned),
        date: None,
        proxy_headers: vec![],
        body: String::new(),
        grpc_status: None,
        grpc_message: None,
        grpc_serving: None,
    });
    seen
}
