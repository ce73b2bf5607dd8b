//! What our ClientHello says: versions, groups, server name, application protocols.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};
use rustls_pki_types::ServerName;

use super::recorder::Recorder;
use crate::observation::{self, Offered, Version};
use crate::plan::Probe;
use crate::target::{Dialect, Group, Sni, Versions, alpn};

/// A connection that has not sent anything yet, and what it will offer.
pub(super) fn client(
    probe: &Probe,
    recorder: &Arc<Recorder>,
) -> Result<(ClientConnection, observation::Tls), rustls::Error> {
    let offered = versions(probe);
    let versions: &[&SupportedProtocolVersion] = match offered {
        Versions::Both => &[&TLS13, &TLS12],
        Versions::Tls12 => &[&TLS12],
        Versions::Tls13 => &[&TLS13],
    };
    let mut config = ClientConfig::builder_with_provider(provider(&probe.offer.groups))
        .with_protocol_versions(versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(recorder) as _)
        .with_client_cert_resolver(Arc::clone(recorder) as _);
    config.resumption = Resumption::store(Arc::clone(recorder) as _);

    let offered_alpn = alpn(&probe.way, &probe.request, probe.offer.alpn.as_deref());
    config.alpn_protocols = offered_alpn
        .iter()
        .map(|name| name.clone().into())
        .collect();

    // Some servers choose what was not offered; that is a fact to report, not an end.
    config.check_selected_alpn = false;

    let sni = server_name(probe);
    config.enable_sni = sni.is_some();
    // rustls wants some name; ours is never sent and never checked, since we judge identities.
    let name = sni
        .as_deref()
        .and_then(|name| ServerName::try_from(name.to_owned()).ok())
        .unwrap_or(ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST)));

    let offers = observation::Tls {
        sni,
        offered_alpn,
        offered: match offered {
            Versions::Both => Offered::Both,
            Versions::Tls12 => Offered::Only(Version::Tls12),
            Versions::Tls13 => Offered::Only(Version::Tls13),
        },
        ..observation::Tls::default()
    };
    Ok((ClientConnection::new(Arc::new(config), name)?, offers))
}

/// The proxies of ambient and of Linkerd speak TLS 1.3 alone, and so do their clients.
fn versions(probe: &Probe) -> Versions {
    match (probe.offer.versions, probe.way.dialect) {
        (Versions::Both, Dialect::Hbone | Dialect::Linkerd) => Versions::Tls13,
        (versions, _) => versions,
    }
}

/// The server name to send, where it is one that can be sent.
pub(super) fn server_name(probe: &Probe) -> Option<String> {
    let name = match (&probe.offer.sni, probe.way.dialect) {
        (Sni::Off, _) => return None,
        (Sni::Name(name), _) => name.clone(),
        // ztunnel and its clients know nothing of server names.
        (Sni::Host, Dialect::Hbone) => return None,
        (Sni::Host, Dialect::Tls | Dialect::Linkerd | Dialect::Sidecar | Dialect::Auto) => {
            probe.address.host().to_owned()
        }
        (Sni::Host, Dialect::Istio) => {
            let (host, port) = (probe.address.host(), probe.address.port());
            format!("outbound_.{port}_._.{host}")
        }
    };
    match ServerName::try_from(name.as_str()) {
        Ok(ServerName::DnsName(_)) => Some(name),
        Ok(_) | Err(_) => None,
    }
}

pub(super) fn provider(groups: &[Group]) -> Arc<CryptoProvider> {
    if groups.is_empty() {
        return Arc::clone(&PROVIDER);
    }
    let mut provider = CryptoProvider::clone(&PROVIDER);
    provider.kx_groups = groups
        .iter()
        .map(|group| match group {
            Group::X25519 => aws_lc_rs::kx_group::X25519,
            Group::Secp256r1 => aws_lc_rs::kx_group::SECP256R1,
            Group::Secp384r1 => aws_lc_rs::kx_group::SECP384R1,
            Group::X25519MlKem768 => aws_lc_rs::kx_group::X25519MLKEM768,
        })
        .collect();
    Arc::new(provider)
}

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
