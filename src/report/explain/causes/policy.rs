//! Policies: who may, once it is known who it is.

use crate::report::explain::Cause;
use crate::report::explain::entry::{ambient, anywhere, istio, kubernetes, linkerd};

pub(in crate::report::explain) const NO_ALLOW: Cause = Cause {
    name: "Policies that allow exist, and none of them allows this client",
    confirm: &[
        istio(
            "istioctl x authz check POD.NS",
            "the AuthorizationPolicies that the proxy of the target enforces",
        ),
        istio(
            "kubectl get authorizationpolicy -A -o yaml",
            "action ALLOW: namespaces and principals in one source must both fit, two sources are alternatives",
        ),
        istio(
            "kubectl logs POD -n NS -c istio-proxy | grep rbac",
            "rbac_access_denied_matched_policy[none]: none of those that allow matched",
        ),
        ambient(
            "kubectl logs -n istio-system -l app=ztunnel --tail=200 | grep -i polic",
            "\"allow policies exist, but none allowed\"",
        ),
        linkerd(
            "linkerd authz -n NS deploy/NAME",
            "what is authorized, server by server",
        ),
        linkerd(
            "linkerd diagnostics policy -n NS po/POD PORT",
            "the policy as the proxy has it: a Server without authorizations denies everybody",
        ),
    ],
    fix: "Add the client's namespace or principal to a policy that allows, as a source of its own. In Linkerd add an AuthorizationPolicy for the Server with a MeshTLSAuthentication that names the client.",
};

pub(in crate::report::explain) const DENY: Cause = Cause {
    name: "A policy denies this client",
    confirm: &[
        istio(
            "kubectl logs POD -n NS -c istio-proxy | grep rbac",
            "rbac_access_denied_matched_policy[ns[...]-policy[...]-rule[...]] names it",
        ),
        istio(
            "istioctl x authz check POD.NS",
            "policies with the action DENY, which are judged before those that allow",
        ),
        ambient(
            "kubectl logs -n istio-system -l app=ztunnel --tail=200 | grep -i denied",
            "\"explicitly denied by: NAMESPACE/NAME\"; istio_converted_static_strict is the mode STRICT",
        ),
    ],
    fix: "Change the policy that denies: no policy that allows can win against it. A DENY with notNamespaces or notPrincipals also denies every client without mTLS.",
};

pub(in crate::report::explain) const PRINCIPAL: Cause = Cause {
    name: "The policy names the client differently from its certificate",
    confirm: &[
        istio(
            "kubectl get authorizationpolicy -n NS -o yaml | grep -A8 principals",
            "principals are TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT: the domain stands in front, spiffe:// does not",
        ),
        kubernetes(
            "kubectl get pod POD -n NS -o jsonpath='{.spec.serviceAccountName}'",
            "the account of the client, which is `default` where none is named",
        ),
        linkerd(
            "kubectl get meshtlsauthentication -n NS -o yaml",
            "identities are ACCOUNT.NAMESPACE.serviceaccount.identity.linkerd.TRUST-DOMAIN, or a reference to the account",
        ),
        anywhere(
            "probe inspect chain.pem",
            "the identity in the client's certificate",
        ),
    ],
    fix: "Write the identity as the certificate has it, or give the client the account that the policy names.",
};

pub(in crate::report::explain) const HTTP_RULE_ON_TCP: Cause = Cause {
    name: "A rule about HTTP stands at a port that is taken for TCP",
    confirm: &[
        istio(
            "istioctl analyze -n NS",
            "IST0118: a port name that says nothing, IST0171: a policy that cannot be enforced",
        ),
        istio(
            "kubectl get service SERVICE -n NS -o yaml",
            "name and appProtocol of the port: http, http2 or grpc make it HTTP",
        ),
        ambient(
            "kubectl get authorizationpolicy -n NS -o yaml",
            "methods, paths and hosts need a waypoint (targetRefs); ztunnel knows only L4",
        ),
    ],
    fix: "Name the port by its protocol, or keep rules for TCP to principals, namespaces, addresses and ports. On TCP a rule that allows by path allows nobody, and one that denies by path denies all.",
};

pub(in crate::report::explain) const APPLICATION: Cause = Cause {
    name: "The application itself says no, not the mesh",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to TARGET --request \"GET /healthz\" -v",
            "the answer, its server header and its words",
        ),
        kubernetes(
            "kubectl logs POD -n NS -c APP",
            "whether the request reached it",
        ),
        istio(
            "kubectl logs POD -n NS -c istio-proxy",
            "in the access log, via_upstream says that the application answered",
        ),
    ],
    fix: "Probe a path that needs no login (`request:` of the target), or expect this code.",
};

pub(in crate::report::explain) const NOT_SYNCED: Cause = Cause {
    name: "The proxy has not got the current configuration, or refused it",
    confirm: &[
        istio(
            "istioctl proxy-status",
            "a pod that is missing is cut off, or ambient, or of another revision",
        ),
        istio(
            "istioctl proxy-status POD.NS",
            "the difference between what istiod has and what the proxy has",
        ),
        istio(
            "istioctl analyze -n NS",
            "IST0106 and IST0133: resources that are not valid",
        ),
        istio(
            "kubectl logs -n istio-system deploy/istiod | grep -i nack",
            "a proxy that refused what it was sent",
        ),
        linkerd(
            "linkerd check --proxy -n NS",
            "whether proxies and control plane fit together",
        ),
    ],
    fix: "Correct the resource that is refused. Policies are pushed and need no restart; restart a proxy only where it is cut off from its control plane.",
};

pub(in crate::report::explain) const TOO_OPEN: Cause = Cause {
    name: "No policy restricts this port",
    confirm: &[
        istio(
            "istioctl x authz check POD.NS",
            "no policy: everybody whom the mode lets in may call",
        ),
        linkerd(
            "linkerd diagnostics policy -n NS po/POD PORT",
            "the default policy, where no Server selects the port",
        ),
        kubernetes(
            "kubectl get networkpolicy -n NS",
            "whether the network restricts who comes this far",
        ),
    ],
    fix: "Allow by name who is meant to call (AuthorizationPolicy); whatever is not allowed is denied from then on.",
};

pub(in crate::report::explain) const WAYPOINT_PASSED_BY: Cause = Cause {
    name: "The pod is spoken to directly, and the policies of its waypoint do not count there",
    confirm: &[
        ambient(
            "istioctl ztunnel-config services",
            "WAYPOINT: the service has one, and a client that dials the pod goes past it",
        ),
        ambient(
            "kubectl get authorizationpolicy -n NS -o yaml",
            "a policy with targetRefs holds at the waypoint alone; ztunnel knows those with a selector",
        ),
        anywhere(
            "probe --from SOURCE --to HOST:15008 --dialect hbone",
            "with the address of the waypoint as HOST: what it says to the same client",
        ),
    ],
    fix: "Give the pods a policy with a selector that lets in the account of the waypoint alone, so that nobody gets past it; probe the waypoint as a target of its own.",
};

pub(in crate::report::explain) const RATE_LIMIT: Cause = Cause {
    name: "A rate limit answers: mTLS is fine",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to TARGET -v",
            "HTTP 429 in the evidence, after the handshake",
        ),
        linkerd(
            "kubectl get httplocalratelimitpolicies -n NS",
            "limits at a Server of Linkerd",
        ),
        istio(
            "kubectl get envoyfilter -A",
            "limits in Istio are set by filters",
        ),
    ],
    fix: "Nothing for mTLS. Probe more slowly (`--rate`), or raise the limit.",
};
