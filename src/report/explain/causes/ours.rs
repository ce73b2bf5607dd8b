//! Trouble of our own.

use crate::report::explain::Cause;
use crate::report::explain::entry::{anywhere, istio, kubernetes, spire};

pub(in crate::report::explain) const NO_IDENTITY: Cause = Cause {
    name: "probe could not get the identity of the source: a file, a token, a right, or the CA",
    confirm: &[
        anywhere(
            "probe doctor",
            "which step failed on the way to the identity of each source, and the way out",
        ),
        kubernetes(
            "kubectl auth can-i create serviceaccounts/NAME --subresource=token \\\n  -n NS",
            "the right to ask for tokens, where the source asks for one",
        ),
        istio(
            "kubectl logs -n istio-system deploy/istiod --since=10m \\\n  | grep -i authenticat",
            "a token that was refused: expired, or of another audience than istio-ca",
        ),
        spire(
            "spire-agent api fetch x509 -socketPath SOCKET",
            "no identity issued: no registration entry fits the process",
        ),
    ],
    fix: "Do what the evidence names: it says which step failed, and what is missing for it.",
};

pub(in crate::report::explain) const NO_RESULT: Cause = Cause {
    name: "A shard was stopped, evicted or is still at work, and wrote nothing",
    confirm: &[
        kubernetes(
            "kubectl get pods -n NS -l job-name=JOB",
            "what became of the pod of each shard, whose name has the number of the shard behind that of the Job",
        ),
        kubernetes(
            "kubectl logs -n NS POD --previous",
            "what it said before it ended",
        ),
        anywhere(
            "probe report --wait 30m RESULT...",
            "whether it was only early: this waits for every shard",
        ),
    ],
    fix: "Give it more time (`activeDeadlineSeconds`) or memory, or more shards, and run it again.",
};

pub(in crate::report::explain) const LIMITS: Cause = Cause {
    name: "This machine is at a limit: open files, ports, memory",
    confirm: &[
        anywhere(
            "ulimit -n",
            "how many files, and so connections, may be open",
        ),
        anywhere("ss -s", "how many connections there are already"),
    ],
    fix: "Raise the limit, or probe with a smaller `--concurrency` or `--rate`.",
};

pub(in crate::report::explain) const UNUSABLE: Cause = Cause {
    name: "Our certificate or key is of a kind that cannot be used for a handshake",
    confirm: &[
        anywhere(
            "probe inspect chain.pem",
            "what is in the file, and which rules it breaks",
        ),
        anywhere(
            "openssl pkey -in key.pem -noout -text | head -1",
            "kind and size of the key",
        ),
    ],
    fix: "Give the source a certificate with a usual key: ECDSA P-256 or P-384, Ed25519, or RSA with 2048 bits and more.",
};

pub(in crate::report::explain) const NO_REQUEST: Cause = Cause {
    name: "Nothing was asked, so nothing was answered",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to TARGET --request \"GET /\"",
            "the same with a request: an answer tells",
        ),
        anywhere(
            "probe --from SOURCE --to TARGET --timeout 40s",
            "some servers (s2n) hold a refused connection open for half a minute before they close it",
        ),
    ],
    fix: "Give the target a `request:` (HTTP, grpc-health, or bytes to send), so that its answer can tell.",
};

pub(in crate::report::explain) const CANARY: Cause = Cause {
    name: "The canary itself is not fit: out of date, or with a name that is refused",
    confirm: &[
        anywhere(
            "probe inspect canary.pem",
            "name, dates and issuer of the canary's certificate",
        ),
        anywhere(
            "probe --from CANARY --to TARGET",
            "what the target says of it, in depth",
        ),
    ],
    fix: "Give both canaries the SPIFFE ID of a workload that every target lets in, with dates that hold, one signed under the old root and one under the new.",
};

pub(in crate::report::explain) const EXPECTED: Cause = Cause {
    name: "It is as it should be",
    confirm: &[anywhere(
        "probe plan",
        "what the suite expects of each cell",
    )],
    fix: "Nothing. Write an expectation into the suite, so that the next change of it is noticed.",
};
