import { html, nothing } from '../vendor/lit.js';
import { num, percent, short, visible, word } from '../numbers.js';
import { candidates } from '../parts/candidates.js';
import { css, sequential } from '../parts/colour.js';
import { styled } from '../parts/style.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */

export default {
  see: 'The candidates for the place in view, what sampling leaves of them, and what each layer alone would have said.',
  why: 'A language model gives a probability to every token of its vocabulary; how one is drawn from them is another choice.',
  attempt: { label: 'Cut the tail: top-p 0.9', run: (/** @type {Store} */ store) => put(store, { topp: store.state.x.topp === '0.9' ? '' : '0.9' }) },

  /** @param {Store} store */
  stage(store) {
    if (store.model.head === 'none') return html`<div class="state"><h2>This model predicts nothing</h2><p>${store.model.architecture} gives vectors: texts are compared by them. Its attention, norms and neurons are on the other pages.</p></div>`;
    const { x } = store.state;
    const tokens = store.tokens(store.model.stacks[store.model.stacks.length - 1].name);
    const classes = store.model.head === 'class of the text' || store.model.head === 'answer';
    const at = classes ? 0 : store.state.S === store.model.stacks[store.model.stacks.length - 1].name ? store.query : store.trace.readout;
    const settings = { temperature: Number(x.temp || 1), topk: Number(x.topk || 0), topp: Number(x.topp || 1) };
    const query = { at, ...settings, count: 14 };
    const reply = store.about('predict', query);
    const failed = store.failureAbout('predict', query);
    const before = store.state.iv.length ? store.about('predict', { ...query, count: 200 }, store.clean) : undefined;
    const lm = store.model.head === 'next token' || store.model.head === 'masked token';
    return html`
      <div class="bar">
        ${slider(store, 'temp', 'temperature', settings.temperature, 0.1, 3, 0.1)}
        ${slider(store, 'topk', 'top-k', settings.topk, 0, 50, 1, 'all')}
        ${slider(store, 'topp', 'top-p', settings.topp, 0.05, 1, 0.05)}
      </div>
      ${failed ? html`<p class="warn">${failed.message}</p>` : !reply ? skeleton(8) : html`<div class="cols">
        <section class="gap"><h2>${classes ? 'Classes' : store.model.head === 'masked token' ? html`In place of <span class="mono">${word(tokens[at])}</span>` : html`After <span class="mono">${word(tokens[at])}</span>`}</h2>
          ${candidates(store, reply, { drawn: true, before })}
          <p class="note">Of ${reply.vocabulary.toLocaleString('en-US')} candidates ${reply.kept.toLocaleString('en-US')} can be drawn; they hold ${percent(reply.keptMass)}. Uncertainty
            ${short(reply.entropy)} nats: as many as ${short(Math.exp(reply.entropy))} equal candidates.</p></section>
        ${lm ? lens(store, at) : nothing}</div>`}
      ${store.model.head === 'next token' && store.engine.live ? writing(store, settings) : nothing}`;
  },
};

/** @param {Store} store @param {Record<string, string>} patch */
const put = (store, patch) => store.set({ x: { ...store.state.x, ...patch } });

/** @param {Store} store @param {string} name @param {string} label @param {number} value @param {number} least @param {number} most @param {number} step @param {string=} zero */
const slider = (store, name, label, value, least, most, step, zero) => html`<label class="field">${label}
  <input type="range" min=${least} max=${most} step=${step} .value=${String(value)} aria-valuetext=${zero && value === 0 ? zero : String(value)} @input=${(/** @type {any} */ e) => put(store, { [name]: e.target.value })}>
  <output class="mono">${zero && value === 0 ? zero : value}</output></label>`;

/** @param {Store} store @param {number} at */
function lens(store, at) {
  const reply = store.about('lens', { at });
  if (!reply) return store.failureAbout('lens', { at }) ? nothing : skeleton(6);
  return html`<section class="gap"><h2>Layer by layer</h2><p class="note">The stream before each layer, through the last norm and the head: what would come if the model ended there.</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Logit lens"><table class="data lens"><thead><tr><th>state</th><th colspan="3">likeliest</th><th class="r">rank of ${visible(reply.finalText)}</th></tr></thead><tbody>
    ${[...reply.layers].reverse().map((/** @type {any} */ l) => html`<tr><td>${l.layer === reply.layers.length - 1 ? 'end' : l.layer === 0 ? 'embedding' : `before ${l.layer}`}</td>
      ${l.candidates.slice(0, 3).map((/** @type {any} */ c) => html`<td><span class="lenscell"><i ${styled({ background: css(sequential(c.probability)) })}></i><span class="mono">${visible(c.text)}</span>
        ${num('lens', [at, l.layer, c.id], Math.fround(c.probability), undefined, percent(c.probability))}</span></td>`)}
      <td class="r mono">${l.rankOfFinal}</td></tr>`)}</tbody></table></div></section>`;
}

/** @type {{text: string, tokens: {text: string, p: number}[], busy: boolean, stop: AbortController | null, error: string}} */
const written = { text: '', tokens: [], busy: false, stop: null, error: '' };

/** @param {Store} store @param {{temperature: number, topk: number, topp: number}} s */
function writing(store, s) {
  return html`<section class="part"><h2>Let it write</h2><div class="row">
    <button class="btn" ?disabled=${written.busy} @click=${() => write(store, s)}>Write 40 tokens</button>
    ${written.busy ? html`<button class="btn" @click=${() => written.stop?.abort()}>Stop</button>` : nothing}
    <label class="field">seed <input type="number" min="1" max="9999" .value=${store.state.x.seed ?? '1'} @change=${(/** @type {any} */ e) => put(store, { seed: e.target.value })}></label></div>
    ${written.error ? html`<p class="warn">${written.error}</p>` : nothing}
    ${written.text ? html`<p class="lead mono written"><span class="muted">${written.text}</span>${written.tokens.map(t => html`<span title="${percent(t.p)}">${t.text}</span>`)}</p>` : nothing}</section>`;
}

/** @param {Store} store @param {{temperature: number, topk: number, topp: number}} s */
async function write(store, s) {
  Object.assign(written, { text: store.model.family === 'encoder-decoder' ? '' : store.state.t + '', tokens: [], busy: true, stop: new AbortController(), error: '' });
  if (!written.text) written.text = '→ ';
  store.changed();
  let drawn = 0;
  try {
    const body = { text: store.state.t, tokens: 40, temperature: s.temperature, topK: s.topk, topP: s.topp, seed: Number(store.state.x.seed ?? 1), sample: true };
    await store.engine.stream('generate', body, line => {
      written.tokens.push({ text: line.text, p: Math.exp(line.logProbability) });
      if (performance.now() - drawn > 50) {
        drawn = performance.now();
        store.changed();
      }
    }, written.stop?.signal);
    store.say(`Written: ${written.tokens.map(t => t.text).join('')}`);
  } catch (e) {
    if (!(e instanceof DOMException)) written.error = /** @type {Error} */ (e).message;
  }
  written.busy = false;
  store.changed();
}
