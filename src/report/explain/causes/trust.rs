//! Roots, intermediates and signatures.

use crate::report::explain::Cause;
use crate::report::explain::entry::{ambient, anywhere, istio, kubernetes, linkerd, spire};

pub(in crate::report::explain) const BUNDLE_BEHIND: Cause = Cause {
    name: "A root was rotated, and the bundle of one side is behind",
    confirm: &[
        istio(
            "istioctl proxy-config rootca-compare POD1.NS1 POD2.NS2",
            "whether the two pods share a root; one in common is enough for it",
        ),
        istio(
            "istioctl proxy-config secret POD.NS -o json",
            "the secret ROOTCA is the bundle in use: the root of the other side must be in it, by public key",
        ),
        ambient(
            "istioctl ztunnel-config certificates --node NODE",
            "leaf and roots of every identity of the node; they can differ from one identity to the next",
        ),
        linkerd(
            "linkerd check --proxy -n NS",
            "names the pods that do not have the current trust bundle and must be restarted",
        ),
        spire(
            "spire-server localauthority x509 show",
            "the active, the prepared and the old authority",
        ),
        spire(
            "spire-server bundle show -format pem > roots.pem",
            "the bundle as the server hands it out, to be compared with what the workload has loaded",
        ),
        kubernetes(
            "kubectl get configmap istio-ca-root-cert -n NS \\\n  -o jsonpath='{.data.root-cert\\.pem}' > roots.pem",
            "the bundle that Istio hands to the pods of a namespace",
        ),
        anywhere(
            "probe rotation --old-root old.pem --new-root new.pem",
            "which address trusts which root, and whether the next step is safe",
        ),
    ],
    fix: "Give every workload a bundle with both roots before the new one signs anything, and drop the old root only when no leaf leads to it any more. Linkerd proxies learn a new bundle only at a restart (`kubectl rollout restart deployment -n NS`), sidecars of Istio at a restart or with their next certificate, which may be half a day away, SPIRE agents while they run.",
};

pub(in crate::report::explain) const OTHER_CA: Cause = Cause {
    name: "The certificate comes from a CA that was never trusted here: another mesh or cluster",
    confirm: &[
        anywhere(
            "probe inspect HOST:PORT",
            "who issued what the server sends, and the names of the CAs that it wants of clients",
        ),
        istio(
            "kubectl get configmap istio -n istio-system -o jsonpath='{.data.mesh}'",
            "trust domain, aliases and caCertificates, as YAML; an alias adds names and no roots",
        ),
        linkerd(
            "kubectl get configmap linkerd-identity-trust-roots -n linkerd -o yaml",
            "the anchors; two clusters need one in common",
        ),
        spire(
            "spire-server bundle list -id spiffe://OTHER.DOMAIN",
            "the bundle of the other trust domain, which must be there and current",
        ),
        spire(
            "spire-server entry show -spiffeID SPIFFE_ID",
            "FederatesWith must name the other trust domain, or the workload never gets its bundle",
        ),
    ],
    fix: "Let both meshes share a root, or add the foreign one to the bundle: caCertificates or a combined root in Istio, the anchors of both in Linkerd, federation in SPIRE. Names alone, such as trustDomainAliases, add no trust.",
};

pub(in crate::report::explain) const WRONG_CA_SECRET: Cause = Cause {
    name: "The CA signs under another root than the one that was handed out",
    confirm: &[
        istio(
            "kubectl get secret cacerts -n istio-system \\\n  -o jsonpath='{.data.root-cert\\.pem}' | base64 -d > ca-root.pem",
            "with a plugged-in CA, its root: the same must be in the ConfigMap istio-ca-root-cert",
        ),
        istio(
            "kubectl logs -n istio-system deploy/istiod | grep -i root-ca",
            "\"updating new ROOT-CA not supported\": new files were refused, and the old CA goes on",
        ),
        linkerd(
            "kubectl get events -n linkerd \\\n  --field-selector reason=IssuerUpdateSkipped",
            "a new issuer that does not lead to the anchors which the running controller has loaded",
        ),
        kubernetes(
            "kubectl get certificaterequest -n NS",
            "cert-manager: which issuer signed",
        ),
    ],
    fix: "Put certificate, key, chain and root of one CA into the secret (`kubectl create secret generic cacerts`), and restart istiod where it was told of a new root without multiroot support. For Linkerd replace issuer and anchors in the order of a rotation.",
};

pub(in crate::report::explain) const SAME_NAME: Cause = Cause {
    name: "A CA was replaced by one of the same name with another key",
    confirm: &[
        anywhere(
            "openssl x509 -in root.pem -noout -subject -pubkey",
            "for the root of each side: the same subject and another public key",
        ),
        anywhere(
            "probe inspect HOST:PORT",
            "subject and public key of everything the server sends",
        ),
        istio(
            "istioctl proxy-config secret POD.NS -o json",
            "the roots in use; all self-signed roots of Istio have the name O=TRUST-DOMAIN",
        ),
    ],
    fix: "Treat it as a rotation that lacked its overlap: hand out a bundle with both certificates, let everything be issued anew, then drop the old one. Compare roots by public key and never by name.",
};

pub(in crate::report::explain) const NO_INTERMEDIATE: Cause = Cause {
    name: "The chain is sent without one of its intermediates",
    confirm: &[
        anywhere(
            "openssl s_client -connect HOST:PORT -showcerts </dev/null",
            "all that the server sends: the issuer of each must be the subject of the next",
        ),
        anywhere(
            "probe verify --chain chain.pem --bundle roots.pem",
            "the same judgement, offline, of exactly what is sent",
        ),
        anywhere(
            "openssl verify -CAfile roots.pem -untrusted chain.pem leaf.pem",
            "good with the intermediates, and not without -untrusted: only they are missing",
        ),
        istio(
            "istioctl proxy-config secret POD.NS -o json",
            "the secret default must hold leaf and intermediates",
        ),
        spire(
            "spire-agent api fetch x509 -socketPath SOCKET -write DIR",
            "svid.0.pem must hold leaf and intermediates, which there are with an upstream authority",
        ),
        kubernetes(
            "kubectl get secret SECRET -n NS -o jsonpath='{.data.tls\\.crt}' \\\n  | base64 -d > chain.pem",
            "tls.crt must hold the leaf first and then its intermediates",
        ),
    ],
    fix: "Write the leaf and then its intermediates into the chain file that this end loads; with a plugged-in CA of Istio that is cert-chain.pem of the secret cacerts. Putting the intermediate among the roots only hides it for those who have it.",
};

pub(in crate::report::explain) const KEY_MISMATCH: Cause = Cause {
    name: "Certificate and private key do not belong together",
    confirm: &[
        anywhere(
            "openssl x509 -in chain.pem -noout -pubkey",
            "the public key of the certificate",
        ),
        anywhere(
            "openssl pkey -in key.pem -pubout",
            "the public key of the private key: both must print the same",
        ),
    ],
    fix: "Load certificate and key from one issuance. Where files are replaced one by one, replace the folder instead: a reader in between sees half of each.",
};

pub(in crate::report::explain) const SUITE_BUNDLE: Cause = Cause {
    name: "The bundle that probe was given is old, or of another mesh",
    confirm: &[
        anywhere(
            "probe inspect roots.pem",
            "the roots in that file, with names, dates and public keys",
        ),
        istio(
            "kubectl get configmap istio-ca-root-cert -n NS \\\n  -o jsonpath='{.data.root-cert\\.pem}' > roots.pem",
            "the bundle as Istio publishes it",
        ),
        linkerd(
            "kubectl get configmap linkerd-identity-trust-roots -n linkerd \\\n  -o jsonpath='{.data.ca-bundle\\.crt}' > roots.pem",
            "the bundle as Linkerd publishes it",
        ),
        spire(
            "spire-server bundle show -format pem > roots.pem",
            "the bundle as SPIRE publishes it",
        ),
    ],
    fix: "Let `bundles:` of the suite name the place where the mesh publishes its roots (a ConfigMap, a Secret, the Workload API) and not a copy; then it stays current by itself.",
};

pub(in crate::report::explain) const CRL_MISSING: Cause = Cause {
    name: "The server checks revocation and has no current list for this CA",
    confirm: &[
        anywhere(
            "openssl crl -in crl.pem -noout -issuer -lastupdate -nextupdate",
            "whose list it is, and until when: servers on OpenSSL refuse every certificate of a CA without one",
        ),
        istio(
            "kubectl get secret cacerts -n istio-system \\\n  -o jsonpath='{.data.ca-crl\\.pem}' | base64 -d > crl.pem",
            "the list that Istio hands out, where there is one",
        ),
    ],
    fix: "Give the server a current list of every CA in the chain, intermediates included, and renew the lists before their nextUpdate.",
};
