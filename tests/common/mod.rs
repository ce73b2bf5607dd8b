//! A small mesh made at run time, peers for it, and a client that judges what it sees.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses a part of it"
)]

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mtls_probe::certificate::{
    Bundle, Bundles, Expected, Facts, Judgement, Purpose, Question, Role, judge,
};
use mtls_probe::handshake::{Attempt, Guise, observe};
use mtls_probe::identity::{Authority, Identity, Leaf, Minted, Origin};
use mtls_probe::observation::{Observation, Stage};
use mtls_probe::plan::Probe;
use mtls_probe::run::now;
use mtls_probe::suite::Pause;
use mtls_probe::target::{Offer, Request, Versions, Way};
use mtls_probe::verdict::{Elsewhere, Known, Own, Verdict, classify};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    ServerConnection, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub const BOTH: [Versions; 2] = [Versions::Tls12, Versions::Tls13];

pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// Who is there.
pub struct World {
    pub now: Timestamp,
    pub root: CertificateDer<'static>,
    pub issuing: Authority,
    pub stranger: Authority,
    pub namesake: Authority,
    pub good: Minted,
    pub revoked: Minted,
    pub crl: CertificateRevocationListDer<'static>,
}

pub fn id(account: &str) -> String {
    format!("spiffe://cluster.local/ns/default/sa/{account}")
}

impl World {
    fn new() -> Self {
        let now = now();
        let root = Authority::throwaway("mesh root", now).unwrap();
        let issuing = root.intermediate("mesh issuing CA", now).unwrap();
        let leaf = svid(now, "frontend");
        let revoked = issuing.issue(&leaf).unwrap();
        Self {
            crl: issuing.revoke(&[&revoked], now).unwrap(),
            revoked,
            good: issuing.issue(&leaf).unwrap(),
            stranger: Authority::throwaway("a stranger", now).unwrap(),
            namesake: Authority::like(root.root().unwrap(), now).unwrap(),
            root: root.root().unwrap().clone(),
            issuing,
            now,
        }
    }

    /// A leaf of the mesh, spoilt.
    pub fn spoilt(&self, account: &str, spoil: impl Fn(&mut Leaf)) -> Minted {
        let mut leaf = svid(self.now, account);
        spoil(&mut leaf);
        self.issuing.issue(&leaf).unwrap()
    }

    pub fn by(&self, authority: &Authority, account: &str) -> Minted {
        authority.issue(&svid(self.now, account)).unwrap()
    }

    /// A healthy server of the mesh.
    pub fn server(&self) -> Server {
        Server {
            minted: Arc::new(self.spoilt("server", |_| {})),
            clients: Clients::OfTheMesh,
            versions: vec![&TLS13, &TLS12],
            tickets: 2,
            alpn: vec![],
            provider: Arc::new(aws_lc_rs::default_provider()),
        }
    }

    pub fn hours(&self, hours: i64) -> Timestamp {
        self.now + SignedDuration::from_hours(hours)
    }

    pub fn judge(&self, role: Role, chain: &[CertificateDer<'static>]) -> Judgement {
        let root = Bundle::new([self.root.clone()]).unwrap();
        let expected = match role {
            Role::Server => Expected::Id(id("server").parse().unwrap()),
            Role::Client => Expected::AnySvid,
        };
        judge(&Question {
            chain,
            bundles: &Bundles::untagged(root),
            role,
            expected: &expected,
            at: self.now,
            crls: std::slice::from_ref(&self.crl),
            elsewhere: &[self.issuing.chain()[0].clone()],
        })
    }
}

fn svid(now: Timestamp, account: &str) -> Leaf {
    let day = SignedDuration::from_hours(24);
    Leaf::svid(&id(account).parse().unwrap(), now - day, now + day)
}

/// A client: what it comes as, and what it offers and asks.
pub struct Client {
    pub identity: Option<Identity>,
    pub plaintext: bool,
    pub offer: Offer,
    pub request: Request,
    pub timeout: Duration,
}

/// What a client saw, and what that means.
pub struct Seen {
    pub observation: Observation,
    pub verdict: Verdict,
}

impl Seen {
    pub fn spoken(&self) -> String {
        let by = self.verdict.outcome().by();
        let by = by.map_or(String::new(), |by| format!(" by {}", by.as_str()));
        let sure = self.verdict.confidence.as_str();
        format!("{}{by}, {sure}", self.verdict.code())
    }
}

impl Client {
    pub fn with(minted: &Minted) -> Self {
        Self {
            identity: Some(minted.identity().unwrap()),
            plaintext: false,
            offer: Offer::default(),
            request: Request::None,
            timeout: Duration::from_secs(3),
        }
    }

    pub fn good() -> Self {
        Self::with(&WORLD.good)
    }

    pub fn nobody() -> Self {
        Self {
            identity: None,
            ..Self::good()
        }
    }

    pub fn plaintext() -> Self {
        Self {
            plaintext: true,
            ..Self::nobody()
        }
    }

    pub fn over(mut self, versions: Versions) -> Self {
        self.offer.versions = versions;
        self
    }

    pub fn asking(mut self, request: &str) -> Self {
        self.request = request.parse().unwrap();
        self
    }

    pub fn within(mut self, millis: u64) -> Self {
        self.timeout = Duration::from_millis(millis);
        self
    }

    pub async fn come(&self, address: SocketAddr) -> Seen {
        self.come_knowing(address, Elsewhere::default()).await
    }

    pub async fn come_knowing(&self, address: SocketAddr, elsewhere: Elsewhere<'_>) -> Seen {
        let probe = Probe {
            origin: Origin::NoCertificate,
            address: address.into(),
            dns_server: None,
            way: Way::default(),
            offer: self.offer.clone(),
            request: self.request.clone(),
            timeout: self.timeout,
            attempts: 1,
            pause: Pause::default(),
            follow_ups: false,
        };
        let guise = match (&self.identity, self.plaintext) {
            (_, true) => Guise::Plaintext,
            (Some(identity), false) => Guise::Identity(identity),
            (None, false) => Guise::Nobody,
        };
        let observation = observe(Attempt {
            probe: &probe,
            address,
            dialled: address,
            guise,
            may_speak: &|chain| WORLD.judge(Role::Server, chain).is_ok(),
        })
        .await;
        let is_proved = observation.stage >= Stage::ClientAuth && !observation.chain.is_empty();
        let server = is_proved.then(|| WORLD.judge(Role::Server, &observation.chain));
        let own = self.identity.as_ref().map(|identity| Own {
            judgement: WORLD.judge(Role::Client, identity.chain()),
            top_issuer: Facts::parse(identity.chain().last().unwrap())
                .unwrap()
                .issuer_der,
        });
        let verdict = classify(
            &observation,
            &Known {
                own: own.as_ref(),
                server: server.as_ref(),
                elsewhere,
                ..Known::default()
            },
        );
        Seen {
            observation,
            verdict,
        }
    }
}

/// What a TLS server is made of.
#[derive(Clone)]
pub struct Server {
    pub minted: Arc<Minted>,
    pub clients: Clients,
    pub versions: Vec<&'static SupportedProtocolVersion>,
    pub tickets: usize,
    pub alpn: Vec<&'static str>,
    pub provider: Arc<CryptoProvider>,
}

/// Whom a server takes.
#[derive(Clone)]
pub enum Clients {
    /// Those of the mesh whose certificate is not on its revocation list, and nobody else.
    OfTheMesh,
    /// It does not ask.
    Anybody,
    /// It asks, and takes all that comes, also nothing.
    Whoever,
    /// It asks, and refuses every certificate so.
    Nobody(CertificateError),
}

impl Server {
    pub fn with(mut self, minted: Minted) -> Self {
        self.minted = Arc::new(minted);
        self
    }

    pub fn taking(mut self, clients: Clients) -> Self {
        self.clients = clients;
        self
    }

    pub fn without_tickets(mut self) -> Self {
        self.tickets = 0;
        self
    }

    pub fn config(&self) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&self.versions)
            .unwrap();
        let config = match &self.clients {
            Clients::Anybody => config.with_no_client_auth(),
            Clients::OfTheMesh => {
                let mut roots = RootCertStore::empty();
                roots.add(WORLD.root.clone()).unwrap();
                let provider = Arc::clone(&self.provider);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .with_crls([WORLD.crl.clone()])
                        .only_check_end_entity_revocation()
                        .allow_unknown_revocation_status();
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
            Clients::Whoever => {
                config.with_client_cert_verifier(Arc::new(Verifier::new(self, None)))
            }
            Clients::Nobody(why) => {
                config.with_client_cert_verifier(Arc::new(Verifier::new(self, Some(why.clone()))))
            }
        };
        let chain = self.minted.chain().to_vec();
        let key = PrivateKeyDer::from_pem_slice(self.minted.key_pem().as_bytes()).unwrap();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let certified = rustls::sign::CertifiedKey::new(chain, key);
        let resolver = rustls::sign::SingleCertAndKey::from(certified);
        let mut config = config.with_cert_resolver(Arc::new(resolver));
        config.send_tls13_tickets = self.tickets;
        config.alpn_protocols = self.alpn.iter().map(|name| (*name).into()).collect();
        Arc::new(config)
    }

    /// Starts it. `then` gets every connection whose handshake succeeded; the others are left by FIN.
    pub async fn start<F, R>(&self, then: F) -> SocketAddr
    where
        F: Fn(TlsStream<TcpStream>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = io::Result<()>> + Send + 'static,
    {
        self.start_leaving(Leave::Fin, then).await
    }

    pub async fn start_leaving<F, R>(&self, leave: Leave, then: F) -> SocketAddr
    where
        F: Fn(TlsStream<TcpStream>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = io::Result<()>> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(self.config());
        peer(move |stream| {
            let (acceptor, then) = (acceptor.clone(), then.clone());
            async move {
                match acceptor.accept(stream).into_fallible().await {
                    Ok(stream) => then(stream).await,
                    Err((_, stream)) => leave.by(stream).await,
                }
            }
        })
        .await
    }

    /// Starts it with an answer to whatever is asked.
    pub async fn answering(&self, answer: &'static str) -> SocketAddr {
        self.start(move |stream| respond(stream, answer)).await
    }

    /// Starts a server of which only the beginning is real.
    pub async fn until(&self, point: Point, leave: Leave) -> SocketAddr {
        let config = self.config();
        peer(move |mut stream| {
            let config = Arc::clone(&config);
            async move {
                let mut session = ServerConnection::new(config).unwrap();
                let flight = flight(&mut session, &mut stream).await?;
                if point == Point::MiddleOfItsFlight {
                    stream.write_all(&flight[..flight.len() / 2]).await?;
                    return leave.by(stream).await;
                }
                stream.write_all(&flight).await?;
                // Our side, heard and not looked at.
                hear(&mut stream).await?;
                if point == Point::CloseNotifyUnjudged {
                    session.send_close_notify();
                    let mut goodbye = vec![];
                    session.write_tls(&mut goodbye)?;
                    stream.write_all(&goodbye).await?;
                }
                leave.by(stream).await
            }
        })
        .await
    }
}

/// Where a server stops being real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    MiddleOfItsFlight,
    OurSideHeard,
    /// TLS 1.3 only.
    CloseNotifyUnjudged,
}

async fn flight(session: &mut ServerConnection, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut flight = vec![];
    while flight.is_empty() {
        let mut buffer = [0; 8192];
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = &buffer[..read];
        while !bytes.is_empty() {
            session.read_tls(&mut bytes)?;
        }
        session.process_new_packets().map_err(io::Error::other)?;
        while session.wants_write() {
            session.write_tls(&mut flight)?;
        }
    }
    Ok(flight)
}

/// How a peer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Fin,
    Rst,
    /// Not at all: it stays, and says nothing.
    Never,
}

impl Leave {
    pub async fn by(self, mut stream: TcpStream) -> io::Result<()> {
        match self {
            Self::Fin => {
                stream.shutdown().await?;
                discard(&mut stream).await
            }
            Self::Rst => stream.set_zero_linger(),
            Self::Never => {
                discard(&mut stream).await?;
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(())
            }
        }
    }
}

/// Waits for the client to say something.
pub async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    stream.read(&mut [0; 8192]).await.map(|_| ())
}

/// Reads until the client is gone.
pub async fn discard(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// Answers one request, whatever it is, and says goodbye.
pub async fn respond(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &'static str,
) -> io::Result<()> {
    let mut request = [0; 4096];
    if stream.read(&mut request).await? == 0 {
        return stream.shutdown().await;
    }
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Answers the goodbye of a client that asks nothing.
pub async fn farewell(mut stream: TlsStream<TcpStream>) -> io::Result<()> {
    let mut request = [0; 4096];
    while stream.read(&mut request).await? > 0 {}
    stream.shutdown().await
}

/// Counts the bytes of application data that clients dare to send.
pub fn listening(
    heard: &Arc<AtomicUsize>,
) -> impl Fn(TlsStream<TcpStream>) -> Boxed + Clone + Send + Sync + 'static {
    let heard = Arc::clone(heard);
    move |mut stream| {
        let heard = Arc::clone(&heard);
        Box::pin(async move {
            let mut request = [0; 4096];
            loop {
                match stream.read(&mut request).await? {
                    0 => return stream.shutdown().await,
                    n => heard.fetch_add(n, Ordering::SeqCst),
                };
            }
        })
    }
}

pub type Boxed = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Starts a peer that does this with every connection.
pub async fn peer<F, R>(then: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + Sync + 'static,
    R: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(then(stream));
        }
    });
    address
}

/// A verifier that is done with certificates before it has looked at them.
#[derive(Debug)]
struct Verifier {
    refuse: Option<CertificateError>,
    provider: Arc<CryptoProvider>,
    hints: Vec<DistinguishedName>,
}

impl Verifier {
    fn new(server: &Server, refuse: Option<CertificateError>) -> Self {
        let root = Facts::parse(&WORLD.root).unwrap();
        Self {
            refuse,
            provider: Arc::clone(&server.provider),
            hints: vec![root.subject_der.into()],
        }
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn client_auth_mandatory(&self) -> bool {
        self.refuse.is_some()
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match &self.refuse {
            Some(why) => Err(Error::InvalidCertificate(why.clone())),
            None => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// For leaves that are good for servers alone.
pub fn for_servers_only(leaf: &mut Leaf) {
    leaf.purposes = vec![Purpose::ServerAuth];
}
