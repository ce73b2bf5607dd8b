//! The way to a server that signs: TCP, then TLS with a server that is who it must be. Edge. Nothing
//! secret is sent before that is known.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::{AlertDescription, Error, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::call::{GrpcOnly, innermost, over};
use super::reach::{Untaken, tcp};
use super::trouble::Trouble;
use super::verifier::Verifier;
use crate::certificate::{Bundle, TrustDomain, rough};
use crate::code::Code;
use crate::identity::bounds::{LIMIT, short};
use crate::identity::error::IdentityError;
use crate::identity::loader::load_trust;
use crate::identity::origin::BundleOrigin;
use crate::identity::walk::{Step, Walk};

/// Whom to dial, and who must be there.
pub(super) struct Server<'a> {
    /// `HOST:PORT`.
    pub(super) address: &'a str,
    /// What its certificate must carry; a DNS name is the SNI as well.
    pub(super) name: &'a str,
    /// Its trust anchors, and where they came from.
    pub(super) anchors: (&'a Bundle, &'a BundleOrigin),
    /// The versions of TLS that it speaks.
    pub(super) versions: &'a [&'static SupportedProtocolVersion],
    /// What may be wrong, by what is seen.
    pub(super) advice: &'static Advice,
}

/// What may be wrong with the way to a server.
pub(super) struct Advice {
    /// Its name cannot be resolved, or nobody takes connections.
    pub(super) absent: &'static str,
    /// It does not speak TLS.
    pub(super) plaintext: &'static str,
    /// It closes, or refuses, as soon as it has heard whom we want.
    pub(super) closed: &'static str,
    /// It is somebody else, or somebody whose name is another.
    pub(super) name: &'static str,
}

/// The trust anchors of a trust domain, where they are.
pub(super) async fn anchors(
    from: &BundleOrigin,
    domain: &TrustDomain,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Bundle, IdentityError> {
    let failed = |why: String, remedy: &str| IdentityError::at(from, Step::Anchors, why, remedy);
    // What is inside it is boxed: the way there may lead through other clients.
    let trust = Box::pin(load_trust(from, walk)).await;
    let trust = trust.map_err(|error| match error.step() {
        Some(_) => error,
        None => IdentityError::flawed(
            "the trust anchors",
            Step::Anchors,
            &error.subject,
            &error.flaw,
            "give the root certificates of the mesh",
        ),
    })?;
    let Some(bundle) = trust.bundles.for_domain(domain) else {
        let held = trust.bundles.iter().filter_map(|(domain, _)| domain);
        let held: Vec<&str> = held.map(TrustDomain::as_str).collect();
        let held = match held.as_slice() {
            [] => "none at all".to_owned(),
            some => format!("only of {}", short(some.join(", "))),
        };
        return Err(failed(
            format!("there are no trust anchors of {domain}, {held}"),
            "give the anchors of the mesh that signs, or mend the trust domain",
        ));
    };
    let all = bundle.anchors();
    let Some(last) = all.iter().map(|anchor| anchor.facts.not_after).max() else {
        return Err(failed(
            "it holds no trust anchor".to_owned(),
            "without one nobody can be verified; fill it with the root of the mesh",
        ));
    };
    let ends = match last > now {
        true => format!("{} left", rough(last.duration_since(now))),
        false => format!("expired {} ago", rough(now.duration_since(last))),
    };
    let roots = if all.len() == 1 { "root" } else { "roots" };
    walk.done(
        Step::Anchors,
        format!("{} {roots} from {from}, {ends}", all.len()),
    );
    Ok(bundle.clone())
}

/// Connects, makes sure of the server, and speaks HTTP/2 from there on.
pub(super) async fn dial(
    server: &Server<'_>,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<GrpcOnly, Trouble> {
    let (stream, address) = connect(server).await?;
    walk.done(Step::Connect, format!("{address} takes connections"));

    let (bundle, from) = server.anchors;
    let verifier = Verifier::new(bundle, server.name, now).map_err(|error| {
        Trouble::new(
            Step::Anchors,
            format!("none of the certificates of {from} can be a trust anchor: {error}"),
            "give the CA certificates of the mesh",
        )
    })?;
    let config = verifier.client(server.versions).map_err(|error| {
        let why = format!("TLS cannot be set up: {error}");
        trouble(why, "please report this")
    })?;
    let name = server_name(server)?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let shaken = timeout(LIMIT, handshake).await.map_err(|_| {
        let seconds = LIMIT.as_secs();
        let why = format!("it takes the connection and says nothing for {seconds} s");
        trouble(why, server.advice.plaintext)
    })?;
    let stream = shaken.map_err(|error| refused(server, &verifier, &error))?;
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    walk.done(Step::Tls, format!("{}, verified, {version}", server.name));
    let channel = over(stream, server.address).await;
    channel.map_err(|why| trouble(why, server.advice.closed))
}

async fn connect(server: &Server<'_>) -> Result<(TcpStream, SocketAddr), Trouble> {
    let failed = |why: String, remedy| Trouble::new(Step::Connect, why, remedy);
    let has_port = server.address.rsplit_once(':');
    if has_port.is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
        let why = format!("{:?} is no address", short(server.address));
        return Err(failed(why, "write HOST:PORT"));
    }
    let absent = server.advice.absent;
    let untaken = |untaken: Untaken| {
        let remedy = match untaken {
            Untaken::Refused(..) => absent,
            Untaken::Late(_) => SWALLOWED,
        };
        failed(untaken.to_string(), remedy)
    };
    let tried = timeout(LIMIT, async {
        let addresses = lookup_host(server.address).await.map_err(|error| {
            let why = format!("its name cannot be resolved: {error}");
            failed(why, absent)
        })?;
        match addresses.collect::<Vec<_>>().as_slice() {
            [] => Err(failed("its name has no address".to_owned(), absent)),
            some => tcp(some).await.map_err(untaken),
        }
    });
    let late = |_| Err(untaken(Untaken::Late(LIMIT)));
    tried.await.unwrap_or_else(late)
}

fn server_name(server: &Server<'_>) -> Result<ServerName<'static>, Trouble> {
    ServerName::try_from(server.name.to_owned()).map_err(|_| {
        let why = format!(
            "{:?} is not a name that a certificate can carry",
            short(server.name)
        );
        trouble(why, "set `server_name` to a DNS name")
    })
}

/// Why the handshake failed.
fn refused(server: &Server<'_>, verifier: &Verifier, error: &io::Error) -> Trouble {
    let advice = server.advice;
    if let Some(refusal) = verifier.refusal() {
        let why = format!("we do not take it for {:?}: {}", server.name, refusal.why);
        let (_, from) = server.anchors;
        let remedy = if refusal.code == Code::SanMismatch {
            advice.name.to_owned()
        } else if let Code::CertExpired | Code::CertNotYetValid = refusal.code {
            "it must renew its certificate, unless the clock of this host is wrong".to_owned()
        } else if let Code::UnknownCa | Code::BadSignature | Code::IncompleteChain = refusal.code {
            format!("make sure that {from} holds the root of the mesh whose CA this is")
        } else {
            "it needs another certificate; see who issued this one".to_owned()
        };
        return trouble(why, remedy);
    }
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidMessage(_)) => {
            trouble("what answers there speaks no TLS", advice.plaintext)
        }
        Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            trouble("it speaks TLS, and no HTTP/2", advice.plaintext)
        }
        Some(Error::AlertReceived(alert)) => trouble(
            format!("it refuses our handshake: alert {alert:?}"),
            advice.closed,
        ),
        Some(other) => trouble(format!("no handshake: {}", short(other)), advice.closed),
        None => trouble(
            format!("it ends the handshake: {}", innermost(error)),
            advice.closed,
        ),
    }
}

fn trouble(why: impl Into<String>, remedy: impl Into<String>) -> Trouble {
    Trouble::new(Step::Tls, why, remedy)
}

const SWALLOWED: &str = "a NetworkPolicy or a firewall may swallow it: let probe reach this port";
