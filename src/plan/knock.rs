//! The connections that find out which dialect a peer speaks, where a suite leaves it to them.

use super::Probe;
use crate::identity::{LINKERD_MARK, Origin};
use crate::target::{Dialect, Request, Sni, Versions, Via, Way, alpn};

/// A connection that only looks who is there: without a certificate, and without a request over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Knock {
    /// The ClientHello of a mesh peer, at the address itself.
    Hello,
    /// The same at the port of a Linkerd proxy.
    LinkerdPort,
    /// The same at the port of a ztunnel.
    HbonePort,
    /// The request in plaintext.
    Plaintext,
}

impl Knock {
    /// The name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::LinkerdPort => "linkerd_port",
            Self::HbonePort => "hbone_port",
            Self::Plaintext => "plaintext",
        }
    }

    /// The most that are needed to know a peer.
    pub const MOST: u32 = 4;
}

impl Probe {
    /// The dialect is for the peer to tell.
    pub fn is_to_be_found(&self) -> bool {
        self.way.dialect == Dialect::Auto && !matches!(self.origin, Origin::Sidecar)
    }

    /// The name that a Linkerd proxy in front of the target would answer to, where it is known.
    pub fn linkerd_name(&self) -> Option<&str> {
        match &self.offer.sni {
            Sni::Name(name) if name.contains(LINKERD_MARK) => Some(name),
            Sni::Name(_) | Sni::Host | Sni::Off => None,
        }
    }

    /// The connection of a knock.
    pub fn knock(&self, kind: Knock) -> Self {
        let to = |dialect, via| Way {
            dialect,
            via,
            ..Way::default()
        };
        let is_linkerd = self.linkerd_name().is_some();
        let (origin, way) = match kind {
            Knock::Hello if is_linkerd => (Origin::NoCertificate, to(Dialect::Linkerd, None)),
            Knock::Hello => (Origin::NoCertificate, to(Dialect::Istio, None)),
            Knock::LinkerdPort => {
                let via = Some(Via::Port(LINKERD_PORT));
                (Origin::NoCertificate, to(Dialect::Linkerd, via))
            }
            Knock::HbonePort => (Origin::NoCertificate, to(Dialect::Hbone, None)),
            Knock::Plaintext => (Origin::Plaintext, to(Dialect::Tls, None)),
        };
        let mut offer = self.offer.clone();
        // What is offered belongs to what would be asked, though nothing is.
        offer.alpn = Some(alpn(&way, &self.request, self.offer.alpn.as_deref()));
        if kind == Knock::HbonePort {
            offer.sni = Sni::Off;
            offer.alpn = None;
            offer.versions = Versions::Tls13;
        }
        let request = match kind {
            Knock::Plaintext => self.request.clone(),
            Knock::Hello | Knock::LinkerdPort | Knock::HbonePort => Request::None,
        };
        Self {
            origin,
            way,
            offer,
            request,
            attempts: 1,
            follow_ups: false,
            ..self.clone()
        }
    }

    /// The same probe in the dialect that was found.
    pub fn spoken(&self, way: &Way) -> Self {
        Self {
            way: way.clone(),
            ..self.clone()
        }
    }
}

/// Where the proxy of Linkerd listens for other proxies.
pub(crate) const LINKERD_PORT: u16 = 4143;
