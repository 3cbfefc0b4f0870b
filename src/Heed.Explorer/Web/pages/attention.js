import { html, nothing, ref } from '../vendor/lit.js';
import { num, word } from '../numbers.js';
import { arcs } from '../parts/arcs.js';
import { rowTable } from '../parts/heatmap.js';
import { skeleton } from '../parts/states.js';
import { thumbnails } from '../parts/thumbnails.js';

/** @typedef {import('../store.js').Store} Store */

const VIEWS = [['', 'weight'], ['value', 'value-weighted'], ['mean', 'mean of heads'], ['rollout', 'rollout']];

export default {
  see: 'One head at work: the arcs of a word lead to the words that it reads, the matrix shows all words at once.',
  why: 'Attention is the only place where words meet. It shows where information was read, not why.',
  attempt: {
    label: 'Choose the word that is read most', run: (/** @type {Store} */ store) => {
      const view = look(store);
      if (!view) return;
      let best = -1;
      for (let j = 0; j < view.keys.length; j++) if (j !== store.query && (best < 0 || view.at(store.query, j) > view.at(store.query, best))) best = j;
      if (best >= 0) store.set(view.cross ? { k: best } : { q: best });
    },
  },

  /** @param {Store} store */
  stage(store) {
    const view = look(store);
    const q = store.query;
    return html`${bar(store)}
      ${view === undefined ? skeleton(8) : html`
      <div class="scroll" tabindex="0" role="region" aria-label="Words and what they read" ${ref(follow)}>${arcs({
        tokens: view.rows, keys: view.cross ? view.keys : undefined, q: store.hover && store.hover.q >= 0 ? store.hover.q : q, k: store.state.k, weights: view.at,
        hook: view.hook, head: view.index, pulse: store.state.q < 0,
        pick: (i, shift) => store.set(shift ? { k: i } : { q: i }),
        hover: i => { store.hover = i < 0 ? null : { q: i, k: -1, L: -1, H: -1 }; store.changed(); },
      })}</div>
      ${store.state.q < 0 ? html`<p class="row"><span class="tok pulse" aria-hidden="true">${word(view.rows[q])}</span><span class="muted">Click any word: it shows what it reads.</span></p>` : nothing}
      ${top8(store, view)}
      <div class="cols wide-first part">
        <figure class="gap"><figcaption><h2>All words at once</h2><p class="note">Row: who asks. Column: who is read. Zero is the page's colour; hatched cells are masked.</p></figcaption>
          ${matrix(store, view)}</figure>
        <figure class="gap"><figcaption><h2>Every head</h2><p class="note">Layer by layer from the bottom, head by head.</p></figcaption>${thumbnails(store)}</figure>
      </div>`}`;
  },
};

/** The word that asks stays in sight when another is chosen. @param {Element | undefined} region */
function follow(region) {
  requestAnimationFrame(() => {
    const asks = region?.querySelector('.sel');
    if (!region || !asks || region.scrollWidth <= region.clientWidth || region.getAttribute('data-at') === asks.getAttribute('x')) return;
    region.setAttribute('data-at', asks.getAttribute('x') ?? '');
    region.scrollLeft = Number(asks.getAttribute('x')) - region.clientWidth + 80;
  });
}

/** The weights in view: of a head, or of all. @param {Store} store */
export function look(store) {
  const { state, stack, trace } = store;
  const cross = !!state.x.cross && stack.cross;
  const L = Math.min(state.L, stack.layers - 1), H = Math.min(state.H, stack.heads - 1);
  const site = `${state.S ? state.S + '.' : ''}blocks.${L}.${cross ? 'cross_attn' : 'attn'}`;
  let rows = store.tokens(state.S);
  let keys = cross ? trace.tokens : rows;
  const kind = VIEWS.some(v => v[0] === state.view) ? state.view : '';
  const all = kind === '' ? store.tensor(`${site}.pattern`, `0,${H}`) : store.use(`${trace.id}|view|${site}|${kind}`, signal => store.engine.numbers('view', { trace: trace.id, site, kind }, signal));
  const why = kind ? store.failure(`${trace.id}|view|${site}|${kind}`) : undefined;
  if (why) return { rows, keys, cross, hook: site, site, L, H, kind, data: new Float32Array(rows.length * keys.length), at: () => 0, index: () => [], failed: why.message, masked: false };
  if (!all) return undefined;
  const size = rows.length * keys.length;
  let data = /** @type {Float32Array} */ (kind === 'value' ? all.data.subarray(H * size, (H + 1) * size) : all.data);
  if (state.x.sink) {
    data = data.slice();
    for (let i = 0; i < rows.length; i++) data[i * keys.length] = 0;
  }
  let hook = kind === '' ? `${site}.pattern` : `${site}.${kind}`;
  if (state.x.words) {
    const [a, b] = [groups(rows), groups(keys)];
    const merged = new Float32Array(a.length * b.length);
    // A word reads what its pieces read on average, and is read as much as its pieces together.
    a.forEach((r, i) => b.forEach((c, j) => {
      let sum = 0;
      for (const x of r.places) for (const y of c.places) sum += data[x * keys.length + y];
      merged[i * b.length + j] = sum / r.places.length;
    }));
    return { rows: a, keys: cross ? b : a, cross, hook: `${hook}.words`, site, L, H, kind, data: merged, at: (/** @type {number} */ i, /** @type {number} */ j) => merged[at(i, a.length) * b.length + j],
      index: (/** @type {number} */ i, /** @type {number} */ j) => [i, j], failed: '', words: true };
  }
  const causal = stack.causal && !cross;
  return {
    rows, keys, cross, hook, site, L, H, kind, data, failed: '', causal,
    at: (/** @type {number} */ i, /** @type {number} */ j) => data[i * keys.length + j],
    index: (/** @type {number} */ i, /** @type {number} */ j) => (kind === '' ? [0, H, i, j] : kind === 'value' ? [H, i, j] : [i, j]),
  };
}

/** @param {number} i @param {number} count */
const at = (i, count) => Math.min(i, count - 1);

/** Pieces of one word as one token. @param {any[]} tokens */
function groups(tokens) {
  /** @type {any[]} */ const words = [];
  tokens.forEach((t, i) => {
    const last = words[words.length - 1];
    if (last && t.word >= 0 && last.word === t.word) {
      last.text += t.text;
      last.places.push(i);
    } else words.push({ ...t, places: [i] });
  });
  return words;
}

/** @param {Store} store */
export function bar(store) {
  const { state, stack, model } = store;
  const L = Math.min(state.L, stack.layers - 1), H = Math.min(state.H, stack.heads - 1);
  /** @param {string} name @param {string} text */
  const toggle = (name, text) => html`<label class="check"><input type="checkbox" .checked=${!!state.x[name]} @change=${(/** @type {any} */ e) => store.set({ x: { ...state.x, [name]: e.target.checked ? '1' : '' } })}>${text}</label>`;
  return html`<div class="bar">
    ${model.stacks.length > 1 ? html`<div class="seg" role="group" aria-label="Which attention">
      ${model.stacks.map((/** @type {any} */ s) => html`<button aria-pressed=${String(s.name === state.S && !state.x.cross)} @click=${() => store.set({ S: s.name, q: -1, k: -1, x: { ...state.x, cross: '' } })}>${s.name}</button>`)}
      ${model.stacks.some((/** @type {any} */ s) => s.cross) ? html`<button aria-pressed=${String(!!state.x.cross)} @click=${() => store.set({ S: 'decoder', q: -1, k: -1, view: '', x: { ...state.x, cross: '1' } })}>decoder → encoder</button>` : nothing}</div>` : nothing}
    <label class="field">layer <select @change=${(/** @type {any} */ e) => store.set({ L: Number(e.target.value) })}>${Array.from({ length: stack.layers }, (_, i) => html`<option value=${i} ?selected=${i === L}>${i}</option>`)}</select></label>
    <label class="field">head <select ?disabled=${state.view === 'mean' || state.view === 'rollout'} @change=${(/** @type {any} */ e) => store.set({ H: Number(e.target.value) })}>${Array.from({ length: stack.heads }, (_, i) => html`<option value=${i} ?selected=${i === H}>${i}</option>`)}</select></label>
    <div class="seg" role="group" aria-label="What is shown">${VIEWS.filter(v => !(v[0] === 'rollout' && state.x.cross)).map(([id, name]) => html`<button aria-pressed=${String(state.view === id)} @click=${() => store.set({ view: id })}>${name}</button>`)}</div>
    ${toggle('words', 'whole words')} ${toggle('sink', 'hide first token')} ${toggle('rowmax', 'scale each row')}
  </div>`;
}

/** @param {Store} store @param {any} view */
function matrix(store, view) {
  if (view.failed) return html`<p class="warn">${view.failed}</p>`;
  const labels = view.rows.map(word);
  const q = at(store.query, view.rows.length);
  const hidden = view.causal && !store.state.iv.some(iv => iv.startsWith('mask'));
  const shown = hidden ? Float32Array.from(view.data, (v, n) => (n % view.keys.length > Math.floor(n / view.keys.length) ? -Infinity : v)) : view.data;
  return html`<heat-map label="Attention, layer ${view.L} head ${view.H}" .rows=${labels} .columns=${view.keys.map(word)} .data=${shown} .row=${q} .column=${store.state.k}
      scale=${store.state.x.rowmax || view.kind === 'value' ? 'row' : 'fixed'}
      @heat-pick=${(/** @type {CustomEvent} */ e) => { store.set({ q: e.detail.row, k: e.detail.column }); const v = view.at(e.detail.row, e.detail.column);
        store.say(`${word(view.rows[e.detail.row])} reads ${word(view.keys[e.detail.column])} ${v.toFixed(3)}`); }}
      @heat-hover=${(/** @type {CustomEvent} */ e) => { store.hover = e.detail.row < 0 ? null : { q: e.detail.row, k: e.detail.column, L: view.L, H: view.H }; store.changed(); }}></heat-map>
    <div class="legend"><span>0</span><span class="ramp seq"></span><span>${store.state.x.rowmax || view.kind === 'value' ? 'largest of the row' : '1'}</span></div>
    ${rowTable(`What “${labels[q]}” reads, as a table`, view.keys.map(word), view.data, j => number(store, view, q, j))}`;
}

/** @param {Store} store @param {any} view @param {number} i @param {number} j */
const number = (store, view, i, j) => num(view.hook, view.index(i, j), view.at(i, j), view.kind === '' && !view.words ? (h, x) => store.openFirst(h, x) : undefined);

/** @param {Store} store @param {any} view */
function top8(store, view) {
  const q = at(store.query, view.rows.length);
  const order = view.keys.map((/** @type {any} */ _, /** @type {number} */ j) => j).sort((/** @type {number} */ a, /** @type {number} */ b) => view.at(q, b) - view.at(q, a)).slice(0, 8)
    .filter((/** @type {number} */ j) => view.at(q, j) > 0);
  return html`<div class="row" role="list" aria-label="Most read by this word"><span class="muted">“${word(view.rows[q])}” reads</span>${order.map((/** @type {number} */ j) => html`
    <span role="listitem" class="row tight"><button class="tok" aria-pressed=${String(j === store.state.k)} @click=${() => store.set({ k: j })}>${word(view.keys[j])}</button>${number(store, view, q, j)}</span>`)}</div>`;
}

