// A server of Node's standard library.
//
//     server.js CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID
//
// Prints where it listens, and ends when its standard input does.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const tls = require('node:tls');

const [chain, key, roots, crl, version, role] = process.argv.slice(2);
const own = { cert: fs.readFileSync(chain), key: fs.readFileSync(key) };
const options = {
  ...own,
  ca: fs.readFileSync(roots),
  minVersion: `TLSv${version}`,
  maxVersion: `TLSv${version}`,
  requestCert: true,
  rejectUnauthorized: true,
};
switch (role) {
  case 'required':
  case 'plaintext':
    break;
  case 'crl':
    // Of several lists in one text it reads the first alone.
    options.crl = fs.readFileSync(crl, 'utf8').match(/-----BEGIN[^]*?-----END X509 CRL-----/g);
    break;
  case 'strict-sni':
    options.SNICallback = (name, done) => {
      if (name === 'server.test') done(null, tls.createSecureContext(options));
      else done(new Error('this is server.test'));
    };
    break;
  case 'foreign-cipher':
    options.ciphers = version === '1.2' ? 'ECDHE-ECDSA-AES128-SHA' : 'TLS_AES_128_CCM_SHA256';
    break;
  case 'strict-alpn':
    options.ALPNProtocols = ['http/1.1'];
    break;
  default:
    throw new Error(`this server cannot be ${role}`);
}

const answer = (_request, response) => response.end('ok\n');
const server =
  role === 'plaintext' ? http.createServer(answer) : https.createServer(options, answer);
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
