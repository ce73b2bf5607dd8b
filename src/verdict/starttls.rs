//! What a peer means by its words in plaintext, where TLS begins in the middle of a protocol.

use super::silence::{died, said_goodbye};
use super::{Known, Verdict, never_connected};
use crate::code::{Code, Confidence};
use crate::observation::{Ending, Objection, Observation, Opening};

/// It was asked for TLS.
pub(super) fn read(opening: &Opening) -> Verdict {
    let open = || Verdict::new(Code::Closed, Confidence::Ambiguous);
    match opening {
        Opening::NoTls(words) => Verdict::ours(Code::NotTls).because(words.clone()),
        Opening::NotNow(words) => open()
            .or(&[Code::NotTls])
            .because(words.clone())
            .because("that may pass, or be how it says that it has no TLS"),
        Opening::Refused(words) => open()
            .because(words.clone())
            .because("it did not come to TLS, so that tells nothing of certificates"),
        Opening::Agreed
        | Opening::Hides(_)
        | Opening::Greets(_)
        | Opening::GoesOn(_)
        | Opening::WantsTls(_) => Verdict::fault("a request for TLS has an answer to another"),
    }
}

/// It was not: this is how far one gets without.
pub(super) fn plaintext(seen: &Observation, known: &Known<'_>) -> Verdict {
    let open = || Verdict::new(Code::Closed, Confidence::Ambiguous);
    match (&seen.opening, &seen.ending) {
        (_, Ending::NeverConnected(why)) => never_connected(why),
        (_, Ending::Fault(words)) => Verdict::fault(words.clone()),
        (Some(Opening::GoesOn(words)), _) => {
            Verdict::new(Code::PlaintextAccepted, Confidence::Certain).because(words.clone())
        }
        (Some(Opening::Greets(words)), _) => {
            Verdict::new(Code::PlaintextAccepted, Confidence::Likely)
                .because(words.clone())
                .because("whether that is all it gives without TLS is open")
        }
        (Some(Opening::Hides(words)), _) => open()
            .or(&[Code::PlaintextAccepted, Code::PlaintextRejected])
            .because(words.clone())
            .because("only a login would show whether it insists on TLS"),
        (Some(Opening::WantsTls(words)), _) => {
            Verdict::new(Code::PlaintextRejected, Confidence::Certain).because(words.clone())
        }
        (Some(Opening::Refused(words) | Opening::NotNow(words) | Opening::NoTls(words)), _) => {
            open()
                .or(&[Code::PlaintextAccepted, Code::PlaintextRejected])
                .because(words.clone())
                .because("it does not say that it is for want of TLS")
        }
        (Some(Opening::Agreed) | None, Ending::Objection(Objection::Protocol(words))) => {
            foreign(words)
        }
        (Some(Opening::Agreed) | None, Ending::Wordless(ending)) => {
            let code = died(*ending, seen);
            let silent =
                Verdict::new(code, Confidence::Ambiguous).because(said_goodbye(*ending, seen));
            match known.elsewhere.speaks_tls {
                true => silent
                    .or(&[Code::PlaintextRejected])
                    .because("the same address does speak TLS"),
                false => silent,
            }
        }
        (
            Some(Opening::Agreed) | None,
            Ending::Answered | Ending::Alert(_) | Ending::Objection(_),
        ) => open().because("the peer said nothing in plaintext that tells"),
    }
}

/// It does not speak the protocol.
pub(super) fn foreign(words: &str) -> Verdict {
    Verdict::new(Code::Closed, Confidence::Ambiguous)
        .because(format!("the peer broke the protocol before TLS: {words}"))
}
