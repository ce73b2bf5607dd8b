//! The way there.

use crate::report::explain::Cause;
use crate::report::explain::entry::{anywhere, istio, kubernetes, linkerd};

pub(in crate::report::explain) const NETWORK_POLICY: Cause = Cause {
    name: "A network policy or a firewall drops the packets",
    confirm: &[
        kubernetes(
            "kubectl get networkpolicy -n NS -o yaml",
            "ingress of the target's namespace, and egress of the one probe runs in",
        ),
        istio(
            "kubectl describe networkpolicy -n NS",
            "sidecars need the application's port, ambient pods 15008, all of them 15012 of istiod",
        ),
        linkerd(
            "kubectl describe networkpolicy -n NS",
            "the application's port and 4143; 8080, 8086 and 8090 of the control plane",
        ),
        anywhere(
            "nc -vz -w 3 HOST PORT",
            "the same from another place: one that gets through shows where it is cut",
        ),
    ],
    fix: "Allow the port from the namespace that probe runs in. The CNI may have policies of its own beside those of Kubernetes.",
};

pub(in crate::report::explain) const NOT_LISTENING: Cause = Cause {
    name: "Nothing listens on this port",
    confirm: &[
        kubernetes(
            "kubectl get pods -n NS -o wide",
            "whether the pod runs and has this address",
        ),
        kubernetes(
            "kubectl exec POD -n NS -c APP -- ss -ltn",
            "the ports it listens on, and at which addresses",
        ),
        kubernetes(
            "kubectl get service SERVICE -n NS -o yaml",
            "targetPort must be the port of the container",
        ),
        anywhere("ss -ltnp", "the same on a machine without Kubernetes"),
    ],
    fix: "Start the process, or correct the port. A pod with a sidecar takes TCP on every port, so a refusal says that there is none in the way.",
};

pub(in crate::report::explain) const GONE: Cause = Cause {
    name: "The address is gone: the pod was replaced or the machine is down",
    confirm: &[
        kubernetes(
            "kubectl get pods -A -o wide \\\n  --field-selector status.podIP=ADDRESS",
            "nobody has the address any more",
        ),
        kubernetes("kubectl get nodes", "whether the node is Ready"),
        anywhere("ip route get ADDRESS", "which way packets go from here"),
    ],
    fix: "Give the suite a name instead of an address (a headless Service names every pod), and probe again.",
};

pub(in crate::report::explain) const NO_ROUTE: Cause = Cause {
    name: "There is no route to that network from here",
    confirm: &[
        anywhere(
            "ip route get ADDRESS",
            "the way packets go, or that there is none",
        ),
        anywhere(
            "ip -6 route",
            "routes of IPv6: a name may have an address of a family that is not connected here",
        ),
        kubernetes(
            "kubectl get nodes -o wide",
            "the addresses of the nodes: pods of another cluster are reached through a gateway only",
        ),
    ],
    fix: "Run probe where its targets can be reached, or probe the gateway in between.",
};

pub(in crate::report::explain) const NAME: Cause = Cause {
    name: "The name is wrong, or of another namespace",
    confirm: &[
        kubernetes(
            "kubectl get service -A | grep NAME",
            "whether the Service is there, and where",
        ),
        anywhere(
            "getent hosts NAME",
            "the same question, by the system's resolver",
        ),
        anywhere(
            "cat /etc/resolv.conf",
            "the search domains, which make NAME of NAME.NS.svc.cluster.local",
        ),
    ],
    fix: "Write the whole name, SERVICE.NAMESPACE.svc.cluster.local; a headless Service without ready pods has no addresses at all.",
};

pub(in crate::report::explain) const DNS_DOWN: Cause = Cause {
    name: "The name server does not answer, or cannot be reached",
    confirm: &[
        kubernetes(
            "kubectl get pods -n kube-system -l k8s-app=kube-dns",
            "whether the name servers of the cluster run",
        ),
        kubernetes(
            "kubectl get networkpolicy -n NS",
            "egress to port 53, UDP and TCP, must be open",
        ),
        anywhere(
            "probe --from SOURCE --to TARGET --dns-server ADDRESS",
            "the same by another name server",
        ),
    ],
    fix: "Open port 53, or give `--dns-server` the address of a name server that answers.",
};

pub(in crate::report::explain) const BUSY: Cause = Cause {
    name: "The target or its node is overloaded, or the way is long",
    confirm: &[
        kubernetes("kubectl top pod -n NS", "CPU and memory of the pods"),
        anywhere(
            "probe --from SOURCE --to TARGET --timeout 30s --attempts 5",
            "slow answers after all, or none ever",
        ),
    ],
    fix: "Give it room, or probe with a longer `--timeout` and a smaller `--concurrency`.",
};

pub(in crate::report::explain) const BACKENDS: Cause = Cause {
    name: "Several backends stand behind one address, and they differ",
    confirm: &[
        kubernetes(
            "kubectl get endpointslices -n NS \\\n  -l kubernetes.io/service-name=SERVICE",
            "the addresses behind the Service: probe each one",
        ),
        anywhere(
            "probe --from SOURCE --to TARGET --attempts 100",
            "how often it is one answer, and how often the other",
        ),
        anywhere("probe inspect ADDRESS:PORT", "what each backend presents"),
    ],
    fix: "Give the target all addresses (a headless Service, or `srv:`), find the one with another certificate, bundle, policy or version, and restart it.",
};

pub(in crate::report::explain) const ROLLOUT: Cause = Cause {
    name: "A rollout or a rotation is on its way",
    confirm: &[
        kubernetes(
            "kubectl rollout status deployment NAME -n NS",
            "whether it is finished",
        ),
        kubernetes(
            "kubectl get pods -n NS --sort-by=.metadata.creationTimestamp -o wide",
            "which pods are from before the change",
        ),
        anywhere(
            "probe rotation",
            "whether it is a rotation of roots, and how far it is",
        ),
    ],
    fix: "Wait until it is finished, then probe again; what still differs then was left behind.",
};
