//! What an observation means. Pure: facts in, one verdict out, with the evidence it rests on.
//!
//! An alert is evidence, not a cause: it is read together with what we sent and with what we know of
//! our own certificate. Where the outcome itself is open the verdict is inconclusive, never a guess.

mod alert;
mod answer;
mod dialect;
mod follow_up;
mod late;
mod library;
mod linkerd;
mod plaintext;
mod refusal;
mod reply;
mod sidecar;
mod silence;
mod starttls;
mod tunnel;
mod upstream;

use crate::certificate::Judgement;
use crate::code::{By, Code, Confidence, Kind, Outcome};
use crate::observation::{
    Came, CertificateRequest, Ending, Followed, Gave, NeverConnected, Objection, Observation,
    Stage, Version, Wordless,
};
use crate::plan::FollowUp;
use crate::target::Dialect;

pub use alert::name as alert_name;
pub use dialect::{Found, Step, find};
pub use library::Library;
pub use upstream::Upstream;

/// What an observation means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    code: Code,
    by: By,
    peer: Option<Code>,
    /// How many causes the evidence leaves open.
    pub confidence: Confidence,
    /// Other codes that fit as well; empty unless the confidence is ambiguous.
    pub candidates: Vec<Code>,
    /// The facts it rests on, most telling first.
    pub evidence: Vec<String>,
}

/// What is known beside the observation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Our own chain, judged as a client's against our own bundle; nothing without a certificate.
    pub own: Option<&'a Own>,
    /// The server's chain, judged by us; nothing where it did not prove to hold the key.
    pub server: Option<&'a Judgement>,
    /// What other connections to the same address have shown.
    pub elsewhere: Elsewhere<'a>,
    /// What the follow-ups have shown.
    pub follow_ups: &'a [Followed],
}

/// What we know of the certificate that we came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Our chain, judged as a server with our bundle would.
    pub judgement: Judgement,
    /// The issuer of the last certificate we send, as DER.
    pub top_issuer: Vec<u8>,
}

/// What other connections to the same address have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere<'a> {
    /// A ServerHello came.
    pub speaks_tls: bool,
    /// Somebody with a certificate was accepted, as far as TLS goes.
    pub accepts: bool,
    /// Somebody with a certificate got an answer to the same request.
    pub answers: bool,
    /// Plaintext HTTP was answered.
    pub answers_plaintext: bool,
    /// Plaintext HTTP was answered by this `server`.
    pub plaintext_server: Option<&'a str>,
    /// A server has shown a certificate with a SPIFFE ID, and that it holds its key.
    pub shows_svid: bool,
}

impl Elsewhere<'static> {
    /// All that other connections could ever show: what this does not change is settled.
    pub const EVERYTHING: Self = Self {
        speaks_tls: true,
        accepts: true,
        answers: true,
        answers_plaintext: true,
        plaintext_server: Some("envoy"),
        shows_svid: true,
    };
}

/// Reads an observation.
pub fn classify(seen: &Observation, known: &Known<'_>) -> Verdict {
    with_our_opinion(theirs(seen, known), seen, known).because_all(linkerd::context(seen, known))
}

/// The follow-up that could settle what the peer thinks of us, where that is open and one could.
pub fn follow_up(seen: &Observation, known: &Known<'_>) -> Option<FollowUp> {
    follow_up::next(seen, known, &theirs(seen, known))
}

fn theirs(seen: &Observation, known: &Known<'_>) -> Verdict {
    match seen.came {
        Came::Plaintext => plaintext::read(seen, known),
        Came::ThroughSidecar => sidecar::read(seen, known),
        Came::WithoutCertificate | Came::WithCertificate => tls(seen, known),
    }
}

impl Verdict {
    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The outcome, with who refused.
    pub fn outcome(&self) -> Outcome {
        match self.code.kind() {
            Kind::Accepted => Outcome::Accepted,
            Kind::Rejected => Outcome::Rejected(self.by),
            Kind::Unreachable => Outcome::Unreachable,
            Kind::Inconclusive => Outcome::Inconclusive,
        }
    }

    /// What the peer thinks of us, also where the verdict is our refusal of it; nothing where it never
    /// came to that.
    pub fn peer(&self) -> Option<Code> {
        self.peer
    }

    /// Our own trouble, before or instead of a connection.
    pub fn fault(why: impl Into<String>) -> Self {
        Self::new(Code::ProbeFault, Confidence::Certain).because(why)
    }

    /// A verdict of the peer, or of nobody.
    fn new(code: Code, confidence: Confidence) -> Self {
        let is_heard = code != Code::ProbeFault && code.kind() != Kind::Unreachable;
        Self {
            code,
            by: By::Peer,
            peer: is_heard.then_some(code),
            confidence,
            candidates: vec![],
            evidence: vec![],
        }
    }

    /// A verdict of ours.
    fn ours(code: Code) -> Self {
        Self {
            by: By::Probe,
            peer: None,
            ..Self::new(code, Confidence::Certain)
        }
    }

    /// Several causes fit as well as this one.
    fn or(mut self, candidates: &[Code]) -> Self {
        let others = candidates.iter().filter(|&&code| code != self.code);
        self.candidates = others.copied().collect();
        self.confidence = Confidence::Ambiguous;
        self
    }

    fn because(mut self, fact: impl Into<String>) -> Self {
        self.evidence.push(fact.into());
        self
    }

    fn because_all(mut self, facts: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(facts);
        self
    }
}

/// What it means that no proxy of a mesh has shown its certificate, where one was to.
fn passed_through(seen: &Observation, known: &Known<'_>) -> Option<&'static str> {
    let is_svid = |server: &Judgement| {
        let id = server.id.as_ref();
        id.is_some_and(|id| id.starts_with("spiffe://"))
    };
    let is_to_be = |server: &&Judgement| {
        let mut problems = server.problems.iter();
        problems.any(|problem| problem.code == Code::InvalidSvid)
    };
    known
        .server
        .filter(is_to_be)
        .filter(|server| !is_svid(server))?;
    match (seen.dialect, known.elsewhere.shows_svid) {
        (Dialect::Istio, _) => Some(
            "no certificate of a mesh proxy: no sidecar took this connection (an excluded port, \
             DISABLE, or no sidecar at all)",
        ),
        (Dialect::Tls, true) => Some(
            "no certificate of a mesh proxy, and others are shown one at this address: TLS is \
             passed through to the application",
        ),
        (Dialect::Tls, false) => Some(
            "no certificate of a mesh proxy: TLS seems to be passed through to the application, or \
             there is no mesh",
        ),
        (Dialect::Hbone | Dialect::Linkerd | Dialect::Sidecar | Dialect::Auto, _) => None,
    }
}

/// Both ends judge. The peer's refusal is the headline, since nobody else can learn it; our refusal
/// is, where the peer accepted us or said nothing.
fn with_our_opinion(theirs: Verdict, seen: &Observation, known: &Known<'_>) -> Verdict {
    let Some(server) = known.server.filter(|server| !server.is_ok()) else {
        return theirs;
    };
    let passed = passed_through(seen, known).map(str::to_owned);
    let reasons = || {
        let problems = server.problems.iter().map(|problem| problem.what.clone());
        problems.chain(passed.clone())
    };
    match theirs.outcome() {
        Outcome::Rejected(_) | Outcome::Unreachable => theirs
            .because(format!("we refuse the server as well: {}", server.code()))
            .because_all(reasons()),
        Outcome::Accepted | Outcome::Inconclusive => {
            let said = if theirs.outcome() == Outcome::Accepted {
                "the peer accepted us".to_owned()
            } else {
                format!("what the peer thinks of us is open: {}", theirs.code)
            };
            let withheld = "our request was not sent: we do not trust the server";
            let ours = Verdict {
                peer: theirs.peer,
                ..Verdict::ours(server.code())
            };
            ours.because_all(reasons())
                .because(said)
                .because_all(theirs.evidence)
                .because_all(seen.request_withheld.then(|| withheld.to_owned()))
        }
    }
}

/// What a TLS connection means, leaving our opinion of the server aside.
fn tls(seen: &Observation, known: &Known<'_>) -> Verdict {
    let in_its_way = tunnel::read(seen, known).or_else(|| linkerd::read(seen, known));
    if let Some(verdict) = in_its_way {
        return verdict.because_all(context(seen));
    }
    let verdict = match &seen.ending {
        Ending::NeverConnected(why) => return never_connected(why),
        Ending::Fault(words) => return Verdict::fault(words.clone()),
        Ending::Objection(objection) => objected(objection, seen, known),
        // A close_notify in the middle of a handshake.
        Ending::Alert(0) => silence::wordless(Wordless::CloseNotify, seen, known),
        Ending::Alert(alert) => alert::read(*alert, seen, known),
        Ending::Answered => match (&seen.answer, &seen.reply, &seen.opening) {
            (Some(answer), _, _) => answer::read(answer, seen, known),
            (None, Some(reply), _) => reply::read(reply, seen, known),
            (None, None, Some(opening)) => starttls::read(opening),
            (None, None, None) => Verdict::fault("an answer is missing from the observation"),
        },
        Ending::Wordless(ending) => silence::wordless(*ending, seen, known),
    };
    linkerd::temper(verdict, seen).because_all(context(seen))
}

/// There was no connection to judge by.
fn never_connected(why: &NeverConnected) -> Verdict {
    let (code, words) = match why {
        NeverConnected::Dns(words) => (Code::DnsFailure, words.as_str()),
        NeverConnected::Refused => (Code::ConnectionRefused, "the TCP connection was refused"),
        NeverConnected::HostUnreachable(words) => (Code::HostUnreachable, words.as_str()),
        NeverConnected::Timeout => (Code::ConnectTimeout, "no answer to our TCP SYN in time"),
    };
    Verdict::new(code, Confidence::Certain).because(words)
}

/// We would not go on.
fn objected(objection: &Objection, seen: &Observation, known: &Known<'_>) -> Verdict {
    match objection {
        Objection::NotTls => Verdict::ours(Code::NotTls).because(format!(
            "the answer to our ClientHello begins with {}",
            first_words(&seen.first_bytes)
        )),
        Objection::Version => Verdict::ours(Code::ProtocolVersion)
            .because("the server chose a TLS version that we did not offer"),
        Objection::NothingInCommon(words) => {
            Verdict::ours(Code::NoSharedCipher).because(words.clone())
        }
        Objection::BadProof => Verdict::ours(Code::BadSignature)
            .because("the server could not prove that it holds the key of its certificate"),
        Objection::UnreadableCertificate => {
            Verdict::ours(Code::CertUnsupported).because("the server's certificate cannot be used")
        }
        // What comes back is what we sent: nobody there knows of TLS.
        Objection::Protocol(_) if seen.stage == Stage::ClientHello && is_echo(seen) => {
            Verdict::ours(Code::NotTls).because(
                "the answer to our ClientHello is a ClientHello: an application that is no TLS \
                 server sends back what it hears",
            )
        }
        // A request that was sent and not answered is no acceptance, whatever came instead.
        Objection::Protocol(words) if seen.stage == Stage::Settle && is_proved(seen) => {
            let accepted = late::accepted_at_tls(Wordless::Quiet, seen, known);
            Verdict {
                confidence: accepted.confidence.max(Confidence::Likely),
                ..accepted
            }
            .because(words.clone())
        }
        Objection::Protocol(words) if seen.stage == Stage::StartTls => starttls::foreign(words),
        Objection::Protocol(words) => Verdict::new(Code::Closed, Confidence::Ambiguous)
            .because(format!("the peer broke the protocol: {words}"))
            .because_all(proof(seen)),
        Objection::Flood if seen.stage == Stage::Settle && is_proved(seen) => {
            late::accepted_at_tls(Wordless::Quiet, seen, known)
        }
        Objection::Flood => Verdict::new(Code::Closed, Confidence::Ambiguous)
            .because(format!(
                "the peer sent {} bytes and never came to the point; we gave up",
                seen.received
            ))
            .because_all(proof(seen)),
    }
}

/// A handshake record that begins with a ClientHello, which no server ever sends.
fn is_echo(seen: &Observation) -> bool {
    matches!(seen.first_bytes.as_slice(), [22, 3, _, _, _, 1, ..])
}

/// What shows that the peer took us at TLS.
fn proof(seen: &Observation) -> Vec<String> {
    let mut proof = vec![];
    if seen.stage >= Stage::Settle && seen.tls.version == Some(Version::Tls12) {
        proof.push("the server finished the TLS 1.2 handshake".to_owned());
    }
    // How many there are depends on when we looked; that there is one does not.
    if seen.tickets > seen.early.tickets {
        proof.push("NewSessionTicket received".to_owned());
    }
    if seen.application_bytes > seen.early.bytes && seen.answer.is_none() && seen.reply.is_none() {
        proof.push("application data received".to_owned());
    }
    let is_goodbye = seen.ending == Ending::Wordless(Wordless::CloseNotify);
    if is_goodbye && seen.we_closed && !seen.early.goodbye {
        proof.push("the peer answered our close_notify with its own".to_owned());
    }
    proof
}

fn is_proved(seen: &Observation) -> bool {
    seen.stage >= Stage::Settle && !proof(seen).is_empty()
}

/// What a reader wants to know beside the cause.
fn context(seen: &Observation) -> Vec<String> {
    let mut facts = vec![];
    let looks = Library::of(seen).iter().map(|library| library.as_str());
    let looks = looks.collect::<Vec<_>>().join(" or ");
    if !looks.is_empty() {
        facts.push(format!("peer looks like {looks}"));
    }
    match &seen.certificate_request {
        CertificateRequest::NeverAsked => {
            if seen.came == Came::WithCertificate {
                facts.push("the server did not ask for our certificate".to_owned());
            }
        }
        CertificateRequest::Asked {
            gave: Gave::NothingFits,
            ..
        } => facts.push(
            "our key fits none of the signature schemes the server asked for, so we sent no \
             certificate"
                .to_owned(),
        ),
        CertificateRequest::Unknown | CertificateRequest::Asked { .. } => {}
    }
    for &warning in &seen.warnings {
        facts.push(format!("warning {} received", alert::describe(warning)));
    }
    let chosen = seen.tls.alpn.as_ref();
    if let Some(chosen) = chosen.filter(|chosen| !seen.tls.offered_alpn.contains(chosen)) {
        facts.push(format!(
            "the server chose {chosen:?}, which we did not offer"
        ));
    }
    facts
}

/// The first byte of a TLS record.
fn is_record(kind: u8) -> bool {
    (20..=24).contains(&kind)
}

/// The begin of an answer that is not TLS, as a quoted string.
fn first_words(bytes: &[u8]) -> String {
    let line = bytes
        .split(|&b| b == b'\r' || b == b'\n')
        .next()
        .unwrap_or(bytes);
    let shown = line.get(..32).unwrap_or(line);
    format!("{:?}", String::from_utf8_lossy(shown))
}

#[cfg(test)]
mod tests;
