import { svg, nothing } from '../vendor/lit.js';
import { exact, word } from '../numbers.js';

const CHARACTER = 8.2, PAD = 7, HEIGHT = 168;

/**
 * A line of words, and arcs from the one that asks to those that it reads.
 * @param {{tokens: any[], keys?: any[], q: number, k: number, weights: (i: number, j: number) => number, hook: string, head: (i: number, j: number) => number[],
 *   pick: (i: number, shift: boolean) => void, hover: (i: number) => void, pulse: boolean, other?: ((i: number, j: number) => number) | null}} o
 */
export function arcs(o) {
  const places = lay(o.tokens);
  const width = places.width;
  const rows = o.keys ? 2 : 1;
  const keys = o.keys ? lay(o.keys) : places;
  const total = Math.max(width, keys.width);
  const lines = [];
  for (let j = 0; j < (o.keys ?? o.tokens).length; j++) {
    const w = o.weights(o.q, j);
    if (!(w >= 0.005)) continue;
    lines.push(svg`<path class="in" pathLength="1" stroke-dasharray="1" d=${path(places.at[o.q], keys.at[j], !!o.keys)} stroke-width=${Math.max(0.8, 9 * Math.sqrt(w))}
      stroke-opacity=${0.25 + 0.75 * Math.sqrt(w)} data-hook=${o.hook} data-idx=${o.head(o.q, j).join(',')} data-v=${exact(w)}></path>`);
  }
  const y = HEIGHT;
  return svg`<svg class="arcs picture" width=${total + 16} height=${rows === 2 ? HEIGHT + 60 : HEIGHT + 44} role="group" aria-label="Words and what they read">
    ${lines}
    ${words(o.tokens, places, rows === 2 ? 34 : y, o.q, o.k, o, true)}
    ${o.keys ? words(o.keys, keys, HEIGHT + 24, -1, o.k, o, false) : nothing}
  </svg>`;
}

/** @param {any[]} tokens */
function lay(tokens) {
  let x = 8;
  const at = [];
  const widths = [];
  for (const t of tokens) {
    const w = Math.max(20, word(t).length * CHARACTER + 2 * PAD);
    at.push(x + w / 2);
    widths.push(w);
    x += w + 2;
  }
  return { at, widths, width: x };
}

/** @param {number} from @param {number} to @param {boolean} across */
function path(from, to, across) {
  if (across) return `M${from} 48C${from} 110 ${to} 90 ${to} ${HEIGHT + 4}`;
  const y = HEIGHT - 18;
  if (from === to) return `M${from - 5} ${y}C${from - 22} ${y - 34} ${from + 22} ${y - 34} ${from + 5} ${y}`;
  const high = Math.min(y - 8, 26 + Math.abs(from - to) * 0.33);
  return `M${from} ${y}C${from} ${y - high} ${to} ${y - high} ${to} ${y}`;
}

/** @param {any[]} tokens @param {{at: number[], widths: number[]}} places @param {number} y @param {number} q @param {number} k @param {any} o @param {boolean} asks */
const words = (tokens, places, y, q, k, o, asks) => tokens.map((t, i) => {
  const weight = asks && !o.keys ? o.weights(o.q, i) : !asks ? o.weights(o.q, i) : 0;
  const x = places.at[i], w = places.widths[i];
  return svg`<g @click=${(/** @type {MouseEvent} */ e) => o.pick(i, e.shiftKey || !asks)} @pointerenter=${() => asks && o.hover(i)} @pointerleave=${() => asks && o.hover(-1)}>
    <rect class=${i === q ? 'sel hit' : 'hit'} x=${x - w / 2} y=${y - 16} width=${w} height="28" rx="4" fill-opacity=${i === q ? 1 : 0}></rect>
    ${weight > 0.005 ? svg`<rect x=${x - w / 2 + 4} y=${y + 14} height="3" rx="1.5" width=${Math.max(1, (w - 8) * weight)} fill="var(--attention)"></rect>` : nothing}
    ${i === k ? svg`<rect x=${x - w / 2} y=${y - 16} width=${w} height="28" rx="4" fill="none" stroke="var(--feed)" stroke-dasharray="3 3"></rect>` : nothing}
    <text x=${x} y=${y + 3} text-anchor="middle" font-size="13.5" fill-opacity=${t.special ? 0.75 : 1} pointer-events="none">${word(t)}</text></g>`;
});
