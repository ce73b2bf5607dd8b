//! OpenSSL's words, which all three tools pass on: which of them name a cause?

use mtls_probe::code::Code;

/// The cause that an alert names, if there is one in these words; nothing within where the alert's name
/// says only that something was wrong.
pub(super) fn alert(words: &str) -> Option<Option<Code>> {
    let known = ALERTS.iter().find(|(name, _)| words.contains(name));
    match known {
        Some((_, code)) => Some(Some(*code)),
        // `sslv3 alert handshake failure`, `SSL alert number 46`, `TLS alert: certificate unknown`.
        None => [" alert ", " alert:"]
            .iter()
            .any(|word| words.contains(word))
            .then_some(None),
    }
}

/// The cause that a verdict on the server's certificate names.
pub(super) fn verification(words: &str) -> Option<Code> {
    let known = VERIFICATIONS.iter().find(|(name, _)| words.contains(name));
    known.map(|(_, code)| *code)
}

/// Not here: `bad certificate`, `certificate unknown`, `handshake failure`, `decrypt error` and
/// `internal error`, by which nobody knows what to mend.
const ALERTS: &[(&str, Code)] = &[
    ("alert certificate required", Code::ClientCertRequired),
    ("alert unknown ca", Code::UnknownCa),
    ("alert certificate expired", Code::CertExpired),
    ("alert certificate revoked", Code::CertRevoked),
    ("alert unsupported certificate", Code::CertUnsupported),
    ("alert access denied", Code::AuthzDenied),
    ("alert protocol version", Code::ProtocolVersion),
    ("alert insufficient security", Code::NoSharedCipher),
    ("alert no application protocol", Code::AlpnMismatch),
    ("tlsv1 unrecognized name", Code::UnrecognizedName),
];

/// The more telling ones first. `unable to verify the first certificate` comes where nothing leads on
/// from the leaf, which is mostly a missing intermediate.
const VERIFICATIONS: &[(&str, Code)] = &[
    (
        "unable to verify the first certificate",
        Code::IncompleteChain,
    ),
    ("certificate has expired", Code::CertExpired),
    ("certificate is not yet valid", Code::CertNotYetValid),
    ("unable to get local issuer certificate", Code::UnknownCa),
    ("self-signed certificate", Code::UnknownCa),
    ("self signed certificate", Code::UnknownCa),
    ("unsuitable certificate purpose", Code::CertUnsupported),
    ("certificate signature failure", Code::BadSignature),
    ("no alternative certificate subject name", Code::SanMismatch),
    // What sslyze says; the first is said of either end of the validity.
    ("cert is not valid at validation time", Code::CertExpired),
    ("no matching subjectAltName", Code::SanMismatch),
];
