import { html, nothing } from '../vendor/lit.js';
import { visible } from '../numbers.js';

/** @typedef {import('../store.js').Store} Store */

/** @param {string} text */
const bytes = text => [...new TextEncoder().encode(text)].map(b => b.toString(16).toUpperCase().padStart(2, '0')).join(' ');

export default {
  see: 'The text in the pieces that the model reads, each with its number in the vocabulary.',
  why: 'A model sees no letters. Where the pieces are cut decides what it can tell apart, and how long a text is to it.',
  attempt: { label: 'Add a word that nobody knows', run: (/** @type {Store} */ store) => store.set({ t: store.model.tokenizerMissing ? store.state.t + ' 3' : store.state.t + ' flumptious' }) },

  /** @param {Store} store */
  stage(store) {
    const sides = [['', store.trace.tokens], ...(store.trace.decoderTokens ? [['What the decoder has written', store.trace.decoderTokens]] : [])];
    const characters = [...store.state.t ?? ''].length;
    const own = store.trace.tokens.filter((/** @type {any} */ t) => !t.special).length;
    return html`
      <div class="row" role="group" aria-label="Counts"><span><b class="big">${store.trace.tokens.length}</b> tokens</span><span class="muted">${characters} characters ·
        ${new TextEncoder().encode(store.state.t ?? '').length} bytes · ${own ? (characters / own).toFixed(1) : '–'} characters per token · vocabulary ${store.model.vocabulary.toLocaleString('en-US')}</span></div>
      ${store.model.tokenizerMissing ? html`<p class="warn">This folder has no tokenizer, so a text is a list of ids.</p>` : nothing}
      ${sides.map(([title, tokens], side) => html`<section class="part">${title ? html`<h2>${title}</h2>` : nothing}
        <div class="row pieces">${tokens.map((/** @type {any} */ t, /** @type {number} */ i) => html`<button class="tok piece w${t.word < 0 ? 's' : t.word % 2}" aria-pressed=${String(on(store, side, i))}
          title="id ${t.id}" @click=${() => store.set({ S: side ? 'decoder' : store.model.stacks[0].name, q: i })}><span>${visible(t.text)}</span><small>${t.id}</small></button>`)}</div>
        ${table(store, tokens, side)}</section>`)}
      ${store.trace.decoderTokens ? html`<section class="part"><label class="field" for="written">Write something else for the decoder
        <input id="written" type="text" class="wide" .value=${store.state.dt ?? store.trace.decoderText ?? ''} @input=${(/** @type {any} */ e) => store.set({ dt: e.target.value }, true)}></label></section>` : nothing}`;
  },
};

/** @param {Store} store @param {number} side @param {number} i */
const on = (store, side, i) => (side ? 'decoder' : store.model.stacks[0].name) === store.state.S && i === store.query;

/** @param {Store} store @param {any[]} tokens @param {number} side */
const table = (store, tokens, side) => html`<details ?open=${tokens.length <= 24}><summary>As a table</summary><div class="scroll" tabindex="0" role="region" aria-label="Tokens as a table"><table class="data">
  <thead><tr><th class="r">place</th><th>text</th><th>piece</th><th class="r">id</th><th>characters</th><th>bytes (UTF-8)</th></tr></thead>
  <tbody>${tokens.map((t, i) => html`<tr class=${on(store, side, i) ? 'on' : ''}><td class="r mono">${i}</td><td class="mono">${visible(t.text)}</td><td class="mono">${visible(t.piece)}</td>
    <td class="r"><span class="n" data-hook="ids" data-idx=${`${side},${i}`} data-v=${t.id}>${t.id}</span></td><td class="mono">${t.special ? html`<span class="muted">added</span>` : `${t.start}–${t.end}`}</td>
    <td class="mono">${t.special ? '' : bytes(t.text)}</td></tr>`)}</tbody></table></div></details>`;
