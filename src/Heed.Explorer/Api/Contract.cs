using System.Text.Json.Serialization;
using Heed.Explorer.Traces;

namespace Heed.Explorer.Api;

// What server and pages say to each other. These records are the source: docs/explorer.md describes them, and a test holds the pages'
// types (Web/contract.js) to them.

/// <summary>Whether the model is there.</summary>
/// <param name="State"><c>loading</c>, <c>ready</c> or <c>failed</c>.</param>
/// <param name="Name">The folder's name.</param>
/// <param name="Tensor">The tensor that was read last.</param>
/// <param name="Bytes">Bytes read.</param>
/// <param name="TotalBytes">Bytes of all weights; 0 if unknown.</param>
/// <param name="Error">Why it failed.</param>
internal sealed record StateReply(string State, string Name, string? Tensor, long Bytes, long TotalBytes, string? Error);

/// <summary>An error that the reader can do something about.</summary>
internal sealed record ErrorReply(string Error, string Kind);

/// <summary>A tower of layers.</summary>
internal sealed record StackReply(
    string Name, int Layers, int Heads, int KeyHeads, int HeadWidth, float Scale, bool Causal, int Window, bool Cross, string Positions,
    bool Linear);

/// <summary>The opened model.</summary>
internal sealed record ModelReply(
    string Id, string Fingerprint, string Folder, string Architecture, string ModelType, string Family, string Head, long Parameters,
    int Vocabulary, int Width, int Layers, int LongestText, string? TokenizerMissing, string StoredType, IReadOnlyList<StackReply> Stacks,
    IReadOnlyList<string> Texts, IReadOnlyList<string> Labels, string? MaskToken, int Threads);

/// <summary>What is to be run.</summary>
internal sealed record TraceRequest(string Text, string? DecoderText, IReadOnlyList<string>? Interventions);

/// <summary>A tensor's name and shape.</summary>
internal sealed record HookReply(string Name, IReadOnlyList<int> Shape, bool Held);

/// <summary>A run.</summary>
internal sealed record TraceReply(
    string Id, double Milliseconds, IReadOnlyList<TextToken> Tokens, IReadOnlyList<TextToken>? DecoderTokens, int Cut, string? DecoderText,
    IReadOnlyList<string> Interventions, IReadOnlyList<HookReply> Hooks, string? FirstNotFinite, int Readout);

/// <summary>One candidate for a place in a text.</summary>
/// <param name="Id">Its id or class.</param>
/// <param name="Text">As it would be written.</param>
/// <param name="Logit">Its score.</param>
/// <param name="Probability">The model's probability: the softmax of all scores.</param>
/// <param name="Drawn">Its probability after temperature, top-k and top-p; 0 where it is cut.</param>
internal sealed record Candidate(int Id, string Text, float Logit, float Probability, float Drawn);

/// <summary>The prediction at one position.</summary>
internal sealed record PredictReply(
    int At, string Kind, IReadOnlyList<Candidate> Candidates, int Vocabulary, int Kept, double Entropy, float KeptMass);

/// <summary>A layer of the logit lens.</summary>
internal sealed record LensLayer(int Layer, string From, IReadOnlyList<Candidate> Candidates, int RankOfFinal, float ProbabilityOfFinal);

/// <summary>The logit lens of one position.</summary>
internal sealed record LensReply(int At, int Final, string FinalText, IReadOnlyList<LensLayer> Layers, bool Exact);

/// <summary>What a head does, by number.</summary>
internal sealed record HeadReply(
    string Site, int Layer, int Head, float Previous, float Self, float First, float Same, float Punctuation, float? Induction,
        float Entropy,
    string Word);

/// <summary>The heads of a run.</summary>
internal sealed record HeadsReply(IReadOnlyList<HeadReply> Heads, int BlockLength, string InductionNote);

/// <summary>One module of the tree.</summary>
internal sealed record ModuleReply(
    string Site, string Path, string Kind, long Parameters, IReadOnlyList<string> Shapes, IReadOnlyList<ModuleReply> Children);

/// <summary>One step of a layer in the order of the computation.</summary>
/// <param name="Kind"><c>norm</c>, <c>attention</c>, <c>cross</c>, <c>feed-forward</c> or <c>add</c>.</param>
/// <param name="Site">Where hooks find it.</param>
/// <param name="Name">Its module's kind: <c>RmsNorm</c>.</param>
/// <param name="Parameters">Its values.</param>
/// <param name="Note">What is particular: gated, rotated, grouped.</param>
internal sealed record StepReply(string Kind, string Site, string Name, long Parameters, string Note);

/// <summary>A layer.</summary>
internal sealed record LayerReply(int Layer, string Site, bool PreNorm, IReadOnlyList<StepReply> Steps);

/// <summary>A tower.</summary>
internal sealed record TowerReply(
    string Name, IReadOnlyList<StepReply> Before, IReadOnlyList<LayerReply> Layers, IReadOnlyList<StepReply> After);

/// <summary>The structure of the loaded model.</summary>
internal sealed record StructureReply(IReadOnlyList<TowerReply> Towers, ModuleReply Tree, IReadOnlyList<string> Tied);

/// <summary>An operand of a number: another number of the run, or a weight.</summary>
/// <param name="Label">What it is called.</param>
/// <param name="Hook">The tensor, or null of a weight or constant.</param>
/// <param name="Index">Its place there.</param>
/// <param name="Value">Its value.</param>
/// <param name="Weight">The weight's name, or null.</param>
/// <param name="Place">Where the weight lies.</param>
internal sealed record Operand(string Label, string? Hook, IReadOnlyList<int>? Index, float Value, string? Weight, WeightPlace? Place);

/// <summary>One term of a sum: its factors.</summary>
internal sealed record Term(IReadOnlyList<Operand> Factors, double Product);

/// <summary>How a number came about.</summary>
/// <param name="Hook">The tensor.</param>
/// <param name="Index">The place.</param>
/// <param name="Value">The engine's number.</param>
/// <param name="Formula">In letters.</param>
/// <param name="Words">In words.</param>
/// <param name="Terms">The parts: added, unless the words say otherwise.</param>
/// <param name="Sum">What the parts give in double precision.</param>
internal sealed record OperandsReply(
    string Hook, IReadOnlyList<int> Index, float Value, string Formula, string Words, IReadOnlyList<Term> Terms, double Sum);

/// <summary>One candidate that was drawn.</summary>
internal sealed record GeneratedToken(string Text, IReadOnlyList<int> Ids, float LogProbability, string Finish);

/// <summary>What is to be written.</summary>
internal sealed record GenerateRequest(string Text, int Tokens, float Temperature, int TopK, float TopP, ulong Seed, bool Sample);

/// <summary>A famous model.</summary>
internal sealed record CatalogueEntry(
    string Name, string Architecture, string ModelType, long Parameters, int Layers, int Width, int Heads, int KeyHeads, int Vocabulary,
        int Context,
    string Source, string Note);

/// <summary>The famous models.</summary>
internal sealed record CatalogueReply(IReadOnlyList<CatalogueEntry> Models);

/// <summary>A named size.</summary>
internal sealed record SizePart(string Name, long Value);

/// <summary>What a model costs.</summary>
internal sealed record SizeReply(
    string Name, int Batch, int Length, long Parameters, long Fixed, IReadOnlyList<SizePart> Parts, long WeightBytes, long GradientBytes,
    long OptimizerBytes, long ActivationBytes, long CacheBytes, double OperationsPerToken, IReadOnlyList<SizePart> Formats,
        IReadOnlyList<SizePart> Fields);

/// <summary>One measure of how much each token counts.</summary>
internal sealed record WhyMeasure(string Id, string Name, float[] Values);

/// <summary>Why a token is predicted rather than another.</summary>
internal sealed record WhyReply(
    int At, int Target, string TargetText, int Foil, string FoilText, float Score, IReadOnlyList<WhyMeasure> Measures, float[] Agreement);

/// <summary>One number that a check measures beside what was expected.</summary>
/// <param name="What">What it is.</param>
/// <param name="Expected">The bounds, for people; empty of a number that is only told.</param>
/// <param name="Measured">The value, for people.</param>
/// <param name="AsExpected">Whether it lies within the bounds; null: it decides nothing.</param>
internal sealed record CheckValue(string What, string Expected, string Measured, bool? AsExpected);

/// <summary>A check that can be run.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Group"><c>inspection</c> or <c>lab</c>.</param>
/// <param name="Claim">What should be so.</param>
/// <param name="UsesModel">False for experiments on models made by seed.</param>
/// <param name="Source">Where the claim is from.</param>
internal sealed record CheckReply(string Name, string Group, string Claim, bool UsesModel, string Source);

/// <summary>The checks.</summary>
internal sealed record ChecksReply(IReadOnlyList<CheckReply> Checks);

/// <summary>Which check is to be run, on which run's text.</summary>
internal sealed record CheckRequest(string Name, string Trace);

/// <summary>What a check found.</summary>
/// <param name="Name">Its name.</param>
/// <param name="State"><c>passed</c>, <c>failed</c> or <c>skipped</c>: all deciding numbers within their bounds, or one outside.</param>
/// <param name="Verdict">In words; of a skipped one the reason.</param>
/// <param name="Values">What was measured.</param>
/// <param name="Milliseconds">How long it took.</param>
internal sealed record CheckResult(string Name, string State, string Verdict, IReadOnlyList<CheckValue> Values, double Milliseconds);

/// <summary>A tensor of a run in numbers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Least">Smallest finite value.</param>
/// <param name="Most">Largest finite value.</param>
/// <param name="Mean">Mean of the finite values.</param>
/// <param name="Norm">L2 length of the finite values.</param>
/// <param name="NotFinite">Number of NaN and infinities; hidden scores (−∞ after a mask) do not count.</param>
/// <param name="FirstNotFinite">Where the first of them lies, by axis; null: none.</param>
/// <param name="First">The first values.</param>
internal sealed record TensorSummary(
    string Name, IReadOnlyList<int> Shape, float Least, float Most, double Mean, double Norm, int NotFinite,
    IReadOnlyList<int>? FirstNotFinite, IReadOnlyList<float> First);

/// <summary>The tensors of a run in the order of the computation.</summary>
internal sealed record OperationsReply(IReadOnlyList<TensorSummary> Operations);

/// <summary>How one tensor differs between two runs.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Largest">The largest absolute difference.</param>
/// <param name="Relative">L2 length of the difference, as a share of the first run's tensor.</param>
/// <param name="Index">Where the largest lies, by axis.</param>
/// <param name="First">What the first run has there.</param>
/// <param name="Second">What the second has there.</param>
internal sealed record TensorDifference(
    string Name, double Largest, double Relative, IReadOnlyList<int> Index, float First, float Second);

/// <summary>Two runs side by side.</summary>
/// <param name="Differences">Every tensor that differs in a bit, in the order of the computation.</param>
/// <param name="Compared">Tensors that both have with one shape.</param>
/// <param name="Others">Names that only one has, or that have other shapes.</param>
/// <param name="SameWeights">Whether both are of the same weights.</param>
/// <param name="SameText">Whether both are of the same ids.</param>
/// <param name="FirstTokens">The tokens of the first run.</param>
/// <param name="SecondTokens">The tokens of the second.</param>
internal sealed record DifferenceReply(
    IReadOnlyList<TensorDifference> Differences, int Compared, IReadOnlyList<string> Others, bool SameWeights, bool SameText,
    IReadOnlyList<string> FirstTokens, IReadOnlyList<string> SecondTokens);

/// <summary>A token under an objective of pre-training.</summary>
/// <param name="Id">What the model reads or writes there; below 0 where its tokenizer has no such token.</param>
/// <param name="Text">As text.</param>
/// <param name="Kind"><c>kept</c>, <c>masked</c>, <c>random</c>, <c>unchanged</c>, <c>predicted</c>, <c>sentinel</c> or
/// <c>special</c>.</param>
/// <param name="Loss">−log p of the right token in nats; null where nothing is predicted or the model has no such head.</param>
/// <param name="Probability">p of the right token.</param>
/// <param name="Label">The right token where another is read.</param>
/// <param name="Guess">The likeliest token.</param>
internal sealed record ObjectiveToken(int Id, string Text, string Kind, float? Loss, float? Probability, string? Label, string? Guess);

/// <summary>A text under an objective.</summary>
/// <param name="Objective"><c>causal</c>, <c>masked</c> or <c>span</c>.</param>
/// <param name="Supported">Whether the opened model has the head for it.</param>
/// <param name="Why">Why not.</param>
/// <param name="Read">What the model reads.</param>
/// <param name="Written">What the decoder is to write; empty without one.</param>
/// <param name="Predicted">Tokens that are predicted.</param>
/// <param name="Loss">Mean loss in nats per predicted token.</param>
internal sealed record ObjectiveReply(
    string Objective, bool Supported, string Why, IReadOnlyList<ObjectiveToken> Read, IReadOnlyList<ObjectiveToken> Written, int Predicted,
    float? Loss);

/// <summary>What one layer costs over a number of rows.</summary>
/// <param name="Name">LSTM or attention.</param>
/// <param name="Width">Numbers of a row.</param>
/// <param name="Parameters">Its values.</param>
/// <param name="Operations">Multiplications and additions of its matrix products.</param>
/// <param name="Path">Layers of computation between the first row and the last output.</param>
/// <param name="Steps">Calls that had to be made one after another until the output had the bits of the whole run.</param>
/// <param name="Milliseconds">The shortest of three runs, now.</param>
/// <param name="Reach">‖change of the last output‖ ÷ ‖last output‖ where the first row is turned around.</param>
/// <param name="Influence">The same for every output; empty for long texts.</param>
internal sealed record LayerCost(
    string Name, int Width, long Parameters, double Operations, int Path, int Steps, double Milliseconds, float Reach, float[] Influence);

/// <summary>Recurrence beside attention.</summary>
internal sealed record RecurrenceReply(int Length, LayerCost Recurrent, LayerCost Attention);

/// <summary>Likeness of two rows at one layer.</summary>
internal sealed record LayerCosine(string Name, string Hook, float Cosine);

/// <summary>A word in two texts.</summary>
/// <param name="Fixed">The cosine of the words in the word vectors; null where one is unknown there.</param>
internal sealed record ContextualReply(
    IReadOnlyList<TextToken> First, int[] FirstAt, IReadOnlyList<TextToken> Second, int[] SecondAt, IReadOnlyList<LayerCosine> Layers,
    float? Fixed);

/// <summary>A word or token and its cosine.</summary>
internal sealed record Neighbour(string Text, float Cosine);

/// <summary>The nearest words.</summary>
internal sealed record WordsReply(string Word, bool Known, IReadOnlyList<Neighbour> Near, int Words, int Width, string? Meant);

/// <summary>The nearest tokens of the model's table.</summary>
internal sealed record NearestReply(int Id, string Text, IReadOnlyList<Neighbour> Near);

/// <summary>Sentences that are searched.</summary>
internal sealed record SentencesRequest(IReadOnlyList<string> Sentences, string Query);

/// <summary>A sentence and its likeness to the question.</summary>
/// <param name="Fixed">By word vectors; null where no word is known.</param>
internal sealed record SentenceScore(int Index, string Text, float Contextual, float? Fixed);

/// <summary>The sentences, the likest first.</summary>
internal sealed record SentencesReply(IReadOnlyList<SentenceScore> Sentences);

/// <summary>A common mistake.</summary>
internal sealed record Mistake(string Rule, string Symptom, string Harm, string Cause, string Fix);

/// <summary>The common mistakes.</summary>
internal sealed record MistakesReply(IReadOnlyList<Mistake> Mistakes);

/// <summary>A mistake found in the opened model.</summary>
internal sealed record FindingReply(string Rule, string Place, string Evidence, string Harm, string Fix);

/// <summary>A rule that could not be judged.</summary>
internal sealed record UnjudgedReply(string Rule, string Why);

/// <summary>What the doctor says of the opened model.</summary>
internal sealed record ExamineReply(
    IReadOnlyList<FindingReply> Findings, IReadOnlyList<string> Judged, IReadOnlyList<UnjudgedReply> Unjudged);

/// <summary>An example of a prompt.</summary>
internal sealed record FewShotExample(string Text, string Label);

/// <summary>A prompt that is to be judged.</summary>
internal sealed record FewShotRequest(IReadOnlyList<FewShotExample> Examples, IReadOnlyList<string>? Labels, string Text);

/// <summary>A label's probabilities: after a text without content, after the text, and corrected.</summary>
internal sealed record LabelScore(string Label, float Prior, float Plain, float Corrected);

/// <summary>What the prompt was and what came of it.</summary>
internal sealed record FewShotReply(string Prompt, IReadOnlyList<LabelScore> Labels);

/// <summary>Everything that is written as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(StateReply))]
[JsonSerializable(typeof(ErrorReply))]
[JsonSerializable(typeof(ModelReply))]
[JsonSerializable(typeof(TraceRequest))]
[JsonSerializable(typeof(TraceReply))]
[JsonSerializable(typeof(PredictReply))]
[JsonSerializable(typeof(LensReply))]
[JsonSerializable(typeof(HeadsReply))]
[JsonSerializable(typeof(StructureReply))]
[JsonSerializable(typeof(OperandsReply))]
[JsonSerializable(typeof(CatalogueReply))]
[JsonSerializable(typeof(SizeReply))]
[JsonSerializable(typeof(WhyReply))]
[JsonSerializable(typeof(GeneratedToken))]
[JsonSerializable(typeof(GenerateRequest))]
[JsonSerializable(typeof(ChecksReply))]
[JsonSerializable(typeof(CheckRequest))]
[JsonSerializable(typeof(CheckResult))]
[JsonSerializable(typeof(OperationsReply))]
[JsonSerializable(typeof(DifferenceReply))]
[JsonSerializable(typeof(ObjectiveReply))]
[JsonSerializable(typeof(RecurrenceReply))]
[JsonSerializable(typeof(ContextualReply))]
[JsonSerializable(typeof(WordsReply))]
[JsonSerializable(typeof(NearestReply))]
[JsonSerializable(typeof(SentencesRequest))]
[JsonSerializable(typeof(SentencesReply))]
[JsonSerializable(typeof(MistakesReply))]
[JsonSerializable(typeof(ExamineReply))]
[JsonSerializable(typeof(FewShotRequest))]
[JsonSerializable(typeof(FewShotReply))]
internal sealed partial class ExplorerJson : JsonSerializerContext;
