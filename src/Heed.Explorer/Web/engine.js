// The one door to numbers. HttpEngine asks the server on this machine; TraceEngine reads a recording, for pages without a server.

/** @typedef {{name: string, type: string, shape: number[], data: Float32Array | Uint8Array}} Numbers */

/** An answer that is no result: what to tell the reader. */
export class EngineError extends Error {
  /** @param {string} message @param {string} kind */
  constructor(message, kind) {
    super(message);
    this.kind = kind;
  }
}

/** @param {ArrayBuffer} buffer @returns {Numbers} */
export function unpack(buffer) {
  const length = new DataView(buffer).getInt32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const data = header.type === 'f32' ? new Float32Array(buffer, 4 + length) : new Uint8Array(buffer, 4 + length);
  return { ...header, data };
}

/** The engine of the server that sent this page. */
export class HttpEngine {
  static where = 'on this machine';

  get live() {
    return true;
  }

  /** @param {string} name @param {Record<string, string | number>=} query @param {AbortSignal=} signal @returns {Promise<any>} */
  async json(name, query, signal) {
    return (await this.#ask(name, query, undefined, signal)).json();
  }

  /** @param {string} name @param {Record<string, string | number>} query @param {AbortSignal=} signal @returns {Promise<Numbers>} */
  async numbers(name, query, signal) {
    return unpack(await (await this.#ask(name, query, undefined, signal)).arrayBuffer());
  }

  /** @param {string} name @param {object} body @param {AbortSignal=} signal @returns {Promise<any>} */
  async post(name, body, signal) {
    return (await this.#ask(name, undefined, body, signal)).json();
  }

  /** Sends a file. @param {string} name @param {Record<string, string | number>} query @param {Blob} file @returns {Promise<any>} */
  async send(name, query, file) {
    return (await this.#ask(name, query, file)).json();
  }

  /** One object per line, as they come. @param {string} name @param {object} body @param {(line: any) => void} each @param {AbortSignal=} signal */
  async stream(name, body, each, signal) {
    const reply = await this.#ask(name, undefined, body, signal);
    const reader = /** @type {ReadableStream<Uint8Array>} */ (reply.body).pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
        each(JSON.parse(rest.slice(0, end)));
        rest = rest.slice(end + 1);
      }
    }
  }

  /** @param {string} name @param {Record<string, string | number>=} query @param {object=} body @param {AbortSignal=} signal */
  async #ask(name, query, body, signal) {
    const values = query ? '?' + new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)])) : '';
    let reply;
    try {
      reply = await fetch('api/' + name + values, body
        ? { method: 'POST', headers: { 'Content-Type': body instanceof Blob ? 'application/octet-stream' : 'application/json' }, body: body instanceof Blob ? body : JSON.stringify(body), signal }
        : { signal });
    } catch (e) {
      if (e instanceof DOMException && e.name === 'AbortError') throw e;
      throw new EngineError('The server does not answer. Start it again; this address brings everything back.', 'disconnected');
    }
    if (reply.ok) return reply;
    const error = await reply.json().catch(() => ({ error: `The server answered ${reply.status}.`, kind: 'server' }));
    throw new EngineError(error.error, error.kind);
  }
}

/** A recording: data/index.json names a file for each request that was made when it was recorded. */
export class TraceEngine {
  static where = 'recorded';

  /** @param {Record<string, string>} index */
  constructor(index) {
    this.index = index;
  }

  get live() {
    return false;
  }

  /** @returns {Promise<TraceEngine | null>} */
  static async open() {
    const reply = await fetch('data/index.json').catch(() => null);
    return reply?.ok && reply.headers.get('content-type')?.includes('json') ? new TraceEngine(await reply.json()) : null;
  }

  /** @param {string} name @param {Record<string, string | number>=} query */
  async json(name, query) {
    if (name === 'state') return { state: 'ready' };
    return (await this.#file(key(name, query))).json();
  }

  /** @param {string} name @param {Record<string, string | number>} query @returns {Promise<Numbers>} */
  async numbers(name, query) {
    if (name === 'tensor') {
      // A recording holds whole tensors; the part is cut here.
      const whole = unpack(await (await this.#file(key(name, { trace: query.trace, name: query.name }))).arrayBuffer());
      return part(whole, query.at);
    }
    return unpack(await (await this.#file(key(name, query))).arrayBuffer());
  }

  /** @param {string} name @param {object} body */
  async post(name, body) {
    return (await this.#file(name + ' ' + canonical(body))).json();
  }

  /** @returns {Promise<any>} */
  async send() {
    throw new EngineError('This recording compares nothing: start heed explore for that.', 'recorded');
  }

  async stream() {
    throw new EngineError('This recording cannot write: start heed explore for that.', 'recorded');
  }

  /** @param {string} wanted */
  async #file(wanted) {
    const file = this.index[wanted];
    if (!file) throw new EngineError('This was not recorded. Start heed explore to see it live.', 'recorded');
    return fetch('data/' + file);
  }
}

/** @param {string} name @param {Record<string, string | number>=} query */
const key = (name, query) => name + ' ' + Object.entries(query ?? {}).filter(([, v]) => v !== '').map(([k, v]) => `${k}=${v}`).sort().join('&');

/** @param {any} body */
const canonical = body => JSON.stringify([body.text, body.decoderText ?? null, body.interventions ?? []]);

/** @param {Numbers} whole @param {string | number | undefined} at @returns {Numbers} */
function part(whole, at) {
  let [start, count, shape] = [0, whole.data.length, whole.shape];
  for (const index of String(at ?? '').split(',').filter(w => w !== '').map(Number)) {
    count /= shape[0];
    start += index * count;
    shape = shape.slice(1);
  }
  return { ...whole, shape, data: whole.data.subarray(start, start + count) };
}
