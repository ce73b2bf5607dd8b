//! Connections that show the same are kept once, with their number: memory is bounded by what is
//! different, however many attempts there are.

use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use crate::observation::{Answer, Early, Ending, Followed, Observation, Stage};
use crate::target::Destination;
use crate::verdict::Found;

/// All attempts of one probe at one address.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The probe, by its place in the plan.
    pub probe: usize,
    /// What the peer is called, where SRV records gave it a name of its own.
    pub name: Option<Destination>,
    /// The address, where the name resolved.
    pub socket: Option<SocketAddr>,
    /// Every different connection, in the order in which each came first; at least one.
    pub attempts: Vec<Look>,
    /// What was asked further, of the last attempt.
    pub follow_ups: Vec<Followed>,
    /// The dialect that was found, where the suite leaves it to the peer.
    pub found: Option<Arc<Found>>,
}

/// One connection, or the reason why there was none; and others that showed the same.
#[derive(Clone, Debug)]
pub struct Look {
    /// When the first of them began.
    pub at: Timestamp,
    /// When the last of them began.
    pub until: Timestamp,
    /// How many they are.
    pub times: u32,
    /// The chain we came with; empty without a certificate.
    pub own_chain: Arc<[CertificateDer<'static>]>,
    /// What happened, the first time.
    pub observation: Observation,
}

impl Seen {
    /// The attempt that the follow-ups are about.
    pub fn last(&self) -> Option<&Look> {
        self.attempts.iter().max_by_key(|look| look.until)
    }

    /// How many attempts were made.
    pub fn times(&self) -> u64 {
        self.attempts.iter().map(|look| u64::from(look.times)).sum()
    }

    /// Adds a look to those that show the same; `agree` is asked whether two moments differ for their
    /// certificates.
    pub fn note(&mut self, look: Look, agree: impl Fn(&Look, &Look) -> bool) {
        let is_same = |held: &&mut Look| held.shows_the_same(&look) && agree(held, &look);
        match self.attempts.iter_mut().find(is_same) {
            Some(held) => {
                held.times = held.times.saturating_add(look.times);
                held.until = held.until.max(look.until);
            }
            None => self.attempts.push(look),
        }
    }
}

impl Look {
    /// One connection.
    pub fn new(
        at: Timestamp,
        own_chain: Arc<[CertificateDer<'static>]>,
        observation: Observation,
    ) -> Self {
        Self {
            at,
            until: at,
            times: 1,
            own_chain,
            observation,
        }
    }

    /// Equal in all that a verdict or a report rests on.
    fn shows_the_same(&self, other: &Self) -> bool {
        self.own_chain == other.own_chain && is_same(&self.observation, &other.observation)
    }
}

fn is_same(one: &Observation, other: &Observation) -> bool {
    // Whoever adds a field says here whether it makes a difference.
    let Observation {
        came,
        dialect,
        stage,
        ending,
        we_closed,
        request_withheld,
        request_unsent,
        tls,
        certificate_request,
        chain,
        tickets: _,
        early: _,
        warnings,
        first_bytes: _,
        received: _,
        application_bytes: _,
        opening,
        tunnel,
        stream_error,
        answer,
        reply,
        timing: _,
    } = one;
    *came == other.came
        && *dialect == other.dialect
        && *stage == other.stage
        && *ending == other.ending
        && *we_closed == other.we_closed
        && *request_withheld == other.request_withheld
        && *request_unsent == other.request_unsent
        && *tls == other.tls
        && *certificate_request == other.certificate_request
        && *chain == other.chain
        && *warnings == other.warnings
        && signs(one) == signs(other)
        && *opening == other.opening
        && is_same_answer(tunnel.as_ref(), other.tunnel.as_ref())
        && *stream_error == other.stream_error
        && is_same_answer(answer.as_ref(), other.answer.as_ref())
        && *reply == other.reply
}

/// What numbers and bytes mean: how many there are depends on lengths of signatures, and on when we
/// looked.
fn signs(seen: &Observation) -> ([bool; 5], &[u8]) {
    let Early {
        tickets,
        bytes,
        goodbye: _,
    } = seen.early;
    let signs = [
        seen.tickets > tickets,
        seen.tickets > 0,
        seen.application_bytes > bytes,
        seen.application_bytes > 0,
        seen.received > 0,
    ];
    // A ServerHello has a number of its own each time, and an answer has a date.
    let is_unique = seen.came.speaks_tls() && seen.stage >= Stage::ServerHello
        || seen.ending == Ending::Answered;
    let kept = if is_unique { 1 } else { usize::MAX };
    let bytes = seen.first_bytes.get(..kept).unwrap_or(&seen.first_bytes);
    (signs, bytes)
}

fn is_same_answer(one: Option<&Answer>, other: Option<&Answer>) -> bool {
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (None, None) => return true,
        (Some(_), None) | (None, Some(_)) => return false,
    };
    let Answer {
        status,
        server,
        date: _,
        proxy_headers,
        body,
        grpc_status,
        grpc_message,
        grpc_serving,
    } = one;
    // What is in a page that nobody refuses is no matter of ours.
    let is_page = (200..300).contains(status) && grpc_status.is_none_or(|status| status == 0);
    *status == other.status
        && *server == other.server
        && headers(proxy_headers).eq(headers(&other.proxy_headers))
        && (is_page || *body == other.body)
        && *grpc_status == other.grpc_status
        && *grpc_message == other.grpc_message
        && *grpc_serving == other.grpc_serving
}

/// The headers that a verdict may rest on: each with its value, unless that is a time.
fn headers(all: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    all.iter().map(|(name, value)| match name.as_str() {
        "x-envoy-upstream-service-time" => (name.as_str(), ""),
        name => (name, value.as_str()),
    })
}

/// The most different looks of one cell that are kept.
pub const MOST_LOOKS: usize = 1000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observation::{CertificateRequest, Gave, Timing, Wordless};

    #[test]
    fn only_what_a_verdict_or_a_report_rests_on_makes_a_difference() {
        let answered = |body: &str, date: &str| Observation {
            stage: Stage::Request,
            ending: Ending::Answered,
            first_bytes: vec![22, body.len() as u8],
            received: body.len() as u64 + 100,
            application_bytes: 10,
            tickets: 2,
            answer: Some(Answer {
                status: 200,
                server: Some("envoy".into()),
                date: Some(date.into()),
                proxy_headers: vec![("x-envoy-upstream-service-time".into(), body.into())],
                body: body.into(),
                grpc_status: None,
                grpc_message: None,
                grpc_serving: None,
            }),
            timing: Timing {
                tcp: Some(Duration::from_millis(body.len() as u64)),
                ..Timing::default()
            },
            ..Observation::default()
        };
        let alert = |number| Observation {
            stage: Stage::Settle,
            ending: Ending::Alert(number),
            ..Observation::default()
        };
        let denied = |body: &str| {
            let mut seen = answered(body, "now");
            if let Some(answer) = &mut seen.answer {
                answer.status = 403;
            }
            seen
        };
        let hinting = |hint: u8| Observation {
            certificate_request: CertificateRequest::Asked {
                hints: vec![vec![hint]],
                schemes: vec![],
                gave: Gave::Certificate,
            },
            ..alert(48)
        };
        let by = |leaf: u8| Observation {
            chain: vec![vec![leaf].into()],
            ..alert(48)
        };
        let spoke = |words: &str| Observation {
            came: crate::observation::Came::Plaintext,
            ending: Ending::Wordless(Wordless::Fin),
            first_bytes: words.into(),
            received: 5,
            ..Observation::default()
        };
        for (one, other, is_one) in [
            (answered("a", "now"), answered("bcd", "then"), true),
            (alert(48), alert(48), true),
            (alert(48), alert(45), false),
            (answered("a", "now"), alert(48), false),
            (denied("RBAC: access denied"), denied("go away"), false),
            (hinting(1), hinting(1), true),
            (hinting(1), hinting(2), false),
            (by(1), by(1), true),
            (by(1), by(2), false),
            (spoke("SSH-2"), spoke("220 x"), false),
        ] {
            for (agree, want) in [(true, is_one), (false, false)] {
                let looks = [&one, &other].map(|seen| look(seen.clone()));
                let mut seen = nothing();
                for look in looks {
                    seen.note(look, |_, _| agree);
                }
                let times: Vec<u32> = seen.attempts.iter().map(|look| look.times).collect();
                let wanted = if want { vec![2] } else { vec![1, 1] };
                assert_eq!(times, wanted, "{one:#?} {other:#?}");
            }
        }
    }

    #[test]
    fn ten_thousand_attempts_that_show_the_same_are_one_look() {
        let mut seen = nothing();
        for nth in 0..10_000_u32 {
            let mut one = look(Observation {
                received: u64::from(nth) + 1,
                ..Observation::default()
            });
            one.at += jiff::SignedDuration::from_millis(nth.into());
            one.until = one.at;
            seen.note(one, |_, _| true);
        }
        assert_eq!(seen.attempts.len(), 1);
        let held = seen.last().unwrap();
        assert_eq!(held.times, 10_000);
        assert_eq!(held.until.duration_since(held.at).as_millis(), 9_999);
    }

    fn look(observation: Observation) -> Look {
        Look::new(Timestamp::UNIX_EPOCH, Arc::default(), observation)
    }

    fn nothing() -> Seen {
        Seen {
            probe: 0,
            name: None,
            socket: None,
            attempts: vec![],
            follow_ups: vec![],
            found: None,
        }
    }
}
