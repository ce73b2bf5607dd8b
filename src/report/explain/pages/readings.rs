//! What one address means in a rotation of roots, beside the others.

use crate::report::explain::causes::{dates, identity, mode, network, ours, policy, trust};
use crate::report::explain::entry::{Likely, Page, Topic, seen};
use crate::rotation::Reading;

/// What is said of a reading.
pub(in crate::report::explain) const fn of(reading: Reading) -> &'static Topic {
    match reading {
        Reading::NotStarted => &NOT_STARTED,
        Reading::Late => &LATE,
        Reading::Ready => &READY,
        Reading::Reissued => &REISSUED,
        Reading::ReissuePending => &REISSUE_PENDING,
        Reading::Finished => &FINISHED,
        Reading::RetirementPending => &RETIREMENT_PENDING,
        Reading::MissedTrust => &MISSED_TRUST,
        Reading::SignedTooEarly => &SIGNED_TOO_EARLY,
        Reading::RetiredTooEarly => &RETIRED_TOO_EARLY,
        Reading::NoOverlap => &NO_OVERLAP,
        Reading::Ahead => &AHEAD,
        Reading::TrustsNeither => &TRUSTS_NEITHER,
        Reading::ThirdRoot => &THIRD_ROOT,
        Reading::CanaryOutOfDate => &CANARY_OUT_OF_DATE,
        Reading::IdentityRefused => &IDENTITY_REFUSED,
        Reading::NoVerification => &NO_VERIFICATION,
        Reading::SameKey => &SAME_KEY,
        Reading::Unknown => &UNKNOWN,
    }
}

macro_rules! readings {
    ($($name:ident = $reading:ident: $meaning:literal, not $is_not:literal, do $advice:literal, $causes:expr;)+) => {
        $(const $name: Topic = Topic::reading(
            Reading::$reading,
            &[Page {
                by: None,
                meaning: $meaning,
                is_not: $is_not,
                advice: $advice,
                causes: $causes,
            }],
        );)+
    };
}

const REGULAR: &[Likely] = &[seen("the rotation goes as it should", &ours::EXPECTED)];

readings! {
    NOT_STARTED = NotStarted:
        "The server takes the canary with the old root and refuses the one with the new root as unknown, presents an old leaf, and nobody else is further. The rotation has not begun here.",
        not "A fault: that the new canary is refused proves that the canary works.",
        do "Give everybody the combined bundle; that is the first step, and always safe.",
        REGULAR;
    LATE = Late:
        "The server does not trust the new root yet, while most others do. It presents an old leaf itself. Nobody is cut off so far; the first new leaf would be, here.",
        not "An outage: as long as nobody signs with the new root, all goes on.",
        do "Give it the combined bundle, and restart it where it reads its bundle only once.",
        &[
            seen("pods from before the change of the bundle", &trust::BUNDLE_BEHIND),
            seen("its proxy is cut off from the control plane", &policy::NOT_SYNCED),
            seen("the rollout is still under way", &network::ROLLOUT),
        ];
    READY = Ready:
        "The server takes both canaries and presents an old leaf: it trusts both roots. When every server shows this, the new CA may sign.",
        not "Ready to drop the old root: its own leaf leads to it.",
        do "Nothing here; see that the others are as far.",
        REGULAR;
    REISSUED = Reissued:
        "The server takes both canaries and presents a new leaf: it trusts both roots and is issued anew. When every server and every client has a new leaf, the old root may go.",
        not "A word on workloads that only make calls: they present nothing, so wait for one full life of a leaf.",
        do "Nothing here; see that the others are as far.",
        REGULAR;
    REISSUE_PENDING = ReissuePending:
        "The server trusts both roots, and its own leaf is still an old one, while others present new leaves. It is renewed at half or two thirds of its life, mostly.",
        not "An outage: everybody trusts the old root so far. The old root must not go before this leaf does.",
        do "Wait for its renewal, else restart it or look at its agent.",
        &[
            seen("the leaf is younger than its renewal", &ours::EXPECTED),
            seen("its renewal is overdue", &dates::NOT_RENEWED),
            seen("the file is renewed and the leaf is not", &dates::FILES_READ_ONCE),
        ];
    FINISHED = Finished:
        "The server refuses the old canary as unknown, takes the new one and presents a new leaf: it trusts the new root alone. That the old canary is refused is the aim.",
        not "A fault of the old canary.",
        do "Nothing.",
        REGULAR;
    RETIREMENT_PENDING = RetirementPending:
        "The server presents a new leaf and trusts both roots, while others have given up the old one. Whoever holds the old CA's key can still make identities that this server takes.",
        not "An outage: nobody is turned away.",
        do "Give it the bundle with the new root alone.",
        &[
            seen("pods from before the change of the bundle", &trust::BUNDLE_BEHIND),
            seen("the rollout is still under way", &network::ROLLOUT),
        ];
    MISSED_TRUST = MissedTrust:
        "The server never got the new root, and others present new leaves by now: it refuses every client that is issued anew, and that becomes more of them with every renewal.",
        not "A fault of those clients, though they see the error.",
        do "Give it the combined bundle at once, and restart it where it reads its bundle only once.",
        &[
            seen("a pod that was not restarted, or a file that is not reloaded", &trust::BUNDLE_BEHIND),
            seen("its proxy is cut off from the control plane", &policy::NOT_SYNCED),
            seen("it was handed another bundle than the others", &trust::WRONG_CA_SECRET),
        ];
    SIGNED_TOO_EARLY = SignedTooEarly:
        "The server presents a leaf under the new root, and trusts the old root alone. Clients with the old bundle refuse it, and it refuses new leaves itself, so it may be cut off in both directions.",
        not "A fault that more new leaves would mend: the bundle comes first.",
        do "Give it the combined bundle at once, or sign it by the old root again.",
        &[
            seen("the new CA signed before the bundle was out", &trust::WRONG_CA_SECRET),
            seen("the bundle did not reach this one", &trust::BUNDLE_BEHIND),
        ];
    RETIRED_TOO_EARLY = RetiredTooEarly:
        "The server gave up the old root and still presents an old leaf. Clients that have given it up as well refuse it; it refuses those with old leaves.",
        not "Finished, although it trusts what it should in the end.",
        do "Have its leaf issued anew at once, or give it the combined bundle back.",
        &[
            seen("its leaf was not renewed before the old root went", &dates::NOT_RENEWED),
            seen("the file is renewed and the leaf is not", &dates::FILES_READ_ONCE),
        ];
    NO_OVERLAP = NoOverlap:
        "Some servers trust the old root alone, others the new one alone, and nobody both. Every pair across the two groups refuses each other: the CA was swapped and not rotated.",
        not "Something that passes by itself before the last workload is restarted.",
        do "Give everybody the combined bundle, then go on from there.",
        &[
            seen("the bundle was replaced and not extended", &trust::BUNDLE_BEHIND),
            seen("both CAs have one name", &trust::SAME_NAME),
        ];
    AHEAD = Ahead:
        "The server is a step further than most others: they do not trust its leaf yet, or present leaves that it refuses.",
        not "A server to be copied: the others come first.",
        do "Take it a step back, or bring the others to where it is.",
        &[
            seen("it was restarted, and the others were not", &network::ROLLOUT),
            seen("it was issued by another CA", &trust::WRONG_CA_SECRET),
        ];
    TRUSTS_NEITHER = TrustsNeither:
        "The server refuses both canaries as unknown: it trusts neither the old root nor the new one.",
        not "A fault of the canaries, where other servers take one of them.",
        do "Look at the bundle it has loaded.",
        &[
            seen("it belongs to another mesh or cluster", &trust::OTHER_CA),
            seen("the secret of its CA is a third one", &trust::WRONG_CA_SECRET),
            seen("it lacks the intermediate of both", &trust::NO_INTERMEDIATE),
        ];
    THIRD_ROOT = ThirdRoot:
        "The server's own leaf leads to neither of the two roots: a third CA signs for it, or an intermediate is missing, so that the way to its root cannot be seen.",
        not "A word on whom it trusts.",
        do "Find out who signs for it, and whether it sends its whole chain.",
        &[
            seen("another issuer than all others", &trust::OTHER_CA),
            seen("a known issuer, and no intermediate", &trust::NO_INTERMEDIATE),
            seen("a certificate for a host name", &identity::NOT_MESH_TLS),
        ];
    CANARY_OUT_OF_DATE = CanaryOutOfDate:
        "The server refused a canary for its dates, by its own clock. That says nothing of the roots it trusts.",
        not "A refusal of the root.",
        do "Renew the canary, and compare the clocks.",
        &[
            seen("every server says so", &ours::CANARY),
            seen("one server or node alone says so", &dates::CLOCK),
        ];
    IDENTITY_REFUSED = IdentityRefused:
        "The server refused a canary for its name, its trust domain or its SAN, or by policy. That hides what it thinks of the root.",
        not "A refusal of the root.",
        do "Give the canary an identity that the server lets in.",
        &[
            seen("every server says so", &ours::CANARY),
            seen("the trust domain of the canary is not the server's", &identity::TRUST_DOMAIN),
            seen("policy lets in others", &policy::NO_ALLOW),
        ];
    NO_VERIFICATION = NoVerification:
        "The server takes clients by any CA, or without a certificate: whom it trusts cannot be seen from outside, and in a rotation it turns nobody away. Its own leaf still matters to its clients.",
        not "Proof that it is ready.",
        do "Ask its own configuration which roots it holds.",
        &[
            seen("it asks for no certificate", &mode::EXCLUDED),
            seen("plaintext and `none` are let in as well", &mode::NAMESPACE_WEAKENS),
        ];
    SAME_KEY = SameKey:
        "The old and the new root have one public key, so each verifies what the other signed: for nearly all purposes it is one root with new dates. Istio renews its self-signed root so.",
        not "A rotation of trust: whoever held the old key holds the new one.",
        do "Nothing, unless a new key was meant.",
        REGULAR;
    UNKNOWN = Unknown:
        "What the server said does not add up to a reading: a canary got no answer that tells, or its leaf was not seen. The mode UNKNOWN of a target is of the same kind: a row is missing that would tell.",
        not "Good or bad. A step is never called safe while somebody is unknown.",
        do "Probe it again; read its certificate and its bundle by other means.",
        &[
            seen("the target has no request, so nothing tells acceptance from silence", &ours::NO_REQUEST),
            seen("the address could not be reached", &network::NETWORK_POLICY),
            seen("answers differ from one connection to the next", &network::BACKENDS),
        ];
}
