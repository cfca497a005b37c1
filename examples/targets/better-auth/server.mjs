// Better Auth with its OAuth provider and its plugin for Client ID Metadata Documents, for one
// MCP server, behind a proxy that ends TLS, with nothing of its defences changed but the two
// limits on requests that a whole run exceeds (see below).
//
// Better Auth has no pages of its own: login and consent are the forms at the end of this file.
//
// PUBLIC_URL    public https origin; a TLS front forwards it to 127.0.0.1:$PORT
// PORT          local plain HTTP port
// RESOURCE      the MCP server that tokens are for
import { createServer } from 'node:http';
import { setDefaultAutoSelectFamily } from 'node:net';
import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { cimd } from '@better-auth/cimd';
import { fetchClientMetadataResource } from '@better-auth/cimd/node';
import {
  oauthProvider,
  oauthProviderAuthServerMetadata,
} from '@better-auth/oauth-provider';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';

const { PUBLIC_URL, PORT, RESOURCE } = process.env;

// Its pinned lookup gives one address where Node, by default, asks for a list: every fetch fails.
setDefaultAutoSelectFamily(false);

const auth = betterAuth({
  baseURL: PUBLIC_URL,
  secret: randomBytes(32).toString('base64url'),
  database: new DatabaseSync(':memory:'),
  emailAndPassword: { enabled: true },
  // A few requests a minute by default, for each address: all of ours come from one.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [
    jwt(),
    oauthProvider({
      loginPage: '/login',
      consentPage: '/consent',
      scopes: ['openid', 'profile', 'email', 'offline_access', 'mcp:read', 'mcp:write'],
      resources: [RESOURCE],
      clientRegistrationDefaultResources: [RESOURCE],
    }),
    cimd({
      fetchClientMetadataResource,
      metadataProfile: 'mcp-2026-07-28',
      // For all hosts together 120 by default; for each host it stays as it is. And a second
      // between two fetches of one document, which a person does not notice.
      metadataFetchPolicy: { maximumFetchesPerMinute: 100_000, minimumFetchInterval: 0 },
    }),
  ],
});

const { runMigrations } = await getMigrations(auth.options);
await runMigrations();
await auth.api.signUpEmail({
  body: { name: 'User', email: 'user@example.com', password: 'user-password' },
});

const page = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8">
<title>${title}</title><h1>${title}</h1>${body}</html>`;
const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
const hidden = (query) =>
  `<input type="hidden" name="oauth_query" value="${escaped(query.toString())}">`;

function loginPage(query) {
  return page('Sign in', `<form method="post" action="/login">${hidden(query)}
<label>E-mail <input type="email" name="email"></label>
<label>Password <input type="password" name="password"></label>
<button type="submit">Sign in</button></form>`);
}

async function consentPage(query, headers) {
  const id = query.get('client_id') ?? '';
  const client = await auth.api.getOAuthClientPublic({ query: { client_id: id }, headers });
  return page('Allow access?', `<p>${escaped(client.client_name ?? '')} of
<b>${escaped(new URL(id).host)}</b> (${escaped(id)}) asks for ${escaped(query.get('scope') ?? '')}.
You will be sent to <b>${escaped(new URL(query.get('redirect_uri')).host)}</b>.</p>
<form method="post" action="/consent">${hidden(query)}
<button type="submit" name="accept" value="true">Allow</button>
<button type="submit" name="accept" value="false">Deny</button></form>`);
}

// What a page's script would do: the form as JSON to an endpoint, then where its answer says.
async function passedOn(path, form, request) {
  const headers = new Headers(request.headers);
  for (const name of ['content-length', 'sec-fetch-mode', 'accept']) headers.delete(name);
  headers.set('content-type', 'application/json');
  headers.set('accept', 'application/json');
  const answer = await auth.handler(new Request(`${PUBLIC_URL}/api/auth${path}`, {
    method: 'POST', headers, body: JSON.stringify(form),
  }));
  const said = await answer.json().catch(() => ({}));
  const next = said.url ?? said.redirect_uri;
  const reply = new Headers();
  for (const cookie of answer.headers.getSetCookie()) reply.append('set-cookie', cookie);
  if (next) reply.set('location', next);
  else reply.set('content-type', 'application/json');
  return new Response(next ? null : JSON.stringify(said), {
    status: next ? 303 : answer.ok ? 500 : answer.status, headers: reply,
  });
}

async function pages(request) {
  const url = new URL(request.url);
  const html = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  };
  if (url.pathname === '/login' && request.method === 'GET') {
    return new Response(loginPage(url.searchParams), { headers: html });
  }
  if (url.pathname === '/consent' && request.method === 'GET') {
    const body = await consentPage(url.searchParams, request.headers);
    return new Response(body, { headers: html });
  }
  if (request.method !== 'POST') return new Response('Not found', { status: 404 });
  const form = Object.fromEntries(await request.formData());
  if (url.pathname === '/login') return passedOn('/sign-in/email', form, request);
  if (url.pathname === '/consent') {
    return passedOn('/oauth2/consent', { ...form, accept: form.accept === 'true' }, request);
  }
  return new Response('Not found', { status: 404 });
}

const metadata = oauthProviderAuthServerMetadata(auth);
const handler = toNodeHandler(async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/.well-known/oauth-authorization-server/api/auth') return metadata(request);
  if (pathname.startsWith('/api/auth/')) return auth.handler(request);
  return pages(request);
});
createServer(handler).listen(Number(PORT), '127.0.0.1');
