//! Proxies in between: how they speak to the next server, and what stands behind them.

use crate::report::explain::Cause;
use crate::report::explain::entry::{ambient, anywhere, istio, kubernetes, linkerd};

pub(in crate::report::explain) const RULE_DISABLE: Cause = Cause {
    name: "A DestinationRule with mode DISABLE sends plaintext to a port that wants mTLS",
    confirm: &[
        istio(
            "istioctl x describe pod POD -n NS",
            "the DestinationRule that the clients of this pod use",
        ),
        istio(
            "istioctl proxy-config cluster POD.NS --fqdn FQDN --port PORT -o json",
            "at the client: no transportSocket and no transportSocketMatches means plaintext",
        ),
        anywhere(
            "probe --from SOURCE --to TARGET",
            "mTLS straight to the server, without our sidecar: it is let in",
        ),
    ],
    fix: "Delete the `tls` block of the rule: auto mTLS does the right thing. Or write ISTIO_MUTUAL.",
};

pub(in crate::report::explain) const RULE_SIMPLE: Cause = Cause {
    name: "A DestinationRule with mode SIMPLE sends no client certificate and does not trust the mesh",
    confirm: &[
        istio(
            "kubectl get destinationrule -A -o yaml | grep -B12 -A4 'mode: SIMPLE'",
            "the rule, with its host and caCertificates (the roots of the system where unset)",
        ),
        istio(
            "istioctl proxy-config cluster POD.NS --fqdn FQDN --port PORT -o json",
            "at the client: a transportSocket without tlsCertificateSdsSecretConfigs",
        ),
        istio(
            "istioctl analyze -n NS",
            "IST0128 and IST0129: SIMPLE or MUTUAL without caCertificates",
        ),
    ],
    fix: "Write ISTIO_MUTUAL, or delete the `tls` block. SIMPLE is for servers outside the mesh.",
};

pub(in crate::report::explain) const RULE_MUTUAL: Cause = Cause {
    name: "A DestinationRule with mode MUTUAL brings its own files: missing, of another CA, or without Istio's ALPN",
    confirm: &[
        istio(
            "kubectl get destinationrule -A -o yaml | grep -B12 -A6 'mode: MUTUAL'",
            "clientCertificate, privateKey and caCertificates, or credentialName",
        ),
        istio(
            "istioctl proxy-config secret POD.NS",
            "at the client: a file that is not there shows as a secret that stays WARMING",
        ),
        istio(
            "kubectl get pod POD -n NS -o yaml | grep userVolume",
            "files must be mounted into the proxy, with sidecar.istio.io/userVolume and userVolumeMount",
        ),
    ],
    fix: "Write ISTIO_MUTUAL inside the mesh, which brings certificate, roots and ALPN; keep MUTUAL for servers outside.",
};

pub(in crate::report::explain) const MUTUAL_TO_PLAIN: Cause = Cause {
    name: "A DestinationRule with ISTIO_MUTUAL points at a server without sidecar, or one with mode DISABLE",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to HOST:PORT",
            "straight to the server it is NOT_TLS; through the sidecar 503 with WRONG_VERSION_NUMBER",
        ),
        istio(
            "kubectl get pod POD -n NS --show-labels",
            "without security.istio.io/tlsMode=istio auto mTLS would send plaintext",
        ),
        istio(
            "kubectl get destinationrule -A -o yaml | grep -B12 'mode: ISTIO_MUTUAL'",
            "the rule that insists on mTLS",
        ),
    ],
    fix: "Delete the `tls` block of the rule, so that auto mTLS decides for each endpoint, or give the server its sidecar.",
};

pub(in crate::report::explain) const RULES_CONFLICT: Cause = Cause {
    name: "Several DestinationRules fit, and another one than intended wins",
    confirm: &[
        istio(
            "kubectl get destinationrule -A --sort-by=.metadata.creationTimestamp",
            "looked for in the client's namespace, then the service's, then the root namespace (`*.local` mesh-wide)",
        ),
        istio(
            "istioctl proxy-config cluster POD.NS --fqdn FQDN --port PORT",
            "DESTINATION RULE, as the client's proxy has it; clients of other namespaces may have another",
        ),
    ],
    fix: "Keep one rule for each host, in the service's namespace and with its full name. Within one namespace the exact or longest host wins, and of two with one host the older trafficPolicy.",
};

pub(in crate::report::explain) const AUTO_MTLS_OFF: Cause = Cause {
    name: "Auto mTLS is switched off, so that sidecars send plaintext",
    confirm: &[
        istio(
            "kubectl get configmap istio -n istio-system \\\n  -o jsonpath='{.data.mesh}' \\\n  | grep enableAutoMtls",
            "false; no line at all means true",
        ),
        istio(
            "istioctl proxy-config cluster POD.NS --fqdn FQDN --port PORT -o json",
            "at the client: transportSocketMatches are there where it is on",
        ),
    ],
    fix: "Remove enableAutoMtls: false from the mesh configuration, or write a DestinationRule with ISTIO_MUTUAL for the hosts of the mesh.",
};

pub(in crate::report::explain) const SERVICE_ENTRY: Cause = Cause {
    name: "The server is known by a ServiceEntry, for which there is no auto mTLS, or TLS is done twice",
    confirm: &[
        istio(
            "kubectl get serviceentry -A -o yaml",
            "location MESH_EXTERNAL, the protocol of the port, and its targetPort",
        ),
        istio(
            "istioctl proxy-config cluster POD.NS --fqdn FQDN --port PORT -o json",
            "at the client: a transportSocket on a port that the application already speaks HTTPS to",
        ),
    ],
    fix: "Where the application speaks HTTPS, have no DestinationRule for the host. Where the proxy is to begin TLS, make the port HTTP with targetPort 443 and give it a rule with SIMPLE.",
};

pub(in crate::report::explain) const BREAKER: Cause = Cause {
    name: "A circuit breaker is open, or outlier detection has thrown the endpoints out",
    confirm: &[
        istio(
            "kubectl logs POD -n NS -c istio-proxy",
            "the access log of the client: flag UO, and \"overflow\" in the answer",
        ),
        istio(
            "kubectl get destinationrule -A -o yaml | grep -A8 connectionPool",
            "the limits",
        ),
        istio(
            "istioctl proxy-config endpoint POD.NS",
            "OUTLIER CHECK: FAILED for endpoints that were thrown out",
        ),
        linkerd(
            "linkerd diagnostics proxy-metrics -n NS po/POD",
            "the client's failure accrual, and requests that it failed fast",
        ),
    ],
    fix: "Nothing for mTLS: raise the limits, or mend what is slow behind them.",
};

pub(in crate::report::explain) const APP_DOWN: Cause = Cause {
    name: "The application behind the proxy is down, not ready yet, or listens elsewhere",
    confirm: &[
        kubernetes(
            "kubectl get pods -n NS -o wide",
            "READY and RESTARTS of the pods behind the Service",
        ),
        kubernetes("kubectl logs POD -n NS -c APP --previous", "why it ended"),
        kubernetes(
            "kubectl exec POD -n NS -c APP -- ss -ltn",
            "whether it listens on this port, and not only on 127.0.0.1 of another",
        ),
        istio(
            "kubectl logs POD -n NS -c istio-proxy",
            "the access log of the target: flag UF towards inbound|PORT||",
        ),
    ],
    fix: "Start it, or correct targetPort of the Service. A certificate has no part in it: the proxy takes it and then has nowhere to go.",
};

pub(in crate::report::explain) const NO_ENDPOINTS: Cause = Cause {
    name: "The service has no ready endpoints, or the proxy does not know it",
    confirm: &[
        kubernetes(
            "kubectl get endpointslices -n NS \\\n  -l kubernetes.io/service-name=SERVICE",
            "none, or none that is ready: the selector fits no pod",
        ),
        istio(
            "istioctl proxy-config endpoint POD.NS \\\n  --cluster 'outbound|PORT||SERVICE.NS.svc.cluster.local'",
            "at the client: flag UH is no healthy endpoint, NC no cluster, NR no route",
        ),
        istio(
            "kubectl get sidecar -A -o yaml",
            "a Sidecar resource whose egress hides the namespace of the service",
        ),
        linkerd(
            "linkerd diagnostics endpoints SERVICE.NS.svc.cluster.local:PORT",
            "the endpoints as Linkerd sees them",
        ),
    ],
    fix: "Make pods ready or the selector fit; let exportTo and the Sidecar resource show the service to its clients.",
};

pub(in crate::report::explain) const RELAY: Cause = Cause {
    name: "A relay in between (gateway, load balancer, tcp proxy) ends the connection for somebody else",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to POD_ADDRESS:PORT",
            "the same, past the relay: a clearer code is the server's own word",
        ),
        anywhere(
            "probe --from SOURCE --to TARGET --tls 1.2",
            "over TLS 1.2 the refusal comes within the handshake, and fewer relays lose it",
        ),
        kubernetes(
            "kubectl get service SERVICE -n NS -o wide",
            "its type, and what stands in front",
        ),
        istio(
            "kubectl get gateway -A",
            "gateways, and the mode of TLS at each server of theirs",
        ),
    ],
    fix: "Probe the addresses behind the relay. A relay that hands on a reset before the last bytes loses the reason of a refusal on its way.",
};

pub(in crate::report::explain) const WAYPOINT: Cause = Cause {
    name: "In ambient mode the tunnel ends before the application: no such address, no such port, or a waypoint in the way",
    confirm: &[
        ambient(
            "istioctl ztunnel-config workloads",
            "ADDRESS, PROTOCOL and WAYPOINT of the destination",
        ),
        ambient(
            "istioctl ztunnel-config services",
            "which services have a waypoint",
        ),
        ambient(
            "kubectl logs -n istio-system -l app=ztunnel --tail=200",
            "the refused connection, with both identities and the reason",
        ),
    ],
    fix: "Dial the pod's address on 15008 and ask for the port of the application; probe the waypoint as a target of its own.",
};
