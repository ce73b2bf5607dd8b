//! The way to a server that signs: TCP, then TLS with a server that is who it must be. Edge. Nothing
//! secret is sent before that is known.

use std::error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::{AlertDescription, Error, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::transport::Channel;

use super::over;
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
    /// As errors name it.
    pub(super) who: String,
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
    let trust = Box::pin(load_trust(from, walk)).await?;
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
) -> Result<Channel, IdentityError> {
    let failed =
        |step, why: String, remedy: &str| IdentityError::at(&server.who, step, why, remedy);
    let (stream, address) = connect(server).await?;
    walk.done(Step::Connect, format!("{address} takes connections"));

    let (bundle, from) = server.anchors;
    let verifier = Verifier::new(bundle, server.name, now).map_err(|error| {
        let why = format!("none of its certificates can be a trust anchor: {error}");
        IdentityError::at(
            from,
            Step::Anchors,
            why,
            "give the CA certificates of the mesh",
        )
    })?;
    let config = verifier.client(server.versions).map_err(|error| {
        let why = format!("TLS cannot be set up: {error}");
        failed(Step::Tls, why, "please report this")
    })?;
    let name = server_name(server)?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = match timeout(LIMIT, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(refused(server, &verifier, &error)),
        Err(_) => {
            let why = format!(
                "it takes the connection and says nothing for {}s",
                LIMIT.as_secs()
            );
            return Err(failed(Step::Tls, why, server.advice.plaintext));
        }
    };
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    walk.done(Step::Tls, format!("{}, verified, {version}", server.name));
    match timeout(LIMIT, over(stream, server.address)).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(error)) => Err(failed(Step::Tls, innermost(&error), server.advice.closed)),
        Err(_) => {
            let why = format!("no HTTP/2 within {}s", LIMIT.as_secs());
            Err(failed(Step::Tls, why, server.advice.plaintext))
        }
    }
}

/// The words of the deepest cause: what stands above it says `transport error`.
pub(super) fn innermost(error: &(dyn error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let io = deepest.downcast_ref::<io::Error>();
    let io = io.or_else(|| deepest.downcast_ref::<h2::Error>()?.get_io());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::UnexpectedEof) => "it was closed".to_owned(),
        _ => short(deepest),
    }
}

async fn connect(server: &Server<'_>) -> Result<(TcpStream, SocketAddr), IdentityError> {
    let failed =
        |why: String, remedy: &str| IdentityError::at(&server.who, Step::Connect, why, remedy);
    let has_port = server.address.rsplit_once(':');
    if has_port.is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
        let why = format!("{:?} is no address", short(server.address));
        return Err(failed(why, "write HOST:PORT"));
    }
    let tried = timeout(LIMIT, async {
        let addresses = lookup_host(server.address)
            .await
            .map_err(Untried::Unknown)?;
        let mut last = None;
        for address in addresses {
            // One that swallows everything must not hide the others.
            let tried = timeout(EACH, TcpStream::connect(address)).await;
            match tried.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, address));
                }
                Err(error) => last = Some((address, error)),
            }
        }
        Err(last.map_or(Untried::Nowhere, |(address, error)| {
            Untried::Refused(address, error)
        }))
    });
    let absent = server.advice.absent;
    match tried.await {
        Ok(Ok(connected)) => Ok(connected),
        Ok(Err(Untried::Unknown(error))) => Err(failed(
            format!("its name cannot be resolved: {error}"),
            absent,
        )),
        Ok(Err(Untried::Nowhere)) => Err(failed("its name has no address".to_owned(), absent)),
        Ok(Err(Untried::Refused(address, error))) => {
            let kind = error.kind();
            let (what, remedy) = if kind == io::ErrorKind::ConnectionRefused {
                ("nobody listens there".to_owned(), absent)
            } else if kind == io::ErrorKind::TimedOut {
                ("no answer in time".to_owned(), SWALLOWED)
            } else {
                (error.to_string(), absent)
            };
            Err(failed(
                format!("{address} takes no connection: {what}"),
                remedy,
            ))
        }
        Err(_) => Err(failed(
            format!("no connection within {}s", LIMIT.as_secs()),
            SWALLOWED,
        )),
    }
}

/// Why there is no connection.
enum Untried {
    Unknown(io::Error),
    Nowhere,
    Refused(SocketAddr, io::Error),
}

fn server_name(server: &Server<'_>) -> Result<ServerName<'static>, IdentityError> {
    ServerName::try_from(server.name.to_owned()).map_err(|_| {
        let why = format!(
            "{:?} is not a name that a certificate can carry",
            short(server.name)
        );
        IdentityError::at(
            &server.who,
            Step::Tls,
            why,
            "set `server_name` to a DNS name",
        )
    })
}

/// Why the handshake failed.
fn refused(server: &Server<'_>, verifier: &Verifier, error: &io::Error) -> IdentityError {
    let failed = |why: String, remedy: &str| IdentityError::at(&server.who, Step::Tls, why, remedy);
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
        return failed(why, &remedy);
    }
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidMessage(_)) => failed(
            "what answers there speaks no TLS".to_owned(),
            advice.plaintext,
        ),
        Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            failed("it speaks TLS, and no HTTP/2".to_owned(), advice.plaintext)
        }
        Some(Error::AlertReceived(alert)) => failed(
            format!("it refuses our handshake: alert {alert:?}"),
            advice.closed,
        ),
        Some(other) => failed(
            format!("no handshake: {}", short(other)),
            advice.closed,
        ),
        None => failed(
            format!("it ends the handshake: {}", innermost(error)),
            advice.closed,
        ),
    }
}

/// How long one address of several may take.
const EACH: Duration = Duration::from_secs(3);
const SWALLOWED: &str = "a NetworkPolicy or a firewall may swallow it: let probe reach this port";
