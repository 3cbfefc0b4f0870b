import { html } from './vendor/lit.js';

/** The shortest text that is this float32 again. @param {number} v @returns {string} */
export function exact(v) {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? 'NaN' : v > 0 ? 'Infinity' : '-Infinity';
  for (let digits = 1; digits <= 9; digits++) {
    const text = v.toPrecision(digits);
    if (Math.fround(Number(text)) === v) return Object.is(v, -0) ? '-0' : String(Number(text));
  }
  return String(v);
}

/** Three digits for reading. @param {number} v @returns {string} */
export function short(v) {
  if (!Number.isFinite(v)) return Number.isNaN(v) ? 'NaN' : v > 0 ? '∞' : '−∞';
  if (v === 0) return '0';
  const size = Math.abs(v);
  const text = size >= 1e5 || size < 1e-3 ? v.toExponential(1) : size >= 100 ? v.toFixed(0) : size >= 10 ? v.toFixed(1) : size >= 1 ? v.toFixed(2) : v.toFixed(3);
  return text.replace('-', '−');
}

/** A share as per cent. @param {number} p @returns {string} */
export function percent(p) {
  const n = p * 100;
  return n >= 99.95 ? '100 %' : n >= 10 ? n.toFixed(1) + ' %' : n >= 1 ? n.toFixed(2) + ' %' : n >= 0.01 ? n.toFixed(2) + ' %' : n === 0 ? '0 %' : '< 0.01 %';
}

/** A number with thousands. @param {number} n @returns {string} */
export const grouped = n => n.toLocaleString('en-US');

/**
 * A number of the run: rounded for the eye, exact in data-v, with the place that it comes from.
 * @param {string} hook @param {readonly number[]} index @param {number} v @param {((hook: string, index: readonly number[]) => void)=} open
 * @param {string=} shown
 */
export function num(hook, index, v, open, shown) {
  const text = shown ?? short(v);
  const at = index.join(',');
  return open
    ? html`<button class="n" data-hook=${hook} data-idx=${at} data-v=${exact(v)} title="${exact(v)} · ${hook}[${at}] · open"
        @click=${() => open(hook, index)}>${text}</button>`
    : html`<span class="n" data-hook=${hook} data-idx=${at} data-v=${exact(v)} title="${exact(v)} · ${hook}[${at}]">${text}</span>`;
}

/** A token's text with what cannot be seen made visible. @param {string} text @returns {string} */
export const visible = text => text.replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll('Ġ', '␣').replaceAll('Ċ', '⏎').replaceAll('▁', '␣').replaceAll(' ', '␣');

/** A token's text for reading in a line. @param {{text: string, piece: string}} token @returns {string} */
export const word = token => visible(token.text.trim() === '' ? token.piece : token.text.trim());
