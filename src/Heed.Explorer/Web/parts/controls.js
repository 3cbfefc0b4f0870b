import { html } from '../vendor/lit.js';

/** @typedef {import('../store.js').Store} Store */

/** Changes the page's own part of the address. @param {Store} store @param {Record<string, string>} patch */
export const put = (store, patch) => store.set({ x: { ...store.state.x, ...patch } });

/** One of several. @param {Store} store @param {string} name @param {string} label @param {[string, string][]} choices value and words @param {string} value */
export const choice = (store, name, label, choices, value) => html`<div class="seg" role="group" aria-label=${label}>${choices.map(([id, words]) => html`
  <button aria-pressed=${String(id === value)} @click=${() => put(store, { [name]: id })}>${words}</button>`)}</div>`;

/** @param {Store} store @param {string} name @param {string} label @param {number} value @param {number} least @param {number} most @param {number} step @param {string=} shown */
export const range = (store, name, label, value, least, most, step, shown) => html`<label class="field">${label}
  <input type="range" min=${least} max=${most} step=${step} .value=${String(value)} aria-valuetext=${shown ?? String(value)}
    @input=${(/** @type {any} */ e) => put(store, { [name]: e.target.value })}>
  <output class="mono">${shown ?? value}</output></label>`;
