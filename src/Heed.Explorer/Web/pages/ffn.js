import { html, svg } from '../vendor/lit.js';
import { num, short, word } from '../numbers.js';
import { skeleton } from '../parts/states.js';
import { strip } from './steps.js';

/** @typedef {import('../store.js').Store} Store */

export default {
  see: 'The neurons of one layer for one word: which fired, how strongly, and what they write into the stream.',
  why: 'Attention moves information between words; the feed-forward part works on each word alone. Its neurons are keys that match a pattern, and values that are written.',
  attempt: { label: 'Open the strongest neuron', run: (/** @type {Store} */ store) => { const n = order(store)[0]; if (n !== undefined) store.openFirst(`${site(store)}.pre`, [store.query, n]); } },

  /** @param {Store} store */
  stage(store) {
    const s = site(store), q = store.query;
    const pre = store.tensor(`${s}.pre`, String(q)), post = store.tensor(`${s}.post`, String(q));
    if (!pre || !post) return store.failure(`${store.trace.id}|tensor|${s}.pre|${q}`) ? html`<div class="state"><h2>No feed-forward part is shown here</h2></div>` : skeleton(8);
    const F = post.data.length;
    const fired = Array.from(post.data).filter(v => v > 0).length;
    const top = order(store).slice(0, 12);
    const most = Math.abs(post.data[top[0]]) || 1;
    return html`<div class="row"><span><b class="big">${fired}</b> of ${F} neurons are positive</span><span class="muted">layer ${Math.min(store.state.L, store.stack.layers - 1)}, word <b class="mono">${word(store.tokens(store.state.S)[q])}</b></span></div>
      <div class="cols part"><section class="gap"><h2>Strongest</h2><table class="data"><thead><tr><th class="r">neuron</th><th class="r">before</th><th class="r">after</th><td></td></tr></thead><tbody>${top.map(n => html`<tr><td class="r mono">${n}</td>
        <td class="r">${num(`${s}.pre`, [q, n], pre.data[n], (h, i) => store.openFirst(h, i))}</td><td class="r">${num(`${s}.post`, [q, n], post.data[n], (h, i) => store.openFirst(h, i))}</td>
        <td><svg width="90" height="10" aria-hidden="true"><rect y="1" height="8" width=${90 * Math.abs(post.data[n]) / most} fill="var(--feed)"></rect></svg></td></tr>`)}</tbody></table></section>
      <section class="gap"><h2>The curve</h2><p class="note">Each dot is a neuron: its input to the right, its output upwards.</p>${curve(/** @type {Float32Array} */ (pre.data), /** @type {Float32Array} */ (post.data))}</section></div>
      <section class="part"><h2>What is written</h2>${strip(store, `${s}.out`, [q], 24)}</section>`;
  },
};

/** @param {Store} store */
const site = store => `${store.state.S ? store.state.S + '.' : ''}blocks.${Math.min(store.state.L, store.stack.layers - 1)}.mlp`;

/** @param {Store} store @returns {number[]} */
function order(store) {
  const post = store.tensor(`${site(store)}.post`, String(store.query));
  return post ? Array.from(post.data, (_, n) => n).sort((a, b) => Math.abs(post.data[b]) - Math.abs(post.data[a])) : [];
}

/** @param {Float32Array} x @param {Float32Array} y */
function curve(x, y) {
  const [W, H] = [320, 200];
  const [x0, x1] = [Math.min(...x), Math.max(...x)], [y0, y1] = [Math.min(0, ...y), Math.max(...y)];
  /** @param {number} v */ const px = v => 30 + (v - x0) / (x1 - x0 || 1) * (W - 40);
  /** @param {number} v */ const py = v => H - 24 - (v - y0) / (y1 - y0 || 1) * (H - 40);
  return svg`<svg class="picture" width=${W} height=${H} role="img" aria-label="Inputs and outputs of all neurons"><line x1="30" x2=${W - 10} y1=${py(0)} y2=${py(0)} stroke="var(--rule)"></line>
    ${x0 < 0 && x1 > 0 ? svg`<line y1="16" y2=${H - 24} x1=${px(0)} x2=${px(0)} stroke="var(--rule)"></line>` : ''}
    ${Array.from(x, (v, i) => svg`<circle cx=${px(v)} cy=${py(y[i])} r="2.2" fill="var(--feed)" fill-opacity=".65"></circle>`)}
    <text x="30" y=${H - 6} font-size="11">${short(x0)}</text><text x=${W - 10} y=${H - 6} font-size="11" text-anchor="end">${short(x1)}</text><text x="26" y="22" font-size="11" text-anchor="end">${short(y1)}</text></svg>`;
}
