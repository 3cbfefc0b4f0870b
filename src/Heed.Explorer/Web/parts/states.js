import { html } from '../vendor/lit.js';

/** Lines that wait for their data. @param {number} lines */
export const skeleton = lines => html`<div class="gap" aria-hidden="true">${Array.from({ length: lines }, (_, i) => html`
  <svg class="skeleton" width=${`${[92, 74, 86, 61, 80][i % 5]}%`} height=${i === 0 ? 28 : 16}></svg>`)}</div>`;

/** What went wrong, and what to do. @param {string} title @param {string} text */
export const failed = (title, text) => html`<div class="state" role="alert"><h2>${title}</h2><p>${text}</p></div>`;
