// A real OpenID Connect provider on loopback, with its own sign-in pages. Told by the environment: PORT, MODULES (where
// its packages are), CLIENT (id, secret, redirect address) and ACCOUNTS (claims by the name that is typed in; any password does).
import { pathToFileURL } from 'node:url';

const { PORT, MODULES, CLIENT, ACCOUNTS } = process.env;
const { default: Provider } = await import(pathToFileURL(`${MODULES}/oidc-provider/lib/index.js`));
const client = JSON.parse(CLIENT);
const accounts = JSON.parse(ACCOUNTS);

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [{
    client_id: client.id,
    client_secret: client.secret,
    redirect_uris: [client.redirect],
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'zoneinfo'], groups: ['groups'] },
  pkce: { required: () => true, methods: ['S256'] },
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
});
provider.listen(PORT, '127.0.0.1');
