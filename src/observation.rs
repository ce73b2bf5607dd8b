//! The facts of one connection, and no judgement. Everything a verdict may rest on is in here.

use std::time::Duration;

use rustls_pki_types::CertificateDer;

use crate::plan::{FollowUp, Knock};
use crate::target::Dialect;

/// What happened on one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What we came with.
    pub came: Came,
    /// What we tried to be taken for.
    pub dialect: Dialect,
    /// How far the connection got.
    pub stage: Stage,
    /// How it ended.
    pub ending: Ending,
    /// We had said close_notify, and closed our sending side, before it ended.
    pub we_closed: bool,
    /// A request was planned and not sent, because we do not trust the server.
    pub request_withheld: bool,
    /// A request was planned and not sent, because the connection ended first.
    pub request_unsent: bool,
    /// What was offered and negotiated.
    pub tls: Tls,
    /// What the server asked of us, and what we answered.
    pub certificate_request: CertificateRequest,
    /// The server's chain as sent, leaf first; empty where none was seen. Whoever sent it has proved
    /// to hold the leaf's key once the stage is past [`Stage::ServerHello`].
    pub chain: Vec<CertificateDer<'static>>,
    /// Session tickets received.
    pub tickets: u32,
    /// What of the tickets and the application data came too early to prove anything.
    pub early: Early,
    /// Alerts of warning level, in order; close_notify is not among them.
    pub warnings: Vec<u8>,
    /// The first bytes that came, as they were on the wire.
    pub first_bytes: Vec<u8>,
    /// Bytes received on the wire.
    pub received: u64,
    /// Bytes of application data received.
    pub application_bytes: u64,
    /// What was said in plaintext where TLS begins in the middle of a protocol.
    pub opening: Option<Opening>,
    /// What a proxy answered that we asked for a tunnel.
    pub tunnel: Option<Answer>,
    /// The HTTP/2 error code with which the peer ended the tunnel, or what was to become one.
    pub stream_error: Option<u32>,
    /// The answer to our request.
    pub answer: Option<Answer>,
    /// The answer to a request that is not HTTP.
    pub reply: Option<Reply>,
    /// How long each stage took.
    pub timing: Timing,
}

/// What a follow-up showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// What was different.
    pub kind: FollowUp,
    /// What happened.
    pub observation: Observation,
}

/// What a knock showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knocked {
    /// Where, and how.
    pub kind: Knock,
    /// What happened.
    pub observation: Observation,
}

/// In TLS 1.3 a server may speak before it has heard our side of the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Early {
    /// Session tickets.
    pub tickets: u32,
    /// Bytes of application data.
    pub bytes: u64,
    /// The peer went sooner than it can have heard that we go.
    pub goodbye: bool,
}

/// What we came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Came {
    /// Without TLS.
    Plaintext,
    /// Without TLS as far as our own sidecar, which goes on with an identity of its own.
    ThroughSidecar,
    /// With TLS and no client certificate.
    #[default]
    WithoutCertificate,
    /// With TLS and a client certificate to give.
    WithCertificate,
}

impl Came {
    /// We began a handshake, or meant to.
    pub const fn speaks_tls(self) -> bool {
        match self {
            Self::Plaintext | Self::ThroughSidecar => false,
            Self::WithoutCertificate | Self::WithCertificate => true,
        }
    }
}

/// How far a connection got. Later is greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The name was being resolved.
    #[default]
    Dns,
    /// The TCP connection was being made.
    Tcp,
    /// TLS was asked for in plaintext, or a protocol was begun that knows how to do without.
    StartTls,
    /// The ClientHello was sent and nothing of TLS came back.
    ClientHello,
    /// The server had begun its flight.
    ServerHello,
    /// The server's flight was complete and it held our answer: TLS 1.2 only, since in TLS 1.3 the
    /// handshake is over for us at that point.
    ClientAuth,
    /// The handshake was complete on our side; the peer's word on us was awaited.
    Settle,
    /// A tunnel was asked for, or what the dialect says before the request.
    Tunnel,
    /// Our request was sent (or the bytes of a plaintext probe).
    Request,
}

impl Stage {
    /// The name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::StartTls => "starttls",
            Self::ClientHello => "client_hello",
            Self::ServerHello => "server_hello",
            Self::ClientAuth => "client_auth",
            Self::Settle => "settle",
            Self::Tunnel => "tunnel",
            Self::Request => "request",
        }
    }
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// There never was a TCP connection.
    NeverConnected(NeverConnected),
    /// The peer sent a fatal alert.
    Alert(u8),
    /// Nobody said why.
    Wordless(Wordless),
    /// The answer to our request came.
    Answered,
    /// We would not go on.
    Objection(Objection),
    /// Our own trouble, in words; it says nothing about the peer.
    Fault(String),
}

impl Default for Ending {
    fn default() -> Self {
        Self::Wordless(Wordless::Quiet)
    }
}

/// Why there never was a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeverConnected {
    /// The name did not resolve, with the resolver's words.
    Dns(String),
    /// TCP was refused.
    Refused,
    /// There was no way to the host, with the system's words.
    HostUnreachable(String),
    /// TCP was not answered in time.
    Timeout,
}

/// Ends that carry no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wordless {
    /// The peer sent close_notify.
    CloseNotify,
    /// The peer closed without close_notify.
    Fin,
    /// The peer reset the connection.
    Reset,
    /// Time ran out, with the connection still open.
    Quiet,
}

/// Why we would not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// What came back is not TLS.
    NotTls,
    /// The server chose a version we did not offer.
    Version,
    /// The server chose a suite, a group or a scheme we cannot take, in words.
    NothingInCommon(String),
    /// The server did not prove that it holds the key of its certificate.
    BadProof,
    /// The server's certificate cannot be read at all.
    UnreadableCertificate,
    /// The peer broke the protocol, in words.
    Protocol(String),
    /// The peer sends without end.
    Flood,
}

/// What was offered and negotiated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The server name we sent.
    pub sni: Option<String>,
    /// The application protocols we offered.
    pub offered_alpn: Vec<String>,
    /// We offered one TLS version only.
    pub offered: Offered,
    /// The version, `1.2` or `1.3`.
    pub version: Option<Version>,
    /// The cipher suite by its IANA name.
    pub cipher: Option<String>,
    /// The key exchange group by its IANA name.
    pub group: Option<String>,
    /// The application protocol.
    pub alpn: Option<String>,
    /// The server asked for another ClientHello first.
    pub hello_retry: bool,
}

/// The TLS versions we offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offered {
    /// TLS 1.3 and 1.2.
    #[default]
    Both,
    /// One version.
    Only(Version),
}

/// A TLS version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.2
    Tls12,
    /// TLS 1.3
    Tls13,
}

impl Version {
    /// `1.2` or `1.3`
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

/// What the server asked of us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CertificateRequest {
    /// The connection ended before the server could have asked.
    #[default]
    Unknown,
    /// The server's flight was complete and did not ask.
    NeverAsked,
    /// The server asked.
    Asked {
        /// The CA names it listed, as DER.
        hints: Vec<Vec<u8>>,
        /// The signature schemes it listed, in its order.
        schemes: Vec<u16>,
        /// What we gave.
        gave: Gave,
    },
}

/// What we answered to a CertificateRequest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gave {
    /// Our chain.
    Certificate,
    /// An empty list: we have none.
    Nothing,
    /// An empty list: our key fits none of the schemes.
    NothingFits,
}

/// What a peer says in plaintext where TLS begins in the middle of a protocol. The words are for
/// people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It agrees to TLS.
    Agreed,
    /// It has none to give.
    NoTls(String),
    /// It has none to give now.
    NotNow(String),
    /// It will not speak with us, and that is not about TLS.
    Refused(String),
    /// Without TLS it speaks with us, and does not tell whether it wants TLS for what matters.
    Hides(String),
    /// Without TLS it speaks with us, and nothing shows that it wants TLS.
    Greets(String),
    /// It goes on without TLS.
    GoesOn(String),
    /// It goes on with TLS only.
    WantsTls(String),
}

/// The answer to our request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `server` header.
    pub server: Option<String>,
    /// The `date` header as sent.
    pub date: Option<String>,
    /// Headers that mesh proxies explain themselves with, by lower-case name.
    pub proxy_headers: Vec<(String, String)>,
    /// The begin of the body, as text.
    pub body: String,
    /// The gRPC status, from the trailers or the headers.
    pub grpc_status: Option<u32>,
    /// The gRPC message.
    pub grpc_message: Option<String>,
    /// The `ServingStatus` of a gRPC health check.
    pub grpc_serving: Option<u32>,
}

/// The answer to a request that is not HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To bytes of our own. What came before our side of the handshake was out is none.
    Raw {
        /// The begin of it.
        bytes: Vec<u8>,
        /// It holds what the request wants to find; nothing where it wants nothing.
        is_expected: Option<bool>,
        /// When what counts of it had come.
        moment: Moment,
    },
    /// To PostgreSQL's StartupMessage.
    Postgres(PostgresReply),
}

/// When bytes came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Once our side of the handshake was out, and before we had said anything.
    Unasked,
    /// After we had.
    Asked,
}

/// What a PostgreSQL server says to a StartupMessage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresReply {
    /// It authenticates us, or asks us to do so: the number of its Authentication message.
    Authentication(u32),
    /// It will not have us.
    Error {
        /// The five characters of SQLSTATE.
        sqlstate: String,
        /// Its words, in the language of the server.
        message: String,
        /// The function of the server that says so, in no language; empty where it names none.
        routine: String,
    },
}

/// How long each stage took; nothing where it was not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Resolving the name.
    pub dns: Option<Duration>,
    /// The TCP handshake.
    pub tcp: Option<Duration>,
    /// The TLS handshake, as far as it got.
    pub tls: Option<Duration>,
    /// From the end of the handshake to the peer's word.
    pub settle: Option<Duration>,
    /// From our request to the answer.
    pub request: Option<Duration>,
}
