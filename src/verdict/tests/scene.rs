//! Observations and own certificates to judge by, each in one word.

use std::iter;

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls_pki_types::CertificateDer;

use crate::certificate::{
    Bundle, Bundles, Expected, Facts, Judgement, Problem, Purpose, Question, Role, judge,
};
use crate::code::Code;
use crate::identity::{Authority, Leaf};
use crate::observation::*;
use crate::verdict::{Own, Verdict};

/// Where an alert, or a wordless end, may come.
pub(super) const POSITIONS: &[(Stage, Option<Version>)] = &[
    (Stage::ClientHello, None),
    (Stage::ServerHello, Some(Version::Tls12)),
    (Stage::ServerHello, Some(Version::Tls13)),
    (Stage::ClientAuth, Some(Version::Tls12)),
    (Stage::Settle, Some(Version::Tls12)),
    (Stage::Settle, Some(Version::Tls13)),
    (Stage::Request, Some(Version::Tls12)),
    (Stage::Request, Some(Version::Tls13)),
];

pub(super) const HELLO: Observation = at(Stage::ClientHello, None);
pub(super) const FLIGHT_13: Observation = at(Stage::ServerHello, Some(Version::Tls13));
pub(super) const AUTH_12: Observation = at(Stage::ClientAuth, Some(Version::Tls12));
pub(super) const SETTLE_12: Observation = at(Stage::Settle, Some(Version::Tls12));
pub(super) const SETTLE_13: Observation = at(Stage::Settle, Some(Version::Tls13));
pub(super) const REQUEST_12: Observation = at(Stage::Request, Some(Version::Tls12));
pub(super) const REQUEST_13: Observation = at(Stage::Request, Some(Version::Tls13));

/// A connection with a certificate that got this far, where the server asked for nothing.
pub(super) const fn at(stage: Stage, version: Option<Version>) -> Observation {
    Observation {
        came: Came::WithCertificate,
        stage,
        ending: Ending::Wordless(Wordless::Quiet),
        we_closed: false,
        request_withheld: false,
        tls: Tls {
            sni: None,
            offered_alpn: vec![],
            offered: Offered::Both,
            version,
            cipher: None,
            group: None,
            alpn: None,
            hello_retry: false,
        },
        certificate_request: CertificateRequest::Unknown,
        chain: vec![],
        tickets: 0,
        early: Early {
            tickets: 0,
            bytes: 0,
        },
        warnings: vec![],
        first_bytes: vec![],
        received: 0,
        application_bytes: 0,
        answer: None,
        timing: Timing {
            dns: None,
            tcp: None,
            tls: None,
            settle: None,
            request: None,
        },
    }
}

impl Observation {
    pub(super) fn alert(self, alert: u8) -> Self {
        self.ends(Ending::Alert(alert))
    }

    pub(super) fn wordless(self, how: Wordless) -> Self {
        self.ends(Ending::Wordless(how))
    }

    pub(super) fn objects(self, objection: Objection) -> Self {
        self.ends(Ending::Objection(objection))
    }

    pub(super) fn ends(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    pub(super) fn unasked(mut self) -> Self {
        self.certificate_request = CertificateRequest::NeverAsked;
        self
    }

    pub(super) fn gave(mut self, gave: Gave, hints: &[Vec<u8>]) -> Self {
        if gave == Gave::Nothing {
            self.came = Came::WithoutCertificate;
        }
        self.certificate_request = CertificateRequest::Asked {
            hints: hints.to_vec(),
            schemes: vec![0x0403],
            gave,
        };
        self
    }

    pub(super) fn asked_for(mut self, list: &[u16]) -> Self {
        if let CertificateRequest::Asked { schemes, .. } = &mut self.certificate_request {
            *schemes = list.to_vec();
        }
        self
    }

    pub(super) fn gave_ours(self) -> Self {
        self.gave(Gave::Certificate, &[])
    }

    pub(super) fn gave_none(self) -> Self {
        self.gave(Gave::Nothing, &[])
    }

    pub(super) fn ticket(mut self) -> Self {
        self.tickets += 1;
        self
    }

    pub(super) fn data(mut self) -> Self {
        self.application_bytes += 9;
        self.received += 9;
        self
    }

    /// What came so far came before our side of the handshake was out.
    pub(super) fn too_early(mut self) -> Self {
        self.early = Early {
            tickets: self.tickets,
            bytes: self.application_bytes,
        };
        self
    }

    pub(super) fn after_our_close(mut self) -> Self {
        self.we_closed = true;
        self
    }

    pub(super) fn warned(mut self, alert: u8) -> Self {
        self.warnings.push(alert);
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.first_bytes = bytes.to_vec();
        self.received = bytes.len() as u64;
        self
    }

    pub(super) fn plaintext(mut self) -> Self {
        self.came = Came::Plaintext;
        self.stage = Stage::Request;
        self
    }

    pub(super) fn answered(mut self, answer: Answer) -> Self {
        self.application_bytes += 9;
        self.received += 9;
        self.answer = Some(answer);
        self.ends(Ending::Answered)
    }
}

pub(super) fn http(status: u16, server: &str, body: &str) -> Answer {
    Answer {
        status,
        server: (!server.is_empty()).then(|| server.to_owned()),
        date: None,
        proxy_headers: vec![],
        body: body.to_owned(),
        grpc_status: None,
        grpc_message: None,
        grpc_serving: None,
    }
}

pub(super) fn grpc(status: u32, message: &str) -> Answer {
    Answer {
        grpc_status: Some(status),
        grpc_message: (!message.is_empty()).then(|| message.to_owned()),
        ..http(200, "", "")
    }
}

pub(super) fn proxied(status: u16, header: &str, words: &str) -> Answer {
    Answer {
        proxy_headers: vec![(header.to_owned(), words.to_owned())],
        ..http(status, "", "")
    }
}

/// `UNKNOWN_CA by peer, ambiguous: INCOMPLETE_CHAIN`
pub(super) fn spoken(verdict: &Verdict) -> String {
    let by = verdict
        .outcome()
        .by()
        .map_or(String::new(), |by| format!(" by {}", by.as_str()));
    let candidates: Vec<_> = verdict
        .candidates
        .iter()
        .map(|code| code.as_str())
        .collect();
    let also = match candidates.as_slice() {
        [] => String::new(),
        all => format!(": {}", all.join(" ")),
    };
    format!(
        "{}{by}, {}{also}",
        verdict.code(),
        verdict.confidence.as_str()
    )
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
    pub(super) fn new() -> Self {
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

/// Our own certificate with these problems and no more known of it.
pub(super) fn own(codes: &[Code]) -> Own {
    let problems = codes.iter().map(|&code| Problem {
        code,
        what: format!("something is {code}"),
    });
    Own {
        judgement: Judgement {
            problems: problems.collect(),
            ..Judgement::default()
        },
        top_issuer: vec![1],
    }
}

fn self_signed(id: &str) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "lone");
    params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap())];
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().into()
}
