// An MCP server on the TypeScript SDK: tokens are JWTs, verified with jose.
//
// Middleware and metadata are the SDK's (`requireBearerAuth`, `mcpAuthMetadataRouter`);
// the verifier does with jose what its documentation shows.
//
// PUBLIC_URL  public https origin; a TLS front forwards it to 127.0.0.1:$PORT
// PORT        local plain HTTP port
// RESOURCE    the resource identifier: where the MCP endpoint is
// ISSUER      the issuer that is trusted
// JWKS_URI    its keys
// UPSTREAM_API  an API that one of the tools asks
import { randomUUID } from 'node:crypto';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { z } from 'zod';

const { PUBLIC_URL, PORT, RESOURCE, ISSUER, JWKS_URI, UPSTREAM_API } = process.env;
const resource = new URL(RESOURCE);
const scopes = ['mcp:read', 'mcp:write'];
const keys = createRemoteJWKSet(new URL(JWKS_URI));
const notes = [];

const verifier = {
  async verifyAccessToken(token) {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: ISSUER,
        audience: RESOURCE,
        algorithms: ['ES256'],
      });
      return {
        token,
        clientId: String(payload.client_id),
        scopes: String(payload.scope ?? '').split(' '),
        expiresAt: payload.exp,
        resource,
        extra: { sub: payload.sub },
      };
    } catch (error) {
      throw new InvalidTokenError(`The token is not valid: ${error.code ?? error}`);
    }
  },
};

function makeServer() {
  const server = new McpServer({ name: 'CIMD conformance target', version: '1' });
  const text = { text: z.string() };
  server.registerTool('write_note', { inputSchema: text }, async ({ text }) => {
    notes.push(text);
    return { content: [{ type: 'text', text: `${notes.length} notes` }] };
  });
  server.registerTool('read_notes', {}, async () => ({
    content: [{ type: 'text', text: notes.join('\n') }],
  }));
  server.registerTool('ask_upstream', {}, async () => {
    const answer = await fetch(`${UPSTREAM_API}/status`);
    return { content: [{ type: 'text', text: `HTTP ${answer.status}` }] };
  });
  return server;
}

const app = createMcpExpressApp({ allowedHosts: [new URL(PUBLIC_URL).hostname] });
app.use(
  mcpAuthMetadataRouter({
    oauthMetadata: {
      issuer: ISSUER,
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      response_types_supported: ['code'],
    },
    resourceServerUrl: resource,
    scopesSupported: scopes,
  }),
);
const auth = requireBearerAuth({
  verifier,
  requiredScopes: scopes,
  resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
});

const sessions = new Map();
app.all('/mcp', auth, async (req, res) => {
  let transport = sessions.get(req.headers['mcp-session-id']);
  if (transport === undefined && isInitializeRequest(req.body)) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      onsessioninitialized: (id) => sessions.set(id, transport),
    });
    await makeServer().connect(transport);
  }
  if (transport === undefined) {
    const error = { code: -32000, message: 'There is no such session.' };
    res.status(404).json({ jsonrpc: '2.0', error, id: null });
    return;
  }
  await transport.handleRequest(req, res, req.body);
});
app.listen(Number(PORT), '127.0.0.1');
