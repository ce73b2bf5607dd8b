//! What only several cells together show.

use crate::report::explain::causes::{dates, mode, network, ours, policy, trust};
use crate::report::explain::entry::{Page, Topic, seen};

/// Every finding that is not the name of a cell's code as well.
pub(in crate::report::explain) const ALL: &[&Topic] = &[
    &MODE_MISMATCH,
    &CLIENT_WITHOUT_CERTIFICATE_ACCEPTED,
    &REPLICAS_DIFFER,
    &REPLICAS_PRESENT_DIFFERENTLY,
    &MODES_DIFFER,
    &FLAKY,
    &ISSUERS_DIFFER,
    &CERT_EXPIRES_SOON,
    &CLOCK_SKEW,
    &LEAF_LIFE_CUT,
    &LEAVES_GET_SHORTER,
    &LEAF_LIFE_SHORT,
    &WILL_BREAK,
    &SHARDS_MISSING,
];

const MODE_MISMATCH: Topic = Topic::finding(
    "MODE_MISMATCH",
    "a target has another mode than the suite expects",
    &[Page {
        by: None,
        meaning: "The rows of `plaintext`, of `none` and of identities together give the mode of a target, and it is not the one in the suite. STRICT takes mTLS alone, PERMISSIVE plaintext as well, TLS_ONLY clients without a certificate, PLAINTEXT no TLS at all; MIXED has no single one, and UNKNOWN lacks a row that tells.",
        is_not: "A look at any policy: it is what the wire shows, whatever the policy says.",
        advice: "Look at the policy that sets the mode, also for the single port: of several that apply, the most specific and then the oldest wins.",
        causes: &[
            seen("PERMISSIVE or PLAINTEXT where STRICT is expected", &mode::NAMESPACE_WEAKENS),
            seen("the policy that one looked at says what is expected", &mode::SCOPE),
            seen("one port of a target alone", &mode::PORT_LEVEL),
            seen("STRICT where PERMISSIVE is expected, in the middle of a migration", &mode::STRICT),
            seen("PLAINTEXT: no proxy is in the way", &mode::NOT_INJECTED),
            seen("PLAINTEXT at one port: no proxy sees it", &mode::EXCLUDED),
            seen("MIXED", &mode::MIXED),
            seen("the mode from before a change", &policy::NOT_SYNCED),
        ],
    }],
)
.exits("1, or 3 where the mode is UNKNOWN: a suite that expects a mode makes this finding count.");

const CLIENT_WITHOUT_CERTIFICATE_ACCEPTED: Topic = Topic::finding(
    "CLIENT_WITHOUT_CERTIFICATE_ACCEPTED",
    "TLS clients without a certificate are let in",
    &[Page {
        by: None,
        meaning: "A client that did TLS and showed no certificate was answered. The message says whether the server asks for one and does not insist, or does not ask at all. The connection is encrypted, and the server does not know who is there.",
        is_not: "Always a fault: servers for everybody are so by nature, and Linkerd completes the handshake without a certificate and leaves it to policy. It is judged by what the suite expects of `none`.",
        advice: "Make it require and verify client certificates; if that is meant, expect it in the suite.",
        causes: &[
            seen(
                "a peer of Linkerd, or a port without a policy",
                &policy::TOO_OPEN,
            ),
            seen(
                "it does not ask for one, and presents no identity of the mesh",
                &crate::report::explain::causes::identity::NOT_MESH_TLS,
            ),
            seen(
                "it does not ask for one: the port is not the proxy's",
                &mode::EXCLUDED,
            ),
            seen(
                "it asks for one and does not insist",
                &mode::NAMESPACE_WEAKENS,
            ),
        ],
    }],
);

const REPLICAS_DIFFER: Topic = Topic::finding(
    "REPLICAS_DIFFER",
    "the addresses of a target do not say the same",
    &[Page {
        by: None,
        meaning: "The same source gets different verdicts from different addresses of one target. Clients that come by the name of the service see it as errors now and then; address by address it is stable. What else differs (leaf, root, lists of CAs, TLS library) stands in the message.",
        is_not: "An unsteady network: that would be FLAKY, differences at one address.",
        advice: "Compare the odd addresses with the others: version, certificate, trusted roots, policy. A rollout or a rotation that is half done looks like this.",
        causes: &[
            seen(
                "roots or lists of CAs differ as well",
                &trust::BUNDLE_BEHIND,
            ),
            seen("some speak TLS and others do not", &mode::MIXED),
            seen(
                "modes or denials differ, and certificates do not",
                &policy::NOT_SYNCED,
            ),
            seen(
                "the odd ones are older, or younger, than the others",
                &network::ROLLOUT,
            ),
            seen(
                "some addresses show an expired certificate",
                &dates::FILES_READ_ONCE,
            ),
            seen("some addresses refuse for a date", &dates::CLOCK),
        ],
    }],
);

const REPLICAS_PRESENT_DIFFERENTLY: Topic = Topic::finding(
    "REPLICAS_PRESENT_DIFFERENTLY",
    "the addresses of a target say the same and present different things",
    &[Page {
        by: None,
        meaning: "All addresses of the target come to the same verdict, and present different identities, roots, lists of CAs or TLS libraries. Nobody is turned away today.",
        is_not: "An outage. It may be the first sign of one, since the next change will hit only some.",
        advice: "Find out whether a rollout or a rotation is on its way; where none is, compare the odd addresses with the others.",
        causes: &[
            seen(
                "old and new version, or old and new root",
                &network::ROLLOUT,
            ),
            seen(
                "roots differ for longer than a rollout takes",
                &trust::BUNDLE_BEHIND,
            ),
            seen(
                "identities differ: other pods stand behind the name",
                &crate::report::explain::causes::identity::OTHER_WORKLOAD,
            ),
        ],
    }],
);

const MODES_DIFFER: Topic = Topic::finding(
    "MODES_DIFFER",
    "the addresses of a target have different modes",
    &[Page {
        by: None,
        meaning: "Some addresses of the target take plaintext, or no TLS at all, and others insist on mTLS. A client by the name of the service is let in or not by chance, and the weakest address decides how safe the service is.",
        is_not: "A property of PERMISSIVE: such a port takes both kinds at every address, and causes no errors now and then by itself.",
        advice: "Look for replicas without a proxy, and for policies that select only some of them.",
        causes: &[
            seen("some have no proxy at all", &mode::MIXED),
            seen(
                "a policy with a selector fits some of the pods",
                &mode::SCOPE,
            ),
            seen("the policy has just been changed", &policy::NOT_SYNCED),
        ],
    }],
);

const FLAKY: Topic = Topic::finding(
    "FLAKY",
    "one address does not say the same at every connection",
    &[Page {
        by: None,
        meaning: "Of several connections of one source to one address some went one way and some the other; the message has the share with its margin of error. The cell itself says what the worse ones said.",
        is_not: "A wrong count: every connection was a handshake of its own, without resumption. Nor a difference between addresses, which is REPLICAS_DIFFER.",
        advice: "Behind one address several backends may stand (a load balancer, the address of a Service): probe each by its own address, and look for the one with another version, certificate, trusted roots or policy.",
        causes: &[
            seen(
                "the certificates presented differ with the answers",
                &network::BACKENDS,
            ),
            seen(
                "timeouts among them, and more of them under load",
                &network::BUSY,
            ),
            seen(
                "a relay in front: resets where alerts should be",
                &crate::report::explain::causes::proxy::RELAY,
            ),
            seen("only for a while", &network::ROLLOUT),
            seen(
                "circuit breaker or outlier detection: 503 in rows",
                &crate::report::explain::causes::proxy::BREAKER,
            ),
        ],
    }],
);

const ISSUERS_DIFFER: Topic = Topic::finding(
    "ISSUERS_DIFFER",
    "the certificates of a target come from different CAs",
    &[Page {
        by: None,
        meaning: "The addresses of one target present certificates that were issued by different CAs, or lead to different roots. Clients that trust only one of the roots reach only some addresses.",
        is_not: "An outage while every client trusts both, which is what a rotation in good order looks like.",
        advice: "A rotation looks like this while it goes on. If none does, restart what still has the old certificate, or find out why it was not renewed.",
        causes: &[
            seen("a rotation is under way", &network::ROLLOUT),
            seen(
                "different roots, long after the rotation",
                &trust::BUNDLE_BEHIND,
            ),
            seen(
                "the old issuer's leaves are past their renewal",
                &dates::NOT_RENEWED,
            ),
            seen(
                "two CA servers with keys of their own sign under one name",
                &trust::SAME_NAME,
            ),
        ],
    }],
);

const CERT_EXPIRES_SOON: Topic = Topic::finding(
    "CERT_EXPIRES_SOON",
    "a certificate in use is near its end, or its renewal is overdue",
    &[Page {
        by: None,
        meaning: "A certificate in use, ours, a server's or a CA's, has less of its life left than one that is renewed in time: Istio and ztunnel renew at half of it, Linkerd at 70 %, SPIRE at half, csi-driver-spiffe at two thirds. CAs are named days ahead.",
        is_not: "An outage: it is accepted still, and the message says for how long. Nor a fixed number of hours: leaves of an hour are in order with thirty minutes left.",
        advice: "Find out why it was not renewed: the log of its agent, and whether the CA signs.",
        causes: &[
            seen("the leaf of one workload", &dates::NOT_RENEWED),
            seen("leaves of many workloads", &dates::CA_DOWN),
            seen("leaves of one namespace", &dates::CA_UNREACHABLE),
            seen("leaves of one account", &dates::CA_REFUSES),
            seen("a CA's own certificate", &dates::CA_ENDS_SOON),
            seen("the file on disk is newer", &dates::FILES_READ_ONCE),
        ],
    }],
);

const CLOCK_SKEW: Topic = Topic::finding(
    "CLOCK_SKEW",
    "a clock is off: a target's, a CA's, or ours",
    &[Page {
        by: None,
        meaning: "The Date that a target sends, or the begin of a fresh certificate, does not fit our clock. A clock that is off takes good certificates for expired or for not yet valid. Where all targets agree against us, it is ours.",
        is_not: "A fault of the certificates: renewing them makes it worse, since the newest fail first.",
        advice: "Check NTP there and here.",
        causes: &[seen(
            "the message says whose clock, and by how much",
            &dates::CLOCK,
        )],
    }],
);

const LEAF_LIFE_CUT: Topic = Topic::finding(
    "LEAF_LIFE_CUT",
    "leaves end together with the CA that signs them",
    &[Page {
        by: None,
        meaning: "A leaf, much younger than its CA, ends at the very moment at which the CA does: the CA has cut it. From now on every leaf ends then, however new it is, and after that nothing can be issued.",
        is_not: "A short lifetime that somebody has set: those do not end with the CA.",
        advice: "Replace the signing CA now: when it ends, nothing can be renewed.",
        causes: &[seen(
            "leaf and issuer have one notAfter",
            &dates::CA_ENDS_SOON,
        )],
    }],
);

const LEAVES_GET_SHORTER: Topic = Topic::finding(
    "LEAVES_GET_SHORTER",
    "each new leaf lives shorter than the one before",
    &[Page {
        by: None,
        meaning: "Of the leaves of one CA the newest lives clearly shorter than those issued before. That is how a CA near its own end looks from outside, where its certificate is not sent.",
        is_not: "Proof: somebody may have shortened the lifetime.",
        advice: "Replace the signing CA now: when it ends, nothing can be renewed.",
        causes: &[
            seen("they all end at about the same time", &dates::CA_ENDS_SOON),
            seen(
                "they end at different times, with one new length",
                &dates::LIFETIME_SET,
            ),
        ],
    }],
);

const LEAF_LIFE_SHORT: Topic = Topic::finding(
    "LEAF_LIFE_SHORT",
    "leaves of Istio live shorter than the usual 24 hours",
    &[Page {
        by: None,
        meaning: "A leaf that looks like one of Istio lives for less than the 24 hours which Istio gives unless it is told otherwise.",
        is_not: "A fault in itself: where somebody has set it, it is in order.",
        advice: "If nobody has set that, look at the end of the signing CA: near its own end it cuts what it issues.",
        causes: &[
            seen(
                "all leaves have the same round length",
                &dates::LIFETIME_SET,
            ),
            seen("lengths differ, and the ends do not", &dates::CA_ENDS_SOON),
        ],
    }],
);

const WILL_BREAK: Topic = Topic::finding(
    "WILL_BREAK",
    "cells that are accepted now will fail by a moment to come, unless something is renewed",
    &[Page {
        by: None,
        meaning: "Looking ahead (`probe outlook`, or `probe run --at +12h`), a certificate on the way from leaf to root, of ours or of the server, has ended by then, as if nobody renewed anything. The message names the first one to end, and the cells that end with it.",
        is_not: "A forecast that it will not be renewed: leaves of a day are all named when one looks two days ahead. Look ahead by less than a renewal, or mind the CAs.",
        advice: "See that it is renewed before: the log of its agent, and whether the CA signs.",
        causes: &[
            seen("a leaf that should have been renewed already", &dates::NOT_RENEWED),
            seen("a CA's certificate, and many cells", &dates::CA_ENDS_SOON),
            seen("leaves of many workloads, none of them renewed", &dates::CA_DOWN),
            seen("a certificate of ours, from a file", &dates::FILES_READ_ONCE),
            seen("leaves that are renewed in time", &ours::EXPECTED),
        ],
    }],
)
.exits("1 from `probe outlook`; none from `probe run`.");

const SHARDS_MISSING: Topic = Topic::finding(
    "SHARDS_MISSING",
    "of a matrix that was split into shards, some wrote no result",
    &[Page {
        by: None,
        meaning: "`probe report` was given the results of some shards (`probe run --shard 0/8` and so on) and not of all. The cells of the missing ones are in no total, and nobody can tell what they would say.",
        is_not: "A verdict: nothing is known of the servers of these shards.",
        advice: "See why these runs wrote no result, and run them again with the same suites.",
        causes: &[
            seen(
                "the pod with that index failed, or has not come to its end",
                &ours::NO_RESULT,
            ),
            seen(
                "its log names a source without an identity",
                &ours::NO_IDENTITY,
            ),
        ],
    }],
)
.exits("3, or 1 where a cell is broken: it is never 0.");
