//! What a minted certificate says: healthy, or spoilt in one place. Pure.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType,
};
use time::OffsetDateTime;

use super::error::{Flaw, IdentityError, Subject};
use crate::certificate::{Purpose, SpiffeId};

/// What a minted certificate says. What [`Leaf::svid`] makes is healthy; each field is there to be
/// spoilt.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The common name; none for an empty subject, which makes the SANs critical.
    pub common_name: Option<String>,
    /// URI SANs.
    pub uris: Vec<String>,
    /// DNS SANs.
    pub dns: Vec<String>,
    /// Start of the validity.
    pub not_before: Timestamp,
    /// End of the validity.
    pub not_after: Timestamp,
    /// The extended key usage; empty for none.
    pub purposes: Vec<Purpose>,
    /// Mark it as a CA.
    pub is_ca: bool,
    /// Send it alone, without the intermediates of its CA.
    pub alone: bool,
}

impl Leaf {
    /// A healthy SVID, for both ends of a connection.
    pub fn svid(id: &SpiffeId, not_before: Timestamp, not_after: Timestamp) -> Self {
        Self {
            common_name: None,
            uris: vec![id.to_string()],
            dns: vec![],
            not_before,
            not_after,
            purposes: vec![Purpose::ServerAuth, Purpose::ClientAuth],
            is_ca: false,
            alone: false,
        }
    }

    pub(super) fn params(&self) -> Result<CertificateParams, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = &self.common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        let unfit = |name: &String| mint(Flaw::Name(name.clone()));
        for uri in &self.uris {
            let name = uri.as_str().try_into().map_err(|_| unfit(uri))?;
            params.subject_alt_names.push(SanType::URI(name));
        }
        for dns in &self.dns {
            let name = dns.as_str().try_into().map_err(|_| unfit(dns))?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        params.not_before = date(self.not_before)?;
        params.not_after = date(self.not_after)?;
        params.is_ca = match self.is_ca {
            true => IsCa::Ca(BasicConstraints::Unconstrained),
            false => IsCa::ExplicitNoCa,
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let purposes = self.purposes.iter().map(purpose);
        params.extended_key_usages = purposes.collect::<Result<_, _>>()?;
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

fn purpose(purpose: &Purpose) -> Result<ExtendedKeyUsagePurpose, IdentityError> {
    Ok(match purpose {
        Purpose::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
        Purpose::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
        Purpose::Any => ExtendedKeyUsagePurpose::Any,
        Purpose::Other(oid) => ExtendedKeyUsagePurpose::Other(
            components(oid).ok_or_else(|| mint(Flaw::Oid(oid.clone())))?,
        ),
    })
}

/// X.660: the first component is 0, 1 or 2, and below 0 and 1 the second is under 40.
fn components(oid: &str) -> Option<Vec<u64>> {
    let parts = oid
        .split('.')
        .map(|part| part.parse::<u32>().map(u64::from));
    let parts = parts.collect::<Result<Vec<_>, _>>().ok()?;
    match parts.as_slice() {
        [0 | 1, 0..40, ..] | [2, _, ..] => Some(parts),
        _ => None,
    }
}

/// rcgen writes the years 0 to 9999 and panics at others.
pub(super) fn date(moment: Timestamp) -> Result<OffsetDateTime, IdentityError> {
    let date = OffsetDateTime::from_unix_timestamp(moment.as_second()).ok();
    date.filter(|date| (1..=9999).contains(&date.year()))
        .ok_or_else(|| mint(Flaw::Date(moment.to_string())))
}

pub(super) fn mint(flaw: Flaw) -> IdentityError {
    IdentityError::new(Subject::Mint, flaw)
}
