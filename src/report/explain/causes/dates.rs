//! Dates: renewal, the CA that renews, and clocks.

use crate::report::explain::Cause;
use crate::report::explain::entry::{ambient, anywhere, istio, kubernetes, linkerd, spire};

pub(in crate::report::explain) const NOT_RENEWED: Cause = Cause {
    name: "The certificate of the workload was not renewed in time",
    confirm: &[
        istio(
            "istioctl proxy-config secret POD.NS",
            "VALID CERT and NOT AFTER in the row default; it is renewed at half its life",
        ),
        istio(
            "kubectl logs POD -n NS -c istio-proxy --since=24h",
            "what the agent says of its requests to the CA",
        ),
        ambient(
            "istioctl ztunnel-config certificates --node NODE",
            "NOT AFTER of every identity on the node",
        ),
        linkerd(
            "linkerd identity -n NS POD",
            "Not Before and Not After of the leaf in use; it is renewed at 70 % of its life",
        ),
        spire(
            "spire-agent api fetch x509 -socketPath SOCKET",
            "what a workload of this node is given now, and how long that is valid",
        ),
        kubernetes(
            "kubectl describe certificate NAME -n NS",
            "cert-manager: Not After, Renewal Time, and why the last request failed",
        ),
    ],
    fix: "Mend the way to the CA first, see the causes beside this one: a restart gets a new certificate only where that works. Then restart the workload, for example with `kubectl rollout restart deployment NAME -n NS`.",
};

pub(in crate::report::explain) const FILES_READ_ONCE: Cause = Cause {
    name: "A renewed certificate is there, and the process still serves the one it read at its start",
    confirm: &[
        anywhere(
            "probe inspect HOST:PORT",
            "serial number and dates as served",
        ),
        anywhere(
            "probe inspect chain.pem",
            "serial number and dates as on disk",
        ),
        spire(
            "spire-agent api fetch x509 -socketPath SOCKET -write DIR",
            "the SVID as the agent has it now",
        ),
    ],
    fix: "Let the process reload its files when they change, or have it restarted after each renewal.",
};

pub(in crate::report::explain) const CA_DOWN: Cause = Cause {
    name: "The CA does not sign: it is down, restarting, overloaded, or its own certificate has ended",
    confirm: &[
        istio(
            "kubectl get pods -n istio-system -l app=istiod",
            "ready, and not restarting; traffic goes on until the leaves end",
        ),
        istio(
            "kubectl logs -n istio-system deploy/istiod --since=1h | grep -i csr",
            "\"CSR signing error\" and failed authentication, from scope serverca",
        ),
        linkerd(
            "linkerd check",
            "the sections linkerd-identity and control plane",
        ),
        linkerd(
            "kubectl get events -n linkerd \\\n  --field-selector reason=IssuerValidationFailed",
            "an issuer that cannot be used any more",
        ),
        spire("spire-server healthcheck", "whether the server is healthy"),
        spire(
            "spire-agent healthcheck -socketPath SOCKET",
            "whether the agent is",
        ),
        kubernetes(
            "kubectl get certificaterequest -n NS",
            "cert-manager: requests that are not READY",
        ),
    ],
    fix: "Bring the CA back before the leaves in use end; until then open no new rollout, since new pods get no certificate. An issuer of Linkerd that has ended is replaced with `linkerd upgrade` (both --identity-issuer files) or in its Secret.",
};

pub(in crate::report::explain) const CA_REFUSES: Cause = Cause {
    name: "The CA refuses to sign: token, service account, rights or an external signer",
    confirm: &[
        istio(
            "kubectl auth can-i create tokenreviews.authentication.k8s.io \\\n  --as=system:serviceaccount:istio-system:istiod",
            "yes; without that right every service account is refused as unauthenticated",
        ),
        istio(
            "kubectl logs -n istio-system deploy/istiod | grep -i 'csr\\|authenticat'",
            "the refusal, with the address of who asked",
        ),
        kubernetes(
            "kubectl get serviceaccount NAME -n NS",
            "whether the account is there; it needs no rights of its own",
        ),
        kubernetes(
            "kubectl get csr",
            "where the Kubernetes certificates API signs: requests that are not Approved,Issued",
        ),
        spire(
            "spire-server entry show -spiffeID SPIFFE_ID",
            "the registration entry: its parent and its selectors must fit the workload",
        ),
        kubernetes(
            "kubectl describe certificaterequest NAME -n NS",
            "cert-manager: denied, failed, or waiting for an approver",
        ),
    ],
    fix: "Give back what is missing: the right to review tokens, the service account, the entry, the signer's name. With an external CA, Istio needs the signer named as well (K8S_SIGNER or CertSigner); EXTERNAL_CA alone is not enough.",
};

pub(in crate::report::explain) const CA_UNREACHABLE: Cause = Cause {
    name: "The workload cannot reach the CA: a network policy, or it does not trust the CA's own certificate",
    confirm: &[
        kubernetes(
            "kubectl get networkpolicy -n NS",
            "egress must be open to istiod on 15012, or to linkerd-identity on 8080",
        ),
        istio(
            "kubectl logs POD -n NS -c istio-proxy --since=1h",
            "timeouts, or \"certificate signed by unknown authority\": then istio-ca-root-cert is not the root of istiod's certificate",
        ),
        linkerd(
            "kubectl logs POD -n NS -c linkerd-proxy --since=1h",
            "\"Failed to obtain identity\"",
        ),
        spire(
            "spire-agent healthcheck -socketPath SOCKET",
            "whether the agent serves at all",
        ),
    ],
    fix: "Open the way from the namespace to the CA, and let the bundle that the pods are given hold the root of the CA's own serving certificate.",
};

pub(in crate::report::explain) const NO_CERT_YET: Cause = Cause {
    name: "The proxy of the target never got a certificate",
    confirm: &[
        istio(
            "istioctl proxy-config secret POD.NS",
            "no row default with STATUS ACTIVE; calls through it answer 503 \"Secret is not supplied by SDS\"",
        ),
        istio(
            "kubectl logs POD -n NS -c istio-proxy",
            "why its requests to the CA fail",
        ),
        linkerd(
            "kubectl logs POD -n NS -c linkerd-proxy",
            "\"Failed to obtain identity\", and the pod never becomes ready",
        ),
        kubernetes(
            "kubectl describe pod POD -n NS",
            "whether the proxy is ready",
        ),
    ],
    fix: "Mend what keeps the CA from signing for it; files in the container prove nothing, since the proxy holds its certificate in memory.",
};

pub(in crate::report::explain) const CA_ENDED: Cause = Cause {
    name: "A CA certificate of the chain has ended, root or intermediate",
    confirm: &[
        anywhere(
            "probe inspect HOST:PORT",
            "the dates of everything the server sends, and not only of its leaf",
        ),
        istio(
            "kubectl get secret cacerts -n istio-system \\\n  -o jsonpath='{.data.ca-cert\\.pem}' | base64 -d \\\n  | openssl x509 -noout -enddate",
            "the end of a plugged-in CA; a self-signed one is in the secret istio-ca-secret",
        ),
        linkerd(
            "linkerd check",
            "trust anchors and issuer within their validity period",
        ),
        spire(
            "spire-server localauthority x509 show",
            "when the active authority ends",
        ),
    ],
    fix: "Rotate the CA, with old and new root trusted by everybody in between. If the root itself has ended there is no overlap any more: everything needs the new bundle and a new leaf at once.",
};

pub(in crate::report::explain) const CA_ENDS_SOON: Cause = Cause {
    name: "The signing CA is near its own end and cuts what it issues",
    confirm: &[
        istio(
            "kubectl get secret cacerts -n istio-system \\\n  -o jsonpath='{.data.ca-cert\\.pem}' | base64 -d \\\n  | openssl x509 -noout -enddate",
            "the end of a plugged-in CA",
        ),
        linkerd(
            "linkerd check",
            "warns when issuer or anchors end within 60 days",
        ),
        spire(
            "spire-server localauthority x509 show",
            "whether the next authority is prepared",
        ),
        anywhere(
            "probe outlook result.json --at +48h",
            "which cells break, and by which certificate",
        ),
    ],
    fix: "Replace the signing CA now, with the usual overlap: when it ends nothing can be renewed.",
};

pub(in crate::report::explain) const LIFETIME_SET: Cause = Cause {
    name: "Somebody has set a shorter lifetime",
    confirm: &[
        istio(
            "kubectl get pod POD -n NS -o yaml | grep -A1 SECRET_TTL",
            "the lifetime that the agent asks for, 24 h unless set",
        ),
        spire(
            "spire-server entry show -spiffeID SPIFFE_ID",
            "X509-SVID TTL of the entry",
        ),
        kubernetes(
            "kubectl get certificate NAME -n NS -o jsonpath='{.spec.duration}'",
            "cert-manager: the duration asked for",
        ),
    ],
    fix: "Nothing, if it is meant; see that the CA bears the number of renewals.",
};

pub(in crate::report::explain) const CLOCK: Cause = Cause {
    name: "A clock is wrong: of the target's node, of the CA, or ours",
    confirm: &[
        anywhere(
            "date -u",
            "on the node of the target, on that of the CA, and here",
        ),
        anywhere(
            "chronyc tracking",
            "how far the clock is off, where chrony keeps it",
        ),
        anywhere("timedatectl", "whether the clock is kept at all"),
        kubernetes(
            "kubectl exec POD -n NS -- date -u",
            "the clock that the pod sees, which is that of its node",
        ),
        istio(
            "istioctl proxy-config secret POD.NS",
            "NOT BEFORE in the row default: later than the clock of the one who refuses it",
        ),
        linkerd(
            "linkerd check --pre",
            "the line \"no clock skew detected\": every node against this machine",
        ),
        spire(
            "spire-agent api fetch x509 -socketPath SOCKET",
            "SVID Valid After: later than the clock of the one who refuses it",
        ),
    ],
    fix: "Keep the clocks by NTP. New certificates break first: Istio dates them 2 minutes back and Linkerd 20 seconds, and a clock further behind than that refuses them.",
};
