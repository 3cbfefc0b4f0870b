using System.Diagnostics;
using System.Globalization;
using Heed.Engine.Nn;
using Heed.Models.Custom;
using Heed.Models.Files;
using Heed.Models.Recurrent;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>Sizes, beside what a hand counts: two operations a multiply-add, of the token that sees the whole context.</summary>
public class ModelSizeTests
{
    public static TheoryData<string> Presets => [.. ModelFamilies.All.SelectMany(f => f.Presets.Keys)];

    private static CustomConfig Tiny => new() { Vocabulary = 64, Width = 32, Layers = 2, Heads = 4, ContextLength = 128 };

    private static Model Preset(string name)
    {
        ModelFamily family = ModelFamilies.All.First(f => f.Presets.ContainsKey(name));
        return family.Build(family.Presets[name].Architecture, family.Presets[name].Config, new ParameterSet(ParameterSource.ShapesOnly));
    }

    private static ModelSize Of(Model model, int length, int batch = 1)
    {
        using (model) return ModelSize.Of(model, batch, length);
    }

    private static ModelSize Custom(CustomConfig config, int length) => Of(CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.ShapesOnly)), length);

    [Theory]
    [MemberData(nameof(Presets))]
    public void Parts_are_the_parameters(string preset)
    {
        ModelSize size = Of(Preset(preset), 8);
        Assert.Equal(size.Parameters, size.Parts.Sum(p => p.Value));
    }

    [Fact]
    public void A_decoder_pays_for_its_weights_and_both_products_of_attention()
    {
        ModelSize size = Of(Preset("gpt2"), 1024, batch: 3);
        const double Weights = (12.0 * 12 * 768 * 768) + (50257.0 * 768);     // 4·D² and 8·D² a layer, and the output layer
        const double Scores = 12.0 * 1024 * 768;                              // q·k, and as much for the values
        Assert.Equal((2 * Weights) + (2 * Scores) + (2 * Scores), size.OperationsPerToken);
        Assert.Equal(3L * 12 * 2 * 768 * 1024 * 4, size.CacheBytes);
        Assert.Equal(0, size.StateBytes);
    }

    [Fact]
    public void Two_stacks_have_three_attentions_of_their_heads_width()
    {
        ModelSize size = Of(Preset("t5-11b"), 512);
        const double Inner = 128 * 128;       // H·K, sixteen times the width of 1024
        const double Encoder = (4 * 1024 * Inner) + (2.0 * 1024 * 65536), Decoder = (8 * 1024 * Inner) + (2.0 * 1024 * 65536), Output = 32128.0 * 1024;
        Assert.Equal((2 * ((24 * (Encoder + Decoder)) + Output)) + (24 * 3 * 4 * Inner * 512), size.OperationsPerToken);
        Assert.Equal(24L * 2 * 2 * 16384 * 512 * 4, size.CacheBytes);      // written and read, keys and values
    }

    [Fact]
    public void Recurrent_layers_multiply_and_keep_states_and_have_no_attention()
    {
        ModelSize size = Of(Preset("lstm-lm-medium"), 512);
        Assert.Equal(2.0 * ((2 * 4 * 650 * (650 + 650)) + (10000 * 650)), size.OperationsPerToken);
        Assert.Equal(0, size.CacheBytes);
        Assert.Equal(2L * 2 * 650 * 512 * 4, size.StateBytes);
    }

    [Fact]
    public void Additive_attention_looks_at_each_row_of_the_encoder()
    {
        LstmConfig config = new() { Task = LstmTask.SequenceToSequence, Vocabulary = 50, Width = 8, EmbeddingWidth = 6, AttentionWidth = 5, Layers = 2, EncoderLayers = 1 };
        ModelSize size = Of(SequenceToSequenceModel.Create(config, new ParameterSet(ParameterSource.ShapesOnly)), 10);
        const double Encoder = 2 * 32 * (6 + 8), Bridge = 8 * 16, Projections = (8 * 5) + (16 * 5), Decoder = (32 * (22 + 8)) + (32 * (8 + 8)), Combine = 30 * 8, Head = 50 * 8;
        const double Row = (2 * 5) + (2 * 16);      // v·tanh(…), and the weighted sum of both directions
        Assert.Equal((2 * (Encoder + Bridge + Projections + Decoder + Combine + Head)) + (10 * Row), size.OperationsPerToken);
        Assert.Equal(0, size.CacheBytes);
        Assert.Equal((2L * 16 * 10 * 4) + (16 * 10 * 4), size.StateBytes);
    }

    [Fact]
    public void Windows_blocks_and_sums_bound_attention_and_what_is_kept()
    {
        const double Weights = 2.0 * ((2 * ((4 * 32 * 32) + (2 * 32 * 128))) + (64 * 32));
        ModelSize full = Custom(Tiny, 100), window = Custom(Tiny with { Attention = CustomAttention.Window, Window = 16 }, 100), wide = Custom(Tiny with { Attention = CustomAttention.Window, Window = 200 }, 100);
        Assert.Equal((Weights + (2 * 4 * 32 * 100), 2L * 64 * 100 * 4), (full.OperationsPerToken, full.CacheBytes));
        Assert.Equal((Weights + (2 * 4 * 32 * 16), 2L * 64 * 16 * 4), (window.OperationsPerToken, window.CacheBytes));
        Assert.Equal((full.OperationsPerToken, full.CacheBytes), (wide.OperationsPerToken, wide.CacheBytes));

        // The last of ten blocks sees itself, its neighbour and the first.
        ModelSize blocks = Custom(Tiny with { Attention = CustomAttention.BlockSparse, BlockSize = 10, RandomBlocks = 0 }, 100);
        Assert.Equal((Weights + (2 * 4 * 32 * 30), full.CacheBytes), (blocks.OperationsPerToken, blocks.CacheBytes));

        // Four heads keep [8, 8 + 1] each, however long the text; random features are products as well.
        ModelSize elu = Custom(Tiny with { Attention = CustomAttention.Elu }, 100), favor = Custom(Tiny with { Attention = CustomAttention.Favor, Features = 16 }, 100);
        Assert.Equal((Weights + (2 * 4 * 4 * 8 * 9), 2L * 4 * 8 * 9 * 4), (elu.OperationsPerToken, elu.CacheBytes));
        Assert.Equal(Weights + (2 * ((4 * 4 * 16 * 9) + (2 * 8 * 16 * 8))), favor.OperationsPerToken);
        Assert.Equal(elu.OperationsPerToken, Custom(Tiny with { Attention = CustomAttention.Elu }, 7).OperationsPerToken);
    }

    [Fact]
    public void An_encoders_window_reaches_to_both_sides_and_ends_with_the_text()
    {
        CustomConfig config = Tiny with { Encoder = true, Attention = CustomAttention.Window, Window = 16 };
        ModelSize size = Of(EncoderModel.Create(config, new ParameterSet(ParameterSource.ShapesOnly)), 100);
        double keys = Enumerable.Range(0, 100).Average(i => Math.Min(99, i + 15) - Math.Max(0, i - 15) + 1);
        Assert.Equal((2.0 * 2 * ((4 * 32 * 32) + (2 * 32 * 128))) + (2 * 4 * 32 * keys), size.OperationsPerToken, 1e-6);
        Assert.Equal(0, size.CacheBytes);
    }

    [Fact]
    public void What_cannot_be_counted_is_refused()
    {
        using Model model = Preset("gpt2");
        Assert.Throws<ArgumentOutOfRangeException>(() => ModelSize.Of(model, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ModelSize.Of(model, 1, -1));
        Assert.Throws<OverflowException>(() => ModelSize.Of(model, int.MaxValue, int.MaxValue));
    }

    [Fact]
    public void Thousands_of_layers_are_one_line()
    {
        double begun = ThreadSeconds();
        using Model model = CausalLanguageModel.Create(new CustomConfig { Vocabulary = 8, Width = 8, Layers = 9000, Heads = 2, Attention = CustomAttention.BlockSparse }, new ParameterSet(ParameterSource.ShapesOnly));
        string[] lines = [.. ModuleTree.Lines(model, 3)];
        _ = ModelSize.Of(model, 1, 512);
        double seconds = ThreadSeconds() - begun;
        Assert.Contains(lines, line => line.Contains("0 … 8999", StringComparison.Ordinal));
        Assert.True(lines.Length < 40, string.Join('\n', lines));
        // Comparing each layer with all others took twenty.
        Assert.True(seconds < 3, $"{seconds:0.0} s");
    }

    /// <summary>Seconds that this thread had a processor, so that what else runs on the computer does not count.</summary>
    private static double ThreadSeconds()
    {
        const string File = "/proc/thread-self/schedstat";
        return System.IO.File.Exists(File) ? long.Parse(System.IO.File.ReadAllText(File).Split(' ')[0], CultureInfo.InvariantCulture) / 1e9 : Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
    }
}
