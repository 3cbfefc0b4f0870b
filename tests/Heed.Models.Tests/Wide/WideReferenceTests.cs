using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Custom;
using Heed.Models.Transformer2017;
using Heed.Models.Recurrent;
using Xunit;

namespace Heed.Models.Tests.Wide;

/// <summary>The Transformer of 2017, the LSTM models and custom designs against their evaluation in double precision, and faults that it
/// must find.</summary>
public sealed class WideReferenceTests
{
    private const double Tolerance = 2e-5;
    private const int Vocabulary = 23, D = 16;

    private static readonly int[][] Sources = [Text(11, 1), Text(1, 2), Text(6, 3)], Targets = [Text(7, 4), Text(13, 5), Text(2, 6)];

    private static readonly Transformer2017Config Paper = Transformer2017Config.Tiny with { Width = D, Heads = 2, Vocabulary = Vocabulary, EncoderLayers = 1, InnerWidth = 20, Dropout = 0 };

    private static readonly LstmConfig Recurrent = new() { Vocabulary = Vocabulary, Width = 8, Layers = 2, EmbeddingWidth = 6, AttentionWidth = 5, BeginId = 1, PaddingId = 0, Labels = ["a", "b", "c"] };

    private static readonly CustomConfig Own = new() { Vocabulary = Vocabulary, Width = D, Layers = 2, Heads = 4, KeyHeads = 2, InnerWidth = 24, ContextLength = 64, Window = 5, BlockSize = 4, RandomBlocks = 0, Labels = ["a", "b", "c"] };

    /// <summary>A model and what it must give for each text: scores of all its rows.</summary>
    private sealed record Design(Func<ParameterSet, Model> Build, Func<WideWeights, int, double[][]> Reference);

    private static readonly Dictionary<string, Design> Designs = All();

    private static Dictionary<string, Design> All()
    {
        Dictionary<string, Design> all = new(StringComparer.Ordinal)
        {
            ["2017"] = Of2017(Paper),
            ["2017, norms first"] = Of2017(Paper with { NormFirst = true, TiedOutput = false }),
            ["lstm"] = OfLstm(Recurrent),
            ["lstm, tied"] = OfLstm(Recurrent with { EmbeddingWidth = 8, TiedOutput = true }),
            ["lstm classifier"] = OfLstm(Recurrent with { Task = LstmTask.Classifier }),
            ["lstm classifier, one direction"] = OfLstm(Recurrent with { Task = LstmTask.Classifier, BothDirections = false }),
            ["lstm encoder-decoder"] = OfLstm(Recurrent with { Task = LstmTask.SequenceToSequence, EncoderLayers = 2 }),
        };
        foreach (PositionKind positions in Enum.GetValues<PositionKind>())
        {
            foreach (CustomAttention attention in (CustomAttention[])[CustomAttention.Full, CustomAttention.Window, CustomAttention.BlockSparse, CustomAttention.Elu])
            {
                if (positions is PositionKind.Alibi or PositionKind.Relative && attention == CustomAttention.Elu) continue;
                foreach (bool encoder in (bool[])[false, true])
                {
                    bool even = ((int)positions + (int)attention) % 2 == 0;
                    all[$"custom {(encoder ? "encoder" : "decoder")}, {positions}, {attention}"] = OfCustom(Own with
                    {
                        Encoder = encoder,
                        Positions = positions,
                        Attention = attention,
                        NormFirst = even != encoder,
                        RmsNorm = even,
                        Gated = attention is CustomAttention.Full or CustomAttention.Elu,
                        TiedOutput = even,
                        Activation = encoder ? Activation.Gelu : Activation.Silu,
                    });
                }
            }
        }

        return all;
    }

    private static Design Of2017(Transformer2017Config c) => new(set => SequenceToSequenceModel.Create(c, set), (w, b) => WideModels.Transformer2017(w, c, Sources[b], Targets[b]));

    private static Design OfLstm(LstmConfig c) => c.Task switch
    {
        LstmTask.LanguageModel => new(set => CausalLanguageModel.Create(c, set), (w, b) => WideModels.LstmLanguageModel(w, c, Sources[b])),
        LstmTask.Classifier => new(set => SequenceClassifier.Create(c, set), (w, b) => WideModels.LstmClassifier(w, c, Sources[b])),
        _ => new(set => SequenceToSequenceModel.Create(c, set), (w, b) => WideModels.LstmSequenceToSequence(w, c, Sources[b], Targets[b])),
    };

    private static Design OfCustom(CustomConfig c) => new(set => c.Encoder ? TokenClassifier.Create(c, set) : CausalLanguageModel.Create(c, set), (w, b) => WideModels.Custom(w, c, Text(40 - (9 * b), b)));

    private static int[] Text(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => ((i * 31) + (seed * 17) + (i * i * (seed + 1))) % Vocabulary)];

    /// <summary>Values that depend on name and index alone, and large enough that every part counts.</summary>
    private static Model Loud(Func<ParameterSet, Model> build)
    {
        Model model = build(new ParameterSet(ParameterSource.Random(5)));
        foreach (Parameter p in model.Parameters)
        {
            Span<float> values = p.Value.Span;
            float deviation = MathF.Sqrt(values.ToArray().Average(v => v * v)), wanted = p.Shape.Rank == 1 ? 0 : 1.2f / MathF.Sqrt(p.Shape.Last);
            for (int i = 0; i < values.Length; i++) values[i] = p.Shape.Rank == 1 ? values[i] + (0.2f * MathF.Sin((3 * i) + p.Name.Length)) : values[i] * (wanted / deviation);
        }

        return model;
    }

    /// <summary>Relative L2 distance over the rows of all texts, which run in one padded batch.</summary>
    private static double Distance(Design design, Func<ParameterSet, Model>? other = null, Action<Model>? change = null, Hooks? hooks = null)
    {
        using Model reference = Loud(design.Build), model = Loud(other ?? design.Build);
        change?.Invoke(model);
        WideWeights weights = new(reference.Parameters);
        double[][][] expected = [.. Enumerable.Range(0, Sources.Length).Select(b => design.Reference(weights, b))];
        int[][] texts = reference.Config is CustomConfig ? [.. Enumerable.Range(0, Sources.Length).Select(b => Text(40 - (9 * b), b))] : Sources;
        ModelInputs inputs = new() { InputIds = TokenGrid.Of(texts), AttentionMask = Ones(texts) };
        if (reference is SequenceToSequenceModel) inputs = inputs with { DecoderInputIds = TokenGrid.Of(Targets), DecoderAttentionMask = Ones(Targets) };
        using TensorScope scope = TensorScope.Begin();
        Tensor logits = model.Run(inputs, new RunOptions { Hooks = hooks }).Logits!;
        int columns = logits.Shape.Last, rows = logits.Count / columns / Sources.Length;
        double difference = 0, norm = 0;
        for (int b = 0; b < expected.Length; b++)
        {
            for (int t = 0; t < expected[b].Length; t++)
            {
                for (int c = 0; c < columns; c++)
                {
                    double e = expected[b][t][c], d = logits.Span[(((b * rows) + t) * columns) + c] - e;
                    (difference, norm) = (difference + (d * d), norm + (e * e));
                }
            }
        }

        return Math.Sqrt(difference / norm);
    }

    private static TokenGrid Ones(int[][] texts) => TokenGrid.Of([.. texts.Select(t => Enumerable.Repeat(1, t.Length).ToArray())]);

    public static TheoryData<string> DesignNames => [.. Designs.Keys];

    [Theory]
    [MemberData(nameof(DesignNames))]
    public void Scores_are_those_of_double_precision(string name)
    {
        double distance = Distance(Designs[name]);
        Assert.True(distance < Tolerance, $"{name}: relative L2 {distance:G3}; allowed {Tolerance}.");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1f)]
    public void The_loss_of_2017_spreads_a_share_of_the_mass_over_the_vocabulary(float smoothing)
    {
        using Model model = Loud(set => SequenceToSequenceModel.Create(Paper with { LabelSmoothing = smoothing }, set));
        WideWeights weights = new(model.Parameters);
        double expected = Sources.Select((s, b) => LossOf(b)).Sum();
        double LossOf(int b) => WideWeights.CrossEntropy(WideModels.Transformer2017(weights, Paper, Sources[b], [1, .. Targets[b][..^1]]), Targets[b], smoothing);
        using Tape tape = Tape.Begin();
        ModelOutput output = model.Run(new ModelInputs
        {
            InputIds = TokenGrid.Of(Sources),
            AttentionMask = Ones(Sources),
            DecoderInputIds = TokenGrid.Of([.. Targets.Select(t => (int[])[1, .. t[..^1]])]),
            DecoderAttentionMask = Ones(Targets),
            Labels = TokenGrid.Of(Targets, -100),
        });
        Assert.Equal(expected, output.Losses[0].Sum.Value.ToScalar(), Tolerance * expected);
        Assert.Equal(Targets.Sum(t => t.Length), output.Losses[0].Count);
    }

    private sealed record Fault(string Design, Func<ParameterSet, Model>? Other = null, Action<Model>? Change = null, Func<Hooks>? Hooks = null);

    private static readonly Dictionary<string, Fault> Faults = new(StringComparer.Ordinal)
    {
        ["2017: embeddings of the encoder that are not scaled"] = Scaled("2017", "encoder.embed.token", 1 / MathF.Sqrt(D)),
        ["2017: positions scaled with the embeddings"] = Scaled("2017", "decoder.embed.position", MathF.Sqrt(D)),
        ["2017: no positions in the encoder"] = Scaled("2017", "encoder.embed.position", 0),
        ["2017: norms in front"] = new("2017", Of2017(Paper with { NormFirst = true }).Build),
        ["2017: a norm behind the stack too many"] = new("2017, norms first", Change: m => Edit(m, "decoder.norm.weight", v => new float[v.Length])),
        ["2017: another epsilon"] = new("2017", Of2017(Paper with { NormEpsilon = 1e-3f }).Build),
        ["2017: GELU for ReLU"] = new("2017", Of2017(Paper with { Activation = Activation.Gelu }).Build),
        ["2017: an output layer of its own"] = new("2017", Of2017(Paper with { TiedOutput = false }).Build),
        ["2017: scores that are not scaled"] = Scaled("2017", "decoder.blocks.1.cross_attn.q", MathF.Sqrt(D / 2)),
        ["2017: queries and keys exchanged"] = Exchanged("2017", "decoder.layers.0.multihead_attn.q_proj.weight", "decoder.layers.0.multihead_attn.k_proj.weight"),
        ["2017: a dropped bias"] = Zeroed("2017", "encoder.layers.0.self_attn.v_proj.bias"),
        ["2017: a square weight transposed"] = Edited("2017", "decoder.layers.1.self_attn.out_proj.weight", v => [.. Enumerable.Range(0, D * D).Select(i => v[(i % D * D) + (i / D)])]),
        ["2017: other heads"] = new("2017", Of2017(Paper with { Heads = 4 }).Build),

        ["lstm: input and forget gates exchanged"] = Edited("lstm", "lstm.weight_hh_l0", v => Gates(v, 1, 0, 2, 3)),
        ["lstm: cell and output gates exchanged"] = Edited("lstm", "lstm.weight_ih_l1", v => Gates(v, 0, 1, 3, 2)),
        ["lstm: one bias for two"] = Zeroed("lstm", "lstm.bias_hh_l1"),
        ["lstm: a recurrent weight transposed"] = Edited("lstm", "lstm.weight_hh_l1", v => [.. Enumerable.Range(0, v.Length).Select(i => v[(i / 64 * 64) + (i % 8 * 8) + (i / 8 % 8)])]),
        ["lstm: a layer that forgets"] = Zeroed("lstm", "lstm.weight_hh_l0"),
        ["lstm: one layer twice"] = Copied("lstm", "lstm.weight_hh_l0", "lstm.weight_hh_l1"),
        ["lstm: an output without its bias"] = Zeroed("lstm", "lm_head.bias"),
        ["lstm classifier: the ends of the two directions exchanged"] = Edited("lstm classifier", "classifier.weight", v => [.. Enumerable.Range(0, v.Length).Select(i => v[i ^ 8])]),
        ["lstm classifier: the directions exchanged"] = Exchanged("lstm classifier", "lstm.weight_ih_l0", "lstm.weight_ih_l0_reverse"),
        ["lstm classifier: a second layer that reads one direction"] = Edited("lstm classifier", "lstm.weight_ih_l1", v => [.. v.Select((x, i) => i % 16 < 8 ? x : 0)]),
        ["lstm encoder-decoder: first states without their bias"] = Zeroed("lstm encoder-decoder", "decoder.bridge.bias"),
        ["lstm encoder-decoder: first states of zeros"] = new("lstm encoder-decoder", Change: m =>
        {
            Edit(m, "decoder.bridge.weight", v => new float[v.Length]);
            Edit(m, "decoder.bridge.bias", v => new float[v.Length]);
        }),
        ["lstm encoder-decoder: attention that weighs all alike"] = Zeroed("lstm encoder-decoder", "decoder.attention.score"),
        ["lstm encoder-decoder: attention that does not see the state"] = Zeroed("lstm encoder-decoder", "decoder.attention.query.weight"),
        ["lstm encoder-decoder: a combination without the token"] = Edited("lstm encoder-decoder", "decoder.combine.weight", v => [.. v.Select((x, i) => i % 30 < 24 ? x : 0)]),
        ["lstm encoder-decoder: what attention read not given to the cells"] = Edited("lstm encoder-decoder", "decoder.lstm.weight_ih_l0", v => [.. v.Select((x, i) => i % 22 < 6 ? x : 0)]),
        ["lstm encoder-decoder: an encoder of one direction"] = Zeroed("lstm encoder-decoder", "encoder.lstm.weight_ih_l0_reverse"),

        ["custom: norms on the other side"] = With(PositionKind.Rope, CustomAttention.Full, false, c => c with { NormFirst = !c.NormFirst }),
        ["custom: another kind of norm"] = With(PositionKind.Learned, CustomAttention.Full, false, c => c with { RmsNorm = !c.RmsNorm }),
        ["custom: another epsilon"] = With(PositionKind.Learned, CustomAttention.Window, false, c => c with { NormEpsilon = 1e-3f }),
        ["custom: another base of RoPE"] = With(PositionKind.Rope, CustomAttention.Full, false, c => c with { Theta = 500 }),
        ["custom: no positions"] = With(PositionKind.Rope, CustomAttention.BlockSparse, true, c => c with { Positions = PositionKind.None }),
        ["custom: sines that are scaled"] = Scaled(NameOf(PositionKind.Sinusoidal, CustomAttention.Full, false), "embed.position", MathF.Sqrt(D)),
        ["custom: tokens that are not scaled beside sines"] = Scaled(NameOf(PositionKind.Sinusoidal, CustomAttention.Full, false), "embed.token", 1 / MathF.Sqrt(D)),
        ["custom: learned positions one too far"] = Edited(NameOf(PositionKind.Learned, CustomAttention.Full, false), "model.embed_positions.weight", v => [.. v[D..], .. v[..D]]),
        ["custom: slopes that do not fall behind the query"] = With(PositionKind.Alibi, CustomAttention.Full, true, c => c with { Positions = PositionKind.None }),
        ["custom: distances of the other side"] = Edited(NameOf(PositionKind.Relative, CustomAttention.Full, true), "model.relative_bias.weight", v => [.. v[64..], .. v[..64]]),
        ["custom: no distances"] = Zeroed(NameOf(PositionKind.Relative, CustomAttention.Full, false), "model.relative_bias.weight"),
        ["custom: a window one token wider"] = With(PositionKind.None, CustomAttention.Window, false, c => c with { Window = c.Window + 1 }),
        ["custom: a window in one direction"] = With(PositionKind.None, CustomAttention.Window, true, c => c with { Window = c.Window - 1 }),
        ["custom: blocks without the first that all see"] = With(PositionKind.Rope, CustomAttention.BlockSparse, false, c => c with { GlobalBlocks = 0 }),
        ["custom: blocks without neighbours"] = With(PositionKind.Rope, CustomAttention.BlockSparse, true, c => c with { WindowBlocks = 0 }),
        ["custom: softmax for elu"] = With(PositionKind.Rope, CustomAttention.Elu, false, c => c with { Attention = CustomAttention.Full }),
        ["custom: gate and up exchanged"] = Exchanged(NameOf(PositionKind.Rope, CustomAttention.Full, false), "model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight"),
        ["custom: a key head for each query head"] = Edited(NameOf(PositionKind.Rope, CustomAttention.Full, false), "model.layers.1.attn.k_proj.weight", v => [.. v[(4 * D)..], .. v[..(4 * D)]]),
        ["custom: scores that are not scaled"] = Scaled(NameOf(PositionKind.None, CustomAttention.Full, false), "blocks.1.attn.q", 2),
        ["custom: a dropped bias"] = Zeroed(NameOf(PositionKind.None, CustomAttention.Full, true), "model.layers.0.attn.o_proj.bias"),
    };

    public static TheoryData<string> FaultNames => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void A_planted_fault_is_found(string name)
    {
        Fault fault = Faults[name];
        double distance = Distance(Designs[fault.Design], fault.Other, fault.Change, fault.Hooks?.Invoke());
        Assert.True(distance > 10 * Tolerance, $"{name} is not found, or barely: relative L2 {distance:G3}.");
    }

    private static string NameOf(PositionKind positions, CustomAttention attention, bool encoder) => $"custom {(encoder ? "encoder" : "decoder")}, {positions}, {attention}";

    /// <summary>The design of these choices, built with others.</summary>
    private static Fault With(PositionKind positions, CustomAttention attention, bool encoder, Func<CustomConfig, CustomConfig> change)
    {
        string name = NameOf(positions, attention, encoder);
        using Model built = Designs[name].Build(new ParameterSet(ParameterSource.ShapesOnly));
        return new(name, OfCustom(change((CustomConfig)built.Config)).Build);
    }

    private static Fault Edited(string design, string name, Func<float[], float[]> edit) => new(design, Change: m => Edit(m, name, edit));

    private static Fault Zeroed(string design, string name) => Edited(design, name, v => new float[v.Length]);

    private static Fault Copied(string design, string from, string to) => new(design, Change: m => Edit(m, to, _ => m.Parameters[from].ToTensor().ToArray()));

    private static Fault Scaled(string design, string site, float factor) => new(design, Hooks: () => new Hooks().Replace(site, (_, x) => x * factor));

    private static Fault Exchanged(string design, string one, string other) => new(design, Change: m =>
    {
        float[] kept = m.Parameters[one].ToTensor().ToArray();
        Edit(m, one, _ => m.Parameters[other].ToTensor().ToArray());
        Edit(m, other, _ => kept);
    });

    private static void Edit(Model model, string name, Func<float[], float[]> edit)
    {
        Parameter parameter = model.Parameters[name];
        parameter.Assign(Tensor.Create(edit(parameter.ToTensor().ToArray()), parameter.Shape));
    }

    /// <summary>An LSTM's weight whose quarters stand in another order.</summary>
    private static float[] Gates(float[] values, params int[] order) => [.. order.SelectMany(g => values[(g * values.Length / 4)..((g + 1) * values.Length / 4)])];
}
