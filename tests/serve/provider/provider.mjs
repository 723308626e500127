// A real OpenID provider (oidc-provider) on this machine: node provider.mjs PORT JWKS-FILE
import { readFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const [port, keys] = [Number(process.argv[2]), JSON.parse(readFileSync(process.argv[3], "utf8"))];
const service = "https://eocene.example";

const machine = (client_id) => ({
  client_id,
  client_secret: "a-secret-that-only-this-test-knows-of",
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: keys,
  clients: [
    machine("script"),
    machine("stranger"),
    {
      client_id: "notebook",
      token_endpoint_auth_method: "none",
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  cookies: { keys: ["only a test"] },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: (ctx, token) => ({ groups: token.clientId === "stranger" ? ["guests"] : ["staff"] }),
  ttl: { AccessToken: 600, ClientCredentials: 600, DeviceCode: 600, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => service,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: "read",
        audience: resource,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
});
provider.listen(port, "127.0.0.1", () => console.log("listening"));
