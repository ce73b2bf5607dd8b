//! Why there is no identity: what is at fault, what is wrong with it, and the way out.

use std::fmt;
use std::path::{Path, PathBuf};

use super::walk::Step;
use crate::certificate::Malformed;

/// Why there is no identity, no bundle or no revocation list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject} {flaw}")]
pub struct IdentityError {
    /// What is at fault.
    pub subject: Subject,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl IdentityError {
    pub(crate) fn new(subject: Subject, flaw: Flaw) -> Self {
        Self { subject, flaw }
    }

    /// What went wrong at a step of the way to an identity, and the way out.
    pub(crate) fn at(
        who: impl fmt::Display,
        step: Step,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (why, remedy) = (why.into(), remedy.into());
        let subject = Subject::Source(who.to_string());
        Self::new(subject, Flaw::Failed { step, why, remedy })
    }

    /// What came at a step has this flaw; `remedy` is for flaws that name no way out.
    #[cfg(any(feature = "grpc", feature = "kubernetes"))]
    pub(crate) fn flawed(
        who: impl fmt::Display,
        step: Step,
        what: impl fmt::Display,
        flaw: &Flaw,
        remedy: &str,
    ) -> Self {
        let flaw = flaw.to_string();
        let (why, remedy) = flaw.split_once("; ").unwrap_or((&flaw, remedy));
        Self::at(who, step, format!("{what} {why}"), remedy)
    }

    /// Nobody was there to say what went wrong.
    pub(crate) fn crashed() -> Self {
        let why = "it ended unexpectedly; please report this".to_owned();
        Self::new(Subject::Chain, Flaw::Unreadable(why))
    }

    /// The step at which it went wrong, where there are several.
    pub fn step(&self) -> Option<Step> {
        if let Flaw::Failed { step, .. } = self.flaw {
            return Some(step);
        }
        None
    }

    /// The same error about bytes that came from this file.
    pub(crate) fn of_file(self, path: &Path) -> Self {
        match self.subject {
            Subject::File(_) | Subject::Source(_) => self,
            Subject::Chain | Subject::Key | Subject::Bundle | Subject::Crls | Subject::Mint => {
                Self::new(Subject::File(path.to_owned()), self.flaw)
            }
        }
    }
}

/// What an [`IdentityError`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The bytes of a certificate chain.
    Chain,
    /// The bytes of a key.
    Key,
    /// The bytes of a trust bundle.
    Bundle,
    /// The bytes of a revocation list.
    Crls,
    /// A file.
    File(PathBuf),
    /// What was to be minted.
    Mint,
    /// Who hands out or signs identities or trust anchors, for example `the Istio CA at …`.
    Source(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => f.write_str("the certificate chain"),
            Self::Key => f.write_str("the key"),
            Self::Bundle => f.write_str("the trust bundle"),
            Self::Crls => f.write_str("the revocation list"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Mint => f.write_str("the minted certificate"),
            Self::Source(who) => f.write_str(who),
        }
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Nothing stands at the path.
    #[error("does not exist")]
    Missing,
    /// We may not read it.
    #[error("may not be read by this user; give read permission to the user that runs probe")]
    Denied,
    /// The path is a folder.
    #[error("is a folder; name the file in it")]
    Folder,
    /// The file is over the limit, in bytes.
    #[error("is larger than {0} bytes, too much for certificates or keys; is it the right file?")]
    TooBig(u64),
    /// The system cannot read it, in its words.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Nothing is in it.
    #[error("is empty")]
    Empty,
    /// No certificate is in it; these PEM blocks are.
    #[error("holds no certificate ({}); give PEM that begins with \"-----BEGIN CERTIFICATE-----\"", seen(.0))]
    NoCertificate(Vec<String>),
    /// No key is in it; these PEM blocks are.
    #[error("holds no private key ({}); give PEM that begins with \"-----BEGIN PRIVATE KEY-----\"", seen(.0))]
    NoKey(Vec<String>),
    /// No revocation list is in it; these PEM blocks are.
    #[error("holds no revocation list ({}); give DER, or PEM that begins with \"-----BEGIN X509 CRL-----\"", seen(.0))]
    NoCrl(Vec<String>),
    /// DER stands where PEM is expected.
    #[error("is DER, and PEM is expected; convert it: {0}")]
    Der(Der),
    /// JSON stands where PEM is expected.
    #[error(
        "is JSON, and PEM is expected; a SPIFFE bundle in JSON belongs where trust anchors are asked for"
    )]
    NotPem,
    /// The JSON of a bundle cannot be read.
    #[error("is JSON that is no SPIFFE bundle: line {line}, column {column}: {why}")]
    Json {
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
        /// What is wrong there.
        why: String,
    },
    /// A SPIFFE bundle breaks the rules of the standard, in words.
    #[error("is no SPIFFE bundle: {0}")]
    SpiffeBundle(String),
    /// A map of bundles stands where one is expected; these are its trust domains.
    #[error(
        "is a map of bundles ({}), and one bundle is expected; each of them counts for its own trust domain alone", listed(.0)
    )]
    SeveralBundles(Vec<String>),
    /// Nothing is in a trust bundle.
    #[error("is empty; a bundle that trusts nobody on purpose says so: {{\"keys\": []}}")]
    EmptyBundle,
    /// Another container stands where trust anchors are expected, and how to take them out of it.
    #[error("is {0}; take the certificates out of it: {1}")]
    Container(&'static str, &'static str),
    /// DER values do not follow one another without a gap.
    #[error(
        "is broken DER: certificate {nth}, at byte {at}, is cut short or none at all; certificates in DER stand one after the other, with nothing between them"
    )]
    BrokenDer {
        /// Which one, counted from 1.
        nth: usize,
        /// Where it begins, counted from 0.
        at: usize,
    },
    /// The PEM itself is broken, in words.
    #[error("is broken PEM: {0}")]
    BrokenPem(String),
    /// The key is encrypted.
    #[error(
        "is an encrypted key, and nobody is there to ask for its passphrase; decrypt it: (umask 077; openssl pkey -in FILE -out FILE.plain)"
    )]
    Encrypted,
    /// There is more than one key.
    #[error("holds {0} private keys; leave the one that belongs to the leaf")]
    SeveralKeys(usize),
    /// The key belongs to another certificate.
    #[error("does not belong to the certificate of {0:?}; give the key that was made with it")]
    KeyMismatch(String),
    /// Somebody signed another key than ours.
    #[error("is for another key than the one that it was asked for; nobody can use it")]
    ForeignKey,
    /// The key belongs to a later certificate of the chain, counted from 1.
    #[error(
        "stands in the wrong order: the key belongs to certificate {0}, and that one must come first"
    )]
    Order(usize),
    /// The key is of a kind or a size that TLS cannot use here.
    #[error(
        "is a key that cannot be used for TLS here: take ECDSA P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or Ed25519"
    )]
    UnsupportedKey,
    /// A certificate cannot be read, counted from 1.
    #[error("holds a broken certificate: number {nth} {why}; replace it by a whole one")]
    Malformed {
        /// Which one, counted from 1.
        nth: usize,
        /// What is wrong with it.
        why: Malformed,
    },
    /// A revocation list cannot be read, counted from 1.
    #[error(
        "holds a broken revocation list: number {nth} cannot be read as X.509 version 2 ({why}); openssl ca writes that version where `crlnumber` is set"
    )]
    MalformedCrl {
        /// Which one, counted from 1.
        nth: usize,
        /// What is wrong with it, in the library's word.
        why: String,
    },
    /// A private key stands in a file that is meant for everybody.
    #[error("holds a private key, and a trust bundle is public; remove the key from it")]
    KeyInBundle,
    /// The certificate that is to sign is not a CA.
    #[error(
        "is not a CA certificate, and nobody would take what it signs; give the CA's own certificate"
    )]
    NotCa,
    /// The CA may sign leaves alone.
    #[error(
        "allows no CA below it (its path length is 0), so that there is no intermediate to leave out; give a CA that is an intermediate itself"
    )]
    NoCaBelow,
    /// A name holds characters that a certificate cannot carry there.
    #[error("cannot carry the name {0:?}: only ASCII is allowed there")]
    Name(String),
    /// A purpose is not written as an OID.
    #[error("cannot carry the purpose {0:?}: write an OID such as 1.3.6.1.5.5.7.3.2")]
    Oid(String),
    /// A moment lies beyond what a certificate can say.
    #[error("cannot carry the date {0}: the years 1 to 9999 are allowed")]
    Date(String),
    /// A step on the way to an identity went wrong.
    #[error("cannot serve us ({step}): {why}; {remedy}")]
    Failed {
        /// The step.
        step: Step,
        /// What happened there.
        why: String,
        /// The way out.
        remedy: String,
    },
    /// This build cannot speak to it.
    #[error("cannot be used by this build; build it with `--features {0}`")]
    NotBuilt(&'static str),
    /// The cryptographic library refused, in its words.
    #[error("cannot be made: {0}")]
    Crypto(String),
}

/// What a DER file holds, as far as its first bytes tell, and how to make PEM of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Der {
    /// A certificate.
    Certificate,
    /// A private key.
    Key,
    /// PKCS#12: certificates and key in one, encrypted.
    Pkcs12,
    /// PKCS#7: certificates alone.
    Pkcs7,
}

impl fmt::Display for Der {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "openssl x509 -inform DER -in FILE -out FILE.pem",
            Self::Key => "(umask 077; openssl pkey -inform DER -in FILE -out FILE.pem)",
            Self::Pkcs12 => "(umask 077; openssl pkcs12 -in FILE -noenc -out FILE.pem)",
            Self::Pkcs7 => "openssl pkcs7 -inform DER -in FILE -print_certs -out FILE.pem",
        })
    }
}

fn seen(labels: &[String]) -> String {
    if labels.is_empty() {
        "no PEM block at all".to_owned()
    } else {
        format!("only {}", labels.join(", "))
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "of no trust domain".to_owned(),
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("of {first}, {second}, {third} and {} more", rest.len())
        }
        all => format!("of {}", all.join(", ")),
    }
}
