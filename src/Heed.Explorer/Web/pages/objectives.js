import { html, nothing } from '../vendor/lit.js';
import { num, percent, short, visible } from '../numbers.js';
import { choice, put, range } from '../parts/controls.js';
import { failed, skeleton } from '../parts/states.js';
import { styled } from '../parts/style.js';

/** @typedef {import('../store.js').Store} Store */

/** @type {[string, string][]} */
const OBJECTIVES = [['causal', 'next token'], ['masked', 'masked tokens'], ['span', 'spans']];

/** @type {Record<string, string>} */
const WORDS = {
  causal: 'Each token is predicted from those before it: every token but the first is a question.',
  masked: 'Some tokens are chosen; of these eight in ten become the mask, one a random token, and one stays. Only they are questions, and both sides may be read.',
  span: 'Runs of tokens become one sentinel each; the decoder writes the sentinels and what stood behind them.',
};

export default {
  see: 'Your text as three objectives of training have it: what is hidden, what is asked, and what the opened model loses at each question.',
  why: 'What a model was asked is what it can do: a decoder writes on, an encoder fills gaps, an encoder-decoder spells out what is missing.',
  attempt: { label: 'Draw again', run: (/** @type {Store} */ store) => put(store, { seed: String(Number(store.state.x.seed || 1) % 9999 + 1), obj: kind(store) === 'causal' ? 'masked' : kind(store) }) },

  /** @param {Store} store */
  stage(store) {
    const now = kind(store), { x } = store.state;
    const rate = Number(x.rate || 0.15), span = Number(x.span || 3);
    const reply = ask(store, now), error = store.failureAbout('objectives', query(store, now));
    return html`<div class="bar">${choice(store, 'obj', 'Objective', OBJECTIVES, now)}
        ${now === 'causal' ? nothing : range(store, 'rate', now === 'masked' ? 'masked' : 'in spans', rate, 0.05, 0.8, 0.05, percent(rate))}
        ${now === 'span' ? range(store, 'span', 'mean length', span, 1, 10, 1) : nothing}
        ${now === 'causal' ? nothing : html`<label class="field">seed <input type="number" min="1" max="9999" .value=${x.seed || '1'} @change=${(/** @type {any} */ e) => put(store, { seed: e.target.value })}></label>`}</div>
      ${error ? failed('This objective needs more than this model has', error.message) : !reply ? skeleton(8) : body(store, reply)}
      <section class="part"><h2>The same text, three objectives</h2>${together(store)}
        <p class="note">Loss in nats per token that is asked; its exponential is as many equal candidates as the model wavers between. Different questions: the losses of two objectives cannot be compared with each other.</p></section>`;
  },
};

/** The objective in view; at first the one that the model was made for. @param {Store} store */
function kind(store) {
  const { obj } = store.state.x;
  if (OBJECTIVES.some(o => o[0] === obj)) return obj;
  return store.model.family === 'encoder-decoder' ? 'span' : store.model.family === 'encoder' ? 'masked' : 'causal';
}

/** @param {Store} store @param {string} objective @returns {Record<string, string | number>} */
const query = (store, objective) => ({ objective, ...(objective === 'causal' ? {} : { rate: store.state.x.rate || 0.15, seed: store.state.x.seed || 1 }), ...(objective === 'span' ? { span: store.state.x.span || 3 } : {}) });

/** @param {Store} store @param {string} objective */
const ask = (store, objective) => store.about('objectives', query(store, objective));

/** @param {Store} store @param {any} reply */
function body(store, reply) {
  const { objective } = reply;
  return html`<p class="lead">${WORDS[objective]}</p>
    ${reply.supported ? nothing : html`<p class="warn">What would be asked is shown; the loss is not: ${reply.why}</p>`}
    ${reply.predicted ? nothing : html`<p class="warn">The lot chose no token of this short text. Raise the rate, or draw again.</p>`}
    <section class="gap part"><h2>${objective === 'causal' ? (store.model.family === 'encoder-decoder' ? 'What the decoder has written' : 'Read and asked') : 'What the model reads'}</h2>${tokens(reply, reply.read, 0)}</section>
    ${reply.written.length ? html`<section class="gap part"><h2>What the decoder is to write</h2>${tokens(reply, reply.written, reply.read.length)}</section>` : nothing}
    ${reply.supported && reply.predicted ? html`<details class="part"><summary>The same as a table</summary><div class="scroll" tabindex="0" role="region" aria-label="Losses"><table class="data"><thead><tr><th>right</th><th>read instead</th><th>likeliest</th><th class="r">p of the right one</th><th class="r">loss</th></tr></thead><tbody>
      ${[...reply.read, ...reply.written].map((/** @type {any} */ t, /** @type {number} */ i) => (t.loss === null ? nothing : html`<tr><td class="mono">${visible(t.label ?? t.text)}</td><td class="mono">${t.label === null ? '' : visible(t.text)}</td><td class="mono">${visible(t.guess)}</td>
        <td class="r">${num(`objective.${objective}.p`, [i], Math.fround(t.probability), undefined, percent(t.probability))}</td><td class="r">${num(`objective.${objective}.loss`, [i], Math.fround(t.loss))}</td></tr>`))}</tbody></table></div></details>` : nothing}`;
}

/** @type {Record<string, string>} */
const KINDS = { masked: 'masked', random: 'a random token', unchanged: 'asked, left as it is', sentinel: 'sentinel', predicted: 'asked', special: 'added', kept: 'read' };

/** @param {any} reply @param {any[]} list @param {number} first */
function tokens(reply, list, first) {
  const most = Math.max(...[...reply.read, ...reply.written].map((/** @type {any} */ t) => t.loss ?? 0), 1e-9);
  return html`<ul class="asked" role="list">${list.map((t, i) => html`<li class="ask ${t.kind}" title="${KINDS[t.kind]}${t.label === null ? '' : `: ${t.label}`}">
    <span class="mono">${visible(t.text)}</span>${t.label === null ? nothing : html`<small>${visible(t.label)}</small>`}
    ${t.loss === null ? nothing : html`<span class="lossbar" aria-hidden="true"><i ${styled({ height: `${Math.max(2, 44 * t.loss / most)}px` })}></i></span>${num(`objective.${reply.objective}.loss`, [first + i], Math.fround(t.loss))}`}</li>`)}</ul>
    <p class="note">${[...new Set(list.map(t => t.kind))].map(k => html`<span class="ask key ${k}">${KINDS[k]}</span> `)}${list.some(t => t.loss !== null) ? ' Bars: the loss of each question.' : ''}</p>`;
}

/** @param {Store} store */
function together(store) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Objectives beside each other"><table class="data"><thead><tr><th>objective</th><th class="r">read</th><th class="r">asked</th><th class="r">loss</th><th class="r">wavers between</th><th>this model</th></tr></thead><tbody>
    ${OBJECTIVES.map(([id, words]) => {
      const reply = ask(store, id), error = store.failureAbout('objectives', query(store, id));
      return html`<tr class=${id === kind(store) ? 'on' : ''}><td>${words}</td>${error ? html`<td colspan="5" class="muted">not with this folder</td>` : !reply ? html`<td colspan="5" class="muted">…</td>` : html`
        <td class="r mono">${reply.read.length}</td><td class="r mono">${reply.predicted}</td><td class="r">${reply.loss === null ? '–' : num(`objective.${id}`, [0], Math.fround(reply.loss))}</td>
        <td class="r mono">${reply.loss === null ? '–' : short(Math.exp(reply.loss))}</td><td>${reply.supported ? 'has the head' : 'has no head for it'}</td>`}</tr>`;
    })}</tbody></table></div>`;
}
