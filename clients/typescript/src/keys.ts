import { type CallOptions, pathOf, type Transport } from "./transport.js";
import type { ApiKey, KeyFields, KeyLimits, NewKey } from "./types.js";

/** The API keys; all calls need the scope `admin`. */
export class Keys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Return the keys, without their secrets. */
  async list(options: CallOptions = {}): Promise<ApiKey[]> {
    return ((await this.#transport.data("GET", PATH, options)) as { keys: ApiKey[] }).keys;
  }

  /**
   * Make a key; only this answer shows it.
   *
   * If the answer is lost, the request is repeated, and the key may exist twice.
   */
  async create(fields: KeyFields, options: CallOptions = {}): Promise<NewKey> {
    return (await this.#transport.data("POST", PATH, { json: fields, ...options })) as NewKey;
  }

  /** Set limits; a limit that is left out stays, null removes it. */
  async setLimits(id: string, limits: KeyLimits, options: CallOptions = {}): Promise<void> {
    const input = { json: { limits }, ...options };
    await this.#transport.data("PATCH", pathOf("keys", id), input);
  }

  /** Delete a key; requests with it are refused from now on. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.data("DELETE", pathOf("keys", id), options);
  }
}

const PATH = pathOf("keys");
