//! Whether a port wants mTLS: modes, injection, and ports that no proxy sees.

use crate::report::explain::Cause;
use crate::report::explain::entry::{ambient, anywhere, istio, kubernetes, linkerd};

pub(in crate::report::explain) const STRICT: Cause = Cause {
    name: "The port is STRICT, and the client comes without proxy or certificate",
    confirm: &[
        istio(
            "istioctl x describe pod POD -n NS",
            "the effective mode of each port of the target",
        ),
        istio(
            "kubectl get peerauthentication -A",
            "every policy: workload before namespace before the root namespace",
        ),
        ambient(
            "istioctl ztunnel-config workloads",
            "PROTOCOL of the client: HBONE is in the mesh, TCP is not",
        ),
        linkerd(
            "linkerd diagnostics policy -n NS po/POD PORT",
            "the policy of the port: clients without identity need unauthenticated ones to be let in",
        ),
        anywhere(
            "probe --from none --to TARGET",
            "mTLS let in, no certificate and plaintext refused: these three together are a STRICT port",
        ),
    ],
    fix: "Bring the client into the mesh. Where it cannot be (a job, a tool of others), give the workload a PeerAuthentication with a selector, STRICT, and portLevelMtls PERMISSIVE for the one container port; during a migration make the namespace PERMISSIVE, and STRICT once no plaintext is left.",
};

pub(in crate::report::explain) const NOT_INJECTED: Cause = Cause {
    name: "No proxy was injected",
    confirm: &[
        kubernetes(
            "kubectl get pod POD -n NS -o yaml \\\n  | grep -E 'name: (istio|linkerd)-proxy'",
            "istio-proxy or linkerd-proxy, which may stand among the init containers",
        ),
        istio(
            "istioctl x check-inject POD.NS",
            "which webhook would inject, and which label prevents it",
        ),
        istio(
            "istioctl analyze -n NS",
            "IST0102 and IST0103: namespace or pod without injection",
        ),
        ambient(
            "kubectl get namespace NS --show-labels",
            "istio.io/dataplane-mode=ambient: such pods have no sidecar and need none",
        ),
        linkerd(
            "linkerd check --proxy -n NS",
            "whether the proxies of the namespace are found",
        ),
    ],
    fix: "Label the namespace (istio-injection=enabled, or the label of your revision; the annotation linkerd.io/inject=enabled for Linkerd), then restart: `kubectl rollout restart deployment -n NS`. Pods that were there before stay as they are.",
};

pub(in crate::report::explain) const SCOPE: Cause = Cause {
    name: "Another policy than one thinks sets the mode",
    confirm: &[
        istio(
            "istioctl x describe pod POD -n NS",
            "the effective mode, and which PeerAuthentication gives it",
        ),
        istio(
            "kubectl get peerauthentication -A --sort-by=.metadata.creationTimestamp",
            "of two with one scope the oldest counts, and the other not at all",
        ),
        linkerd(
            "linkerd diagnostics policy -n NS po/POD PORT",
            "once a Server selects the port, the default policy of pod and namespace is out",
        ),
    ],
    fix: "Keep one policy for each scope: workload (with a selector), namespace, mesh (in the root namespace, without a selector). A policy with a selector in the root namespace is ignored.",
};

pub(in crate::report::explain) const NAMESPACE_WEAKENS: Cause = Cause {
    name: "A namespace or workload policy makes a STRICT mesh PERMISSIVE or switches mTLS off",
    confirm: &[
        istio(
            "kubectl get peerauthentication -A",
            "MODE of every policy: those beside the one in the root namespace win",
        ),
        istio(
            "istioctl x describe pod POD -n NS",
            "the effective mode of the port",
        ),
        ambient(
            "kubectl get peerauthentication -n NS -o yaml",
            "in ambient mode DISABLE is as PERMISSIVE",
        ),
        linkerd(
            "kubectl get namespace NS -o yaml | grep default-inbound-policy",
            "all-unauthenticated, the default of an installation, lets plaintext in",
        ),
    ],
    fix: "Delete the weaker policy once no client needs it; clients that still do show up as those without a client identity in the access log.",
};

pub(in crate::report::explain) const PORT_LEVEL: Cause = Cause {
    name: "This one port has a mode of its own",
    confirm: &[
        istio(
            "kubectl get peerauthentication -n NS -o yaml",
            "portLevelMtls: its keys are ports of the container and not of the Service, and it needs a selector",
        ),
        istio(
            "istioctl x describe pod POD -n NS",
            "the effective mode, port by port",
        ),
        linkerd(
            "kubectl get pod POD -n NS -o yaml | grep -E 'config.linkerd.io'",
            "opaque-ports, skip-inbound-ports, proxy-require-identity-inbound-ports",
        ),
    ],
    fix: "Correct the number (container port), or delete the exception. Only the winning workload policy counts for its ports.",
};

pub(in crate::report::explain) const EXCLUDED: Cause = Cause {
    name: "The port is excluded from the proxy, or the mode is DISABLE: the application itself is spoken to",
    confirm: &[
        istio(
            "kubectl get pod POD -n NS -o yaml | grep traffic.sidecar.istio.io",
            "excludeInboundPorts, or includeInboundPorts without this port",
        ),
        istio(
            "istioctl x describe pod POD -n NS",
            "whether the mode is DISABLE",
        ),
        istio(
            "istioctl proxy-config listener POD.NS --port 15006 -o json",
            "a filter chain with this destinationPort and a TLS transport socket, or none",
        ),
        linkerd(
            "kubectl get pod POD -n NS -o yaml | grep -E 'skip-inbound|opaque-ports'",
            "ports that the proxy does not see, or passes on unread",
        ),
        kubernetes(
            "kubectl get pod POD -n NS -o yaml | grep -E 'hostNetwork|runAsUser'",
            "pods in the network of the host are not captured, nor is the user 1337",
        ),
    ],
    fix: "Take the port out of the exclusions or set the mode; the ports 15020, 15021 and 15090 of a sidecar never do mTLS.",
};

pub(in crate::report::explain) const MIXED: Cause = Cause {
    name: "Pods with and without a proxy stand behind one Service",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to TARGET -v",
            "every address for itself: the same ones always differ",
        ),
        kubernetes(
            "kubectl get pods -n NS -l APP_LABEL -o wide",
            "READY: pods with a sidecar have one container more",
        ),
        istio(
            "istioctl proxy-status",
            "the pods that are connected to istiod",
        ),
        ambient(
            "istioctl ztunnel-config workloads",
            "PROTOCOL: HBONE is a pod in ambient mode; one with TCP has a sidecar, or nothing",
        ),
        linkerd("linkerd viz edges pod -n NS", "SECURED, pod by pod"),
    ],
    fix: "Restart the pods without a proxy, so that they are injected. Auto mTLS bears such a mixture for normal Services; headless Services and a DestinationRule with ISTIO_MUTUAL do not.",
};

pub(in crate::report::explain) const HEALTH_CHECKS: Cause = Cause {
    name: "A health check of the kubelet comes in plaintext to a port that wants mTLS",
    confirm: &[
        kubernetes(
            "kubectl describe pod POD -n NS",
            "failing probes in the events, and the port they go to",
        ),
        istio(
            "kubectl get pod POD -n NS -o yaml \\\n  | grep -E '15020|rewriteAppHTTPProbers'",
            "rewritten probes go to /app-health on 15020; the annotation can switch that off",
        ),
        linkerd(
            "kubectl get httproute -n NS",
            "a Server with routes of its own has no automatic ones for probes",
        ),
    ],
    fix: "Leave the rewriting on (annotation sidecar.istio.io/rewriteAppHTTPProbers, value sidecarInjectorWebhook.rewriteAppHTTPProbe of the injector); with Linkerd, authorize the path of the probe.",
};

pub(in crate::report::explain) const ALPN_OF_ISTIO: Cause = Cause {
    name: "The client does not come as a sidecar does: a PERMISSIVE port chooses by ALPN",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to HOST:PORT --dialect istio",
            "the same, with what a sidecar offers: it is let in",
        ),
        istio(
            "istioctl proxy-config listener POD.NS --port 15006 -o json",
            "filterChainMatch.applicationProtocols of the chains for this port",
        ),
        istio(
            "kubectl get service SERVICE -n NS -o yaml",
            "the protocol, by the name of the port or appProtocol: HTTP ports have no chain for foreign TLS",
        ),
    ],
    fix: "Set `dialect: istio` for the target. Real clients need a sidecar, or the mode STRICT, where any TLS is taken.",
};
