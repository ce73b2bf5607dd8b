//! What a fatal alert means, given when it came, what we sent and what we know of our certificate.

use super::refusal::Fault;
use super::{Known, Verdict, is_proved, proof};
use crate::code::{Code, Confidence};
use crate::observation::{CertificateRequest, Gave, Observation, Stage};

/// Reads a fatal alert.
pub(super) fn read(alert: u8, seen: &Observation, known: &Known<'_>) -> Verdict {
    let fact = format!("alert {} {}", describe(alert), when(seen));
    let verdict = match (mismatch(alert), &seen.certificate_request) {
        (Some(code), _) if seen.stage < Stage::ClientAuth => {
            Verdict::new(code, Confidence::Certain)
        }
        // Late, and still as clear as words can be.
        (Some(code), _) => Verdict::new(code, Confidence::Likely),
        (None, _) if seen.stage < Stage::ClientAuth => before_our_answer(alert, seen),
        (None, CertificateRequest::Asked { gave, .. }) => {
            let verdict = match gave {
                Gave::Certificate => Fault::new(known, seen).of(alert),
                Gave::Nothing => without_certificate(alert, seen),
                Gave::NothingFits => nothing_fits(alert, seen),
            };
            if is_proved(seen) {
                after_acceptance(alert, verdict, seen)
            } else {
                verdict
            }
        }
        (None, CertificateRequest::NeverAsked | CertificateRequest::Unknown) => {
            not_about_us(alert, seen)
        }
    };
    let mut evidence = vec![fact];
    evidence.extend(verdict.evidence);
    Verdict {
        evidence,
        ..verdict
    }
}

/// Alerts that name one thing of the ClientHello.
fn mismatch(alert: u8) -> Option<Code> {
    match alert {
        PROTOCOL_VERSION => Some(Code::ProtocolVersion),
        UNRECOGNIZED_NAME => Some(Code::UnrecognizedName),
        NO_APPLICATION_PROTOCOL => Some(Code::AlpnMismatch),
        _ => None,
    }
}

/// The server had not seen anything of ours but the ClientHello.
fn before_our_answer(alert: u8, seen: &Observation) -> Verdict {
    match alert {
        // Go and rustls, where they have no certificate for the name.
        INTERNAL_ERROR | ACCESS_DENIED if seen.tls.sni.is_some() => {
            Verdict::new(Code::Closed, Confidence::Ambiguous)
                .or(&[Code::UnrecognizedName])
                .because("some servers say so where they have no certificate for the server name")
        }
        INSUFFICIENT_SECURITY => Verdict::new(Code::NoSharedCipher, Confidence::Certain),
        // The common way to say it; a server without a certificate for our name may say it too.
        HANDSHAKE_FAILURE => Verdict::new(Code::NoSharedCipher, Confidence::Likely),
        _ => Verdict::new(Code::Closed, Confidence::Ambiguous),
    }
}

/// We answered the request for a certificate with an empty list.
fn without_certificate(alert: u8, seen: &Observation) -> Verdict {
    let required = |confidence| Verdict::new(Code::ClientCertRequired, confidence);
    let in_handshake = seen.stage == Stage::ClientAuth;
    let verdict = match alert {
        CERTIFICATE_REQUIRED => required(Confidence::Certain),
        HANDSHAKE_FAILURE if in_handshake => required(Confidence::Certain),
        // GnuTLS says that it cannot decode the empty list.
        DECODE_ERROR if in_handshake => required(Confidence::Likely),
        HANDSHAKE_FAILURE => required(Confidence::Likely),
        _ if speaks_of_certificates(alert) => required(Confidence::Likely),
        _ => Verdict::new(Code::Closed, Confidence::Ambiguous).or(&[Code::ClientCertRequired]),
    };
    verdict.because("the server asked for a certificate and we sent none")
}

/// We have a certificate, and the server asked for signature schemes that our key does not do.
fn nothing_fits(alert: u8, seen: &Observation) -> Verdict {
    let nothing_shared = |confidence| Verdict::new(Code::NoSharedCipher, confidence);
    match alert {
        CERTIFICATE_REQUIRED => nothing_shared(Confidence::Certain),
        HANDSHAKE_FAILURE if seen.stage == Stage::ClientAuth => nothing_shared(Confidence::Certain),
        HANDSHAKE_FAILURE => nothing_shared(Confidence::Likely),
        _ if speaks_of_certificates(alert) => nothing_shared(Confidence::Likely),
        _ => Verdict::new(Code::Closed, Confidence::Ambiguous).or(&[Code::NoSharedCipher]),
    }
}

/// The server had taken what we gave, and sends an alert later. One that speaks of certificates still
/// does; any other is about what came after.
fn after_acceptance(alert: u8, verdict: Verdict, seen: &Observation) -> Verdict {
    if !speaks_of_certificates(alert) {
        return Verdict::new(Code::Closed, Confidence::Ambiguous)
            .or(&[Code::AuthzDenied, Code::CertRejected])
            .because_all(proof(seen));
    }
    let confidence = match verdict.confidence {
        Confidence::Certain | Confidence::Likely => Confidence::Likely,
        Confidence::Ambiguous => Confidence::Ambiguous,
    };
    Verdict {
        confidence,
        ..verdict
    }
    .because_all(proof(seen))
}

fn speaks_of_certificates(alert: u8) -> bool {
    matches!(
        alert,
        NO_CERTIFICATE..=CERTIFICATE_UNKNOWN | UNKNOWN_CA | ACCESS_DENIED | CERTIFICATE_REQUIRED
    )
}

/// The server never asked for a certificate in this handshake.
fn not_about_us(alert: u8, seen: &Observation) -> Verdict {
    let closed = Verdict::new(Code::Closed, Confidence::Ambiguous);
    // Asking for it in a second handshake on the same connection (renegotiation) ends so, whatever
    // we have: we refuse to renegotiate.
    if alert == HANDSHAKE_FAILURE && seen.stage == Stage::Request {
        return Verdict::new(Code::ClientCertRequired, Confidence::Likely).because(
            "it did not ask for a certificate in the handshake: servers that ask once they know the \
             request say so when we refuse to renegotiate, and we always do",
        );
    }
    closed
}

/// `unknown_ca(48)`
pub(super) fn describe(alert: u8) -> String {
    match name(alert) {
        Some(name) => format!("{name}({alert})"),
        None => format!("number {alert}"),
    }
}

/// The name of an alert in RFC 8446, or in RFC 5246 for those that it dropped.
pub fn name(alert: u8) -> Option<&'static str> {
    let found = NAMES.iter().find(|(number, _)| *number == alert);
    found.map(|(_, name)| *name)
}

fn when(seen: &Observation) -> &'static str {
    match seen.stage {
        Stage::Dns | Stage::Tcp | Stage::StartTls | Stage::ClientHello => {
            "in answer to our ClientHello"
        }
        Stage::ServerHello => "in the middle of the server's handshake messages",
        Stage::ClientAuth => "during the handshake, in answer to our certificate message",
        Stage::Settle | Stage::Tunnel => "after the handshake",
        Stage::Request => "after our request",
    }
}

pub(super) const HANDSHAKE_FAILURE: u8 = 40;
pub(super) const NO_CERTIFICATE: u8 = 41;
pub(super) const BAD_CERTIFICATE: u8 = 42;
pub(super) const UNSUPPORTED_CERTIFICATE: u8 = 43;
pub(super) const CERTIFICATE_REVOKED: u8 = 44;
pub(super) const CERTIFICATE_EXPIRED: u8 = 45;
pub(super) const CERTIFICATE_UNKNOWN: u8 = 46;
pub(super) const UNKNOWN_CA: u8 = 48;
pub(super) const ACCESS_DENIED: u8 = 49;
const DECODE_ERROR: u8 = 50;
pub(super) const DECRYPT_ERROR: u8 = 51;
const PROTOCOL_VERSION: u8 = 70;
pub(super) const INSUFFICIENT_SECURITY: u8 = 71;
const INTERNAL_ERROR: u8 = 80;
const UNRECOGNIZED_NAME: u8 = 112;
pub(super) const CERTIFICATE_REQUIRED: u8 = 116;
const NO_APPLICATION_PROTOCOL: u8 = 120;

const NAMES: &[(u8, &str)] = &[
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (HANDSHAKE_FAILURE, "handshake_failure"),
    (NO_CERTIFICATE, "no_certificate"),
    (BAD_CERTIFICATE, "bad_certificate"),
    (UNSUPPORTED_CERTIFICATE, "unsupported_certificate"),
    (CERTIFICATE_REVOKED, "certificate_revoked"),
    (CERTIFICATE_EXPIRED, "certificate_expired"),
    (CERTIFICATE_UNKNOWN, "certificate_unknown"),
    (47, "illegal_parameter"),
    (UNKNOWN_CA, "unknown_ca"),
    (ACCESS_DENIED, "access_denied"),
    (DECODE_ERROR, "decode_error"),
    (DECRYPT_ERROR, "decrypt_error"),
    (60, "export_restriction"),
    (PROTOCOL_VERSION, "protocol_version"),
    (INSUFFICIENT_SECURITY, "insufficient_security"),
    (INTERNAL_ERROR, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (UNRECOGNIZED_NAME, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (CERTIFICATE_REQUIRED, "certificate_required"),
    (NO_APPLICATION_PROTOCOL, "no_application_protocol"),
    (121, "ech_required"),
];
