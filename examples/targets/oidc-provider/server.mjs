// oidc-provider with Client ID Metadata Documents, as a server in production has it:
// behind a proxy that ends TLS, for one MCP server, with nothing of its defences changed.
//
// Login and consent are its own `devInteractions`: whoever types a name is logged in.
//
// PUBLIC_URL    public https origin and issuer; a TLS front forwards it to 127.0.0.1:$PORT
//               and says so in X-Forwarded-Proto and X-Forwarded-Host
// PORT          local plain HTTP port
// RESOURCE      the MCP server that tokens are for
// TOKEN_FORMAT  `jwt` (default) or `opaque`
// RESOURCE_SECRET
//               lets the MCP server introspect tokens, as the client `resource-server`
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider, { errors } from 'oidc-provider';

const { PUBLIC_URL, PORT, RESOURCE, TOKEN_FORMAT = 'jwt', RESOURCE_SECRET } = process.env;

const introspects = Boolean(RESOURCE_SECRET);

function key(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig' };
}

const resourceServer = {
  client_id: 'resource-server',
  client_secret: RESOURCE_SECRET,
  grant_types: [],
  redirect_uris: [],
  response_types: [],
};

const provider = new Provider(PUBLIC_URL, {
  clients: introspects ? [resourceServer] : [],
  clientAuthMethods: ['none', 'private_key_jwt', ...(introspects ? ['client_secret_basic'] : [])],
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  jwks: {
    keys: [
      key('ec', { namedCurve: 'P-256' }, 'ES256'),
      key('rsa', { modulusLength: 2048 }, 'RS256'),
    ],
  },
  features: {
    clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
    introspection: { enabled: introspects },
    resourceIndicators: {
      getResourceServerInfo(_ctx, indicator) {
        if (indicator !== RESOURCE) throw new errors.InvalidTarget();
        return {
          scope: 'mcp:read mcp:write',
          accessTokenFormat: TOKEN_FORMAT,
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
    revocation: { enabled: true },
  },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  // MCP clients ask for refresh tokens by their grant_types, not by offline_access.
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  scopes: ['openid', 'offline_access', 'mcp:read', 'mcp:write'],
});
provider.proxy = true;
provider.listen(Number(PORT), '127.0.0.1');
