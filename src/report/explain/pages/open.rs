//! Cells that nobody can judge.

use crate::code::Code;
use crate::report::explain::causes::{
    dates, identity, mode, network, ours, policy, proxy, tls, trust,
};
use crate::report::explain::entry::{Page, Topic, seen};

pub(in crate::report::explain) const HANDSHAKE_TIMEOUT: Topic = Topic::code(
    Code::HandshakeTimeout,
    &[Page {
        by: None,
        meaning: "TCP was open, the handshake began, and it was not finished in time. The stage says how far it came: no answer to our ClientHello, or silence in the middle.",
        is_not: "A refusal, and no proof of anything about certificates.",
        advice: "Check the load of the target, and whether its proxy has a certificate yet; a longer --timeout tells slow from stuck.",
        causes: &[
            seen(
                "no answer to our ClientHello, at a port where the server speaks first or waits for other words",
                &tls::SERVER_FIRST,
            ),
            seen(
                "slow for everybody, and a longer timeout helps",
                &network::BUSY,
            ),
            seen(
                "the pod is young, and its proxy has no certificate",
                &dates::NO_CERT_YET,
            ),
            seen(
                "small packets get through and big ones do not (a tunnel with a smaller MTU)",
                &network::NETWORK_POLICY,
            ),
            seen(
                "TLS is passed on to an application that does not know it",
                &mode::EXCLUDED,
            ),
        ],
    }],
);

pub(in crate::report::explain) const RESET: Topic = Topic::code(
    Code::Reset,
    &[Page {
        by: None,
        meaning: "The connection was reset, and more than one cause fits. A reset says that the peer closed with bytes of ours unread, and nothing about why; the stage says when it came, and the candidates what it may have been.",
        is_not: "A proof of a refusal: a proxy without a listener, a dead application, a relay that lost an alert and an overloaded server look alike.",
        advice: "Read the log of the target at this moment; --attempts 5 tells chance from rule.",
        causes: &[
            seen(
                "right after our ClientHello, and TLS with Istio's ALPN is answered",
                &mode::ALPN_OF_ISTIO,
            ),
            seen("right after plaintext, and TLS is answered", &mode::STRICT),
            seen(
                "when the server held our certificate, behind a load balancer or gateway",
                &proxy::RELAY,
            ),
            seen(
                "at every stage, whatever is shown: nothing behind the proxy",
                &proxy::APP_DOWN,
            ),
            seen("only now and then, at one address", &network::BACKENDS),
            seen(
                "the pod is young, and its proxy has no certificate",
                &dates::NO_CERT_YET,
            ),
        ],
    }],
);

pub(in crate::report::explain) const CLOSED: Topic = Topic::code(
    Code::Closed,
    &[Page {
        by: None,
        meaning: "The connection was closed without a word that tells, and more than one cause fits. The stage says when; several stacks (gRPC, Python's asyncio, Java's HttpsServer, Node) close so over a certificate they dislike, and Envoy does over an application that is down.",
        is_not: "A proof that our certificate was refused, or that it was taken.",
        advice: "Read the log of the target at this moment; --attempts 5 tells chance from rule.",
        causes: &[
            seen(
                "when the server held our certificate, and another identity is let in",
                &identity::STALE_NAMES,
            ),
            seen(
                "the same, and no identity of our CA is let in",
                &trust::BUNDLE_BEHIND,
            ),
            seen(
                "after our first data, and another identity is answered",
                &policy::NO_ALLOW,
            ),
            seen(
                "at a TCP port of a proxy, with a good certificate or without one",
                &proxy::APP_DOWN,
            ),
            seen("behind a load balancer or gateway", &proxy::RELAY),
            seen(
                "after plaintext, or in plaintext before TLS",
                &tls::SERVER_FIRST,
            ),
            seen("only now and then", &network::BACKENDS),
        ],
    }],
);

pub(in crate::report::explain) const SILENT: Topic = Topic::code(
    Code::Silent,
    &[Page {
        by: None,
        meaning: "The connection is open, and the peer has said nothing either way. Over TLS 1.3 our side of the handshake is complete before the peer has judged our certificate, so silence is no acceptance: some servers finish the handshake and refuse in a page, others hold a refused connection open.",
        is_not: "Accepted, whatever other clients would say here.",
        advice: "Give the target a request (`request:`), so that its answer can tell; or a longer --timeout.",
        causes: &[
            seen(
                "the target has no `request`, and no ticket came after our certificate",
                &ours::NO_REQUEST,
            ),
            seen(
                "a protocol where the client must say the right thing first",
                &tls::SERVER_FIRST,
            ),
            seen("a request was sent and is answered late", &network::BUSY),
            seen(
                "a request was sent and never answered, by a proxy with nothing behind it",
                &proxy::APP_DOWN,
            ),
        ],
    }],
);

pub(in crate::report::explain) const PROBE_FAULT: Topic = Topic::code(
    Code::ProbeFault,
    &[Page {
        by: None,
        meaning: "probe itself could not do its part: no identity, no more open files, a certificate that cannot be used, or it was stopped. The evidence names it.",
        is_not: "A word on the peer, good or bad. Where the CA refused an identity, workloads of that account may have the same trouble at their next renewal.",
        advice: "Mend our own set-up, named in the evidence, then probe again.",
        causes: &[
            seen(
                "the evidence names a file, a token, a right or an audience",
                &ours::NO_IDENTITY,
            ),
            seen(
                "the CA did not answer, or with UNAVAILABLE or DEADLINE_EXCEEDED",
                &dates::CA_DOWN,
            ),
            seen(
                "the CA answered UNAUTHENTICATED or PERMISSION_DENIED, or the account is not found",
                &dates::CA_REFUSES,
            ),
            seen(
                "the CA could not be reached, or its own certificate is not trusted",
                &dates::CA_UNREACHABLE,
            ),
            seen("\"too many open files\", or no port left", &ours::LIMITS),
            seen(
                "the certificate or the key of the source is refused by our own library",
                &ours::UNUSABLE,
            ),
        ],
    }],
);
