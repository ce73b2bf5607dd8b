//! What the help of each command ends with.

pub(super) const EXAMPLES: &str = "\
Examples:
  probe demo
      the embedded lab mesh, probed: needs nothing else
  probe --from sa/frontend --to api:8080
      one pair of the suite in probe.yaml or probes/, in depth
  probe --cert svid.pem --key key.pem --bundle roots.pem --to 10.0.0.7:8443
      the same without a suite
  probe run probes/ -o json=result.json
      every cell of the suites; the result also as JSON

Exit codes: 0 every expectation met, 1 one is broken, 2 usage or suite error,
3 could not tell or nothing was probed, 130/143 stopped by a signal.";

pub(super) const RUN_EXAMPLES: &str = "\
Examples:
  probe run
      the suite in probe.yaml, or all suites in probes/
  probe run probes/strict-mtls.yaml --format json
  probe run --at +12h
      with certificates judged as they will stand in twelve hours";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  probe run -o json=baseline.json
  probe run -o json=result.json
  probe diff baseline.json result.json
  probe diff baseline.json result.json -o markdown=comment.md -o json=diff.json

Exits 0 when nothing got worse, 1 on a regression or a vanished cell, 2 when a file cannot be used,
3 when the two have no cell in common. Formats: table, json, markdown.";

pub(super) const OUTLOOK_EXAMPLES: &str = "\
Examples:
  probe outlook result.json
      twelve hours from now
  probe outlook result.json --at 2026-12-24T00:00:00Z --format markdown

Looks at every certificate of the result, of both ends, as if none were renewed. Exits 0 when nothing
breaks by then, 1 when an accepted cell does, 2 when the file cannot be used, 3 when no cell of it
was accepted. Formats: table, json, markdown.";

pub(super) const CANARY_EXAMPLES: &str = "\
Examples:
  probe canary --every 15s --for 10m
      every cell as the suite expects it, or stop at the first round that is broken
  probe canary --rounds 40 --baseline before.json --max-gap 30s
      nobody loses what they had, and nobody is away for long
  probe canary --until phase=P1 --for 2h
      until every address trusts both roots of the section `rotation`, and nothing may break meanwhile

On a terminal it shows the last round; elsewhere it writes one JSON line for each round and one at the
end. Exits 0 when all rounds held (and the phase was reached), 1 when the budget is used up, the phase is
not reached or a wrong state stays, 3 when something stayed in doubt.";

pub(super) const INSPECT_EXAMPLES: &str = "\
Examples:
  probe inspect api.default.svc:8443
  probe inspect svid.pem --format json";

pub(super) const VERIFY_EXAMPLES: &str = "\
Examples:
  probe verify --chain svid.pem --bundle roots.pem --id spiffe://cluster.local/ns/default/sa/api
  probe verify --chain server.pem --bundle ca.pem --dns api.example.com --at 2026-12-24T00:00:00Z

Prints the judgement as JSON (or with --format table for people). Exits 0 when the code is OK,
1 when not, 2 when the input cannot be used.";

pub(super) const ROTATION_EXAMPLES: &str = "\
Examples:
  probe rotation
      as the section `rotation` of the suite says
  probe rotation --old-client canary-old --new-client canary-new
      between the roots that these two sources come from
  probe rotation --old-root old.pem --new-root new.pem --gate P2
      in a pipeline, before the new CA signs

Exit codes: 0 the step is safe (or the rotation finished), 1 it is refused, or something is broken
already, 2 usage or suite error, 3 could not tell.";

pub(super) const WHOAMI_EXAMPLES: &str = "\
Examples:
  probe whoami
      every source of the suite in probe.yaml or probes/
  probe whoami --identity workload_api
      what the agent behind SPIFFE_ENDPOINT_SOCKET hands out to us
  probe whoami --watch --format ndjson
      and a line whenever one is renewed, fails or recovers

Exits 0 when every identity is there and verifies, 1 when one does not (minted ones may well not), 2 when
the command line or a suite cannot be used, 3 when there is none.";

pub(super) const DOCTOR_EXAMPLES: &str = "\
Examples:
  probe doctor
      every source of the suite in probe.yaml or probes/
  probe doctor --identity istio_ca --from sa/frontend --trust-domain cluster.local
      can istiod issue a certificate to this service account, and may we ask for it?

Exits 0 when every way leads to an identity that verifies, 1 when one does not, 2 when the command line
or a suite cannot be used, 3 when there is none.";
