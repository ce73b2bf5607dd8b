//! Names in certificates, and what certificates are fit for.

use crate::report::explain::Cause;
use crate::report::explain::entry::{ambient, anywhere, istio, kubernetes, linkerd, spire};

pub(in crate::report::explain) const OTHER_WORKLOAD: Cause = Cause {
    name: "Another workload answers at this address",
    confirm: &[
        kubernetes(
            "kubectl get endpointslices -n NS \\\n  -l kubernetes.io/service-name=SERVICE -o yaml",
            "the pods behind the Service; a selector that is too wide catches others",
        ),
        kubernetes(
            "kubectl get pods -A -o wide \\\n  --field-selector status.podIP=ADDRESS",
            "whose address it is now: addresses of pods are given out again",
        ),
        istio(
            "kubectl get serviceentry,workloadentry -A -o yaml",
            "an entry that names this address with another serviceAccount",
        ),
        anywhere(
            "probe inspect HOST:PORT",
            "the identities that the server presents",
        ),
    ],
    fix: "Correct the selector, the entry or the address, so that only the intended workload stands behind the name.",
};

pub(in crate::report::explain) const WRONG_ACCOUNT: Cause = Cause {
    name: "The workload runs as another service account than one thinks",
    confirm: &[
        kubernetes(
            "kubectl get pod POD -n NS -o jsonpath='{.spec.serviceAccountName}'",
            "the account, which is `default` where the deployment names none",
        ),
        istio(
            "istioctl proxy-config secret POD.NS -o json",
            "the certificate in use, in the secret default: its URI SAN",
        ),
        ambient(
            "istioctl ztunnel-config certificates --node NODE",
            "the identities that the node holds certificates for",
        ),
        linkerd(
            "linkerd identity -n NS POD",
            "the certificate in use, with its DNS name",
        ),
        spire(
            "spire-server entry show -selector k8s:ns:NS",
            "which entries the workload's selectors match",
        ),
    ],
    fix: "Set serviceAccountName in the pod template (or correct the registration entry), and let every workload have an account of its own.",
};

pub(in crate::report::explain) const STALE_NAMES: Cause = Cause {
    name: "The list of accepted names is out of date",
    confirm: &[
        istio(
            "istioctl proxy-config cluster POD.NS --fqdn FQDN --port PORT -o json",
            "the names that a client's proxy accepts of this service (matchTypedSubjectAltNames)",
        ),
        istio(
            "kubectl get destinationrule -A -o yaml | grep -B5 -A5 subjectAltNames",
            "a rule that lists names by hand",
        ),
        spire(
            "spire-server entry show -spiffeID SPIFFE_ID",
            "whether the entry still has that SPIFFE ID",
        ),
        anywhere(
            "probe inspect HOST:PORT",
            "the names in the certificate, to be compared with the list",
        ),
    ],
    fix: "Correct the list, or delete subjectAltNames from the rule: without it Istio takes the accounts of the service's own endpoints.",
};

pub(in crate::report::explain) const SUITE_NAME: Cause = Cause {
    name: "The suite expects another name",
    confirm: &[
        anywhere("probe plan", "the identity that every target must present"),
        anywhere("probe inspect HOST:PORT", "the one it presents"),
    ],
    fix: "Correct `id`, `dns` or `trust_domain` in the suite. Identities of Linkerd are DNS names, and those of sa/NAME depend on `namespace` and `trust_domain`.",
};

pub(in crate::report::explain) const TRUST_DOMAIN: Cause = Cause {
    name: "The two sides have different trust domains, and nothing makes up for it",
    confirm: &[
        istio(
            "kubectl get configmap istio -n istio-system -o jsonpath='{.data.mesh}'",
            "trustDomain (empty means cluster.local) and trustDomainAliases, in both clusters",
        ),
        ambient(
            "istioctl ztunnel-config certificates --node NODE",
            "the trust domain of each identity: ztunnel wants exactly its own, and knows no aliases",
        ),
        linkerd(
            "kubectl get configmap linkerd-config -n linkerd -o yaml",
            "identityTrustDomain of each cluster",
        ),
        spire(
            "spire-server federation list",
            "the trust domains that this one federates with",
        ),
    ],
    fix: "Use one trust domain, or list the other under trustDomainAliases, and see that roots are shared as well: aliases add names, not roots. Workloads with a certificate from before a change of trust domain need a new one.",
};

pub(in crate::report::explain) const NOT_MESH_TLS: Cause = Cause {
    name: "TLS reached the application itself, not the proxy: it presents its own certificate",
    confirm: &[
        anywhere(
            "probe inspect HOST:PORT",
            "a certificate for a host name, without the identity of a mesh",
        ),
        istio(
            "istioctl proxy-config listener POD.NS --port 15006 -o json",
            "the filter chain for this destinationPort: without a TLS transport socket it passes bytes on",
        ),
        istio(
            "kubectl get pod POD -n NS -o yaml | grep -i excludeInboundPorts",
            "a port that the proxy does not see",
        ),
        linkerd(
            "kubectl get pod POD -n NS -o yaml | grep -E 'skip-inbound|opaque-ports'",
            "a port that the proxy passes on",
        ),
        anywhere(
            "probe --to HOST:PORT --from SOURCE --dialect auto",
            "how this port wants to be spoken to",
        ),
    ],
    fix: "Speak as a peer of that mesh does (`dialect:` of the target), or take the port out of the exclusions. Where the application is meant to do TLS, set `dns:` for the target and give the bundle of its CA.",
};

pub(in crate::report::explain) const NOT_AN_SVID: Cause = Cause {
    name: "The issuer makes certificates that are no X.509-SVIDs",
    confirm: &[
        anywhere(
            "probe inspect chain.pem",
            "every rule that the leaf breaks: URI names, CA flag, key usages",
        ),
        kubernetes(
            "kubectl get certificate NAME -n NS -o yaml",
            "cert-manager: exactly one entry under uris, isCA not set, usages for signatures",
        ),
        anywhere(
            "openssl x509 -in chain.pem -noout -ext subjectAltName,keyUsage",
            "what is in the leaf",
        ),
    ],
    fix: "Issue leaves with exactly one URI name, a valid SPIFFE ID with a path, without CA flag and with the key usage digitalSignature.",
};

pub(in crate::report::explain) const WRONG_USAGE: Cause = Cause {
    name: "The certificate is not made for this end: extended key usage, key usage or CA flag",
    confirm: &[
        anywhere(
            "openssl x509 -in chain.pem -noout \\\n  -ext extendedKeyUsage,keyUsage,basicConstraints",
            "a workload needs both clientAuth and serverAuth, and no CA flag",
        ),
        kubernetes(
            "kubectl get certificate NAME -n NS -o jsonpath='{.spec.usages}'",
            "cert-manager: must list client auth and server auth",
        ),
        istio(
            "istioctl proxy-config secret POD.NS -o json",
            "the secret default, in base64: Istio sets both itself, an external CA as its template says",
        ),
        spire(
            "spire-agent api fetch x509 -socketPath SOCKET -write DIR",
            "svid.0.pem as SPIRE issues it, with both: where the one in use lacks one, it is another",
        ),
    ],
    fix: "Issue it anew with both extended key usages; a certificate made for a web server alone cannot serve as a client's.",
};

pub(in crate::report::explain) const WEAK_KEY: Cause = Cause {
    name: "Key or signature is of a kind that the other end does not take: too weak, or too new",
    confirm: &[
        anywhere(
            "openssl x509 -in chain.pem -noout -text | grep -E 'Algorithm|bit'",
            "RSA below 2048 bits and SHA-1 are refused nearly everywhere",
        ),
        linkerd(
            "linkerd check",
            "the issuer must be ECDSA P-256: Linkerd refuses another",
        ),
        kubernetes(
            "kubectl get certificate NAME -n NS -o jsonpath='{.spec.privateKey}'",
            "cert-manager: RSA 2048 unless it says otherwise",
        ),
    ],
    fix: "Issue it with ECDSA P-256, which every mesh takes.",
};

pub(in crate::report::explain) const CONSTRAINED: Cause = Cause {
    name: "A CA of the chain may not issue this: name constraints or path length",
    confirm: &[
        anywhere(
            "openssl x509 -in ca.pem -noout -ext basicConstraints,nameConstraints",
            "for every CA of the chain: how many may follow it, and for which names",
        ),
        anywhere(
            "probe verify --chain chain.pem --bundle roots.pem",
            "the same judgement, offline",
        ),
    ],
    fix: "Have the CA issued anew with constraints that fit; a trust domain is the host name of the URI, and constraints on URIs hold for it.",
};

pub(in crate::report::explain) const REVOKED: Cause = Cause {
    name: "The certificate, or a CA above it, is on a revocation list",
    confirm: &[
        anywhere(
            "openssl crl -in crl.pem -noout -text",
            "the serial numbers, each with a date and a reason",
        ),
        anywhere(
            "openssl x509 -in chain.pem -noout -serial -issuer",
            "the serial number of the certificate in use",
        ),
        spire(
            "spire-server localauthority x509 show",
            "whether its authority was tainted or revoked; SPIRE keeps no lists",
        ),
        istio(
            "kubectl get secret cacerts -n istio-system \\\n  -o jsonpath='{.data.ca-crl\\.pem}' | base64 -d > crl.pem",
            "the list that Istio hands out, where there is one",
        ),
    ],
    fix: "Find out why it was revoked, then have a new one issued; where it was a mistake, publish a new list without it.",
};
