// What the server answers: written from the C# records of Api/Contract.cs by ContractTests; do not edit.
// HEED_APPROVE=1 and ContractTests write it anew.

/** A float32 or float64; what is no number comes as its name. @typedef {number | 'NaN' | 'Infinity' | '-Infinity'} Float */

/**
 * One candidate for a place in a text.
 * @typedef {{id: number, text: string, logit: Float, probability: Float, drawn: Float}} Candidate */

/**
 * A famous model.
 * @typedef {{name: string, architecture: string, modelType: string, parameters: number, layers: number, width: number, heads: number, keyHeads: number, vocabulary: number, context: number, source: string, note: string}} CatalogueEntry */

/**
 * The famous models.
 * @typedef {{models: readonly CatalogueEntry[]}} CatalogueReply */

/**
 * A check that can be run.
 * @typedef {{name: string, group: string, claim: string, usesModel: boolean, source: string}} CheckReply */

/**
 * Which check is to be run, on which run's text.
 * @typedef {{name: string, trace: string}} CheckRequest */

/**
 * What a check found.
 * @typedef {{name: string, state: string, verdict: string, values: readonly CheckValue[], milliseconds: Float}} CheckResult */

/**
 * One number that a check measures beside what was expected.
 * @typedef {{what: string, expected: string, measured: string, asExpected: boolean | null}} CheckValue */

/**
 * The checks.
 * @typedef {{checks: readonly CheckReply[]}} ChecksReply */

/**
 * A word in two texts.
 * @typedef {{first: readonly TextToken[], firstAt: readonly number[], second: readonly TextToken[], secondAt: readonly number[], layers: readonly LayerCosine[], fixed: Float | null}} ContextualReply */

/**
 * Two runs side by side.
 * @typedef {{differences: readonly TensorDifference[], compared: number, others: readonly string[], sameWeights: boolean, sameText: boolean, firstTokens: readonly string[], secondTokens: readonly string[]}} DifferenceReply */

/**
 * An error that the reader can do something about.
 * @typedef {{error: string, kind: string}} ErrorReply */

/**
 * What the doctor says of the opened model.
 * @typedef {{findings: readonly FindingReply[], judged: readonly string[], unjudged: readonly UnjudgedReply[]}} ExamineReply */

/**
 * An example of a prompt.
 * @typedef {{text: string, label: string}} FewShotExample */

/**
 * What the prompt was and what came of it.
 * @typedef {{prompt: string, labels: readonly LabelScore[]}} FewShotReply */

/**
 * A prompt that is to be judged.
 * @typedef {{examples: readonly FewShotExample[], labels: readonly string[] | null, text: string}} FewShotRequest */

/**
 * A mistake found in the opened model.
 * @typedef {{rule: string, place: string, evidence: string, harm: string, fix: string}} FindingReply */

/**
 * What is to be written.
 * @typedef {{text: string, tokens: number, temperature: Float, topK: number, topP: Float, seed: number, sample: boolean}} GenerateRequest */

/**
 * One candidate that was drawn.
 * @typedef {{text: string, ids: readonly number[], logProbability: Float, finish: string}} GeneratedToken */

/**
 * What a head does, by number.
 * @typedef {{site: string, layer: number, head: number, previous: Float, self: Float, first: Float, same: Float, punctuation: Float, induction: Float | null, entropy: Float, word: string}} HeadReply */

/**
 * The heads of a run.
 * @typedef {{heads: readonly HeadReply[], blockLength: number, inductionNote: string}} HeadsReply */

/**
 * A tensor's name and shape.
 * @typedef {{name: string, shape: readonly number[], held: boolean}} HookReply */

/**
 * A label's probabilities: after a text without content, after the text, and corrected.
 * @typedef {{label: string, prior: Float, plain: Float, corrected: Float}} LabelScore */

/**
 * Likeness of two rows at one layer.
 * @typedef {{name: string, hook: string, cosine: Float}} LayerCosine */

/**
 * What one layer costs over a number of rows.
 * @typedef {{name: string, width: number, parameters: number, operations: Float, path: number, steps: number, milliseconds: Float, reach: Float, influence: readonly Float[]}} LayerCost */

/**
 * A layer.
 * @typedef {{layer: number, site: string, preNorm: boolean, steps: readonly StepReply[]}} LayerReply */

/**
 * A layer of the logit lens.
 * @typedef {{layer: number, from: string, candidates: readonly Candidate[], rankOfFinal: number, probabilityOfFinal: Float}} LensLayer */

/**
 * The logit lens of one position.
 * @typedef {{at: number, final: number, finalText: string, layers: readonly LensLayer[], exact: boolean}} LensReply */

/**
 * A common mistake.
 * @typedef {{rule: string, symptom: string, harm: string, cause: string, fix: string}} Mistake */

/**
 * The common mistakes.
 * @typedef {{mistakes: readonly Mistake[]}} MistakesReply */

/**
 * The opened model.
 * @typedef {{id: string, fingerprint: string, folder: string, architecture: string, modelType: string, family: string, head: string, parameters: number, vocabulary: number, width: number, layers: number, longestText: number, tokenizerMissing: string | null, storedType: string, stacks: readonly StackReply[], texts: readonly string[], labels: readonly string[], maskToken: string | null, threads: number}} ModelReply */

/**
 * One module of the tree.
 * @typedef {{site: string, path: string, kind: string, parameters: number, shapes: readonly string[], children: readonly ModuleReply[]}} ModuleReply */

/**
 * The nearest tokens of the model's table.
 * @typedef {{id: number, text: string, near: readonly Neighbour[]}} NearestReply */

/**
 * A word or token and its cosine.
 * @typedef {{text: string, cosine: Float}} Neighbour */

/**
 * A text under an objective.
 * @typedef {{objective: string, supported: boolean, why: string, read: readonly ObjectiveToken[], written: readonly ObjectiveToken[], predicted: number, loss: Float | null}} ObjectiveReply */

/**
 * A token under an objective of pre-training.
 * @typedef {{id: number, text: string, kind: string, loss: Float | null, probability: Float | null, label: string | null, guess: string | null}} ObjectiveToken */

/**
 * An operand of a number: another number of the run, or a weight.
 * @typedef {{label: string, hook: string | null, index: readonly number[] | null, value: Float, weight: string | null, place: WeightPlace | null}} Operand */

/**
 * How a number came about.
 * @typedef {{hook: string, index: readonly number[], value: Float, formula: string, words: string, terms: readonly Term[], sum: Float}} OperandsReply */

/**
 * The tensors of a run in the order of the computation.
 * @typedef {{operations: readonly TensorSummary[]}} OperationsReply */

/**
 * The prediction at one position.
 * @typedef {{at: number, kind: string, candidates: readonly Candidate[], vocabulary: number, kept: number, entropy: Float, keptMass: Float}} PredictReply */

/**
 * Recurrence beside attention.
 * @typedef {{length: number, recurrent: LayerCost, attention: LayerCost}} RecurrenceReply */

/**
 * A sentence and its likeness to the question.
 * @typedef {{index: number, text: string, contextual: Float, fixed: Float | null}} SentenceScore */

/**
 * The sentences, the likest first.
 * @typedef {{sentences: readonly SentenceScore[]}} SentencesReply */

/**
 * Sentences that are searched.
 * @typedef {{sentences: readonly string[], query: string}} SentencesRequest */

/**
 * A named size.
 * @typedef {{name: string, value: number}} SizePart */

/**
 * What a model costs.
 * @typedef {{name: string, batch: number, length: number, parameters: number, fixed: number, parts: readonly SizePart[], weightBytes: number, gradientBytes: number, optimizerBytes: number, activationBytes: number, cacheBytes: number, operationsPerToken: Float, formats: readonly SizePart[], fields: readonly SizePart[]}} SizeReply */

/**
 * A tower of layers.
 * @typedef {{name: string, layers: number, heads: number, keyHeads: number, headWidth: number, scale: Float, causal: boolean, window: number, cross: boolean, positions: string, linear: boolean}} StackReply */

/**
 * Whether the model is there.
 * @typedef {{state: string, name: string, tensor: string | null, bytes: number, totalBytes: number, error: string | null}} StateReply */

/**
 * One step of a layer in the order of the computation.
 * @typedef {{kind: string, site: string, name: string, parameters: number, note: string}} StepReply */

/**
 * The structure of the loaded model.
 * @typedef {{towers: readonly TowerReply[], tree: ModuleReply, tied: readonly string[]}} StructureReply */

/**
 * How one tensor differs between two runs.
 * @typedef {{name: string, largest: Float, relative: Float, index: readonly number[], first: Float, second: Float}} TensorDifference */

/**
 * A tensor of a run in numbers.
 * @typedef {{name: string, shape: readonly number[], least: Float, most: Float, mean: Float, norm: Float, notFinite: number, firstNotFinite: readonly number[] | null, first: readonly Float[]}} TensorSummary */

/**
 * One term of a sum: its factors.
 * @typedef {{factors: readonly Operand[], product: Float}} Term */

/**
 * One token of a text.
 * @typedef {{id: number, piece: string, text: string, start: number, end: number, word: number, special: boolean}} TextToken */

/**
 * A tower.
 * @typedef {{name: string, before: readonly StepReply[], layers: readonly LayerReply[], after: readonly StepReply[]}} TowerReply */

/**
 * A run.
 * @typedef {{id: string, milliseconds: Float, tokens: readonly TextToken[], decoderTokens: readonly TextToken[] | null, cut: number, decoderText: string | null, interventions: readonly string[], hooks: readonly HookReply[], firstNotFinite: string | null, readout: number}} TraceReply */

/**
 * What is to be run.
 * @typedef {{text: string, decoderText: string | null, interventions: readonly string[] | null}} TraceRequest */

/**
 * A rule that could not be judged.
 * @typedef {{rule: string, why: string}} UnjudgedReply */

/**
 * Where one number of a weight lies.
 * @typedef {{file: string, offset: number, type: string, tensor: string}} WeightPlace */

/**
 * One measure of how much each token counts.
 * @typedef {{id: string, name: string, values: readonly Float[]}} WhyMeasure */

/**
 * Why a token is predicted rather than another.
 * @typedef {{at: number, target: number, targetText: string, foil: number, foilText: string, score: Float, measures: readonly WhyMeasure[], agreement: readonly Float[]}} WhyReply */

/**
 * The nearest words.
 * @typedef {{word: string, known: boolean, near: readonly Neighbour[], words: number, width: number, meant: string | null}} WordsReply */

export {};
