//! What two ends must have in common before any certificate counts.

use crate::report::explain::Cause;
use crate::report::explain::entry::{anywhere, istio, kubernetes, linkerd};

pub(in crate::report::explain) const VERSIONS: Cause = Cause {
    name: "The two ends have no TLS version in common",
    confirm: &[
        anywhere(
            "probe inspect HOST:PORT",
            "the versions that the server takes",
        ),
        anywhere(
            "probe --from SOURCE --to TARGET --tls 1.2",
            "the same over one version alone",
        ),
        anywhere(
            "openssl s_client -connect HOST:PORT -tls1_3 </dev/null",
            "the same with another client",
        ),
        istio(
            "kubectl get configmap istio -n istio-system -o jsonpath='{.data.mesh}'",
            "meshMTLS.minProtocolVersion; ztunnel, waypoints and Linkerd take 1.3 alone",
        ),
    ],
    fix: "Let both ends speak TLS 1.3, and drop `tls:` from the target where the suite narrows it.",
};

pub(in crate::report::explain) const CIPHERS: Cause = Cause {
    name: "The two ends have no cipher suite, group or signature scheme in common",
    confirm: &[
        anywhere(
            "probe inspect HOST:PORT",
            "what the server chooses, and the type of its key",
        ),
        anywhere(
            "openssl s_client -connect HOST:PORT -tls1_2 -cipher ALL </dev/null",
            "whether it takes any suite of TLS 1.2",
        ),
        anywhere(
            "openssl x509 -in chain.pem -noout -text | grep 'Public Key Algorithm'",
            "the type of our key: some servers take one type alone",
        ),
        linkerd(
            "linkerd check",
            "Linkerd's certificates are ECDSA P-256: a client must offer ecdsa_secp256r1_sha256",
        ),
    ],
    fix: "Widen the lists of the stricter end, or give it a key of a usual type (ECDSA P-256). FIPS builds and hand-written cipher lists are the usual reason.",
};

pub(in crate::report::explain) const VERSION_SKEW: Cause = Cause {
    name: "Proxy and control plane, or two proxies, are too far apart in version",
    confirm: &[
        istio(
            "istioctl version",
            "the versions of client, control plane and data plane",
        ),
        istio(
            "istioctl analyze -n NS",
            "IST0158: pods with another proxy image than the injector's",
        ),
        linkerd(
            "linkerd check --proxy -n NS",
            "proxies that are not up to date",
        ),
    ],
    fix: "Restart the workloads after an upgrade of the control plane, so that they get the proxy that belongs to it.",
};

pub(in crate::report::explain) const ALPN: Cause = Cause {
    name: "The server insists on an application protocol that was not offered",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to HOST:PORT --alpn h2,http/1.1",
            "the same with other protocols",
        ),
        anywhere(
            "probe --from SOURCE --to HOST:PORT --dialect auto",
            "how this port wants to be spoken to: ztunnel wants h2, Linkerd's direct port transport.l5d.io/v1",
        ),
        anywhere(
            "openssl s_client -connect HOST:PORT -alpn h2 </dev/null",
            "the protocol that the server chooses",
        ),
    ],
    fix: "Set `dialect:` or `alpn:` of the target as its real clients come.",
};

pub(in crate::report::explain) const SERVER_NAME: Cause = Cause {
    name: "The server chooses by server name, and ours is unknown to it",
    confirm: &[
        anywhere(
            "probe inspect HOST:PORT --sni NAME",
            "what it presents for this name; `--sni off` for none",
        ),
        istio(
            "kubectl get gateway -A -o yaml",
            "hosts of the gateways; an east-west gateway wants outbound_.PORT_._.FQDN",
        ),
        linkerd(
            "kubectl get pod POD -n NS -o yaml | grep -A1 IDENTITY_LOCAL_NAME",
            "the one name for which Linkerd ends TLS; under any other it passes TLS on",
        ),
        kubernetes("kubectl get ingress -A", "hosts of an ingress"),
    ],
    fix: "Set `sni:` of the target, or a `dialect:`, which knows the name that its mesh uses.",
};

pub(in crate::report::explain) const SERVER_FIRST: Cause = Cause {
    name: "The protocol is one where the server speaks first, or plaintext comes before TLS",
    confirm: &[
        anywhere(
            "probe --from SOURCE --to TARGET --starttls postgres",
            "TLS after the words that the protocol wants first (postgres, mysql, smtp, ...)",
        ),
        istio(
            "kubectl get service SERVICE -n NS -o yaml",
            "the port's name or appProtocol: without one a proxy waits for the client's first bytes",
        ),
        linkerd(
            "kubectl get service SERVICE -n NS -o yaml | grep opaque-ports",
            "ports that are not waited at: 25, 587, 3306, 4444, 5432, 6379, 9300 and 11211 unless set",
        ),
    ],
    fix: "Set `starttls:` of the target, and declare the port's protocol to the mesh (appProtocol: tcp, or config.linkerd.io/opaque-ports).",
};

pub(in crate::report::explain) const NOT_A_TLS_PORT: Cause = Cause {
    name: "It is another port than one thinks: one without TLS",
    confirm: &[
        anywhere("probe inspect HOST:PORT", "what answers there"),
        anywhere(
            "curl -sv http://HOST:PORT/",
            "whether plaintext HTTP is answered",
        ),
        kubernetes(
            "kubectl get service SERVICE -n NS -o yaml",
            "port and targetPort",
        ),
    ],
    fix: "Correct the address in the suite. An address with PLAINTEXT on purpose is expected with `mode: PLAINTEXT`.",
};
