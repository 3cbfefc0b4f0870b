import { html, nothing } from '../vendor/lit.js';
import { exact, grouped, num, short, visible, word } from '../numbers.js';
import { candidates } from './candidates.js';
import { skeleton } from './states.js';

/** @typedef {import('../store.js').Store} Store */

/** The panel on the right: an opened number, or the token in view and what the model predicts there. @param {Store} store */
export const inspector = store => html`<div class="gap">${store.path.length ? opened(store) : html`${token(store)} ${prediction(store)}`}</div>`;

/** @param {Store} store */
function token(store) {
  const tokens = store.tokens(store.state.S);
  const q = store.query;
  const t = tokens[q];
  if (!t) return nothing;
  return html`<section class="gap"><div>
    <p class="muted">token ${q}</p><p class="big mono">${visible(t.text)}</p></div>
    <table class="data"><tbody>
      <tr><td class="muted">id</td><td class="mono">${t.id}</td></tr>
      <tr><td class="muted">piece</td><td class="mono">${visible(t.piece)}</td></tr>
      ${t.special ? html`<tr><td class="muted">kind</td><td>added by the tokenizer</td></tr>` : html`<tr><td class="muted">characters</td><td class="mono">${t.start}–${t.end}</td></tr>`}
    </tbody></table></section>`;
}

/** @param {Store} store */
function prediction(store) {
  const main = store.model.stacks[store.model.stacks.length - 1].name === store.state.S;
  if (store.model.head === 'none' || !main) return nothing;
  const classes = store.model.head === 'class of the text' || store.model.head === 'answer';
  const at = classes ? 0 : store.query;
  const query = { at, count: 8 };
  const now = store.about('predict', query);
  if (store.failureAbout('predict', query)) return nothing;
  const before = store.state.iv.length ? store.about('predict', query, store.clean) : undefined;
  const tokens = store.tokens(store.state.S);
  const title = store.model.head === 'next token' ? html`after <b class="mono">${word(tokens[at])}</b>` : classes ? html`the text` : html`in place of <b class="mono">${word(tokens[at])}</b>`;
  return html`<section class="gap"><h2>Prediction: ${title}</h2>${now ? candidates(store, now, { before }) : skeleton(6)}
    ${store.state.iv.length ? html`<p class="note">The line in a bar is the probability without the change.</p>` : nothing}</section>`;
}

/** @param {Store} store */
function opened(store) {
  const { hook, index } = store.path[store.path.length - 1];
  const query = { name: hook, at: index.join(',') };
  const reply = store.about('operands', query);
  const error = store.failureAbout('operands', query);
  return html`<section class="gap" aria-label="Where a number comes from">
    <div class="row between"><h2>Where a number comes from</h2><button class="btn" @click=${() => { store.path = []; store.changed(); }}>Close</button></div>
    <ol class="row" aria-label="Path">${store.path.slice(0, -1).map(p => html`<li><button class="btn mono" @click=${() => store.open(p.hook, p.index)}>${p.hook.split('.').pop()}[${p.index.join(',')}]</button> ›</li>`)}</ol>
    ${error ? html`<p class="warn">${error.message}</p>` : !reply ? skeleton(8) : html`
      <div><p class="muted mono">${reply.hook}[${reply.index.join(', ')}]</p><p class="big">${num(reply.hook, reply.index, Math.fround(Number(reply.value)))}</p>
      <p class="muted mono">${exact(Math.fround(Number(reply.value)))}</p></div>
      ${reply.formula ? html`<p class="mono">${reply.formula}</p>` : nothing}<p class="note">${reply.words}</p>
      ${reply.terms.length ? terms(store, reply) : nothing}`}
  </section>`;
}

/** @param {Store} store @param {any} reply */
function terms(store, reply) {
  const most = Math.max(...reply.terms.map((/** @type {any} */ t) => Math.abs(t.product)), 1e-30);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Terms"><table class="data"><thead><tr><th>parts</th><th class="r">gives</th><td></td></tr></thead><tbody>
    ${reply.terms.map((/** @type {any} */ t) => html`<tr><td>${t.factors.map((/** @type {any} */ f, /** @type {number} */ n) => html`${n ? html`<span class="muted"> × </span>` : nothing}${factor(store, f)}`)}</td>
      <td class="r mono">${short(Number(t.product))}</td>
      <td><svg width="46" height="10" aria-hidden="true"><rect x=${t.product < 0 ? 23 - 23 * Math.abs(t.product) / most : 23} y="1" height="8" width=${Math.max(0.5, 23 * Math.abs(Number.isFinite(t.product) ? t.product : 0) / most)}
        fill=${t.product < 0 ? 'var(--feed)' : 'var(--attention)'}></rect></svg></td></tr>`)}
  </tbody></table></div>
  <p class="note">In double precision the parts give <span class="mono">${short(Number(reply.sum))}</span>; the engine adds in float32, in 16 lanes and a tree
    (difference ${short(Math.abs(Number(reply.sum) - Number(reply.value)))}).</p>`;
}

/** @param {Store} store @param {any} f */
function factor(store, f) {
  const v = Math.fround(Number(f.value));
  if (f.hook) return html`<span class="muted">${f.label} </span>${num(f.hook, f.index, v, (h, i) => store.open(h, i))}`;
  if (!f.weight) return html`<span class="muted">${f.label} </span><span class="n">${short(v)}</span>`;
  return html`<span class="muted">${f.label} </span><span class="n" title=${exact(v)}>${short(v)}</span>
    <span class="note">${f.place ? html`<br><span class="mono">${f.place.tensor}</span> · byte ${grouped(f.place.offset)} of ${f.place.file} (${f.place.type})` : html`<br><span class="mono">${f.weight}</span>`}</span>`;
}
