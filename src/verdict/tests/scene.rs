//! Observations to judge, each in a few words.

use crate::observation::*;
use crate::target::Dialect;
use crate::verdict::Library;

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
        dialect: Dialect::Tls,
        stage,
        ending: Ending::Wordless(Wordless::Quiet),
        we_closed: false,
        request_withheld: false,
        request_unsent: false,
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
            goodbye: false,
        },
        warnings: vec![],
        first_bytes: vec![],
        received: 0,
        application_bytes: 0,
        opening: None,
        tunnel: None,
        stream_error: None,
        answer: None,
        reply: None,
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
            schemes: vec![],
            gave,
        };
        self.asked_by_nobody_known()
    }

    /// By a peer that looks like this library.
    pub(super) fn asked_by(self, library: Library) -> Self {
        let version = self.tls.version.unwrap_or(Version::Tls13);
        self.asked_for(library.schemes(version))
    }

    /// By a peer that looks like no library we know.
    pub(super) fn asked_by_nobody_known(self) -> Self {
        self.asked_for(&[0x0403])
    }

    fn asked_for(mut self, list: &[u16]) -> Self {
        if let CertificateRequest::Asked { schemes, .. } = &mut self.certificate_request {
            *schemes = list.to_vec();
        }
        self
    }

    pub(super) fn gave_ours(self) -> Self {
        self.gave(Gave::Certificate, &[])
    }

    /// The server lists these CA names.
    pub(super) fn listing(mut self, names: &[Vec<u8>]) -> Self {
        if let CertificateRequest::Asked { hints, .. } = &mut self.certificate_request {
            *hints = names.to_vec();
        }
        self
    }

    /// A request was planned, and it ended before that could be sent.
    pub(super) fn unsent(mut self) -> Self {
        self.request_unsent = true;
        self
    }

    pub(super) fn named(mut self) -> Self {
        self.tls.sni = Some("api.example".to_owned());
        self
    }

    pub(super) fn offering(mut self, version: Version) -> Self {
        self.tls.offered = Offered::Only(version);
        self
    }

    /// With the application protocols of a sidecar.
    pub(super) fn like_a_sidecar(mut self) -> Self {
        self.dialect = Dialect::Istio;
        self.tls.offered_alpn = vec!["istio".to_owned()];
        self
    }

    /// In plaintext, as far as our own sidecar.
    pub(super) fn through_sidecar(mut self) -> Self {
        self.came = Came::ThroughSidecar;
        self.dialect = Dialect::Sidecar;
        self.stage = Stage::Request;
        self
    }

    pub(super) fn gave_none(self) -> Self {
        self.gave(Gave::Nothing, &[])
    }

    pub(super) fn gave_unfit(self) -> Self {
        self.gave(Gave::NothingFits, &[])
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
            goodbye: false,
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

    /// In plaintext, where TLS begins in the middle of a protocol.
    pub(super) fn opened(mut self, opening: Opening) -> Self {
        self.received += 9;
        self.opening = Some(opening);
        self.ends(Ending::Answered)
    }

    pub(super) fn replied(mut self, reply: Reply) -> Self {
        self.application_bytes += 9;
        self.received += 9;
        self.reply = Some(reply);
        self.ends(Ending::Answered)
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
