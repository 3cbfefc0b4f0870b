import { html, nothing, svg } from '../vendor/lit.js';
import { grouped, num, short } from '../numbers.js';
import { choice, put } from '../parts/controls.js';
import { lines } from '../parts/lines.js';
import { failed, skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */

const LENGTHS = [8, 16, 32, 64, 128, 256, 512];
const PEOPLE = 10;
const LAST = PEOPLE - 1;

export default {
  see: 'Ten people in a meeting: once each tells the next, once all hear all. Below, an LSTM layer and an attention layer with as many parameters, run here as the text grows.',
  why: 'Recurrence must go word by word, and what the first word said fades on the way. Attention is one step, and pays for it with a product for every pair of words.',
  attempt: { label: 'Next step of the meeting', run: (/** @type {Store} */ store) => step(store) },
  needsNoRun: true,

  /** @param {Store} store */
  stage(store) {
    const at = Math.min(LAST, Math.max(0, Number(store.state.x.step || 0)));
    return html`${meeting(store, at)}${measured(store)}`;
  },
};

addEventListener('heed-step', () => {
  const { store } = /** @type {any} */ (window).heed;
  if (store.state.page === 'compare') step(store);
});

/** @param {Store} store */
function step(store) {
  const at = Number(store.state.x.step || 0);
  put(store, { step: at >= LAST ? '' : String(at + 1) });
  store.say(at >= LAST ? 'The meeting begins anew.' : `Step ${at + 1}: person ${at + 2} has heard of it in the line, everybody in the circle.`);
}

/** @type {ReturnType<typeof setInterval> | undefined} */ let playing;

/** Plays to the end, a step at a time; with reduced motion there is the button for single steps alone. @param {Store} store */
function play(store) {
  if (playing !== undefined) {
    clearInterval(playing);
    playing = undefined;
    store.changed();
    return;
  }
  if (Number(store.state.x.step || 0) >= LAST) put(store, { step: '' });
  playing = setInterval(() => {
    if (store.state.page !== 'compare' || Number(store.state.x.step || 0) >= LAST) {
      clearInterval(playing);
      playing = undefined;
      store.changed();
    } else {
      step(store);
    }
  }, 700);
  store.changed();
}

/** @param {Store} store @param {number} at */
function meeting(store, at) {
  const reply = ask(store, PEOPLE);
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const line = reply?.recurrent.influence, circle = reply?.attention.influence;
  return html`<div class="bar">${still ? nothing : html`<button class="btn" @click=${() => play(store)}>${playing === undefined ? 'Play' : 'Pause'}</button>`}
      <button class="btn" @click=${() => step(store)}>${at >= LAST ? 'From the beginning' : 'One step'}</button><span class="muted">step <b class="mono">${at}</b> of ${LAST} <kbd>Space</kbd></span></div>
    <div class="cols">
      <figure class="gap"><figcaption><h2>Each tells the next (recurrence)</h2><p class="note">${at === 0 ? 'The first has news.' : at < LAST ? `Person ${at + 1} has heard it, through ${at - 1} ${at === 2 ? 'other' : 'others'}.` : `The last has heard it after ${LAST} steps, through ${LAST - 1} others.`}</p></figcaption>
        ${people(at, false)}</figure>
      <figure class="gap"><figcaption><h2>All hear all (attention)</h2><p class="note">${at === 0 ? 'The same ten people, at one table.' : 'After one step all have heard the first, directly. Nothing is left to wait for.'}</p></figcaption>
        ${people(at, true)}</figure>
    </div>
    <section class="part"><h2>How much of the first one’s news arrives</h2>
      <p class="note">Measured in the two layers, untrained: the first of ten rows is turned around; by which part does the row of each person change?</p>
      ${!reply ? skeleton(3) : html`<div class="scroll" tabindex="0" role="region" aria-label="What arrives"><table class="data"><thead><tr><th>person</th>${line.map((/** @type {number} */ _, /** @type {number} */ i) => html`<th class="r">${i + 1}</th>`)}</tr></thead><tbody>
        <tr><td>recurrence</td>${line.map((/** @type {number} */ v, /** @type {number} */ i) => html`<td class="r">${num('recurrence.influence', [i], Math.fround(v))}</td>`)}</tr>
        <tr><td>attention</td>${circle.map((/** @type {number} */ v, /** @type {number} */ i) => html`<td class="r">${num('attention.influence', [i], Math.fround(v))}</td>`)}</tr></tbody></table></div>`}</section>`;
}

/** Ten people; a ring shows who has heard. @param {number} at @param {boolean} table */
function people(at, table) {
  const place = (/** @type {number} */ i) => (table ? [170 + 118 * Math.cos(Math.PI * (1 + 0.2 * i)), 100 + 72 * Math.sin(Math.PI * (1 + 0.2 * i))] : [24 + 32.4 * i, 100]);
  const heard = (/** @type {number} */ i) => i === 0 || (table ? at > 0 : i <= at);
  const links = table ? Array.from({ length: PEOPLE }, (_, i) => Array.from({ length: i }, (_, j) => [j, i])).flat() : Array.from({ length: LAST }, (_, i) => [i, i + 1]);
  return html`<svg class="picture meeting" viewBox="0 0 340 200" role="img" aria-label=${table ? `Ten people at a table; ${at > 0 ? 'all have heard the first' : 'nobody has heard the first yet'}` : `Ten people in a line; ${at + 1} of them know`}>
    ${links.map(([a, b]) => {
      const [[x1, y1], [x2, y2]] = [place(a), place(b)];
      const on = table ? at > 0 : b <= at;
      const d = table ? `M${x1} ${y1}L${x2} ${y2}` : `M${x1} ${y1 - 12}Q${(x1 + x2) / 2} ${y1 - 44} ${x2} ${y1 - 12}`;
      return svg`<path d=${d} fill="none" class=${on ? 'said' : 'unsaid'} stroke=${on ? (table ? 'var(--attention)' : 'var(--feed)') : 'var(--rule)'} stroke-width=${table ? (a === 0 && on ? 2 : 0.7) : 2}></path>`;
    })}
    ${Array.from({ length: PEOPLE }, (_, i) => {
      const [x, y] = place(i);
      return svg`<g><circle cx=${x} cy=${y} r="12" fill=${heard(i) ? 'var(--soft)' : 'var(--raised)'} stroke=${heard(i) ? 'var(--attention)' : 'var(--norm)'} stroke-width=${heard(i) ? 2.5 : 1}></circle>
        <text x=${x} y=${y + 4} text-anchor="middle" font-size="11">${i + 1}</text></g>`;
    })}</svg>`;
}

/** @param {Store} store @param {number} length */
const ask = (store, length) => store.use(`recurrence|${length}`, signal => store.engine.json('recurrence', { length }, signal));

/** @type {[string, string, string][]} */
const MEASURES = [['steps', 'steps one after another', 'counted: calls that had to wait for the call before, until the rows had the bits of the whole run'], ['path', 'path from first to last', 'computations between the first word and the last output'],
  ['operations', 'operations', 'multiplications and additions of the products, from the shapes'], ['milliseconds', 'milliseconds', 'measured now, the shortest of three runs of the layer'], ['reach', 'what arrives at the end', 'the part by which the last row changes when the first word is turned around']];

/** @param {Store} store */
function measured(store) {
  const replies = LENGTHS.map(n => ask(store, n));
  const error = store.failure(`recurrence|${LENGTHS[0]}`);
  if (error) return html`<section class="part">${failed('These layers run live only', error.message)}</section>`;
  const first = replies[0];
  if (!first) return skeleton(8);
  const which = MEASURES.find(m => m[0] === store.state.x.measure) ?? MEASURES[0];
  const of = (/** @type {string} */ side) => replies.map(r => r?.[side]?.[which[0]]);
  return html`<section class="part"><h2>As the text grows</h2>
    <p class="note">One LSTM layer of width ${first.recurrent.width} and one causal attention layer of width ${first.attention.width} with 7 heads: ${grouped(first.recurrent.parameters)} parameters each, exactly as many. Untrained, the same seed.</p>
    <div class="row">${choice(store, 'measure', 'Measure', MEASURES.map(m => /** @type {[string, string]} */ ([m[0], m[1]])), which[0])}</div>
    <figure class="gap"><figcaption class="note">${which[1]}: ${which[2]}.</figcaption>
      ${lines(`${which[1]} over the number of words, for LSTM and attention`, LENGTHS, [{ name: 'LSTM', colour: 'var(--feed)', dash: '5 3', values: of('recurrent') }, { name: 'attention', colour: 'var(--attention)', values: of('attention') }])}</figure>
    <div class="scroll" tabindex="0" role="region" aria-label="All measures"><table class="data"><thead><tr><th class="r">words</th>${MEASURES.map(m => html`<th class="r">LSTM: ${m[1]}</th><th class="r">attention</th>`)}</tr></thead><tbody>
      ${replies.map((r, i) => html`<tr><td class="r mono">${LENGTHS[i]}</td>${!r ? html`<td colspan="10" class="muted">running …</td>` : MEASURES.map(m => ['recurrent', 'attention'].map(side => html`<td class="r">${m[0] === 'reach' ? num(`recurrence.${side}`, [LENGTHS[i]], Math.fround(r[side].reach)) : html`<span class="mono">${m[0] === 'milliseconds' ? short(r[side][m[0]]) : grouped(r[side][m[0]])}</span>`}</td>`))}</tr>`)}</tbody></table></div>
    <p class="note">Operations of the LSTM: 16·H² for each word. Of attention: 8·D² for each word and 4·D for each of the N·(N + 1)/2 pairs, so the square wins in the end. The path of the LSTM is as long as the text; what arrives shrinks with every step.</p></section>`;
}
