using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Generation;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Outsider.Tests;

/// <summary>A family of decoders that Heed does not have: registered, built, saved, opened again, generating.</summary>
public sealed class FamilyTests : IDisposable
{
    private readonly Workshop _workshop = new();

    static FamilyTests() => ModelFamilies.Register(new ParallelFamily());

    [Fact]
    public void A_family_of_ones_own_is_saved_opened_and_generates()
    {
        Tokenizer tokenizer = Workshop.Tokenizer();
        string folder = _workshop.Decoder(new ParallelConfig { Vocabulary = tokenizer.VocabularySize, Width = 32, Layers = 2, Heads = 4, Theta = 500 });
        ModelDescription description = ModelFolder.ReadConfig(folder);
        Assert.Equal("ParallelForCausalLM", description.Architecture);
        Assert.Equal(500, ((ParallelConfig)description.Config).Theta);

        GenerationConfig settings = new() { MaxNewTokens = 20 };
        using HeedModel model = HeedModel.Open(folder);
        string text = model.Generate("The cat", settings);
        Assert.Equal(text, model.Generate(["The dog sat", "The cat"], settings)[1].Text);
        Assert.IsType<LayerNorm>(model.Model.Find("blocks.1.attn_norm"));
        Assert.Equal(2, model.Model.Modules.OfType<MultiHeadAttention>().Count());

        ModelFolder.Save(model.Model, _workshop.At("again"));
        foreach (string name in (string[])["config.json", "model.safetensors"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder, name)), File.ReadAllBytes(Path.Combine(_workshop.At("again"), name)));
    }

    [Fact]
    public void A_wrong_field_is_refused_by_its_name()
    {
        string folder = _workshop.Decoder(new ParallelConfig { Vocabulary = Workshop.Tokenizer().VocabularySize, Width = 32, Layers = 1, Heads = 4 });
        string path = Path.Combine(folder, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config["n_head"] = -4;
        File.WriteAllText(path, config.ToJsonString());
        Assert.Contains("n_head", Assert.Throws<InvalidFileException>(() => ModelFolder.ReadConfig(folder)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _workshop.Dispose();

    /// <summary>Sizes: attention and feed-forward beside each other, rotary positions.</summary>
    private sealed record ParallelConfig : ModelConfig
    {
        public override string ModelType => "parallel-outsider";

        public override int Vocabulary { get; init; }

        public override int Width { get; init; }

        public override int Layers { get; init; }

        public override int MaximumLength => 512;

        public int Heads { get; init; }

        public double Theta { get; init; } = 10_000;

        public override void Validate()
        {
            if (Width % Heads != 0) throw new ConfigException($"parallel: the width {Width} is not a multiple of the {Heads} heads.");
        }

        public override JsonObject ToJson() => new()
        {
            ["model_type"] = ModelType,
            ["n_embd"] = Width,
            ["n_head"] = Heads,
            ["n_layer"] = Layers,
            ["rope_theta"] = Theta,
            ["tie_word_embeddings"] = TiedOutput,
            ["vocab_size"] = Vocabulary,
        };
    }

    /// <summary>x + attention(norm(x)) + feed-forward(norm(x)).  x: [N, D] → [N, D].</summary>
    private sealed class ParallelBlock(ParallelConfig config, RotaryPositions rotation, int layer, ParameterScope at) : Module(at)
    {
        private readonly LayerNorm _norm = new(config.Width, 1e-5f, (at / "norm").As("attn_norm"));
        private readonly MultiHeadAttention _attention = new(
            new AttentionConfig { Width = config.Width, Heads = config.Heads, Causal = true, Layer = layer, Rotation = rotation, Initializer = Initializer.Normal(0.2f) },
            (at / "attention").As("attn"));
        private readonly FeedForward _feedForward = new(
            new FeedForwardConfig
            {
                Width = config.Width,
                InnerWidth = 4 * config.Width,
                Activation = Activation.Silu,
                UpName = "up",
                DownName = "down",
                Initializer = Initializer.Normal(0.2f),
            },
            (at / "mlp").As("mlp"));

        public KeyValueShape CacheShape => _attention.CacheShape;

        public Variable Forward(Variable x, ForwardContext context)
        {
            Variable normed = _norm.Forward(x, context);
            return context.Visit(Site, "resid_post", x + _attention.Forward(normed, context) + _feedForward.Forward(normed, context));
        }
    }

    private sealed class ParallelStack : DecoderStack
    {
        private readonly ParallelBlock[] _blocks;
        private readonly LayerNorm _norm;

        public ParallelStack(ParallelConfig config, ParameterScope at)
            : base(config, at)
        {
            Tokens = new Embedding(config.Vocabulary, config.Width, (at / "tokens").As("embed"), Initializer.Normal(0.2f), isOutput: config.TiedOutput);
            RotaryPositions rotation = new(new RotaryConfig { HeadWidth = config.Width / config.Heads, Theta = config.Theta });
            _blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new ParallelBlock(config, rotation, i, (at / "layers" / i).As($"blocks.{i}")))];
            _norm = new LayerNorm(config.Width, 1e-5f, (at / "norm").As("final_norm"));
        }

        public override Embedding Tokens { get; }

        public override IReadOnlyList<KeyValueShape> CacheLayers => [.. _blocks.Select(b => b.CacheShape)];

        public override Variable Forward(TokenBatch batch, ForwardContext context)
            => LayerStack.Run(_blocks, Tokens.Forward(batch.Ids), context, (block, x) => block.Forward(x, context), x => _norm.Forward(x, context));
    }

    private sealed class ParallelFamily : DecoderFamily
    {
        public override IReadOnlyList<string> ModelTypes { get; } = ["parallel-outsider"];

        public override IReadOnlyList<string> Architectures { get; } = ["ParallelForCausalLM"];

        public override string BasePrefix => "model";

        public override ModelConfig ReadConfig(ConfigReader file) => new ParallelConfig
        {
            Vocabulary = file.Size("vocab_size"),
            Width = file.Size("n_embd"),
            Layers = file.Size("n_layer"),
            Heads = file.Size("n_head"),
            Theta = file.Number("rope_theta", 10_000, 1, 1e12),
            TiedOutput = file.Flag("tie_word_embeddings", true),
        };

        /// <summary>An older release said "layer" for "layers".</summary>
        public override string? CurrentName(string stored) => stored.Replace("model.layer.", "model.layers.", StringComparison.Ordinal);

        protected override DecoderStack BuildStack(string architecture, ModelConfig config, ParameterScope at) => new ParallelStack((ParallelConfig)config, at);
    }
}
