//! webpki, which decides. Everything else in this module explains.

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage};

use super::Role;
use super::signature::ALGORITHMS;

/// What webpki is asked.
pub(super) struct Ask<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) anchors: &'a [TrustAnchor<'a>],
    pub(super) at: Timestamp,
    pub(super) purpose: Purpose,
}

/// The extended key usage that every certificate of the chain must allow.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Of(Role),
    Whatever,
}

/// The path that webpki found.
pub(super) struct Verified<'a> {
    pub(super) intermediates: Vec<CertificateDer<'a>>,
    /// Which of the anchors.
    pub(super) anchor: usize,
}

impl Ask<'_> {
    /// Asks for a path that webpki finds good and that `accept` takes as well.
    pub(super) fn verify(
        &self,
        accept: &dyn Fn(&Verified<'_>) -> bool,
    ) -> Result<Verified<'static>, Error> {
        let leaf = EndEntityCert::try_from(self.leaf)?;
        let found = |path: &webpki::VerifiedPath<'_>| Verified {
            intermediates: path
                .intermediate_certificates()
                .map(|certificate| certificate.der().into_owned())
                .collect(),
            // Two anchors may be equal in all that webpki keeps (a root renewed with its key), and
            // still differ in their dates: only the address tells which it was.
            anchor: self
                .anchors
                .iter()
                .position(|anchor| std::ptr::eq(anchor, path.anchor()))
                .unwrap_or(usize::MAX),
        };
        let path = leaf.verify_for_usage(
            &ALGORITHMS,
            self.anchors,
            self.intermediates,
            unix(self.at),
            self.purpose,
            None, // one CRL of the same name and another key would refuse a good chain: see revocation
            Some(&|path| {
                if accept(&found(path)) {
                    Ok(())
                } else {
                    Err(Error::UnknownIssuer)
                }
            }),
        )?;
        Ok(found(&path))
    }
}

/// Whether webpki can read a certificate that is not an anchor.
pub(super) fn readable(der: &CertificateDer<'_>) -> Result<(), Error> {
    EndEntityCert::try_from(der).map(|_| ())
}

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        match self {
            Self::Of(Role::Server) => KeyUsage::server_auth().validate(purposes),
            Self::Of(Role::Client) => KeyUsage::client_auth().validate(purposes),
            Self::Whatever => Ok(()),
        }
    }
}

fn unix(at: Timestamp) -> UnixTime {
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
