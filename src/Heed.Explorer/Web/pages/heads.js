import { html, nothing } from '../vendor/lit.js';
import { num, percent } from '../numbers.js';
import { skeleton } from '../parts/states.js';
import { thumbnails } from '../parts/thumbnails.js';

/** @typedef {import('../store.js').Store} Store */

const SCORES = [['previous', 'word before'], ['self', 'itself'], ['first', 'first token'], ['same', 'same word'], ['punctuation', 'punctuation'], ['induction', 'induction']];

export default {
  see: 'Every head of the stack, measured: how much of its attention goes to the word before, to itself, to the same word elsewhere.',
  why: 'Heads specialise without being told. Switching one off shows whether the prediction needs it.',
  attempt: { label: 'Switch the chosen head off', run: (/** @type {Store} */ store) => toggle(store, store.state.L, store.state.H) },

  /** @param {Store} store */
  stage(store) {
    const reply = store.about('heads');
    if (!reply) return store.failureAbout('heads') ? html`<p class="warn">${store.failureAbout('heads')?.message}</p>` : skeleton(8);
    const prefix = store.state.S ? store.state.S + '.' : '';
    const heads = reply.heads.filter((/** @type {any} */ h) => h.site.startsWith(prefix + 'blocks.'));
    const sort = store.state.x.sort ?? '';
    const shown = sort ? [...heads].sort((a, b) => (b[sort] ?? -1) - (a[sort] ?? -1)) : heads;
    const { before, after, at } = effect(store);
    return html`
      <div class="bar"><label class="field">order by <select @change=${(/** @type {any} */ e) => store.set({ x: { ...store.state.x, sort: e.target.value } })}><option value="">place</option>
        ${SCORES.map(([id, name]) => html`<option value=${id} ?selected=${id === sort}>${name}</option>`)}</select></label>
        <span class="muted">${store.state.iv.filter(i => i.startsWith('zero')).length} switched off</span>
        ${before && after && store.state.iv.length ? html`<span>probability of <b class="mono">${before.text}</b>: ${num('probability', [at, before.id], Math.fround(before.probability), undefined, percent(before.probability))}
          → <b>${num('probability', [at, before.id], Math.fround(after.probability), undefined, percent(after.probability))}</b></span>` : nothing}</div>
      <div class="gap"><div class="scroll" tabindex="0" role="region" aria-label="Scores of heads"><table class="data"><thead><tr><th>head</th><th>mostly</th>${SCORES.map(([, name]) => html`<th class="r">${name}</th>`)}<td></td></tr></thead>
        <tbody>${shown.map((/** @type {any} */ h) => row(store, h))}</tbody></table></div>
        <figure class="gap part"><figcaption><h2>What they look like</h2></figcaption>${thumbnails(store)}</figure></div>
      <p class="note">${reply.inductionNote} The other scores are means over the words of this text. “Mostly” names a score from 0.35.</p>`;
  },
};

/** @param {Store} store @param {any} h */
function row(store, h) {
  const off = store.state.iv.includes(`zero:${h.site}:${h.head}`);
  const on = h.layer === store.state.L && h.head === store.state.H;
  return html`<tr class=${on ? 'on' : ''}><td><button class="tok" aria-pressed=${String(on)} @click=${() => store.set({ L: h.layer, H: h.head })}>${h.layer}.${h.head}</button></td><td>${h.word}</td>
    ${SCORES.map(([id]) => html`<td class="r">${h[id] === null || h[id] === undefined ? html`<span class="muted">–</span>` : html`<span class="meter"><svg width="36" height="6" aria-hidden="true"><rect width="36" height="6" fill="var(--tint)"></rect>
      <rect width=${36 * Math.min(1, h[id])} height="6" fill="var(--attention)"></rect></svg>${num(`${h.site}.score.${id}`, [h.head], Math.fround(h[id]))}</span>`}</td>`)}
    <td><button class="btn" aria-pressed=${String(off)} @click=${() => toggle(store, h.layer, h.head)}>${off ? 'off' : 'on'}</button></td></tr>`;
}

/** @param {Store} store @param {number} L @param {number} H */
function toggle(store, L, H) {
  const iv = `zero:${store.state.S ? store.state.S + '.' : ''}blocks.${L}.attn:${H}`;
  store.set({ iv: store.state.iv.includes(iv) ? store.state.iv.filter(i => i !== iv) : [...store.state.iv, iv] });
}

/** What the change did to the likeliest candidate. @param {Store} store */
function effect(store) {
  const at = store.trace.readout;
  if (store.model.head === 'none' || !store.clean) return { at };
  const clean = store.about('predict', { at, count: 1 }, store.clean);
  const now = store.about('predict', { at, count: 200 });
  const before = clean?.candidates[0];
  return { at, before, after: before && now?.candidates.find((/** @type {any} */ c) => c.id === before.id) };
}
