import { html, nothing } from '../vendor/lit.js';
import { num, short, word } from '../numbers.js';
import { css, diverging, sequential } from '../parts/colour.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */

const SHOWN = 16;

export default {
  see: 'One word, one head: all the arithmetic between the rows that come in and what the head adds, with the model’s own numbers.',
  why: 'Nothing is hidden here. Attention is products and sums; every number opens into the numbers and weights that made it.',
  attempt: { label: 'Next step', run: (/** @type {Store} */ store) => dispatchEvent(new Event('heed-step')) },

  /** @param {Store} store */
  stage(store) {
    const { state, stack } = store;
    const cross = !!state.x.cross && stack.cross;
    const L = Math.min(state.L, stack.layers - 1), H = Math.min(state.H, stack.heads - 1), G = Math.floor(H / (stack.heads / stack.keyHeads));
    const site = `${state.S ? state.S + '.' : ''}blocks.${L}.${cross ? 'cross_attn' : 'attn'}`;
    const rows = store.tokens(state.S), keys = cross ? store.trace.tokens : rows;
    const q = store.query, k = state.k >= 0 && state.k < keys.length ? state.k : best(store, site, H, q);
    const c = { store, site, L, H, G, q, k, rows, keys, cross, has: (/** @type {string} */ n) => store.trace.hooks.some((/** @type {any} */ h) => h.name === `${site}.${n}`) };
    const steps = list(c);
    const now = Math.min(steps.length - 1, Math.max(0, Number(state.x.step ?? steps.length - 1)));
    current = { store, count: steps.length, now };
    return html`${controls(c, steps.length, now)}
      <ol class="steps">${steps.map((s, n) => html`<li class="step ${n > now ? 'later' : n === now && state.x.step ? 'now' : ''}"><div class="stepname"><span class="big">${n + 1}</span><h2>${s.name}</h2>
        <p class="mono muted">${s.formula}</p></div><div class="stepbody">${n > now ? html`<p class="muted">not yet: press Space</p>` : html`<p class="note">${s.words}</p>${s.body()}`}</div></li>`)}</ol>`;
  },
};

/** @type {{store: Store, count: number, now: number} | null} */ let current = null;
/** @type {ReturnType<typeof setInterval> | undefined} */ let playing;

addEventListener('heed-step', () => {
  if (!current || current.store.state.page !== 'steps') return;
  const { store, count, now } = current;
  const next = store.state.x.step === undefined || now >= count - 1 ? 0 : now + 1;
  store.set({ x: { ...store.state.x, step: String(next) } });
  if (next === count - 1) stop();
  requestAnimationFrame(() => document.querySelector('.step.now')?.scrollIntoView({ block: 'center', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' }));
});

function stop() {
  clearInterval(playing);
  playing = undefined;
}

/** @param {any} c @param {number} count @param {number} now */
function controls(c, count, now) {
  const { store } = c;
  const { state, stack } = store;
  const unscaled = `unscaled:${c.site}`;
  const on = state.iv.includes(unscaled);
  return html`<div class="bar">
    <button class="btn" @click=${() => { if (playing) stop(); else playing = setInterval(() => dispatchEvent(new Event('heed-step')), 1800); store.changed(); }}>${playing ? 'Pause' : 'Play'}</button>
    <button class="btn" @click=${() => dispatchEvent(new Event('heed-step'))}>Step</button>
    <button class="btn" @click=${() => { stop(); const { step: _, ...x } = state.x; store.set({ x }); }}>Show all</button>
    <span class="muted">step ${now + 1} of ${count}</span>
    <label class="field">layer <select @change=${(/** @type {any} */ e) => store.set({ L: Number(e.target.value) })}>${Array.from({ length: stack.layers }, (_, i) => html`<option value=${i} ?selected=${i === c.L}>${i}</option>`)}</select></label>
    <label class="field">head <select @change=${(/** @type {any} */ e) => store.set({ H: Number(e.target.value) })}>${Array.from({ length: stack.heads }, (_, i) => html`<option value=${i} ?selected=${i === c.H}>${i}</option>`)}</select></label>
    ${stack.cross ? html`<label class="check"><input type="checkbox" .checked=${c.cross} @change=${(/** @type {any} */ e) => store.set({ k: -1, x: { ...state.x, cross: e.target.checked ? '1' : '' } })}>cross-attention</label>` : nothing}
    ${stack.scale !== 1 ? html`<label class="check"><input type="checkbox" .checked=${on} @change=${() => store.set({ iv: on ? state.iv.filter((/** @type {string} */ i) => i !== unscaled) : [...state.iv, unscaled] })}>without 1/√d</label>` : nothing}
    <span><b class="mono">${word(c.rows[c.q])}</b> <span class="muted">asks,</span> <b class="mono">${word(c.keys[c.k])}</b> <span class="muted">answers</span></span></div>`;
}

/** @param {Store} store @param {string} site @param {number} H @param {number} q */
function best(store, site, H, q) {
  const row = store.tensor(`${site}.pattern`, `0,${H},${q}`)?.data;
  return row ? Array.from(row).reduce((b, v, j) => (v > row[b] ? j : b), 0) : 0;
}

/** The steps that this model computes, in its order. @param {any} c */
function list(c) {
  const { store, site, H, G, q, k, stack = store.stack } = c;
  const [wq, wk] = [word(c.rows[q]), word(c.keys[k])];
  const rotated = c.has('rot_q') && !c.cross;
  const biased = ['relative', 'alibi', 'disentangled'].includes(stack.positions) && !c.cross;
  const d = stack.headWidth;
  /** @param {string} name @param {number[]} at */
  const vector = (name, at) => strip(store, `${site}.${name}`, at);
  /** @param {string} name */
  const scores = name => row(store, `${site}.${name}`, [0, H, q], c.keys, k);
  return [
    { name: 'Query', formula: 'q = x W_Q + b', words: `What “${wq}” is looking for: its row times a matrix of this head, ${d} numbers.`, body: () => vector('q', [q, H]) },
    { name: 'Key', formula: 'k = x W_K + b', words: `What “${wk}” offers to be found by${stack.keyHeads !== stack.heads ? `; ${stack.heads / stack.keyHeads} heads share these keys` : ''}. Asking and being found are two jobs, hence two matrices.`, body: () => vector('k', [k, G]) },
    { name: 'Value', formula: 'v = x W_V + b', words: `What “${wk}” hands over when it is read: a third job, a third matrix.`, body: () => vector('v', [k, G]) },
    ...(rotated ? [{ name: 'Rotate', formula: 'RoPE', words: 'Pairs of numbers of query and key are turned by an angle that grows with the position, so that their product depends on the distance.',
      body: () => html`${vector('rot_q', [q, H])}${vector('rot_k', [k, G])}` }] : []),
    { name: 'Compare', formula: 'q · k', words: `The query of “${wq}” with the key of every word: large where they point the same way.`, body: () => html`${products(c, rotated)}${scores('dot')}` },
    { name: 'Scale', formula: stack.scale === 1 ? 'no factor' : `× ${short(stack.scale)} = 1/√${Math.round(1 / stack.scale ** 2)}`,
      words: stack.scale === 1 ? 'This model does not scale: its weights were trained without the factor.' : 'A sum of many products grows with their number; the factor keeps the softmax soft. Take it away above, and see.', body: () => scores('scaled') },
    ...(biased ? [{ name: 'Bias', formula: '+ bias(distance)', words: 'A number for the distance between the two words is added: this model has no other positions.', body: () => scores('biased') }] : []),
    { name: 'Mask', formula: '−∞ where hidden', words: stack.causal && !c.cross ? 'Words to come are hidden: −∞ becomes exactly 0 in the next step.' : 'Nothing is hidden here: every word may read every word.', body: () => scores('masked') },
    { name: 'Softmax', formula: 'eˢ ÷ Σ eˢ', words: 'Scores become shares: none is negative, and together they are 1.', body: () => scores('pattern') },
    { name: 'Mix', formula: 'z = Σ p · v', words: 'The values of all words, each times its share.', body: () => vector('z', [q, H]) },
    { name: 'Write', formula: 'z W_O', words: 'What this head adds to the stream of the word. The other heads add theirs.', body: () => vector('result', [q, H]) },
  ];
}

/** A vector as cells; the first numbers can be opened. @param {Store} store @param {string} hook @param {number[]} at */
export function strip(store, hook, at, shown = SHOWN) {
  const v = store.tensor(hook, at.join(','));
  if (!v) return store.failure(`${store.trace.id}|tensor|${hook}|${at.join(',')}`) ? html`<p class="note">not computed here</p>` : skeleton(1);
  const values = Array.from(/** @type {Float32Array} */ (v.data));
  const most = Math.max(...values.map(Math.abs), 1e-30);
  const w = values.length > 128 ? 3 : values.length > 64 ? 6 : 10;
  return html`<div class="vec"><svg class="picture" width=${values.length * w} height="22" role="img" aria-label="${hook}, ${values.length} numbers">${values.map((x, i) => rect(i * w, w, css(diverging(x / most))))}</svg>
    <div class="nums">${values.slice(0, shown).map((x, i) => num(hook, [...at, i], x, (h, n) => store.openFirst(h, n)))}${values.length > shown ? html`<span class="muted">… ${values.length}</span>` : nothing}</div></div>`;
}

import { svg } from '../vendor/lit.js';
/** @param {number} x @param {number} w @param {string} fill */
const rect = (x, w, fill) => svg`<rect x=${x} y="0" width=${w} height="22" fill=${fill} stroke="var(--rule)" stroke-width=".5"></rect>`;

/** Scores of one query. @param {Store} store @param {string} hook @param {number[]} at @param {any[]} keys @param {number} k */
function row(store, hook, at, keys, k) {
  const v = store.tensor(hook, at.join(','));
  if (!v) return skeleton(1);
  const values = Array.from(/** @type {Float32Array} */ (v.data));
  const finite = values.filter(Number.isFinite);
  const most = Math.max(...finite.map(Math.abs), 1e-30);
  const shares = hook.endsWith('pattern');
  return html`<div class="scorerow" role="list">${values.map((x, j) => html`<div class="score ${j === k ? 'key' : ''}" role="listitem"><button class="tok" @click=${() => store.set({ k: j })} aria-pressed=${String(j === k)}>${word(keys[j])}</button>
    <svg width="44" height="8" aria-hidden="true"><rect width="44" height="8" fill=${Number.isFinite(x) ? css(shares ? sequential(x) : diverging(x / most)) : 'var(--tint)'} stroke="var(--rule)"></rect></svg>
    ${num(hook, [...at, j], x, (h, n) => store.openFirst(h, n))}</div>`)}</div>`;
}

/** q and k, number by number. @param {any} c @param {boolean} rotated */
function products(c, rotated) {
  const { store, site, H, G, q, k } = c;
  const [nq, nk] = rotated ? ['rot_q', 'rot_k'] : ['q', 'k'];
  const a = store.tensor(`${site}.${nq}`, `${q},${H}`), b = store.tensor(`${site}.${nk}`, `${k},${G}`);
  if (!a || !b) return skeleton(1);
  const p = Array.from(/** @type {Float32Array} */ (a.data), (x, i) => x * b.data[i]);
  const order = p.map((_, i) => i).sort((x, y) => Math.abs(p[y]) - Math.abs(p[x])).slice(0, 6);
  return html`<p class="muted">largest of ${p.length} products: ${order.map((i, n) => html`${n ? ', ' : ''}${num(`${site}.${nq}`, [q, H, i], a.data[i], (h, x) => store.openFirst(h, x))}×${num(`${site}.${nk}`, [k, G, i], b.data[i], (h, x) => store.openFirst(h, x))}`)}</p>`;
}
