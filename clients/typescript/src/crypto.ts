/** The cryptography of the platform; Node 18 has it only as a module. */
export async function webCrypto(): Promise<Crypto> {
  if (globalThis.crypto) return globalThis.crypto;
  const { webcrypto } = await import("node:crypto");
  return webcrypto as unknown as Crypto;
}

/** Return a new secret for the signatures of webhooks: `whsec_` and base64 of 32 bytes. */
export async function newSecret(): Promise<string> {
  const bytes = (await webCrypto()).getRandomValues(new Uint8Array(32));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}
