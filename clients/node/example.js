// Create, read, patch and read the history of a record with nothing but Node's http over the Unix socket.
//
//   export CHILDVAULT_SOCKET=DIR/api.sock
//   export CHILDVAULT_TOKEN=$(childvault login --key DIR/keys/caseworker.key)
//   node example.js
//
// Logging in needs cryptography, so `childvault login` does it; a token is all that HTTP needs from then on.
'use strict';
const http = require('http');

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

// One call. Resolves to {status, headers, body}; a refusal rejects with the problem's kind and, in demo vaults, its rule.
function call(method, path, { body, type = 'application/json', purpose = 'intake', headers = {} } = {}) {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const head = { Authorization: `Bearer ${process.env.CHILDVAULT_TOKEN}`, 'CV-Purpose': encodeURIComponent(purpose), ...headers };
  if (bytes) Object.assign(head, { 'Content-Type': type, 'Content-Length': bytes.length });
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: process.env.CHILDVAULT_SOCKET, agent, method, path, headers: head }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const json = text === '' ? null : JSON.parse(text);
        if (answer.statusCode < 400) return resolve({ status: answer.statusCode, headers: answer.headers, body: json });
        const rule = answer.headers['cv-explain'];
        return reject(new Error(`${json.kind}${rule ? `: ${decodeURIComponent(rule)}` : ''}`));
      });
    });
    request.on('error', reject);
    request.end(bytes);
  });
}

async function main() {
  const made = await call('POST', '/v1/records', { body: { fields: { name: '林知夏', phone: '15400001234' } } });
  console.log('created', made.body.id);
  const path = `/v1/records/${made.body.id}`;

  const read = await call('GET', `${path}?fields=name,phone`);
  console.log('masked ', JSON.stringify(read.body.fields));

  const clear = await call('GET', `${path}?fields=name,phone&view=clear`, { headers: { 'CV-Reason': encodeURIComponent('入户走访') } });
  console.log('clear  ', JSON.stringify(clear.body.fields));

  const patched = await call('PATCH', path, { body: { fields: { phone: '15400005678' } }, type: 'application/merge-patch+json',
    headers: { 'If-Match': clear.headers.etag } });
  console.log('patched', patched.headers.etag);

  const history = await call('GET', `${path}/history?fields=phone`);
  for (const v of history.body.versions) console.log('history', v.version, v.what, JSON.stringify(v.fields));
}

main().then(() => agent.destroy(), (e) => { console.error(e.message); process.exitCode = 1; agent.destroy(); });
