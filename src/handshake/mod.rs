//! One probe, one connection, one observation. Edge: the only room that talks to peers.
//!
//! TLS 1.3 is over on our side before the peer has judged our certificate: only a read tells. So after
//! the handshake we listen first, and speak or close only then.

mod config;
mod ending;
mod exchange;
mod flight;
mod linkerd;
mod records;
mod recorder;
mod tunnel;
mod ldap;
mod mysql;
mod opening;
mod postgres;
mod raw;
mod smtp;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConnection, ProtocolVersion};
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;

use self::recorder::Recorder;
use self::wire::{Elapsed, Wire};
use crate::identity::Identity;
use crate::observation::{Came, CertificateRequest, Ending, Observation, Opening, Stage, Version};
use crate::plan::Probe;
use crate::target::{Dialect, Request, StartTls};

/// What one connection needs beside its probe.
pub struct Attempt<'a> {
    /// The planned probe.
    pub probe: &'a Probe,
    /// One of the addresses behind its name.
    pub address: SocketAddr,
    /// Where the connection goes: the same, or a proxy before it.
    pub dialled: SocketAddr,
    /// What we come as.
    pub guise: Guise<'a>,
    /// Whether the server with this chain may hear our request: nothing is ever said on a connection
    /// whose server is not trusted.
    pub may_speak: &'a (dyn Fn(&[CertificateDer<'static>]) -> bool + Sync),
}

/// What we come as.
#[derive(Clone, Copy, Debug)]
pub enum Guise<'a> {
    /// With TLS and this certificate.
    Identity(&'a Identity),
    /// With TLS and no certificate.
    Nobody,
    /// Without TLS.
    Plaintext,
    /// Without TLS as far as our own sidecar.
    Sidecar,
}

impl<'a> Guise<'a> {
    /// The chain we come with; empty without a certificate.
    pub fn chain(self) -> &'a [CertificateDer<'static>] {
        match self {
            Self::Identity(identity) => identity.chain(),
            Self::Nobody | Self::Plaintext | Self::Sidecar => &[],
        }
    }
}

/// Opens the connection and follows it to its end.
pub async fn observe(attempt: Attempt<'_>) -> Observation {
    let mut seen = Observation {
        came: match attempt.guise {
            Guise::Identity(_) => Came::WithCertificate,
            Guise::Nobody => Came::WithoutCertificate,
            Guise::Plaintext => Came::Plaintext,
            Guise::Sidecar => Came::ThroughSidecar,
        },
        dialect: attempt.probe.way.dialect,
        stage: Stage::Tcp,
        ..Observation::default()
    };
    let begun = Instant::now();
    let deadline = begun + attempt.probe.timeout;
    let wire = match Wire::connect(attempt.dialled, attempt.probe.timeout).await {
        Ok(wire) => wire,
        Err(ending) => {
            seen.ending = ending;
            return seen;
        }
    };
    let round_trip = begun.elapsed();
    seen.timing.tcp = Some(round_trip);
    let patience = Patience {
        deadline,
        round_trip,
        turn: turn(round_trip),
    };
    match attempt.guise {
        Guise::Identity(identity) => tls(attempt, Some(identity), wire, patience, &mut seen).await,
        Guise::Nobody => tls(attempt, None, wire, patience, &mut seen).await,
        Guise::Plaintext | Guise::Sidecar => {
            plaintext(attempt.probe, wire, patience, &mut seen).await
        }
    }
    seen
}

/// How long to wait for a peer.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// The end of the whole connection.
    deadline: Instant,
    /// From us to the peer and back, at the most.
    round_trip: Duration,
    /// Long enough for the peer to have answered what we last said.
    turn: Duration,
}

impl Patience {
    /// One turn from now, within the deadline.
    fn one_turn(self) -> Instant {
        self.deadline.min(Instant::now() + self.turn)
    }

    /// The same in the middle of the handshake, leaving time for the rest of it.
    fn one_turn_of_more(self) -> Instant {
        let now = Instant::now();
        let half = self.deadline.saturating_duration_since(now) / 2;
        now + self.turn.min(half)
    }

    /// The peer's first word took so long.
    fn having_heard_after(self, answer: Duration) -> Self {
        Self {
            // Behind a relay the TCP handshake says nothing of the way to the peer.
            turn: turn(self.round_trip.max(answer)),
            round_trip: self.round_trip.min(answer),
            ..self
        }
    }
}

fn turn(round_trip: Duration) -> Duration {
    (round_trip * 2 + TURN).min(LONGEST_TURN)
}

async fn tls(
    attempt: Attempt<'_>,
    identity: Option<&Identity>,
    mut wire: Wire,
    patience: Patience,
    seen: &mut Observation,
) {
    let starttls = attempt.probe.way.starttls;
    if starttls != StartTls::No {
        seen.stage = Stage::StartTls;
        let may_go_on;
        (wire, may_go_on) = opening::ask(starttls, wire, patience.deadline, seen).await;
        if !may_go_on {
            note_end(&wire, seen);
            leave(wire, patience).await;
            return;
        }
    }
    let provider = config::provider(&attempt.probe.offer.groups);
    let recorder = Arc::new(Recorder::new(&provider, identity));
    match config::client(attempt.probe, &recorder) {
        Ok((connection, offers)) => {
            wire.begin_tls(connection);
            seen.tls = offers;
        }
        Err(err) => {
            seen.ending = Ending::Fault(format!("cannot begin a handshake: {err}"));
            return;
        }
    }
    seen.stage = Stage::ClientHello;
    let patience = shake_hands(&mut wire, patience, seen).await;

    let settled_from = Instant::now();
    // Whatever ended it may have come in one breath with the end of the handshake.
    if !wire.is_handshaking() {
        seen.stage = Stage::Settle;
        wire.read_while(patience.one_turn(), is_quiet).await;
    }
    note_handshake(&wire, &recorder, seen);
    let is_tunnel = attempt.probe.way.dialect == Dialect::Hbone;
    let wants_to_speak = is_tunnel || attempt.probe.request != Request::None;
    let trusted = || (attempt.may_speak)(&seen.chain);
    let mut ending_within = None;
    if seen.stage == Stage::Settle && wire.ending.is_none() && wants_to_speak && trusted() {
        seen.timing.settle = Some(settled_from.elapsed());
        if is_tunnel && tunnel::is_agreed(seen) {
            seen.stage = Stage::Tunnel;
            (wire, ending_within) = tunnel::ask(&attempt, wire, patience, seen).await;
        } else if !is_tunnel && linkerd::introduce(&attempt, &mut wire, seen) {
            seen.stage = Stage::Request;
            wire = exchange::ask(attempt.probe, wire, patience, seen).await;
        } else {
            close_and_listen(&mut wire, patience).await;
        }
    } else if seen.stage == Stage::Settle && wire.ending.is_none() {
        seen.request_withheld = wants_to_speak;
        close_and_listen(&mut wire, patience).await;
        seen.timing.settle = Some(settled_from.elapsed());
    } else if seen.stage == Stage::Settle {
        seen.request_unsent = wants_to_speak;
        seen.timing.settle = Some(settled_from.elapsed());
    }
    note_handshake(&wire, &recorder, seen);
    note_end(&wire, seen);
    seen.ending = ending_within.unwrap_or(seen.ending.clone());
    leave(wire, patience).await;
}

/// Returns what patience it takes with this peer.
async fn shake_hands(wire: &mut Wire, patience: Patience, seen: &mut Observation) -> Patience {
    let begun = Instant::now();
    let wanted = |wire: &Wire| wire.is_handshaking() && !wire.is_holding_back();
    wire.read_while(patience.deadline, wanted).await;
    let patience = match wire.first_heard {
        Some(heard) => patience.having_heard_after(heard - begun),
        None => patience,
    };
    // In TLS 1.2 a server judges the Certificate when it has read that much. If it is to refuse us, let
    // there be nothing it has not read.
    let mut idle = Duration::ZERO;
    if wire.is_holding_back() {
        let held = Instant::now();
        let until = patience.one_turn_of_more();
        if wire.read_while(until, Wire::is_holding_back).await == Elapsed::Yes {
            idle = held.elapsed();
        }
        wire.let_go();
        wire.read_while(patience.deadline, Wire::is_handshaking)
            .await;
    }
    seen.timing.tls = Some(begun.elapsed().saturating_sub(idle));
    patience
}

/// Without a request the peer's word is drawn out by a polite goodbye: most servers have judged us by
/// then, and answer it.
async fn close_and_listen(wire: &mut Wire, patience: Patience) {
    wire.drain().await;
    if wire.ending.is_some() {
        return;
    }
    wire.say_close().await;
    let closed = Instant::now();
    // Whoever closes first keeps the TIME_WAIT; so first words, then our FIN.
    if wire.read_while(patience.one_turn(), |_| true).await == Elapsed::Yes && is_quiet(wire) {
        wire.half_close();
        // A late close_notify is no acceptance: some servers stay silent for seconds after they have
        // refused, and say goodbye then.
        let soon = Instant::now() + GOODBYE;
        wire.read_while(patience.deadline.min(soon), |_| true).await;
    }
    // What comes sooner than an answer can was said without having heard us, and then it is no proof of
    // acceptance. Nor is it one of the contrary: that a machine has no time for us may be what was slow.
    wire.early.goodbye = wire.ending.is_some()
        && is_quiet(wire)
        && patience.round_trip > SHORT_WAY
        && closed.elapsed() < patience.round_trip / 2;
}

async fn plaintext(probe: &Probe, mut wire: Wire, patience: Patience, seen: &mut Observation) {
    let starttls = probe.way.starttls;
    seen.stage = Stage::StartTls;
    match (starttls, &probe.request) {
        (StartTls::Mysql | StartTls::Smtp | StartTls::Ldap, _) => {
            wire = opening::go_without(starttls, wire, patience.deadline, seen).await;
        }
        (StartTls::Postgres, _) | (StartTls::No, Request::Postgres { .. }) => {
            wire = exchange::ask(probe, wire, patience, seen).await;
        }
        (StartTls::No, request) => {
            // Some protocols speak first, and then they want no HTTP.
            wire.read_while(patience.one_turn(), |wire| wire.received == 0)
                .await;
            seen.stage = Stage::Request;
            let is_raw = matches!(request, Request::Raw { .. });
            if wire.ending.is_none() && (wire.received == 0 || is_raw) {
                wire = exchange::ask(probe, wire, patience, seen).await;
            }
        }
    }
    note_end(&wire, seen);
    leave(wire, patience).await;
}

/// Copies what is known of the handshake. Called before the request and after the end: a request may
/// bring tickets.
fn note_handshake(wire: &Wire, recorder: &Recorder, seen: &mut Observation) {
    let Some(tls) = &wire.tls else { return };
    let recorded = recorder.seen().clone();
    let facts = &mut seen.tls;
    facts.version = tls.protocol_version().and_then(version);
    facts.cipher = tls
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str().map(str::to_owned));
    facts.group = tls
        .negotiated_key_exchange_group()
        .and_then(|group| group.name().as_str().map(str::to_owned));
    facts.alpn = tls
        .alpn_protocol()
        .map(|name| String::from_utf8_lossy(name).into_owned());
    facts.hello_retry =
        tls.handshake_kind() == Some(rustls::HandshakeKind::FullWithHelloRetryRequest);
    seen.tickets = tls.tls13_tickets_received() + recorded.tls12_tickets;
    if seen.stage < Stage::Settle {
        // A server never says ClientHello: what says it sends ours back.
        let is_echo = matches!(wire.first_bytes.as_slice(), [22, _, _, _, _, 1, ..]);
        seen.stage = if !wire.records.handshake || is_echo {
            Stage::ClientHello
        } else if recorded.proved && facts.version == Some(Version::Tls12) {
            Stage::ClientAuth
        } else {
            Stage::ServerHello
        };
    }
    seen.certificate_request = recorded.request;
    if seen.certificate_request == CertificateRequest::Unknown && seen.stage >= Stage::ClientAuth {
        seen.certificate_request = CertificateRequest::NeverAsked;
    }
    seen.chain = recorded.chain;
}

fn note_end(wire: &Wire, seen: &mut Observation) {
    let is_told = seen.reply.is_some() && !wire.has_last_word();
    let opening = seen.opening.as_ref();
    let is_turned_away = opening.is_some_and(|said| *said != Opening::Agreed);
    if seen.answer.is_some() || is_told || is_turned_away {
        seen.ending = Ending::Answered;
    } else if let Some(ending) = &wire.ending {
        seen.ending = ending.clone();
    }
    seen.we_closed = wire.we_closed;
    seen.warnings = wire.records.warnings.clone();
    seen.first_bytes = wire.first_bytes.clone();
    seen.received = wire.received;
    seen.application_bytes = wire.application_bytes;
    seen.early = wire.early;
}

/// Leaves politely, and lets the peer close first where it wants to, within our time.
async fn leave(mut wire: Wire, patience: Patience) {
    if wire.ending.is_none() && !wire.we_closed {
        wire.say_close().await;
    }
    wire.outlast(patience.one_turn()).await;
}

/// Nothing has come yet that shows what the peer thinks of us. In TLS 1.2 its Finished did.
fn is_quiet(wire: &Wire) -> bool {
    let is_open = |tls: &ClientConnection| {
        tls.protocol_version() == Some(ProtocolVersion::TLSv1_3)
            && tls.tls13_tickets_received() <= wire.early.tickets
    };
    wire.application_bytes <= wire.early.bytes && wire.tls.as_ref().is_some_and(is_open)
}

fn version(version: ProtocolVersion) -> Option<Version> {
    let known = [
        (ProtocolVersion::TLSv1_2, Version::Tls12),
        (ProtocolVersion::TLSv1_3, Version::Tls13),
    ];
    known
        .into_iter()
        .find(|(theirs, _)| *theirs == version)
        .map(|(_, ours)| ours)
}

/// Beside two round trips: what a server may take for thinking, a delayed acknowledgement included.
const TURN: Duration = Duration::from_millis(60);
const LONGEST_TURN: Duration = Duration::from_secs(1);
/// How long a goodbye may take to be an answer to ours.
const GOODBYE: Duration = Duration::from_millis(1500);
/// Below this, how long something took says more about the two machines than about the way.
const SHORT_WAY: Duration = Duration::from_millis(10);
