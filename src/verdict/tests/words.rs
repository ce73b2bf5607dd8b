//! A row of the decision table in words, for people.

use super::row::{Row, spoken};
use crate::observation::*;
use crate::plan::FollowUp;
use crate::target::Dialect;
use crate::verdict::{Elsewhere, Library, Own, alert, answer, first_words, is_proved};

/// The heads of the table.
pub(super) const HEADS: [&str; 8] = [
    "what came",
    "when",
    "we gave",
    "the peer",
    "our certificate",
    "also known",
    "verdict",
    "then opens",
];

impl Row {
    /// One text for each head.
    pub(super) fn in_words(&self) -> [String; 8] {
        let next: Vec<_> = self.next().into_iter().map(called).collect();
        [
            came(&self.seen),
            when(&self.seen),
            gave(&self.seen),
            self.peer(),
            self.certificate(),
            self.beside(),
            in_code(&spoken(&self.verdict())),
            next.join(", "),
        ]
    }

    fn peer(&self) -> String {
        let CertificateRequest::Asked { hints, .. } = &self.seen.certificate_request else {
            return String::new();
        };
        let mut words = vec![looks(&self.seen)];
        let own = self.own.as_ref();
        let is_listed = own.is_some_and(|own| {
            let chain = own.judgement.chain.iter().map(|facts| &facts.issuer_der);
            chain
                .chain([&own.top_issuer])
                .any(|name| hints.contains(name))
        });
        if !hints.is_empty() {
            words.push(match (own, is_listed) {
                (None, _) => "lists CA names".to_owned(),
                (Some(_), true) => "lists our issuer".to_owned(),
                (Some(_), false) => "lists other CAs than ours".to_owned(),
            });
        }
        words.join(", ")
    }

    fn certificate(&self) -> String {
        match (&self.own, &self.seen.certificate_request) {
            (Some(own), _) => fitness(own),
            (
                None,
                CertificateRequest::Asked {
                    gave: Gave::Certificate,
                    ..
                },
            ) => "(nothing is known of it)".to_owned(),
            (None, _) => String::new(),
        }
    }

    fn beside(&self) -> String {
        let mut facts = elsewhere(&self.elsewhere);
        if let Some(server) = &self.server {
            let domain = |id: Option<&String>| {
                let rest = id?.strip_prefix("spiffe://")?;
                rest.split('/').next().map(str::to_owned)
            };
            let ours = self.own.as_ref().and_then(|own| own.judgement.id.as_ref());
            match (domain(ours), domain(server.id.as_ref())) {
                (Some(ours), Some(theirs)) if ours == theirs => {
                    facts.push("it is of our trust domain".to_owned());
                }
                (Some(_), Some(_)) => facts.push("it is of another trust domain".to_owned()),
                (_, _) => {}
            }
            facts.push(match server.is_ok() {
                true => "we trust its certificate".to_owned(),
                false => format!(
                    "we find {} in its certificate",
                    in_code(server.code().as_str())
                ),
            });
        }
        facts.extend(self.follow_ups.iter().map(|one| {
            let seen = &one.observation;
            format!("{}: {}", called(one.kind), briefly(seen))
        }));
        facts.join("; ")
    }
}

/// As it is called in the document.
pub(super) const fn called(kind: FollowUp) -> &'static str {
    match kind {
        FollowUp::NoCertificate => "no certificate",
        FollowUp::Throwaway => "throw-away",
        FollowUp::OtherVersion => "other version",
        FollowUp::PlainAlpn => "no ALPN of a mesh",
        FollowUp::MeshAlpn => "mesh ALPN",
    }
}

fn briefly(seen: &Observation) -> String {
    let when = match seen.stage {
        Stage::Dns | Stage::Tcp | Stage::StartTls => "",
        Stage::ClientHello => " in answer to the ClientHello",
        Stage::ServerHello => " amid its own handshake messages",
        Stage::ClientAuth | Stage::Settle if is_proved(seen) => " and a finished handshake",
        Stage::ClientAuth | Stage::Settle => " where it judges",
        Stage::Tunnel | Stage::Request if is_proved(seen) => {
            " once asked, after a finished handshake"
        }
        Stage::Tunnel | Stage::Request => " where it judges",
    };
    format!("{}{when}", came(seen))
}

fn came(seen: &Observation) -> String {
    match &seen.ending {
        Ending::NeverConnected(why) => match why {
            NeverConnected::Dns(_) => "no such name",
            NeverConnected::Refused => "TCP refused",
            NeverConnected::HostUnreachable(_) => "no way to the host",
            NeverConnected::Timeout => "no answer to TCP",
        }
        .to_owned(),
        Ending::Alert(0) => "close_notify".to_owned(),
        Ending::Alert(number) => match alert::name(*number) {
            Some(name) => format!("alert {number} {name}"),
            None => format!("alert {number}"),
        },
        Ending::Wordless(_) if seen.came == Came::Plaintext && seen.received > 0 => {
            format!("the bytes {}", first_words(&seen.first_bytes))
        }
        Ending::Wordless(how) => match how {
            Wordless::CloseNotify => "close_notify",
            Wordless::Fin => "FIN",
            Wordless::Reset => "RST",
            Wordless::Quiet => "silence",
        }
        .to_owned(),
        Ending::Answered => match (&seen.answer, &seen.reply, &seen.opening, &seen.tunnel) {
            (Some(answer), ..) => answered(answer),
            (None, Some(reply), ..) => replied(reply),
            (None, None, Some(opening), _) => opened(opening),
            (None, None, None, Some(tunnel)) => format!("{} to CONNECT", answered(tunnel)),
            (None, None, None, None) => String::new(),
        },
        Ending::Objection(why) => match why {
            Objection::NotTls => format!("not TLS: {}", first_words(&seen.first_bytes)),
            Objection::Version => "a version that we did not offer".to_owned(),
            Objection::NothingInCommon(_) => "a choice that we cannot take".to_owned(),
            Objection::BadProof => "no proof of its key".to_owned(),
            Objection::UnreadableCertificate => "a certificate nobody can read".to_owned(),
            Objection::Protocol(words) if seen.stage == Stage::StartTls => words.clone(),
            Objection::Protocol(_) => "nonsense".to_owned(),
            Objection::Flood => "bytes without end".to_owned(),
        },
        Ending::Fault(_) => "(our own trouble)".to_owned(),
    }
}

fn answered(answer: &Answer) -> String {
    let mut words = answer::status(answer);
    if let Some((name, said)) = answer.proxy_headers.first() {
        words += &format!(", {name}: {said}");
    }
    if !answer.body.is_empty() {
        words += &format!(", `{:?}`", answer.body);
    }
    words
}

fn replied(reply: &Reply) -> String {
    match reply {
        Reply::Raw {
            bytes,
            is_expected,
            moment,
        } => {
            let text = format!("`{:?}`", String::from_utf8_lossy(bytes));
            let wanted = match is_expected {
                Some(true) => ", which holds what is expected",
                Some(false) => ", without what is expected",
                None => "",
            };
            let when = match moment {
                Moment::Asked => "",
                Moment::Unasked => ", before we spoke",
            };
            format!("{text}{wanted}{when}")
        }
        Reply::Postgres(reply) => match reply {
            PostgresReply::Authentication(number) => format!("Authentication {number}"),
            PostgresReply::Error {
                sqlstate, message, ..
            } => format!("{sqlstate} `{message:?}`"),
        },
    }
}

fn opened(opening: &Opening) -> String {
    let (what, words) = match opening {
        Opening::Agreed => return "consent".to_owned(),
        Opening::NoTls(words) => ("no TLS", words),
        Opening::NotNow(words) => ("no TLS now", words),
        Opening::Refused(words) => ("not with us", words),
        Opening::Hides(words) => ("a greeting that tells nothing", words),
        Opening::Greets(words) => ("a greeting", words),
        Opening::GoesOn(words) => ("it goes on", words),
        Opening::WantsTls(words) => ("not without TLS", words),
    };
    format!("{what}: {words}")
}

fn when(seen: &Observation) -> String {
    let mut words = match seen.stage {
        Stage::Dns | Stage::Tcp => "before a connection",
        Stage::StartTls => "asked for TLS",
        Stage::ClientHello => "in answer to our ClientHello",
        Stage::ServerHello => "amid its own handshake messages",
        Stage::ClientAuth => "in the handshake",
        Stage::Settle => "after the handshake",
        Stage::Tunnel => "asked for a tunnel",
        Stage::Request => "after our request",
    }
    .to_owned();
    if seen.came == Came::Plaintext {
        words = "without TLS".to_owned();
    }
    match seen.dialect {
        Dialect::Hbone if seen.tunnel.is_some() && seen.stage == Stage::Request => {
            words += ", through a tunnel";
        }
        Dialect::Linkerd if seen.tls.alpn.is_some() => words += ", at the port of a Linkerd proxy",
        Dialect::Hbone
        | Dialect::Linkerd
        | Dialect::Tls
        | Dialect::Istio
        | Dialect::Sidecar
        | Dialect::Auto => {}
    }
    if let Some(code) = seen.stream_error {
        words += &format!(", with HTTP/2 error {code}");
    }
    if let Some(version) = seen.tls.version {
        words = format!("{}, {words}", version.as_str());
    }
    let is_early = |late: bool| if late { "" } else { " (too early)" };
    if seen.tickets > 0 {
        words += &format!(", a ticket{}", is_early(seen.tickets > seen.early.tickets));
    }
    if seen.application_bytes > 0 && seen.answer.is_none() && seen.reply.is_none() {
        words += &format!(
            ", data{}",
            is_early(seen.application_bytes > seen.early.bytes)
        );
    }
    if seen.we_closed {
        words += ", after our close_notify";
    }
    if seen.request_unsent {
        words += ", before our request could be sent";
    }
    if seen.tls.sni.is_some() {
        words += ", with a server name";
    }
    if let Offered::Only(version) = seen.tls.offered {
        words += &format!("; we offer {} alone", version.as_str());
    }
    for warning in &seen.warnings {
        words += &format!(", a warning {warning}");
    }
    if seen.stage == Stage::ClientHello
        && seen.came != Came::Plaintext
        && seen.received > 0
        && seen.ending != Ending::Objection(Objection::NotTls)
    {
        words += &format!(", the bytes {}", first_words(&seen.first_bytes));
    }
    words
}

fn gave(seen: &Observation) -> String {
    match &seen.certificate_request {
        CertificateRequest::Unknown => "",
        CertificateRequest::NeverAsked => "(it never asked)",
        CertificateRequest::Asked { gave, .. } => match gave {
            Gave::Certificate => "our certificate",
            Gave::Nothing => "nothing",
            Gave::NothingFits => "nothing: no scheme fits our key",
        },
    }
    .to_owned()
}

fn looks(seen: &Observation) -> String {
    let names: Vec<_> = Library::of(seen).iter().map(|one| one.as_str()).collect();
    match names.as_slice() {
        [] => "unknown".to_owned(),
        names => names.join(" or "),
    }
}

/// What is wrong with our certificate, and where our chain ends.
fn fitness(own: &Own) -> String {
    let problems = own.judgement.problems.iter();
    let codes: Vec<_> = problems.map(|one| in_code(one.code.as_str())).collect();
    let fit = match codes.as_slice() {
        [] => "faultless".to_owned(),
        codes => codes.join(" "),
    };
    let chain = &own.judgement.chain;
    let is_whole = own.judgement.root.is_some() || chain.last().is_some_and(|top| top.self_issued);
    match (is_whole, chain.len()) {
        (true, _) => fit,
        (false, 0 | 1) => format!("{fit}, the leaf alone"),
        (false, _) => format!("{fit}, up to no root we hold"),
    }
}

fn elsewhere(known: &Elsewhere<'_>) -> Vec<String> {
    let mut facts = vec![];
    if known.speaks_tls {
        facts.push("TLS is spoken there".to_owned());
    }
    if known.answers {
        facts.push("another identity gets an answer".to_owned());
    } else if known.accepts {
        facts.push("another identity is accepted".to_owned());
    }
    match known.plaintext_server {
        Some(server) => facts.push(format!("plaintext is answered by {server:?}")),
        None if known.answers_plaintext => facts.push("plaintext is answered".to_owned()),
        None => {}
    }
    facts
}

/// Codes as code: words of capitals and underscores.
fn in_code(text: &str) -> String {
    let is_code = |word: &str| {
        word.len() > 1
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let words = text.split(' ').map(|word| {
        let bare = word.trim_end_matches([',', ':']);
        match is_code(bare) {
            true => format!("`{bare}`{}", &word[bare.len()..]),
            false => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
