//! What a plaintext answer of our own sidecar means: it says what went wrong further on.

use super::{Known, Verdict, answer, plaintext};
use crate::code::{Code, Confidence};
use crate::observation::Observation;

/// Reads a connection to our own sidecar.
pub(super) fn read(seen: &Observation, known: &Known<'_>) -> Verdict {
    let Some(said) = &seen.answer else {
        return plaintext::read(seen, known);
    };
    let verdict = answer::denied(said)
        .or_else(|| answer::upstream(said))
        .unwrap_or_else(|| Verdict::new(Code::Ok, Confidence::Likely));
    let mut evidence = vec![answer::status(said)];
    evidence.extend(verdict.evidence);
    Verdict {
        evidence,
        ..verdict
    }
}
