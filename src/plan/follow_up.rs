//! The connections that are opened where a verdict stays open without them.

use super::Probe;
use crate::identity::Origin;
use crate::target::{Dialect, Group, ISTIO_ALPN, Request, Versions, Way, alpn, is_istio_alpn};

/// A further connection, opened where a verdict stays open without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FollowUp {
    /// The same with no client certificate.
    NoCertificate,
    /// The same with a certificate of the same names, by a CA that nobody knows.
    Throwaway,
    /// The same over the TLS version that the first offered not.
    OtherVersion,
    /// The same ClientHello, with the application protocol of an Istio sidecar beside ours; nothing is
    /// asked.
    MeshAlpn,
    /// Where plaintext is refused at a sidecar: TLS without a certificate, and without the application
    /// protocol of a sidecar; nothing is asked.
    PlainAlpn,
}

impl FollowUp {
    /// The name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::Throwaway => "throwaway",
            Self::OtherVersion => "other_version",
            Self::MeshAlpn => "mesh_alpn",
            Self::PlainAlpn => "plain_alpn",
        }
    }

    /// Every one, in the order in which they are worth trying.
    pub const ALL: [Self; 5] = [
        Self::Throwaway,
        Self::NoCertificate,
        Self::MeshAlpn,
        Self::PlainAlpn,
        Self::OtherVersion,
    ];

    /// The most that one cell ever wants: whom the ALPN might help has been shown no certificate to
    /// compare.
    pub const MOST: usize = 3;
}

impl Probe {
    /// The follow-ups that could tell more, each of which is opened once at the most.
    pub fn possible_follow_ups(&self) -> impl Iterator<Item = FollowUp> {
        FollowUp::ALL
            .into_iter()
            .filter(|kind| self.follow_ups && self.follow_up(*kind).is_some())
    }

    /// The connection of a follow-up; nothing where it would be no other.
    pub fn follow_up(&self, kind: FollowUp) -> Option<Self> {
        let has_certificate = match self.origin {
            Origin::Plaintext if kind == FollowUp::PlainAlpn => return self.plain_alpn(),
            Origin::Plaintext | Origin::Sidecar => return None,
            Origin::NoCertificate => false,
            Origin::Files(_) | Origin::Mint(_) | Origin::Fetched(_) => true,
        };
        let mut probe = Self {
            attempts: 1,
            follow_ups: false,
            ..self.clone()
        };
        match kind {
            FollowUp::Throwaway if has_certificate => {}
            FollowUp::NoCertificate if has_certificate => probe.origin = Origin::NoCertificate,
            FollowUp::NoCertificate | FollowUp::Throwaway | FollowUp::PlainAlpn => return None,
            FollowUp::MeshAlpn => {
                let ours = alpn(&self.way, &self.request, self.offer.alpn.as_deref());
                let is_plain = self.way.dialect == Dialect::Tls;
                if !is_plain || ours.iter().any(|name| is_istio_alpn(name)) {
                    return None;
                }
                let istio = [ISTIO_ALPN.to_owned()];
                probe.offer.alpn = Some(istio.into_iter().chain(ours).collect());
                probe.request = Request::None;
            }
            FollowUp::OtherVersion => {
                probe.offer.versions = self.offer.versions.other();
                let is_for_13 = |group: &Group| *group == Group::X25519MlKem768;
                if probe.offer.versions == Versions::Tls12
                    && !probe.offer.groups.is_empty()
                    && probe.offer.groups.iter().all(is_for_13)
                {
                    return None;
                }
            }
        }
        Some(probe)
    }

    /// How a client comes that knows nothing of the mesh, but for TLS.
    fn plain_alpn(&self) -> Option<Self> {
        let is_sidecar = matches!(self.way.dialect, Dialect::Istio | Dialect::Auto);
        let way = Way {
            dialect: Dialect::Tls,
            ..self.way.clone()
        };
        let mut offer = self.offer.clone();
        offer.alpn = Some(alpn(&way, &self.request, None));
        is_sidecar.then(|| Self {
            origin: Origin::NoCertificate,
            way,
            offer,
            request: Request::None,
            attempts: 1,
            follow_ups: false,
            ..self.clone()
        })
    }
}
