// A view as a C# program: what it prints is what the page shows. A test compiles the program of every page.

/** @typedef {import('../store.js').Store} Store */

/** @param {string} text */
const quoted = text => JSON.stringify(text).replace(/[\u007f-\u00a0\u0085\u2028\u2029]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));

/** The name that inspection has: a model's one stack has a name there. @param {Store} store @param {string} name */
const inspected = (store, name) => (store.state.S ? name : `${store.stack.causal ? 'decoder' : 'encoder'}.${name}`);

/** A name of the layer in view. @param {Store} store @param {string} part */
const inLayer = (store, part) => quoted(inspected(store, `${store.state.S ? store.state.S + '.' : ''}blocks.${Math.min(store.state.L, store.stack.layers - 1)}.${part}`));

/** @param {Store} store */
const stack = store => quoted(store.state.S || (store.stack.causal ? 'decoder' : 'encoder'));

/** Opens the model and reads the text. @param {Store} store */
function beginning(store) {
  const { model, trace, state } = store;
  const ids = (/** @type {any[]} */ tokens) => `[${tokens.map(t => t.id).join(', ')}]`;
  const written = model.family === 'encoder-decoder' ? trace.decoderTokens : null;
  const read = model.tokenizerMissing || trace.cut
    ? `new() { Ids = ${ids(trace.tokens)}${written ? `, DecoderIds = ${ids(written)}` : ''} }`
    : `inspector.Read(${quoted(state.t ?? '')}${written ? `, written: ${quoted(state.dt ?? trace.decoderText ?? '')}` : ''})`;
  return ['using Heed.Generation;', 'using Heed.Inspection;', '', `using HeedModel model = HeedModel.Open(${quoted(model.folder)});`, 'Inspector inspector = new(model);',
    `InspectedText text = ${read};`];
}

/** Heads that are switched off, as interventions. @param {Store} store */
function changes(store) {
  const off = store.state.iv.map(iv => iv.split(':')).filter(iv => iv[0] === 'zero');
  const other = store.state.iv.filter(iv => !iv.startsWith('zero:'));
  return [...other.map(iv => `// Not in this program: ${iv.replace(/[^\w:.-]/g, '')}, a change of the Explorer alone.`),
    `Intervention[] changes = [${off.map(([, site, head]) => `Intervention.Zero(${quoted(inspected(store, site + '.z'))}, head: ${Number(head)})`).join(', ')}];`];
}

/** A tensor of the run, row by row. @param {Store} store @param {string} name @param {string} rows */
const printed = (store, name, rows) => [...changes(store), `Trace trace = inspector.Trace(text, name => name == ${name}, changes);`, `ValueArray value = trace[${name}];`, rows];

/** @param {Store} store */
function pattern(store) {
  const h = Math.min(store.state.H, store.stack.heads - 1);
  return printed(store, inLayer(store, `${store.state.x.cross && store.stack.cross ? 'cross_attn' : 'attn'}.pattern`),
    `for (int query = 0; query < value.Shape[1]; query++) Console.WriteLine(string.Join("  ", value.At(${h}, query).ToArray()));`);
}

/** @param {Store} store @param {string} part */
const row = (store, part) => printed(store, inLayer(store, part), `Console.WriteLine(string.Join("  ", value.At(${store.query}).ToArray()));`);

/** The score in view: the likeliest answer against the next. @param {Store} store */
const metric = store => `LogitDifference metric = inspector.Metric(text${store.model.head === 'class of the text' ? '' : `, position: ${store.trace.readout}`});`;

/** What each page does; pages without an entry show the pattern in view. @type {Record<string, (store: Store) => string[]>} */
const PAGES = {
  tokens: () => ['for (int i = 0; i < text.Ids.Count; i++) Console.WriteLine($"{i}  {text.Ids[i]}  {inspector.TokenOf(text.Ids[i])}");'],
  positions: store => printed(store, quoted(inspected(store, `${store.state.S ? store.state.S + '.' : ''}embed.out`)),
    'for (int position = 0; position < value.Shape[0]; position++) Console.WriteLine(string.Join("  ", value.At(position).ToArray()));'),
  heads: () => ['foreach ((string score, ValueArray heads) in inspector.HeadScores(text))', '    for (int layer = 0; layer < heads.Shape[0]; layer++)',
    '        Console.WriteLine($"{score}, layer {layer}: {string.Join("  ", heads.At(layer).ToArray())}");'],
  structure: () => ['foreach (string name in inspector.Names) Console.WriteLine(name);', 'foreach (var parameter in model.Model.Parameters) Console.WriteLine($"{parameter.Name} {parameter.Shape}");'],
  norm: store => row(store, 'attn_norm.out'),
  ffn: store => [`Ranking top = inspector.TopNeurons(text, ${stack(store)}, 8);`, '// [L, T, k], the strongest first.',
    `Console.WriteLine(string.Join("  ", top.Ids.Skip((${Math.min(store.state.L, store.stack.layers - 1)} * top.Values.Shape[1] + ${store.query}) * 8).Take(8)));`, ...row(store, 'mlp.post')],
  predict: store => (store.model.head === 'none' ? PAGES.tokens(store) : [...changes(store), 'ValueArray logits = inspector.Logits(text, changes);',
    `float[] scores = ${store.model.head === 'class of the text' ? 'logits' : `logits.At(${store.model.head === 'answer' ? 0 : store.trace.readout})`}.ToArray();`,
    'foreach (int id in Enumerable.Range(0, scores.Length).OrderByDescending(id => scores[id]).Take(5)) Console.WriteLine($"{inspector.TokenOf(id)}  {scores[id]}");']),
  why: store => (store.model.head === 'none' ? PAGES.tokens(store) : [metric(store), `InputGradient gradient = inspector.Gradient(text, metric)[${stack(store)}];`,
    'Console.WriteLine(string.Join("  ", gradient.TimesInput.ToArray()));']),
  size: () => ['Console.WriteLine($"{model.Model.Architecture}: {model.Model.Parameters.Values:N0} parameters");'],
  models: () => ['foreach (var family in Heed.Models.Files.ModelFamilies.All)', '    foreach (string preset in family.Presets.Keys) Console.WriteLine(preset);'],
  selfcheck: () => ['foreach (var experiment in Heed.Lab.Experiments.Quick)', '{',
    '    var result = Heed.Lab.Experiments.Run(experiment, new Heed.Lab.LabOptions { Seeds = [1], Model = model });', '    Console.WriteLine($"{experiment.Name}: {result.VerdictText}");', '}'],
  debug: store => [...changes(store), 'Trace trace = inspector.Trace(text, null, changes);', 'foreach (string name in trace.Names)', '{', '    float[] values = trace[name].ToArray();',
    '    if (values.All(float.IsFinite) || name.EndsWith(".masked")) continue;', '    Console.WriteLine($"{name} is the first tensor that is not finite");', '    break;', '}',
    ...(store.state.x.other ? [`Trace other = inspector.Trace(inspector.Read(${quoted(store.state.x.other)}), null, changes);`, 'Console.WriteLine(trace.Diff(other).First);'] : [])],
};

/** @param {Store} store @returns {string} */
export function program(store) {
  const page = Object.hasOwn(PAGES, store.state.page) ? PAGES[store.state.page] : pattern;
  return [...beginning(store), ...page(store), ''].join('\n');
}
