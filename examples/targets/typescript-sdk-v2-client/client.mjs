// An MCP client on the TypeScript SDK v2, with a client metadata document.
//
// Nothing is configured but what every client has to: the URL of the document, a
// redirect URI on loopback, the system's browser. The SDK leaves three things to the
// host, and its documentation says how: to compare `state`, to hand over the whole
// callback, and to keep credentials by issuer. The server's URL is the last argument,
// the exit code says how it went.
//
// CLIENT_ID     the URL of the client metadata document
// REDIRECT_URI  a loopback URL that the document lists
// PROTOCOL      2025-11-25 or 2026-07-28
// CALLS         how often the tool is called (default 1)
// PAUSE         seconds between two calls (default 0)

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from '@modelcontextprotocol/client';

const serverUrl = new URL(process.argv.at(-1));
const redirectUri = new URL(process.env.REDIRECT_URI);
const protocol = process.env.PROTOCOL ?? '2025-11-25';

// The redirect URI: hands each response to whoever waits for one.
const waiting = [];
const arrived = [];
const listener = createServer((request, response) => {
  const url = new URL(request.url, redirectUri);
  const here = url.pathname === redirectUri.pathname;
  response.writeHead(here ? 200 : 404, { connection: 'close' });
  response.end('You can close this window.\n');
  if (!here) return;
  const resolve = waiting.shift();
  if (resolve) resolve(url.searchParams);
  else arrived.push(url.searchParams);
});
listener.listen(Number(redirectUri.port), redirectUri.hostname);
const nextResponse = () =>
  arrived.length
    ? Promise.resolve(arrived.shift())
    : new Promise((resolve) => waiting.push(resolve));

// What the SDK asks a host to keep: credentials by issuer, the newest tokens besides.
const kept = { clients: {}, tokens: {} };
const provider = {
  redirectUrl: redirectUri.href,
  clientMetadataUrl: process.env.CLIENT_ID,
  clientMetadata: {
    client_name: 'Conformance Agent',
    redirect_uris: [redirectUri.href],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  state: () => (kept.state = randomUUID()),
  clientInformation: (context) => kept.clients[context?.issuer],
  saveClientInformation: (value, context) =>
    void (kept.clients[context?.issuer] = value),
  tokens: (context) => (context ? kept.tokens[context.issuer] : kept.newest),
  saveTokens: (value, context) =>
    void (kept.newest = kept.tokens[context?.issuer] = value),
  codeVerifier: () => kept.codeVerifier,
  saveCodeVerifier: (value) => void (kept.codeVerifier = value),
  invalidateCredentials: (what) => {
    if (what === 'all' || what === 'tokens') kept.tokens = {};
    if (what === 'all' || what === 'tokens') delete kept.newest;
    if (what === 'all' || what === 'client') kept.clients = {};
  },
  redirectToAuthorization: (url) => {
    const program = process.env.BROWSER ?? 'xdg-open';
    spawn(program, [url.href], { stdio: 'ignore' }).on('error', () => {});
  },
};

async function finish(transport) {
  const params = await nextResponse();
  if (params.get('state') !== kept.state) throw new Error('state mismatch');
  await transport.finishAuth(params);
}

async function connect() {
  const mode = protocol === '2025-11-25' ? 'legacy' : { pin: protocol };
  for (;;) {
    const client = new Client(
      { name: 'conformance-agent', version: '1' },
      { versionNegotiation: { mode } },
    );
    const transport = new StreamableHTTPClientTransport(serverUrl, {
      authProvider: provider,
    });
    try {
      await client.connect(transport);
      return [client, transport];
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      await finish(transport);
    }
  }
}

async function call(client, transport) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await client.callTool({ name: 'whoami', arguments: {} });
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || attempt > 8) throw error;
      await finish(transport);
    }
  }
}

try {
  const [client, transport] = await connect();
  for (let number = 0; number < Number(process.env.CALLS ?? 1); number += 1) {
    if (number) await sleep(1000 * Number(process.env.PAUSE ?? 0));
    console.log(JSON.stringify((await call(client, transport)).content));
  }
  await client.close();
  process.exit(0);
} catch (error) {
  console.error(String(error?.stack ?? error));
  process.exit(1);
}
