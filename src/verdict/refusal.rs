//! Why a peer that asked for our certificate, and got it, refuses it.
//!
//! Servers use the same alert for different faults, so what our own certificate tells comes first:
//! its dates, its usages, its chain. The wire is asked only for what is left.

use super::alert::{
    ACCESS_DENIED, BAD_CERTIFICATE, CERTIFICATE_EXPIRED, CERTIFICATE_REQUIRED, CERTIFICATE_REVOKED,
    CERTIFICATE_UNKNOWN, DECRYPT_ERROR, HANDSHAKE_FAILURE, INSUFFICIENT_SECURITY, NO_CERTIFICATE,
    UNKNOWN_CA, UNSUPPORTED_CERTIFICATE, describe,
};
use super::follow_up::Signal;
use super::library::{Library, Meaning, is_known, means};
use super::{Known, Verdict};
use crate::certificate::{Problem, SpiffeId, TrustDomain};
use crate::code::{Code, Confidence, Kind};
use crate::observation::{CertificateRequest, Observation};
use crate::plan::FollowUp;

/// What may be wrong with the certificate that we gave.
pub(super) struct Fault<'a> {
    problems: &'a [Problem],
    hint: Hint,
    top: Top,
    libraries: &'static [Library],
    stranger: Stranger,
    /// Our leaf is marked as a CA.
    is_ca: bool,
    /// What a wrong name of ours would be called.
    misnamed: &'static [Code],
}

/// What the CA names in the server's request say about our issuers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    /// The server lists no names.
    None,
    /// One of our issuers is listed by name, whatever its key.
    Listed,
    /// The server lists names, and none of our issuers is among them.
    NotListed,
}

/// Where the chain that we send ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Top {
    /// At a root, ours or one that is sent along: nothing is missing.
    Root,
    /// At an issuer that we do not know: perhaps a root, perhaps an intermediate that should be sent.
    Open,
    /// The same, and not even one intermediate is sent.
    OpenLeaf,
}

/// How the peer answers a certificate of our names by a CA that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stranger {
    /// Nobody has tried, or it failed.
    Unknown,
    /// As it answers ours.
    Alike(Signal),
    /// In another way, and it refuses it: ours is no stranger's.
    RefusedOtherwise(Signal),
    /// It takes it.
    Taken,
}

impl<'a> Fault<'a> {
    pub(super) fn new(known: &Known<'a>, seen: &Observation) -> Self {
        let hints = match &seen.certificate_request {
            CertificateRequest::Asked { hints, .. } => hints.as_slice(),
            CertificateRequest::NeverAsked | CertificateRequest::Unknown => &[],
        };
        let signs_itself = known.own.is_some_and(
            |own| matches!(own.judgement.chain.as_slice(), [leaf] if leaf.self_issued),
        );
        let stranger = match (known.signal(FollowUp::Throwaway), Signal::of(seen)) {
            (None, _) => Stranger::Unknown,
            (Some(theirs), ours) if Some(theirs) == ours => Stranger::Alike(theirs),
            // Several libraries have another word for a certificate that signs itself.
            (Some(theirs), _) if theirs.is_refusal() && signs_itself => Stranger::Unknown,
            (Some(theirs), _) if theirs.is_refusal() => Stranger::RefusedOtherwise(theirs),
            (Some(_), _) => Stranger::Taken,
        };
        let fault = Self {
            problems: &[],
            hint: Hint::None,
            top: Top::Open,
            libraries: Library::of(seen),
            stranger,
            is_ca: false,
            misnamed: misnamed(known),
        };
        let Some(own) = known.own else { return fault };
        let chain = &own.judgement.chain;
        let issuers = chain.iter().map(|facts| &facts.issuer_der);
        let is_listed = |name: &Vec<u8>| hints.contains(name);
        let is_self_issued = chain.last().is_some_and(|top| top.self_issued);
        Self {
            problems: &own.judgement.problems,
            is_ca: chain.first().is_some_and(|leaf| leaf.is_ca),
            hint: if hints.is_empty() {
                Hint::None
            } else if issuers.chain([&own.top_issuer]).any(is_listed) {
                Hint::Listed
            } else {
                Hint::NotListed
            },
            top: if own.judgement.root.is_some() || is_self_issued {
                Top::Root
            } else if chain.len() > 1 {
                Top::Open
            } else {
                Top::OpenLeaf
            },
            ..fault
        }
    }

    /// The cause behind an alert.
    pub(super) fn of(&self, alert: u8) -> Verdict {
        let certain = |code| Verdict::new(code, Confidence::Certain);
        let likely = |code| Verdict::new(code, Confidence::Likely);
        match alert {
            CERTIFICATE_REVOKED => certain(Code::CertRevoked),
            CERTIFICATE_EXPIRED => self.out_of_date(),
            UNSUPPORTED_CERTIFICATE => match self.known(&[Code::CertUnsupported]) {
                Some(problem) => certain(Code::CertUnsupported).because(ours(problem)),
                None => likely(Code::CertUnsupported),
            },
            UNKNOWN_CA => self.untrusted(),
            DECRYPT_ERROR => match self.known(&[Code::CertUnsupported]) {
                Some(problem) => likely(Code::CertUnsupported).because(ours(problem)),
                None => likely(Code::BadSignature).because(
                    "our key does fit our certificate, so the peer knows our CA's name with another key",
                ),
            },
            CERTIFICATE_REQUIRED => Verdict::new(Code::CertRejected, Confidence::Ambiguous)
                .or(&[Code::ClientCertRequired])
                .because("although we did send a certificate"),
            CERTIFICATE_UNKNOWN | ACCESS_DENIED | BAD_CERTIFICATE | HANDSHAKE_FAILURE
            | NO_CERTIFICATE | INSUFFICIENT_SECURITY => self.among(self.means(alert)),
            // The server's own trouble, or ours with the protocol: no server says so of a certificate.
            _ => Verdict::new(Code::Closed, Confidence::Ambiguous)
                .or(&[Code::CertRejected])
                .because("this alert is not meant for certificates"),
        }
    }

    /// nginx and its like refused our certificate in a page, which names no cause: whatever OpenSSL
    /// finds wrong.
    pub(super) fn in_a_page(&self) -> Verdict {
        self.among(Meaning::OneOf(&[
            Code::UnknownCa,
            Code::BadSignature,
            Code::IncompleteChain,
            Code::CertExpired,
            Code::CertNotYetValid,
            Code::CertUnsupported,
            Code::CertRevoked,
        ]))
    }

    /// The peer refused our certificate, and does not say so in any words.
    pub(super) fn without_words(&self) -> Verdict {
        self.among(Meaning::Anything)
    }

    fn means(&self, alert: u8) -> Meaning {
        let names_strangers =
            self.stranger == Stranger::RefusedOtherwise(Signal::Alert(UNKNOWN_CA));
        means(alert, self.libraries, names_strangers)
    }

    /// 45 does not tell expired from not yet valid, nor the leaf from an intermediate.
    fn out_of_date(&self) -> Verdict {
        match self.known(&[Code::CertExpired, Code::CertNotYetValid]) {
            Some(problem) => Verdict::new(problem.code, Confidence::Certain).because(ours(problem)),
            None => Verdict::new(Code::CertExpired, Confidence::Ambiguous)
                .or(&[Code::CertNotYetValid])
                .because(
                    "our certificates are in date by our clock: look at the server's clock, and at \
                     the dates of the CA certificates it holds",
                ),
        }
    }

    /// 48 is said of a stranger's CA, of the right name with another key, of a missing intermediate;
    /// by some also of an expired intermediate and of a signature that they cannot verify.
    fn untrusted(&self) -> Verdict {
        let likely = || Verdict::new(Code::UnknownCa, Confidence::Likely);
        if let Some(problem) = self.known(&[Code::IncompleteChain]) {
            return Verdict::new(Code::IncompleteChain, Confidence::Likely).because(ours(problem));
        }
        let not_ours = self.known(&[Code::UnknownCa, Code::BadSignature]);
        let dates_and_use = [
            Code::CertExpired,
            Code::CertNotYetValid,
            Code::CertUnsupported,
        ];
        let meaning = self.means(UNKNOWN_CA);
        let other = self
            .known(&dates_and_use)
            .filter(|problem| meaning.includes(problem.code));
        if let (Some(other), None, true) = (other, not_ours, is_known(UNKNOWN_CA, self.libraries)) {
            return Verdict::new(other.code, Confidence::Likely)
                .because(ours(other))
                .because("this library says so of such certificates as well");
        }
        let names = "the CA names that the peer lists do not contain our issuer";
        let verdict = match (self.hint, self.top) {
            (Hint::NotListed, Top::Root) => {
                Verdict::new(Code::UnknownCa, Confidence::Certain).because(names)
            }
            (Hint::NotListed, Top::Open) => likely().because(names),
            (Hint::NotListed, Top::OpenLeaf) => likely()
                .or(&[Code::IncompleteChain])
                .because(names)
                .because("we send our leaf alone"),
            (Hint::Listed | Hint::None, _) if not_ours.is_none() && other.is_some() => likely()
                .or(&other
                    .map(|problem| problem.code)
                    .into_iter()
                    .collect::<Vec<_>>())
                .because_all(other.map(ours)),
            (Hint::Listed, _) => likely().because(
                "the peer lists our issuer's name: it may hold another key under that name, or \
                 lack a CRL",
            ),
            (Hint::None, Top::OpenLeaf) => likely()
                .or(&[Code::IncompleteChain])
                .because("we send our leaf alone"),
            (Hint::None, Top::Open | Top::Root) => likely(),
        };
        verdict.because_all(not_ours.map(ours))
    }

    /// One of these, as far as the peer tells: what we know of our own certificate leaves fewer.
    fn among(&self, meaning: Meaning) -> Verdict {
        // That the SVID rules are broken is ours to say, and few peers look: but at a CA they do.
        let called = |problem: &Problem| match problem.code == Code::InvalidSvid {
            true if self.is_ca => Code::CertUnsupported,
            _ => problem.code,
        };
        let is_cause = |problem: &&Problem| {
            let code = called(problem);
            code != Code::InvalidSvid && code.kind() == Kind::Rejected && meaning.includes(code)
        };
        if let Some(problem) = self.problems.iter().find(is_cause) {
            let verdict = Verdict::new(called(problem), Confidence::Likely)
                .because(ours(problem))
                .because("the peer's answer names no cause; this one we know of");
            return self.or_incomplete(verdict, meaning);
        }
        let is_about_ca = meaning.includes(Code::UnknownCa);
        if is_about_ca && self.hint == Hint::NotListed {
            let verdict = Verdict::new(Code::UnknownCa, Confidence::Likely)
                .because("the CA names that the peer lists do not contain our issuer");
            return self.or_incomplete(verdict, meaning);
        }
        let left = self.left(meaning);
        let verdict = match *left.as_slice() {
            [one] => Verdict::new(one, Confidence::Likely),
            _ => Verdict::new(Code::CertRejected, Confidence::Ambiguous).or(&left),
        };
        verdict
            .because_all(self.stranger.in_words().filter(|_| is_about_ca))
            .because("nothing is wrong with our certificate as far as we can tell")
    }

    /// A leaf that comes alone may be a stranger's, or lack the intermediate that leads on.
    fn or_incomplete(&self, verdict: Verdict, meaning: Meaning) -> Verdict {
        let may_lack = self.top == Top::OpenLeaf && meaning.includes(Code::IncompleteChain);
        if verdict.code == Code::UnknownCa && may_lack {
            verdict
                .or(&[Code::IncompleteChain])
                .because("we send our leaf alone")
        } else {
            verdict
        }
    }

    /// What remains of a meaning where we find no fault with our own certificate.
    fn left(&self, meaning: Meaning) -> Vec<Code> {
        let causes = match meaning {
            Meaning::OneOf(causes) => causes,
            Meaning::Anything => &[
                Code::SanMismatch,
                Code::TrustDomainMismatch,
                Code::UnknownCa,
                // By a clock that is behind ours: young certificates are common.
                Code::CertNotYetValid,
                Code::CertRevoked,
            ],
        };
        let is_no_stranger = matches!(self.stranger, Stranger::RefusedOtherwise(_));
        let names_revoked = match self.libraries {
            [one] => one.names_revoked(),
            _ => false,
        };
        let is_out = |cause: &Code| {
            let knows_us =
                [Code::UnknownCa, Code::IncompleteChain].contains(cause) && is_no_stranger;
            let names = [Code::SanMismatch, Code::TrustDomainMismatch];
            knows_us
                || [Code::CertExpired, Code::BadSignature].contains(cause)
                || *cause == Code::IncompleteChain && self.top == Top::Root
                || names.contains(cause) && !self.misnamed.contains(cause)
                || *cause == Code::CertRevoked && names_revoked && meaning == Meaning::Anything
        };
        let left = causes.iter().filter(|cause| !is_out(cause));
        let breaks_rules = self.known(&[Code::InvalidSvid]).is_some();
        let unfit = (breaks_rules && meaning == Meaning::Anything).then_some(Code::CertUnsupported);
        left.copied().chain(unfit).collect()
    }

    fn known(&self, codes: &[Code]) -> Option<&'a Problem> {
        self.problems
            .iter()
            .find(|problem| codes.contains(&problem.code))
    }
}

impl Stranger {
    fn in_words(self) -> Option<String> {
        let who = "a certificate of our names by a CA that nobody knows";
        let how = match self {
            Self::Unknown => return None,
            Self::Alike(_) => "is refused in the same way".to_owned(),
            Self::RefusedOtherwise(Signal::Alert(alert)) => {
                format!("gets alert {}: ours is no stranger's", describe(alert))
            }
            Self::RefusedOtherwise(_) => "is refused otherwise: ours is no stranger's".to_owned(),
            Self::Taken => "is taken".to_owned(),
        };
        Some(format!("{who} {how}"))
    }
}

/// What a wrong name of ours is called: where the trust domains differ, that is the first thing wrong.
pub(super) fn misnamed(known: &Known<'_>) -> &'static [Code] {
    let domain = |id: Option<&String>| -> Option<TrustDomain> {
        let id: SpiffeId = id?.parse().ok()?;
        Some(id.trust_domain().clone())
    };
    let ours = domain(known.own.and_then(|own| own.judgement.id.as_ref()));
    let theirs = domain(known.server.and_then(|server| server.id.as_ref()));
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours != theirs => &[Code::TrustDomainMismatch],
        (Some(_), Some(_)) => &[Code::SanMismatch],
        (None, _) if known.own.is_some() => &[Code::SanMismatch],
        (_, _) => &[Code::SanMismatch, Code::TrustDomainMismatch],
    }
}

fn ours(problem: &Problem) -> String {
    format!("of our own certificate we know: {}", problem.what)
}
