// Node's own http module over the Unix socket: create, read, patch, history. Usage: node client_example.js SOCKET TOKEN PURPOSE NAME PHONE NEWPHONE
'use strict';
const http = require('http');
const [socketPath, token, purpose, name, phone, newPhone] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });

function call(method, path, body, headers = {}) {
	return new Promise((resolve, reject) => {
		const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
		const request = http.request({
			socketPath, method, path, agent,
			headers: { Authorization: `Bearer ${token}`, 'CV-Purpose': purpose, ...(body ? { 'Content-Type': type } : {}), ...headers },
		}, (response) => {
			const parts = [];
			response.on('data', (part) => parts.push(part));
			response.on('end', () => {
				const text = Buffer.concat(parts).toString('utf8');
				resolve({ status: response.statusCode, headers: response.headers, body: text ? JSON.parse(text) : null });
			});
		});
		request.on('error', reject);
		// Without a length Node sends chunks, as streaming clients do.
		if (body) request.write(JSON.stringify(body));
		request.end();
	});
}

(async () => {
	const made = await call('POST', '/v1/records', { fields: { name, phone } });
	const id = made.body.id;
	const masked = await call('GET', `/v1/records/${id}?fields=name,phone`);
	const reason = { 'CV-Reason': encodeURIComponent('家访') };
	const clear = await call('GET', `/v1/records/${id}?fields=name,phone&view=clear`, null, reason);
	const changed = await call('PATCH', `/v1/records/${id}`, { fields: { phone: newPhone } }, { 'If-Match': clear.headers.etag });
	const history = await call('GET', `/v1/records/${id}/history?fields=phone&view=clear`, null, reason);
	console.log(JSON.stringify({
		made: made.status, masked: masked.body.fields, view: masked.headers['cv-view'], clear: clear.body.fields, changed: changed.status,
		history: history.body.versions.map((v) => v.fields.phone),
	}));
	agent.destroy();
})().catch((error) => { console.error(error); process.exit(1); });
