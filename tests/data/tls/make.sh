#!/bin/sh
# Makes root.pem, server.pem and server.key again; works in a temporary directory and throws the root's key away.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > ca.cnf <<'CNF'
[ca]
default_ca = test
[test]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = any_name
[any_name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
CNF
: > index.txt
request() { openssl req -config ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@"; }
sign() { openssl ca -batch -notext -config ca.cnf -startdate 20240101000000Z -enddate 21240101000000Z "$@"; }
request -subj "/CN=PagerPal test root" -keyout root.key -out root.csr
sign -selfsign -keyfile root.key -extensions root -in root.csr -out root.pem
request -subj "/CN=localhost" -keyout server.key -out server.csr
sign -cert root.pem -keyfile root.key -extensions server -in server.csr -out server.pem
cp root.pem server.pem server.key "$here"
