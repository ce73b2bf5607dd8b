//! One answer of an agent, or all that it pushes. Edge.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};
use tonic::Streaming;

use super::{Agent, Question, refusal};
use crate::identity::bounds::MAX_ANSWER;
use crate::identity::error::IdentityError;
use crate::identity::grpc::call::{Refusal, answer};
use crate::identity::grpc::reach::reach;
use crate::identity::grpc::trouble::{Kind, Trouble};
use crate::identity::pushed::{Pushed, Pusher};
use crate::identity::walk::{Step, Walk};

/// The first answer.
pub(super) async fn once<Q: Question>(
    question: &Q,
    now: Timestamp,
    walk: &mut Walk,
) -> Result<Q::Answer, IdentityError> {
    let clock = Clock::at(now);
    let opened = patiently(question, walk).await;
    let read = opened.and_then(|(_, first)| question.read(first, clock.now(), walk));
    read.map_err(|trouble| trouble.of(question.who()))
}

/// The first answer, and all that follow for as long as somebody listens.
pub(super) async fn ever<Q: Question>(
    question: Q,
    now: Timestamp,
) -> Result<Pushed<Q::Answer>, IdentityError> {
    let clock = Clock::at(now);
    let walk = &mut Walk::default();
    let opened = patiently(&question, walk).await;
    let (stream, first) = opened.map_err(|trouble| trouble.of(question.who()))?;
    let first = question.read(first, clock.now(), walk);
    let first = first.map_err(|trouble| trouble.of(question.who()))?;
    let lasts_until = Some(Q::lasts_until(&first));
    Ok(Pushed::start(first, |pusher| {
        let follower = Follower {
            question,
            clock,
            lasts_until,
            pusher,
        };
        follower.follow(stream)
    }))
}

/// An answer that comes in pieces, each the whole of it.
struct Stream<Q: Question> {
    messages: Streaming<Q::Message>,
    since: Instant,
    /// Ends the connection when dropped.
    _agent: Agent,
}

/// Asks again for a while where there is nothing for us yet: what has just been started or registered
/// becomes known within seconds.
async fn patiently<Q: Question>(
    question: &Q,
    walk: &mut Walk,
) -> Result<(Stream<Q>, Q::Message), Trouble> {
    let begun = Instant::now();
    let mut pauses = Pauses::default();
    loop {
        let mut steps = Walk::default();
        let opened = open(question, &mut steps).await;
        let pause = pauses.next();
        match opened {
            Err(Trouble {
                kind: Kind::Denied | Kind::Busy,
                ..
            }) if begun.elapsed() + pause < PATIENCE => sleep(pause).await,
            opened => {
                for (step, found) in steps.steps() {
                    walk.done(*step, found.clone());
                }
                return opened;
            }
        }
    }
}

/// Asks once.
async fn open<Q: Question>(
    question: &Q,
    walk: &mut Walk,
) -> Result<(Stream<Q>, Q::Message), Trouble> {
    let Some(endpoint) = question.endpoint() else {
        return Err(Trouble::new(
            Step::Connect,
            "nobody has said where it listens",
            "write `socket: unix:///PATH`, or set SPIFFE_ENDPOINT_SOCKET",
        ));
    };
    let channel = reach(endpoint, "agent", walk).await?;
    let mut agent = Agent::new(channel).max_decoding_message_size(MAX_ANSWER);
    let asked = async {
        let mut messages = question.ask(&mut agent).await?;
        let first = messages.message().await?;
        Ok((messages, first))
    };
    let taken = "it takes the header workload.spiffe.io";
    match answer(asked).await {
        Ok((messages, Some(first))) => {
            walk.done(Step::Request, taken);
            let stream = Stream {
                messages,
                since: Instant::now(),
                _agent: agent,
            };
            Ok((stream, first))
        }
        Ok((_, None)) => Err(refusal::ended()),
        Err(refusal) => {
            let trouble = refusal::explain(&refusal, endpoint, &question.wanted());
            if trouble.step == Step::Grant {
                walk.done(Step::Request, taken);
            }
            Err(trouble)
        }
    }
}

/// Passes on what an agent pushes, and why there is nothing.
struct Follower<Q: Question> {
    question: Q,
    clock: Clock,
    /// Nothing while there is no answer that could be used.
    lasts_until: Option<Timestamp>,
    pusher: Pusher<Q::Answer>,
}

impl<Q: Question> Follower<Q> {
    async fn follow(mut self, mut stream: Stream<Q>) {
        let mut pauses = Pauses::default();
        loop {
            let since = stream.since;
            let trouble = self.listen(stream).await;
            if since.elapsed() > LONGEST_PAUSE {
                pauses = Pauses::default();
            }
            match self.reopen(trouble, &mut pauses).await {
                Some(next) => stream = next,
                None => return,
            }
        }
    }

    /// Until the stream ends. Silence is no trouble: an agent speaks when there is something new.
    async fn listen(&mut self, mut stream: Stream<Q>) -> Trouble {
        loop {
            match timeout(self.left(), stream.messages.message()).await {
                Ok(Ok(Some(message))) => self.take(message),
                Ok(Ok(None)) => return refusal::ended(),
                Ok(Err(status)) => return self.explain(&status),
                Err(_) => self.outlived("it has pushed no newer one".to_owned()),
            }
        }
    }

    /// Asks again, until there is an answer or no hope. While nobody answers, what is there already is
    /// used for as long as it lasts.
    async fn reopen(&mut self, mut trouble: Trouble, pauses: &mut Pauses) -> Option<Stream<Q>> {
        loop {
            match trouble.kind {
                Kind::Denied => self.withdrawn(trouble),
                Kind::Final => {
                    self.nothing(trouble);
                    return None;
                }
                Kind::Down | Kind::Busy if self.left().is_zero() => {
                    self.outlived(format!("no newer one can be had: {}", trouble.why));
                }
                Kind::Down | Kind::Busy => {}
            }
            sleep(pauses.next().min(self.left().max(FIRST_PAUSE))).await;
            match open(&self.question, &mut Walk::default()).await {
                Ok((stream, first)) => {
                    self.take(first);
                    return Some(stream);
                }
                Err(again) => trouble = again,
            }
        }
    }

    fn take(&mut self, message: Q::Message) {
        let now = self.clock.now();
        match self.question.read(message, now, &mut Walk::default()) {
            Ok(answer) => {
                self.lasts_until = Some(Q::lasts_until(&answer));
                self.pusher.push(Ok(answer));
            }
            Err(trouble) if trouble.kind == Kind::Denied => self.withdrawn(trouble),
            Err(trouble) => self.nothing(trouble),
        }
    }

    /// There was an answer, and now the agent says that there is none for us.
    fn withdrawn(&mut self, mut trouble: Trouble) {
        trouble.why = format!("it has withdrawn it: {}", trouble.why);
        self.nothing(trouble);
    }

    fn outlived(&mut self, why: String) {
        self.nothing(Trouble::new(
            Step::Identity,
            format!("the identity that it handed out has expired, and {why}"),
            "look at the log of the agent, and whether it reaches its server",
        ));
    }

    fn nothing(&mut self, trouble: Trouble) {
        self.lasts_until = None;
        self.pusher.push(Err(trouble.of(self.question.who())));
    }

    fn explain(&self, status: &tonic::Status) -> Trouble {
        let wanted = self.question.wanted();
        match self.question.endpoint() {
            Some(endpoint) => refusal::explain(&Refusal::of(status), endpoint, &wanted),
            None => refusal::ended(),
        }
    }

    /// How long what is there may still be used; for ever where nothing is.
    fn left(&self) -> Duration {
        let Some(end) = self.lasts_until else {
            return A_YEAR;
        };
        let left = end.duration_since(self.clock.now());
        Duration::try_from(left).unwrap_or_default().min(A_YEAR)
    }
}

/// The time of the run, going on.
#[derive(Clone, Copy)]
struct Clock {
    then: Timestamp,
    since: Instant,
}

impl Clock {
    fn at(then: Timestamp) -> Self {
        let since = Instant::now();
        Self { then, since }
    }

    fn now(&self) -> Timestamp {
        let now = self.then.saturating_add(self.since.elapsed());
        now.unwrap_or(self.then)
    }
}

/// Ever longer, up to a bound.
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let next = self.0;
        self.0 = (next * 2).min(LONGEST_PAUSE);
        next
    }
}

/// For whom there is nothing yet. An agent of SPIRE asks its server every 5 s for what is new.
const PATIENCE: Duration = Duration::from_secs(6);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
