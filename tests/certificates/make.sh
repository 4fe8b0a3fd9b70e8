#!/bin/sh
# Makes the certificates of this directory, with OpenSSL 3.0.
set -e
work=$(mktemp -d)
cat >"$work/ca.cnf" <<END
[ca]
default_ca = one
[one]
database = $work/index
new_certs_dir = $work
rand_serial = yes
unique_subject = no
policy = any
[any]
commonName = supplied
[root]
basicConstraints = critical, CA:TRUE
[leaf]
subjectAltName = IP:127.0.0.1
END
: >"$work/index"
sign() { openssl ca -batch -notext -config "$work/ca.cnf" -startdate 20200101000000Z -enddate 21200101000000Z "$@"; }

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out server.key
openssl req -new -key server.key -subj "/CN=the server" -out "$work/server.csr"

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/sha1.key"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$work/rsa1024.key"
for kind in sha1 rsa1024; do
    digest=sha256
    openssl req -new -key "$work/$kind.key" -subj "/CN=wirecat $kind root" -out "$work/$kind.csr"
    sign -selfsign -keyfile "$work/$kind.key" -md sha256 -extensions root -in "$work/$kind.csr" -out $kind-root.pem
    if [ $kind = sha1 ]; then digest=sha1; fi
    sign -cert $kind-root.pem -keyfile "$work/$kind.key" -md $digest -extensions leaf -in "$work/server.csr" -out $kind.pem
done
rm -r "$work"
