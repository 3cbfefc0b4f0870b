import { html, nothing } from '../vendor/lit.js';
import { word } from '../numbers.js';
import '../parts/heatmap.js';
import { skeleton } from '../parts/states.js';
import { strip } from './steps.js';

/** @typedef {import('../store.js').Store} Store */

/** @type {Record<string, string>} */
const KIND = {
  learned: 'A row of a learned table is added to each word: one row for each place.',
  sinusoidal: 'Sines and cosines of the place are added to each word; nothing is learned.',
  rotary: 'Nothing is added. Queries and keys are turned by an angle that grows with the place (RoPE), so their product depends on the distance.',
  alibi: 'Nothing is added to words. Each head takes a fixed amount per step of distance off its scores (ALiBi).',
  relative: 'Nothing is added to words. Each head adds a learned number for the distance between two words to its scores (T5).',
  disentangled: 'Words and distances are kept apart: scores of words with distances are added (DeBERTa).',
  none: 'This model has no positions.',
};

export default {
  see: 'How this model knows the order of words.',
  why: 'Attention alone reads a set: without positions, a shuffled text would give the same rows.',
  attempt: {
    label: 'Turn the words around', run: (/** @type {Store} */ store) => store.set({ t: (store.state.t ?? '').split(' ').reverse().join(' ') }),
  },

  /** @param {Store} store */
  stage(store) {
    const kind = store.stack.positions;
    const prefix = store.state.S ? store.state.S + '.' : '';
    const names = new Set(store.trace.hooks.map((/** @type {any} */ h) => h.name));
    const q = store.query, site = `${prefix}blocks.${Math.min(store.state.L, store.stack.layers - 1)}.attn`, H = Math.min(store.state.H, store.stack.heads - 1);
    return html`<div class="row"><span class="big">${kind}</span></div><p class="lead">${KIND[kind]}</p>
      ${names.has(`${prefix}embed.position`) ? html`<ol class="steps part"><li class="step"><div class="stepname"><h2>Word</h2></div><div class="stepbody">${strip(store, `${prefix}embed.token`, [q], 24)}</div></li>
        <li class="step"><div class="stepname"><h2>Place ${q}</h2></div><div class="stepbody">${strip(store, `${prefix}embed.position`, [q], 24)}</div></li></ol>${table(store, `${prefix}embed.position`)}` : nothing}
      ${kind === 'rotary' ? html`<ol class="steps part"><li class="step"><div class="stepname"><h2>Query</h2><p class="muted">before</p></div><div class="stepbody">${strip(store, `${site}.q`, [q, H], 24)}</div></li>
        <li class="step"><div class="stepname"><h2>Rotated</h2><p class="muted">at place ${q}</p></div><div class="stepbody">${strip(store, `${site}.rot_q`, [q, H], 24)}</div></li></ol>` : nothing}
      ${['relative', 'alibi', 'disentangled'].includes(kind) ? bias(store, site, H) : nothing}`;
  },
};

/** The rows that were added, all places. @param {Store} store @param {string} hook */
function table(store, hook) {
  const v = store.tensor(hook);
  if (!v) return skeleton(4);
  const [T, D] = v.shape;
  const tokens = store.tokens(store.state.S);
  const like = new Float32Array(T * T);
  for (let i = 0; i < T; i++) {
    for (let j = 0; j < T; j++) {
      let [ab, aa, bb] = [0, 0, 0];
      for (let d = 0; d < D; d++) {
        const [a, b] = [v.data[i * D + d], v.data[j * D + d]];
        ab += a * b;
        aa += a * a;
        bb += b * b;
      }
      like[i * T + j] = ab / Math.sqrt(aa * bb || 1);
    }
  }
  return html`<figure class="gap part"><figcaption><h2>Which places are alike</h2><p class="note">Cosine of the rows of two places: blue is opposite, orange alike.</p></figcaption>
    <heat-map label="Cosine of positions" signed .rows=${tokens.map((/** @type {any} */ t, /** @type {number} */ i) => `${i} ${word(t)}`)} .columns=${tokens.map((/** @type {any} */ _, /** @type {number} */ i) => String(i))} .data=${like} .row=${store.query}
      @heat-pick=${(/** @type {CustomEvent} */ e) => store.set({ q: e.detail.row })}></heat-map></figure>`;
}

/** Scores after the bias less scores before. @param {Store} store @param {string} site @param {number} H */
function bias(store, site, H) {
  const a = store.tensor(`${site}.scaled`, `0,${H}`), b = store.tensor(`${site}.biased`, `0,${H}`);
  if (!a || !b) return skeleton(4);
  const tokens = store.tokens(store.state.S).map(word);
  return html`<figure class="gap part"><figcaption><h2>What the distance adds, head ${H}</h2><p class="note">Scores after the bias less scores before it.</p></figcaption>
    <heat-map label="Bias of the distance" signed .rows=${tokens} .columns=${tokens} .data=${Float32Array.from(b.data, (v, i) => v - a.data[i])} .row=${store.query}
      @heat-pick=${(/** @type {CustomEvent} */ e) => store.openFirst(`${site}.biased`, [0, H, e.detail.row, e.detail.column])}></heat-map></figure>`;
}
