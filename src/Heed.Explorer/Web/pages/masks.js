import { html, nothing } from '../vendor/lit.js';
import { exact, num, word } from '../numbers.js';
import '../parts/heatmap.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */

const KINDS = [['', 'as built'], ['none', 'none'], ['causal', 'causal'], ['window-3', 'window of 3'], ['padding-2', 'last two are padding']];

export default {
  see: 'Who may read whom, in every layer. Another mask runs the model again.',
  why: 'A model that learns to predict the next word must not see it. The proof is below: a later word is changed, and earlier numbers stay the same to the last bit, or do not.',
  attempt: { label: 'Take the mask away', run: (/** @type {Store} */ store) => put(store, store.stack.causal ? 'none' : 'causal') },

  /** @param {Store} store */
  stage(store) {
    const now = mask(store);
    const tokens = store.tokens(store.state.S);
    const site = `${store.state.S ? store.state.S + '.' : ''}blocks.${Math.min(store.state.L, store.stack.layers - 1)}.attn`;
    const masked = store.tensor(`${site}.masked`, '0,0');
    return html`<div class="bar"><div class="seg" role="group" aria-label="Mask">${KINDS.map(([id, name]) => html`<button aria-pressed=${String(now === id)} @click=${() => put(store, id)}>${name}</button>`)}</div>
        <span class="muted">${store.stack.causal ? 'built causal' : 'built to see everything'}${store.stack.window ? `, window of ${store.stack.window}` : ''}</span></div>
      <div class="cols"><figure class="gap"><figcaption><h2>The mask</h2><p class="note">Scores of layer ${store.state.L}, head 0. Hatched: −∞, exactly 0 after the softmax.</p></figcaption>
        ${masked ? html`<heat-map label="Masked scores" .rows=${tokens.map(word)} .columns=${tokens.map(word)} .data=${masked.data} signed .row=${store.query}
          @heat-pick=${(/** @type {CustomEvent} */ e) => { store.set({ q: e.detail.row, k: e.detail.column }); store.openFirst(`${site}.masked`, [0, 0, e.detail.row, e.detail.column]); }}></heat-map>
          <p class="note">${count(masked)} of ${masked.data.length} pairs are hidden.</p>` : skeleton(6)}</figure>
      ${leak(store, tokens)}</div>`;
  },
};

/** @param {import('../engine.js').Numbers} masked */
const count = masked => Array.from(masked.data).filter(v => v === -Infinity).length;

/** @param {Store} store */
const mask = store => store.state.iv.find(i => i.startsWith(`mask:${store.state.S}:`))?.split(':')[2] ?? '';

/** @param {Store} store @param {string} kind */
function put(store, kind) {
  const others = store.state.iv.filter(i => !i.startsWith(`mask:${store.state.S}:`));
  store.set({ iv: kind ? [...others, `mask:${store.state.S}:${kind}`] : others });
}

/** The same text with another last word: which rows change? @param {Store} store @param {any[]} tokens */
function leak(store, tokens) {
  if (store.state.S === 'decoder' || tokens.length < 3) return html`<section class="gap"><h2>Does a later word leak?</h2><p class="note">This proof is made on the side that reads the text, with at least three tokens.</p></section>`;
  const text = store.state.t ?? '';
  const last = [...tokens].reverse().find(t => !t.special);
  const other = store.model.tokenizerMissing ? text.replace(/\d+\s*$/, '5') : text.slice(0, last.start) + (last.text.startsWith(' ') ? ' ' : '') + 'zebra';
  const second = store.use(`leak|${store.trace.id}`, signal => store.engine.post('trace', { text: other, decoderText: store.state.dt, interventions: store.state.iv }, signal));
  if (!second) return store.failure(`leak|${store.trace.id}`) ? nothing : skeleton(6);
  const name = `${store.state.S ? store.state.S + '.' : ''}blocks.${store.stack.layers - 1}.out`;
  const has = store.trace.hooks.some((/** @type {any} */ h) => h.name === name);
  const hook = has ? name : 'logits';
  const a = store.tensor(hook), b = store.tensor(hook, '', second);
  if (!a || !b) return skeleton(6);
  const width = a.shape[a.shape.length - 1];
  const shared = tokens.findIndex((t, i) => second.tokens[i]?.id !== t.id);
  const rows = tokens.slice(0, shared < 0 ? tokens.length : shared).map((t, i) => {
    let most = 0;
    for (let d = 0; d < width; d++) most = Math.max(most, Math.abs(a.data[i * width + d] - b.data[i * width + d]));
    return { t, i, most, v: a.data[i * width], w: b.data[i * width] };
  });
  const leaking = rows.filter(r => r.most > 0).length;
  return html`<section class="gap"><h2>Does a later word leak?</h2>
    <p>The last word is changed to <b class="mono">${word(second.tokens[shared] ?? second.tokens.at(-1))}</b>, and the model runs again. The ${rows.length} words before it are the same; are their rows of <span class="mono">${hook}</span>?</p>
    <p class="big ${leaking ? 'bad' : 'good'}">${leaking ? `${leaking} of ${rows.length} rows changed: the later word leaks` : `All ${rows.length} rows are the same, bit for bit`}</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Proof"><table class="data"><thead><tr><th>word</th><th class="r">first number</th><th class="r">with the other word</th><th class="r">largest difference</th></tr></thead><tbody>
      ${rows.map(r => html`<tr><td class="mono">${word(r.t)}</td><td class="r">${num(hook, [r.i, 0], r.v)}</td><td class="r"><span class="n" title=${exact(r.w)}>${exact(r.w)}</span></td><td class="r mono">${r.most === 0 ? '0' : r.most.toExponential(2)}</td></tr>`)}
    </tbody></table></div></section>`;
}
