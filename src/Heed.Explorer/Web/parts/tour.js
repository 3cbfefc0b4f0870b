import { html, nothing } from '../vendor/lit.js';

/** @typedef {import('../store.js').Store} Store */

/** Eight stops; each waits until it was done, or until "next". */
const STOPS = [
  { page: 'tokens', title: 'A text becomes numbers', text: 'The model reads pieces, and each piece is a number. Change a letter above: the pieces change at once.' },
  { page: 'attention', title: 'A word looks back', text: 'Click any word. The arcs show which words it reads, and how much of each.' },
  { page: 'attention', title: 'Many heads, many habits', text: 'Each small square is one head of one layer. Choose one: some look at the word before, some at the same word earlier.' },
  { page: 'steps', title: 'No magic: products and sums', text: 'Every number on this page opens into what it was made of, down to a byte in the weight file. Click one.' },
  { page: 'masks', title: 'The future is hidden', text: 'A decoder may look back only. Take the mask away and see an earlier prediction change with a later word.' },
  { page: 'structure', title: 'One stream, many loops', text: 'A row runs from the bottom to the top; attention and feed-forward only add to it.' },
  { page: 'predict', title: 'What comes next', text: 'Turn the temperature, cut the tail, and read what the model would say if it ended a few layers earlier.' },
  { page: 'heads', title: 'Which head does it?', text: 'Switch a head off. If the prediction falls, that head was part of the work.' },
];

/** @param {Store} store */
export function tour(store) {
  const at = Number(store.state.x.tour ?? 0);
  if (!at || !store.model) return nothing;
  const stop = STOPS[Math.min(STOPS.length, at) - 1];
  if (!stop) return nothing;
  /** @param {number} n */
  const to = n => store.set({ page: STOPS[n - 1].page, x: { ...store.state.x, tour: String(n) } });
  const { tour: _, ...rest } = store.state.x;
  return html`<section class="card" aria-label="Tour">
    <p class="muted">stop ${at} of ${STOPS.length}</p><h2>${stop.title}</h2><p>${stop.text}</p>
    <div class="row between"><button class="btn" @click=${() => store.set({ x: rest })}>End</button><span class="row">
      <button class="btn" ?disabled=${at === 1} @click=${() => to(at - 1)}>Back</button>
      ${store.state.page !== stop.page ? html`<button class="btn try" @click=${() => to(at)}>Go there</button>`
        : at < STOPS.length ? html`<button class="btn try" @click=${() => to(at + 1)}>Next</button>`
        : html`<button class="btn try" @click=${() => store.set({ x: rest })}>Done</button>`}</span></div>
  </section>`;
}
