import { html, svg } from '../vendor/lit.js';

/** @typedef {{name: string, colour: string, dash?: string, values: (number | undefined)[]}} Series */

const [W, H, LEFT, TOP, RIGHT, BOTTOM] = [320, 190, 52, 12, 78, 30];

/** Lines over whole numbers, both axes by powers. The table of the same numbers stands beside it. @param {string} label @param {number[]} xs @param {Series[]} series */
export function lines(label, xs, series) {
  const all = series.flatMap(s => s.values).filter((/** @type {any} */ v) => v > 0);
  if (!all.length) return html``;
  const bottom = Math.floor(Math.log10(Math.min(.../** @type {number[]} */ (all))));
  const top = Math.max(bottom + 1, Math.ceil(Math.log10(Math.max(.../** @type {number[]} */ (all)))));
  const right = W - RIGHT, floor = H - BOTTOM;
  const x = (/** @type {number} */ n) => LEFT + (right - LEFT) * Math.log(n / xs[0]) / Math.log(xs[xs.length - 1] / xs[0]);
  const y = (/** @type {number} */ v) => floor - (floor - TOP) * (Math.log10(v) - bottom) / (top - bottom);
  const every = Math.max(1, Math.ceil((top - bottom) / 5));
  const ticks = Array.from({ length: Math.floor((top - bottom) / every) + 1 }, (_, i) => bottom + i * every);
  const ends = series.map(s => ({ s, at: s.values.findLastIndex(v => (v ?? 0) > 0) })).filter(e => e.at >= 0)
    .map(e => ({ ...e, y: y(/** @type {number} */ (e.s.values[e.at])) })).sort((a, b) => a.y - b.y);
  for (let i = 1; i < ends.length; i++) ends[i].y = Math.max(ends[i].y, ends[i - 1].y + 13);
  return html`<svg class="picture lines" viewBox="0 0 ${W} ${H}" role="img" aria-label=${label}>
    ${ticks.map(t => svg`<line x1=${LEFT} x2=${right} y1=${y(10 ** t)} y2=${y(10 ** t)} stroke="var(--rule)"></line>
      <text x=${LEFT - 6} y=${y(10 ** t) + 4} text-anchor="end" font-size="11">${power(t)}</text>`)}
    ${xs.map((n, i) => (i % 2 === 0 ? svg`<text x=${x(n)} y=${H - 12} text-anchor="middle" font-size="11">${n}</text>` : ''))}
    ${series.map(s => svg`<polyline fill="none" stroke=${s.colour} stroke-width="2" stroke-dasharray=${s.dash ?? 'none'} points=${points(s, xs, x, y)}></polyline>
      ${s.values.map((v, i) => ((v ?? 0) > 0 ? svg`<circle cx=${x(xs[i])} cy=${y(Number(v))} r="3" fill=${s.colour}></circle>` : ''))}`)}
    ${ends.map(e => svg`<text x=${x(xs[e.at]) + 8} y=${e.y + 4} font-size="11">${e.s.name}</text>`)}
  </svg>`;
}

/** @param {Series} s @param {number[]} xs @param {(n: number) => number} x @param {(n: number) => number} y */
const points = (s, xs, x, y) => s.values.map((v, i) => ((v ?? 0) > 0 ? `${x(xs[i]).toFixed(1)},${y(Number(v)).toFixed(1)}` : '')).filter(p => p).join(' ');

/** @param {number} t */
const power = t => (t >= 0 && t <= 3 ? String(10 ** t) : '10' + [...String(t)].map(c => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)])).join(''));
