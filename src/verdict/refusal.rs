//! Why a peer that asked for our certificate, and got it, refuses it.
//!
//! Servers use the same alert for different faults, so what our own certificate tells comes first:
//! its dates, its usages, its chain. The wire is asked only for what is left.

use super::alert::{
    ACCESS_DENIED, BAD_CERTIFICATE, CERTIFICATE_EXPIRED, CERTIFICATE_REQUIRED, CERTIFICATE_REVOKED,
    CERTIFICATE_UNKNOWN, DECRYPT_ERROR, HANDSHAKE_FAILURE, INSUFFICIENT_SECURITY, NO_CERTIFICATE,
    UNKNOWN_CA, UNSUPPORTED_CERTIFICATE,
};
use super::{Known, Verdict};
use crate::certificate::Problem;
use crate::code::{Code, Confidence, Kind};
use crate::observation::{CertificateRequest, Gave, Observation, Wordless};

/// What may be wrong with the certificate that we gave.
pub(super) struct Fault<'a> {
    problems: &'a [Problem],
    hint: Hint,
    top: Top,
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

impl<'a> Fault<'a> {
    pub(super) fn new(known: &Known<'a>, hints: &[Vec<u8>]) -> Self {
        let Some(own) = known.own else {
            return Self {
                problems: &[],
                hint: Hint::None,
                top: Top::Open,
            };
        };
        let chain = &own.judgement.chain;
        let issuers = chain.iter().map(|facts| &facts.issuer_der);
        let is_listed = |name: &Vec<u8>| hints.contains(name);
        let is_self_issued = chain.last().is_some_and(|top| top.self_issued);
        Self {
            problems: &own.judgement.problems,
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
            CERTIFICATE_UNKNOWN | ACCESS_DENIED | BAD_CERTIFICATE => self.catch_all(&[
                Code::SanMismatch,
                Code::TrustDomainMismatch,
                Code::UnknownCa,
                Code::CertNotYetValid,
                Code::CertRevoked,
            ]),
            HANDSHAKE_FAILURE | NO_CERTIFICATE | INSUFFICIENT_SECURITY => {
                self.catch_all(&[Code::CertUnsupported, Code::UnknownCa, Code::SanMismatch])
            }
            // The server's own trouble, or ours with the protocol: no server says so of a certificate.
            _ => Verdict::new(Code::Closed, Confidence::Ambiguous)
                .or(&[Code::CertRejected])
                .because("this alert is not meant for certificates"),
        }
    }

    /// The peer refused our certificate without an alert, in words of its own that name no cause.
    pub(super) fn unnamed(&self) -> Verdict {
        self.catch_all(&[])
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
        let other = self.known(&[
            Code::CertExpired,
            Code::CertNotYetValid,
            Code::CertUnsupported,
        ]);
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

    /// An alert, or a word, that is used for anything.
    fn catch_all(&self, candidates: &[Code]) -> Verdict {
        let is_cause = |problem: &&Problem| problem.code.kind() == Kind::Rejected;
        if let Some(problem) = self.problems.iter().find(is_cause) {
            // That the SVID rules are broken is ours to say; a peer finds such a certificate unfit.
            let is_ours = problem.code == Code::InvalidSvid;
            let code = if is_ours {
                Code::CertUnsupported
            } else {
                problem.code
            };
            return Verdict::new(code, Confidence::Likely)
                .because(ours(problem))
                .because("the peer's answer names no cause; this one we know of");
        }
        match self.hint {
            Hint::NotListed => Verdict::new(Code::UnknownCa, Confidence::Likely)
                .because("the CA names that the peer lists do not contain our issuer"),
            Hint::None | Hint::Listed if candidates.is_empty() => {
                Verdict::new(Code::CertRejected, Confidence::Certain)
                    .because("nothing is wrong with our certificate as far as we can tell")
            }
            Hint::None | Hint::Listed => Verdict::new(Code::CertRejected, Confidence::Ambiguous)
                .or(candidates)
                .because("nothing is wrong with our certificate as far as we can tell"),
        }
    }

    fn known(&self, codes: &[Code]) -> Option<&'a Problem> {
        self.problems
            .iter()
            .find(|problem| codes.contains(&problem.code))
    }
}

/// Whether a finished handshake may be followed by a refusal: the server asked, we gave nothing or
/// something that we know to be bad, and its TLS library is one that lets the application judge. Then
/// it is open, between these codes.
pub(super) fn may_come_late(seen: &Observation, known: &Known<'_>) -> Option<[Code; 2]> {
    let CertificateRequest::Asked { schemes, gave, .. } = &seen.certificate_request else {
        return None;
    };
    if seen.application_bytes > 0 || !OPENSSL.contains(&schemes.as_slice()) {
        return None;
    }
    let refusal = match gave {
        Gave::Nothing | Gave::NothingFits => Code::ClientCertRequired,
        Gave::Certificate if known.own?.judgement.is_ok() => return None,
        Gave::Certificate => Code::CertRejected,
    };
    Some([Code::Ok, refusal])
}

/// A connection that ends without a word at the very place where servers refuse certificates.
pub(super) fn at_its_place(open: Verdict, ending: Wordless, seen: &Observation) -> Verdict {
    let CertificateRequest::Asked { gave, .. } = &seen.certificate_request else {
        return open;
    };
    let (code, fact) = match gave {
        Gave::Certificate => (
            Code::CertRejected,
            "that is the place where servers judge a client certificate; some refuse it without an \
             alert",
        ),
        Gave::Nothing => (
            Code::ClientCertRequired,
            "the server asked for a certificate and we sent none; some servers refuse that without \
             an alert",
        ),
        Gave::NothingFits => (
            Code::NoSharedCipher,
            "the server asked for a certificate and got none; some servers refuse that without an \
             alert",
        ),
    };
    // A proxy whose application is down closes so, whatever the certificate.
    let also = match ending {
        Wordless::Quiet => None,
        Wordless::CloseNotify | Wordless::Fin | Wordless::Reset => Some(Code::UpstreamUnavailable),
    };
    let candidates: Vec<_> = [code].into_iter().chain(also).collect();
    open.or(&candidates).because(fact)
}

fn ours(problem: &Problem) -> String {
    format!("of our own certificate we know: {}", problem.what)
}

/// The signature schemes that OpenSSL asks for by itself, in its order: in TLS 1.3, then in TLS 1.2.
const OPENSSL: &[&[u16]] = &[
    &[
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806,
    ],
    &[
        0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601,
    ],
];
