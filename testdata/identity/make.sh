#!/bin/sh
# Makes the identities of this folder, each named by its flaw. They are nobody's: the CA's key is thrown away.
set -eu
umask 022
cd "$(dirname "$0")"
rm -f *.pem *.der *.p12 *.crl

id=spiffe://cluster.local/ns/default/sa/frontend
days=36500

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout ca.key -out root.pem -days $days -subj "/DC=example/DC=corp/CN=root" \
  -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null

leaf() { # NAME KEY: a leaf for this key
  openssl req -new -key "$2" -subj / |
    openssl x509 -req -CA root.pem -CAkey ca.key -days $days -out "$1" -extfile leaf.cnf 2>/dev/null
}
cat >leaf.cnf <<END
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = critical,URI:$id
END

# One healthy identity in each spelling of its key.
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key-pkcs8.pem
leaf chain.pem key-pkcs8.pem
openssl ec -in key-pkcs8.pem -out key-sec1.pem 2>/dev/null
openssl ecparam -name prime256v1 -out key-sec1-with-parameters.pem
cat key-sec1.pem >>key-sec1-with-parameters.pem
openssl genrsa -traditional -out key-pkcs1.pem 2048 2>/dev/null
leaf chain-rsa.pem key-pkcs1.pem
openssl genpkey -algorithm ED25519 -out key-ed25519.pem
leaf chain-ed25519.pem key-ed25519.pem
cat chain.pem key-pkcs8.pem >both.pem
{ echo "subject=nobody"; cat chain.pem; } | sed 's/$/\r/' >chain-crlf-and-text.pem

# Flawed ones.
openssl x509 -in chain.pem -outform DER -out chain.der
openssl pkey -in key-pkcs8.pem -outform DER -out key.der
openssl pkcs12 -export -in chain.pem -inkey key-pkcs8.pem -passout pass:secret -out both.p12
openssl pkey -in key-pkcs8.pem -aes256 -passout pass:secret -out key-encrypted-pkcs8.pem
openssl ec -in key-pkcs8.pem -aes256 -passout pass:secret -out key-encrypted-sec1.pem 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key-of-another.pem
cat key-pkcs8.pem key-of-another.pem >key-several.pem
cat root.pem chain.pem >chain-wrong-order.pem
openssl genrsa -traditional -out key-rsa1024.pem 1024 2>/dev/null
leaf chain-rsa1024.pem key-rsa1024.pem
openssl genpkey -algorithm X25519 -out key-x25519.pem
{ echo "-----BEGIN CERTIFICATE-----"; printf 'not a certificate' | base64; echo "-----END CERTIFICATE-----"; } >chain-garbage.pem
sed '/END/d' chain.pem >chain-cut.pem
sed 's/^/  /' chain.pem >chain-indented.pem
sed '3s/^./!/' chain.pem >chain-not-base64.pem
printf '{"keys": []}\n' >bundle-json.pem
: >empty.pem

# Revocation lists: of version 1 without a number, else of version 2.
touch index.txt
echo 01 >number.txt
cat >ca.cnf <<END
[ca]
default_ca = it
[it]
database = index.txt
default_md = sha256
END
openssl ca -gencrl -config ca.cnf -keyfile ca.key -cert root.pem -crldays $days -out crl-version-1.pem 2>/dev/null
cat >>ca.cnf <<END
crlnumber = number.txt
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
END
openssl ca -gencrl -config ca.cnf -keyfile ca.key -cert root.pem -crldays $days -out crl.pem 2>/dev/null
openssl crl -in crl.pem -outform DER -out crl.der

rm -f ca.key ca.cnf leaf.cnf index.txt* number.txt*
