import { EngineError, HttpEngine, TraceEngine } from './engine.js';
import { read, write } from './state.js';

/** @typedef {import('./state.js').State} State */
/** @typedef {{status: 'loading' | 'ready' | 'failed', value?: any, error?: Error}} Entry */

const DEBOUNCE = 150;
const KEPT = 400;

/** What all views share: the address, the model, the run, and answers that came. */
export class Store {
  /** @type {State} */ state;
  /** @type {any} */ model = null;
  /** @type {any} */ trace = null;
  /** @type {any} */ clean = null;
  /** @type {Error | null} */ error = null;
  /** @type {any} */ opening = null;
  busy = false;
  /** @type {{q: number, k: number, L: number, H: number} | null} */ hover = null;
  /** @type {{hook: string, index: readonly number[]}[]} */ path = [];
  /** @type {string} */ said = '';
  copied = '';
  /** @type {Map<string, Entry>} */ #answers = new Map();
  /** @type {AbortController | null} */ #running = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #later;
  /** @type {Set<() => void>} */ #listeners = new Set();
  #asked = false;

  constructor() {
    this.base = new URL(document.baseURI).pathname;
    this.state = read(new URL(location.href), this.base);
    /** @type {HttpEngine | TraceEngine} */ this.engine = new HttpEngine();
    addEventListener('popstate', () => {
      const before = this.state;
      this.state = read(new URL(location.href), this.base);
      if (this.#changesRun(before)) this.run(0);
      this.changed();
    });
  }

  /** @param {() => void} listener */
  listen(listener) {
    this.#listeners.add(listener);
  }

  /** Draws again, once a frame. */
  changed() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Opens the model, and runs the first text. */
  async start() {
    for (;;) {
      try {
        this.opening = await this.engine.json('state');
      } catch (e) {
        const recorded = await TraceEngine.open();
        if (recorded) {
          this.engine = recorded;
          this.opening = { state: 'ready' };
        } else {
          this.error = /** @type {Error} */ (e);
          this.changed();
          await new Promise(done => setTimeout(done, 1500));
          continue;
        }
      }

      this.error = null;
      this.changed();
      if (this.opening.state !== 'loading') break;
      await new Promise(done => setTimeout(done, 200));
    }

    if (this.opening.state === 'failed') return;
    this.model = await this.engine.json('model');
    const named = `${this.model.id}@${this.model.fingerprint.slice(0, 8)}`;
    this.otherModel = this.state.m !== null && this.state.m !== named ? this.state.m : null;
    this.state.m = named;
    this.state.t ??= this.model.texts[0];
    const stacks = this.model.stacks;
    if (!stacks.some((/** @type {any} */ s) => s.name === this.state.S)) this.state.S = stacks.length ? stacks[stacks.length - 1].name : '';
    const anywhere = !new URL(location.href).searchParams.has('L') && !new URL(location.href).searchParams.has('H');
    this.replace();
    this.changed();
    await this.run(0);
    if (anywhere && this.trace) await this.#chooseHead();
  }

  /** The head in which the word in view reads one earlier word most: a first picture that says something. */
  async #chooseHead() {
    if (!this.model.stacks.length) return;
    const { trace } = this;
    const { name, layers, heads } = this.stack;
    const q = this.query;
    const tokens = this.tokens(name);
    if (tokens.length > 24) return;
    const all = await this.engine.numbers('thumbnails', { trace: trace.id, stack: name, kind: 'self' }).catch(() => null);
    if (!all || this.trace !== trace) return;
    let [best, place] = [-1, [0, 0]];
    for (let l = 0; l < layers; l++) {
      for (let h = 0; h < heads; h++) {
        for (let k = 1; k < tokens.length; k++) {
          if (Math.abs(k - q) < 2 || tokens[k].special || !/\p{L}/u.test(tokens[k].text)) continue;
          const w = all.data[((l * heads + h) * tokens.length + q) * tokens.length + k];
          if (w > best) [best, place] = [w, [l, h]];
        }
      }
    }
    this.set({ L: place[0], H: place[1] });
  }

  /** Changes the state; the run follows where it must. @param {Partial<State>} patch @param {boolean=} typing */
  set(patch, typing = false) {
    const before = this.state;
    this.state = { ...this.state, ...patch };
    if (this.state.t !== before.t && patch.q === undefined) Object.assign(this.state, { q: -1, k: -1, dt: patch.dt ?? null });
    if (typing || this.state.page === before.page) this.replace();
    else history.pushState(null, '', write(this.state, this.base));
    if (patch.page && patch.page !== before.page) this.path = [];
    if (this.#changesRun(before)) {
      this.path = [];
      this.run(typing ? DEBOUNCE : 0);
    }
    this.changed();
  }

  replace() {
    history.replaceState(null, '', write(this.state, this.base));
  }

  /** @param {State} before */
  #changesRun(before) {
    return before.t !== this.state.t || before.dt !== this.state.dt || before.iv.join() !== this.state.iv.join();
  }

  /** Runs the text; of several the newest. @param {number} wait */
  run(wait) {
    clearTimeout(this.#later);
    this.#running?.abort();
    const mine = (this.#running = new AbortController());
    return new Promise(done => {
      this.#later = setTimeout(async () => {
        this.busy = true;
        this.changed();
        try {
          const { t, dt, iv } = this.state;
          const trace = await this.engine.post('trace', { text: t, decoderText: dt, interventions: iv }, mine.signal);
          if (mine.signal.aborted) return;
          this.clean = iv.length ? await this.engine.post('trace', { text: t, decoderText: dt, interventions: [] }, mine.signal) : trace;
          this.trace = trace;
          this.error = null;
          const last = this.tokens(this.state.S).length - 1;
          if (this.state.q > last) this.state.q = -1;
        } catch (e) {
          if (mine.signal.aborted) return;
          this.error = /** @type {Error} */ (e);
        } finally {
          if (this.#running === mine) this.busy = false;
          this.changed();
          done(undefined);
        }
      }, wait);
    });
  }

  /** The tokens of a stack. @param {string} stack @returns {import('./contract.js').TextToken[]} */
  tokens(stack) {
    return !this.trace ? [] : stack === 'decoder' ? this.trace.decoderTokens : this.trace.tokens;
  }

  /** The stack in view. @returns {import('./contract.js').StackReply} */
  get stack() {
    return this.model.stacks.find((/** @type {any} */ s) => s.name === this.state.S) ?? this.model.stacks[this.model.stacks.length - 1];
  }

  /** The token that asks: the pinned one, or the one that predicts. */
  get query() {
    const count = this.tokens(this.state.S).length;
    const { q } = this.state;
    if (q >= 0 && q < count) return q;
    const { readout } = this.trace;
    return this.stack === this.model.stacks[this.model.stacks.length - 1] && readout < count ? readout : count - 1;
  }

  /** An answer by its name: undefined until it is there. @param {string} name @param {(signal: AbortSignal) => Promise<any>} ask @returns {any} */
  use(name, ask) {
    const known = this.#answers.get(name);
    if (known) {
      this.#answers.delete(name);
      this.#answers.set(name, known);
      return known.value;
    }

    /** @type {Entry} */ const entry = { status: 'loading' };
    this.#answers.set(name, entry);
    if (this.#answers.size > KEPT) this.#answers.delete(/** @type {string} */ (this.#answers.keys().next().value));
    ask(new AbortController().signal).then(
      value => Object.assign(entry, { status: 'ready', value }),
      async error => {
        if (error instanceof EngineError && error.kind === 'trace-gone') {
          // The server forgot the run: it makes it again, to the same bits.
          this.#answers.delete(name);
          await this.run(0);
          return;
        }
        Object.assign(entry, { status: 'failed', error });
      },
    ).finally(() => this.changed());
    return undefined;
  }

  /** Why an answer failed. @param {string} name @returns {Error | undefined} */
  failure(name) {
    return this.#answers.get(name)?.error;
  }

  /** A tensor of the run, or a part of it. @param {string} name @param {string=} at @param {any=} trace @returns {import('./engine.js').Numbers | undefined} */
  tensor(name, at = '', trace = this.trace) {
    return this.use(`${trace.id}|tensor|${name}|${at}`, signal => this.engine.numbers('tensor', { trace: trace.id, name, at }, signal));
  }

  /** A JSON answer about the run. @param {string} what @param {Record<string, string | number>=} query @param {any=} trace @returns {any} */
  about(what, query = {}, trace = this.trace) {
    return this.use(`${trace.id}|${what}|${JSON.stringify(query)}`, signal => this.engine.json(what, { trace: trace.id, ...query }, signal));
  }

  /** @param {string} what @param {Record<string, string | number>=} query @param {any=} trace */
  failureAbout(what, query = {}, trace = this.trace) {
    return this.failure(`${trace.id}|${what}|${JSON.stringify(query)}`);
  }

  /** Opens a number in the inspector. @param {string} hook @param {readonly number[]} index */
  open(hook, index) {
    const at = this.path.findIndex(p => p.hook === hook && p.index.join() === index.join());
    this.path = at >= 0 ? this.path.slice(0, at + 1) : [...this.path, { hook, index }];
    this.changed();
  }

  /** Opens a number as the first of a path. @param {string} hook @param {readonly number[]} index */
  openFirst(hook, index) {
    this.path = [{ hook, index }];
    this.changed();
  }

  /** Tells a screen reader. @param {string} text */
  say(text) {
    this.said = text;
    this.changed();
  }
}
