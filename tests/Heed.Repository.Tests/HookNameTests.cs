using System.Text.RegularExpressions;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Custom;
using Heed.Models.Files;
using Heed.Models.Transformer2017;
using Heed.Models.Recurrent;

namespace Heed.Repository.Tests;

/// <summary>docs/hooks.md lists every name that a model shows to hooks, with its shape; and models show them in the order in which they
/// compute.</summary>
public sealed partial class HookNameTests
{
    private const int Batch = 2, Read = 5, Written = 4;

    /// <summary>What stands before what, within one layer.</summary>
    private static readonly string[][] Orders =
    [
        ["resid_pre", "attn.out", "resid_mid", "mlp.out", "resid_post", "out"],
        ["resid_mid", "cross_attn.out", "resid_mid_cross", "mlp.out"],
        ["attn.q", "attn.q_norm.in", "attn.q_norm.scale", "attn.q_norm.out", "attn.rot_q", "attn.feature_q", "attn.dot", "attn.scaled", "attn.biased", "attn.masked", "attn.pattern", "attn.z", "attn.result", "attn.out"],
        ["attn.k", "attn.k_norm.in", "attn.k_norm.out", "attn.rot_k", "attn.feature_k", "attn.dot"],
        ["attn.v", "attn.z"],
        ["cross_attn.q", "cross_attn.k", "cross_attn.v", "cross_attn.dot", "cross_attn.scaled", "cross_attn.masked", "cross_attn.pattern", "cross_attn.z", "cross_attn.result", "cross_attn.out"],
        ["mlp.pre", "mlp.up", "mlp.gate", "mlp.post", "mlp.out"],
        ["attn_norm.in", "attn_norm.mean", "attn_norm.scale", "attn_norm.normalized", "attn_norm.out"],
        ["cross_attn_norm.in", "cross_attn_norm.mean", "cross_attn_norm.scale", "cross_attn_norm.normalized", "cross_attn_norm.out"],
        ["mlp_norm.in", "mlp_norm.mean", "mlp_norm.scale", "mlp_norm.normalized", "mlp_norm.out"],
    ];

    private static readonly string[] AtTables = ["embed.token", "embed.position", "embed.type", "embed.norm.", "head."];

    private static readonly CustomConfig Custom = new() { Vocabulary = 30, Width = 24, Layers = 2, Heads = 4, InnerWidth = 20, ContextLength = 16, BlockSize = 4 };

    private static readonly LstmConfig Lstm = new() { Vocabulary = 30, Width = 12, EmbeddingWidth = 12, Layers = 2, Labels = ["a", "b"] };

    public static TheoryData<string> Models =>
    [
        "gpt2", "llama", "qwen3", "qwen2", "mistral-window", "gemma3-text", "gemma3-text-bidirectional", "bloom-alibi", "openai-gpt", "bert-mlm", "roberta-mlm", "mpnet-mlm",
        "electra-mlm", "modernbert-mlm", "modernbert-token", "deberta-v2-mlm", "distilbert-mlm", "t5", "t5-v1_1-gated", "bart", "marian",
        "transformer-2017", "lstm-lm", "lstm-classifier", "lstm-seq2seq", "custom full", "custom window", "custom blocks", "custom elu", "custom favor", "custom encoder",
    ];

    private static Model Make(string name)
    {
        ParameterSet set = new(ParameterSource.Random(1));
        return name switch
        {
            "transformer-2017" => SequenceToSequenceModel.Create(Transformer2017Config.Tiny with { Vocabulary = 30 }, set),
            "lstm-lm" => CausalLanguageModel.Create(Lstm, set),
            "lstm-classifier" => SequenceClassifier.Create(Lstm with { Task = LstmTask.Classifier }, set),
            "lstm-seq2seq" => SequenceToSequenceModel.Create(Lstm with { Task = LstmTask.SequenceToSequence }, set),
            "custom full" => CausalLanguageModel.Create(Custom with { Positions = PositionKind.Learned, NormFirst = false }, set),
            "custom window" => CausalLanguageModel.Create(Custom with { Attention = CustomAttention.Window, Window = 3, KeyHeads = 2, RmsNorm = true, Gated = true }, set),
            "custom blocks" => CausalLanguageModel.Create(Custom with { Attention = CustomAttention.BlockSparse, Positions = PositionKind.Alibi }, set),
            "custom elu" => CausalLanguageModel.Create(Custom with { Attention = CustomAttention.Elu, KeyHeads = 2 }, set),
            "custom favor" => CausalLanguageModel.Create(Custom with { Attention = CustomAttention.Favor, Features = 10 }, set),
            "custom encoder" => MaskedLanguageModel.Create(Custom with { Encoder = true, Positions = PositionKind.Sinusoidal }, set),
            _ => ModelFolder.Load(Path.Combine(Testing.Repository.Goldens, "models", name)).Model,
        };
    }

    private static List<(string Name, int[] Shape)> Shown(Model model)
    {
        List<(string, int[])> shown = [];
        using TensorScope scope = TensorScope.Begin();
        TokenGrid read = new(Batch, Read, [5, 6, 7, 8, 9, 9, 8, 7, 6, 5]), written = new(Batch, Written, [5, 6, 7, 8, 8, 7, 6, 5]);
        model.Run(new ModelInputs { InputIds = read, DecoderInputIds = model is SequenceToSequenceModel ? written : null }, new RunOptions { Hooks = new Hooks().ObserveWhere(_ => true, (name, x) => shown.Add((name, x.Shape.ToArray()))) });
        Assert.NotEmpty(shown);
        return shown;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_name_is_documented_with_its_shape(string name)
    {
        string document = Tree.Read("docs/hooks.md");
        Dictionary<string, string[]> shapes = Shapes(document);
        using Model model = Make(name);
        // One size a letter and stack: the decoder's rows are others than the encoder's.
        Dictionary<string, int> sizes = new(StringComparer.Ordinal);
        foreach ((string full, int[] shape) in Shown(model))
        {
            string bare = Place().Replace(full, ""), stack = full.StartsWith("decoder.", StringComparison.Ordinal) || (full == "logits" && model is SequenceToSequenceModel) ? "decoder" : "";
            Match norm = AnyNorm().Match(bare);
            Assert.True(document.Contains($"`{(norm.Success ? norm.Groups[1].Value : bare)}`", StringComparison.Ordinal), $"{full} is not documented.");
            string documented = bare.StartsWith("cross_attn.", StringComparison.Ordinal) ? bare["cross_".Length..] : bare;
            if (norm.Success) documented = norm.Groups[2].Value is "out" ? "norm.out" : norm.Groups[2].Value;
            Assert.True(shapes.TryGetValue(documented, out string[]? letters), $"{full} has no documented shape.");
            if (norm.Success && norm.Groups[1].Value.Contains("attn.", StringComparison.Ordinal))
            {
                string heads = norm.Groups[1].Value.EndsWith("q_norm", StringComparison.Ordinal) ? "H" : "G";
                letters = letters[1] == "D" ? ["N", heads, "K"] : ["N", heads, "1"];
            }

            Assert.True(letters.Length == shape.Length, $"{full} is [{string.Join(", ", shape)}] and documented as [{string.Join(", ", letters)}].");
            (int rows, int keys) = stack.Length > 0 ? (Written, Written) : (Read, Read);
            if (bare.StartsWith("cross_attn.", StringComparison.Ordinal)) keys = Read;
            for (int i = 0; i < letters.Length; i++)
            {
                int expected = letters[i] switch
                {
                    "N" when bare is "cross_attn.k" or "cross_attn.v" => Batch * Read,
                    "N" when model is SequenceClassifier && (bare is "lstm.out" or "logits" || bare.StartsWith("head.", StringComparison.Ordinal)) => Batch,
                    "N" => Batch * rows,
                    "B" => Batch,
                    "T" => rows,
                    "S" => keys,
                    "1" => 1,
                    // What recurrent layers give is as wide as their states, once or twice.
                    "D" when bare == "lstm.out" => shape[i],
                    // Tables of ELECTRA, and the head over them, may be narrower than its layers.
                    "D" when name == "electra-mlm" && Array.Exists(AtTables, part => bare.StartsWith(part, StringComparison.Ordinal)) => 20,
                    string letter => sizes.TryAdd($"{stack}{letter}", shape[i]) ? shape[i] : sizes[$"{stack}{letter}"],
                };
                Assert.True(shape[i] == expected, $"{full} is [{string.Join(", ", shape)}] and documented as [{string.Join(", ", letters)}], with {letters[i]} = {expected}.");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Names_come_in_the_order_of_the_computation(string name)
    {
        using Model model = Make(name);
        foreach (IGrouping<string, string> layer in Shown(model).Select(s => s.Name).GroupBy(n => Place().Match(n).Value).Where(g => g.Key.Contains("blocks", StringComparison.Ordinal)))
        {
            string[] names = [.. layer.Select(n => n[layer.Key.Length..])];
            Assert.Equal(names.Distinct(), names);
            foreach (string[] order in Orders) Assert.Equal(order.Where(names.Contains), names.Where(order.Contains));
        }
    }

    [Fact]
    public void Names_that_a_model_does_not_have_are_refused_after_the_run()
    {
        using Model model = Make("gpt2");
        using TensorScope scope = TensorScope.Begin();
        ModelInputs inputs = new() { InputIds = new TokenGrid(1, 3, [5, 6, 7]) };
        foreach ((string wrong, string near) in new[] { ("bloks.0.attn.q", "'blocks.0.attn.q'"), ("blocks.70.mlp.out", "'blocks.0.mlp.out'"), ("blocks.0.attn.rot_q", "'blocks.0.attn") })
        {
            string message = Assert.Throws<ArgumentException>(() => model.Run(inputs, new RunOptions { Hooks = new Hooks().Observe(wrong, (_, _) => { }) })).Message;
            Assert.Contains($"'{wrong}'", message, StringComparison.Ordinal);
            Assert.Contains(near, message, StringComparison.Ordinal);
        }

        model.Run(inputs, new RunOptions { Hooks = new Hooks().Observe("blocks.0.attn.hook_result", (_, x) => Assert.Equal(3, x.Shape.Rank)) });
    }

    /// <summary>The shapes in the document's tables, by name. "a, b" share one shape, or have one each.</summary>
    private static Dictionary<string, string[]> Shapes(string document)
    {
        Dictionary<string, string[]> shapes = new(StringComparer.Ordinal);
        foreach (string line in document.Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal)))
        {
            string[] columns = line.Split('|', StringSplitOptions.TrimEntries);
            string[] names = [.. Quoted().Matches(columns[1]).Select(m => m.Groups[1].Value)];
            string[][] given = [.. Bracketed().Matches(columns[2]).Select(m => m.Groups[1].Value.Split(", "))];
            // Norms and other names for the same have no shape of their own.
            if (given.Length == 0 && !columns[2].StartsWith("as ", StringComparison.Ordinal)) continue;
            for (int i = 0; i < names.Length; i++) shapes[names[i]] = given.Length == 0 ? shapes[names[i].Replace("rot_", "", StringComparison.Ordinal)] : given[Math.Min(i, given.Length - 1)];
        }

        return shapes;
    }

    [GeneratedRegex(@"^(encoder\.|decoder\.)?(blocks\.\d+\.)?")]
    private static partial Regex Place();

    [GeneratedRegex(@"^(.*norm)\.(in|mean|scale|normalized|out)$")]
    private static partial Regex AnyNorm();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\[([^\]]+)\]")]
    private static partial Regex Bracketed();
}
