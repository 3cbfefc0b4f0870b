import { html } from '../vendor/lit.js';

const KEYS = [['← →', 'token'], ['↑ ↓', 'layer'], ['[ ]', 'head'], ['Space', 'next step'], ['a', 'switch the head off or on'], ['p', 'pin the token'], ['/', 'text'], ['Esc', 'free, close'],
  ['Shift + click', 'a second token, to compare'], ['Tab', 'next control; a matrix is one stop with arrow keys']];

/** @param {import('../store.js').Store} _store */
export const help = _store => html`<dialog id="help" aria-labelledby="help-title"><div class="gap"><h2 id="help-title">Keys</h2>
  <table class="data"><tbody>${KEYS.map(([key, what]) => html`<tr><td><kbd>${key}</kbd></td><td>${what}</td></tr>`)}</tbody></table>
  <p class="note" id="heat-help">In a matrix: arrow keys move, Enter chooses.</p>
  <p class="note">Every number is the model's own: its tensor, place and exact value are in its title. Click one that is underlined to open it.</p>
  <form method="dialog"><button class="btn">Close</button></form></div></dialog>`;
