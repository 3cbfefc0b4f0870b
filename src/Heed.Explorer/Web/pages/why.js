import { html } from '../vendor/lit.js';
import { num, visible, word } from '../numbers.js';
import { css, diverging } from '../parts/colour.js';
import { skeleton } from '../parts/states.js';
import { styled } from '../parts/style.js';

/** @typedef {import('../store.js').Store} Store */

export default {
  see: 'Which words the prediction rests on, by four measures side by side: two read attention, two ask the outcome.',
  why: 'Attention says where was read, not what it was good for. Where the measures disagree, believe those that change the outcome.',
  attempt: { label: 'Take the most important word out', run: (/** @type {Store} */ store) => {
    const reply = store.about('why', { at: place(store) });
    const values = reply?.measures[3].values;
    if (!values) return;
    const tokens = store.tokens(main(store));
    const n = values.reduce((/** @type {number} */ b, /** @type {number} */ v, /** @type {number} */ i) => (Math.abs(v) > Math.abs(values[b]) && !tokens[i].special && i !== reply.at ? i : b), 0);
    const t = tokens[n], text = store.state.t ?? '';
    if (main(store) !== 'decoder') store.set({ t: (text.slice(0, t.start) + text.slice(t.end)).trim() });
  } },

  /** @param {Store} store */
  stage(store) {
    const at = place(store), query = { at };
    const reply = store.about('why', query);
    const failed = store.failureAbout('why', query);
    if (failed) return html`<div class="state"><h2>Not for this model</h2><p>${failed.message}</p></div>`;
    if (!reply) return skeleton(10);
    const tokens = store.tokens(main(store));
    return html`<p class="lead">Why <b class="mono">${visible(reply.targetText)}</b> rather than <b class="mono">${visible(reply.foilText)}</b>? The difference of their scores is ${num('why.score', [reply.at], Math.fround(reply.score))}.</p>
      <div class="scroll part" tabindex="0" role="region" aria-label="Measures"><table class="data"><thead><tr><th>word</th>${reply.measures.map((/** @type {any} */ m) => html`<th class="r">${m.name}</th>`)}</tr></thead><tbody>
      ${tokens.map((/** @type {any} */ t, /** @type {number} */ i) => html`<tr class=${i === reply.at ? 'on' : ''}><td><button class="tok" @click=${() => store.set({ k: i })}>${word(t)}</button></td>${reply.measures.map((/** @type {any} */ m) => {
        const most = Math.max(...m.values.map(Math.abs)) || 1;
        return html`<td class="r"><span class="lenscell">${num(`why.${m.id}`, [reply.at, i], Math.fround(m.values[i]))}<i class="wide" ${styled({ background: css(diverging(m.values[i] / most)) })}></i></span></td>`;
      })}</tr>`)}</tbody></table></div>
      <section class="part"><h2>Do they agree?</h2><p class="note">Spearman’s rank correlation of the sizes: 1 is the same order, 0 none.</p>
      <div class="scroll" tabindex="0" role="region" aria-label="Agreement"><table class="data"><thead><tr><td></td>${reply.measures.map((/** @type {any} */ m) => html`<th class="r">${m.name}</th>`)}</tr></thead><tbody>${reply.measures.map((/** @type {any} */ m, /** @type {number} */ a) => html`<tr><td>${m.name}</td>
        ${reply.measures.map((/** @type {any} */ _, /** @type {number} */ b) => html`<td class="r">${num('why.agreement', [a, b], Math.fround(reply.agreement[a * reply.measures.length + b]))}</td>`)}</tr>`)}</tbody></table></div></section>
      <p class="note">Gradient × input: the slope of the difference along the word’s embedding. Change without it: the difference less what is left when the word’s embedding becomes the mean of the text’s.</p>`;
  },
};

/** @param {Store} store */
const main = store => store.model.stacks[store.model.stacks.length - 1].name;

/** @param {Store} store */
const place = store => (store.state.S === main(store) ? store.query : store.trace.readout);
