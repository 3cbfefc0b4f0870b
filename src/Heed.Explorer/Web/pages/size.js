import { html, nothing } from '../vendor/lit.js';
import { grouped } from '../numbers.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */

export default {
  see: 'What a model costs: parameters by part, memory to use and to train it, keys and values, operations per token.',
  why: 'Every number follows from the configuration. Change a field, and see what grows.',
  attempt: { label: 'Twice the length', run: (/** @type {Store} */ store) => put(store, 'length', String(2 * (Number(store.state.x.length) || 512))) },
  needsNoRun: true,

  /** @param {Store} store */
  stage(store) {
    const { x } = store.state;
    const query = { model: x.model ?? '', batch: x.batch || 1, ...(x.length ? { length: x.length } : {}), change: x.change ?? '' };
    const name = `size|${JSON.stringify(query)}`;
    const s = store.use(name, signal => store.engine.json('size', query, signal));
    const failed = store.failure(name);
    const all = store.use('catalogue', signal => store.engine.json('catalogue', {}, signal));
    const changes = new Map((x.change ?? '').split(',').filter(c => c).map(c => /** @type {[string, string]} */ (c.split('='))));
    return html`<div class="bar"><label class="field">model <select @change=${(/** @type {any} */ e) => store.set({ x: { ...x, model: e.target.value, change: '', length: '' } })}><option value="">${store.model.id} (open)</option>
        ${(all?.models ?? []).map((/** @type {any} */ m) => html`<option ?selected=${m.name === x.model}>${m.name}</option>`)}</select></label>
        ${field(store, 'batch', 'texts at once', query.batch)} ${field(store, 'length', 'tokens each', x.length || (s?.length ?? ''))}
        ${x.change ? html`<button class="btn" @click=${() => put(store, 'change', '')}>As published</button>` : nothing}</div>
      ${failed ? html`<p class="warn" role="alert">${failed.message}</p>` : nothing}
      ${!s ? (failed ? nothing : skeleton(10)) : html`<div class="cols">
        <section class="gap"><div><p class="muted">parameters</p><p class="big">${grouped(s.parameters)}</p></div>
          <table class="data"><tbody>${s.parts.map((/** @type {any} */ p) => html`<tr><td class="mono">${p.name}</td><td class="r mono">${grouped(p.value)}</td><td>${share(p.value / s.parameters)}</td></tr>`)}</tbody></table></section>
        <section class="gap"><div><p class="muted">memory to use it, float32</p><p class="big">${bytes(s.weightBytes + s.cacheBytes)}</p></div>
          <table class="data"><tbody>${[['weights, float32', s.weightBytes], ...s.formats.filter((/** @type {any} */ f) => f.value !== s.weightBytes).map((/** @type {any} */ f) => [`weights, ${f.name}`, f.value]), ['keys and values', s.cacheBytes], ['gradients, to train', s.gradientBytes],
            ['Adam’s two moments', s.optimizerBytes], ['activations, to train', s.activationBytes]].map(([n, v]) => html`<tr><td>${n}</td><td class="r mono">${bytes(Number(v))}</td></tr>`)}</tbody></table></section>
        <section class="gap"><div><p class="muted">operations per token, forward</p><p class="big">${count(s.operationsPerToken)}</p></div>
          <p class="note">Two for each weight in a product, and the products of attention at ${grouped(s.length)} tokens of context; training takes three times as many. ${measured(store, s)}</p></section></div>
      <section class="part"><h2>The configuration</h2><div class="row">${s.fields.map((/** @type {any} */ f) => html`<label class="field mono">${f.name} <input type="number" min="1" .value=${changes.get(f.name) ?? String(f.value)}
        @change=${(/** @type {any} */ e) => { changes.set(f.name, e.target.value); put(store, 'change', [...changes].map(c => c.join('=')).join(',')); }}></label>`)}</div></section>`}`;
  },
};

/** @param {Store} store @param {string} name @param {string} value */
const put = (store, name, value) => store.set({ x: { ...store.state.x, [name]: value } });

/** @param {Store} store @param {string} name @param {string} label @param {any} value */
const field = (store, name, label, value) => html`<label class="field">${label} <input type="number" min="1" .value=${String(value)} @change=${(/** @type {any} */ e) => put(store, name, e.target.value)}></label>`;

/** Predicted beside measured, for the model that is open. @param {Store} store @param {any} s */
function measured(store, s) {
  if (store.state.x.model || store.state.x.change || !store.trace) return '';
  const tokens = store.trace.tokens.length + (store.trace.decoderTokens?.length ?? 0);
  return `The run of your ${tokens} tokens, watched by all pages, took ${store.trace.milliseconds.toFixed(0)} ms: ${count(s.operationsPerToken * tokens / (store.trace.milliseconds / 1000))} operations per second.`;
}

/** @param {number} p */
const share = p => html`<svg width="80" height="8" aria-hidden="true"><rect width="80" height="8" fill="var(--tint)"></rect><rect width=${80 * p} height="8" fill="var(--embed)"></rect></svg>`;

/** @param {number} n */
const bytes = n => (n >= 2 ** 40 ? (n / 2 ** 40).toFixed(2) + ' TiB' : n >= 2 ** 30 ? (n / 2 ** 30).toFixed(2) + ' GiB' : n >= 2 ** 20 ? (n / 2 ** 20).toFixed(1) + ' MiB' : n >= 1024 ? (n / 1024).toFixed(1) + ' KiB' : n + ' B');

/** @param {number} n */
const count = n => (n >= 1e12 ? (n / 1e12).toFixed(2) + ' T' : n >= 1e9 ? (n / 1e9).toFixed(2) + ' G' : n >= 1e6 ? (n / 1e6).toFixed(1) + ' M' : Math.round(n).toLocaleString('en-US'));
