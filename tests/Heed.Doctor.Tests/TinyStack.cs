using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Gpt2;

namespace Heed.Doctor.Tests;

/// <summary>A decoder as a user writes it, with the mistakes that a user makes.</summary>
internal sealed class TinyStack : DecoderStack
{
    private readonly Block[] _blocks;

    private TinyStack(Gpt2Config config, ParameterScope at, bool causal, float scale, Func<Variable, Variable>? between)
        : base(config, at)
    {
        Tokens = new Embedding(config.Vocabulary, config.Width, (at / "tokens").As("embed"), Initializer.Normal(0.3f), isOutput: true);
        _blocks = [.. Enumerable.Range(0, config.Layers).Select(i => new Block(config, causal, scale, i == 0 ? between : null, i,
            (at / "layers" / i).As($"blocks.{i}")))];
    }

    public override Embedding Tokens { get; }

    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. _blocks.Select(b => b.Shape)];

    public override Variable Forward(TokenBatch batch, ForwardContext context)
        => LayerStack.Run(_blocks, Tokens.Forward(batch.Ids), context, (block, x) => block.Forward(x, context), x => x);

    /// <summary>A language model over such a stack.</summary>
    /// <param name="causal">False lets tokens see those after them.</param>
    /// <param name="scale">Factor of the scores; 0 stands for 1/√K.</param>
    /// <param name="between">What becomes of the first layer's result; null: nothing.</param>
    /// <param name="width">D.</param>
    public static CausalLanguageModel Model(bool causal = true, float scale = 0, Func<Variable, Variable>? between = null, int width = 64)
    {
        Gpt2Config config = Workshop.Sizes(320, width) with { Heads = 2 };
        ParameterSet parameters = new(ParameterSource.Random(7));
        TinyStack stack = new(config, parameters.Root / "model", causal, scale, between);
        VocabularyHead head = new(new VocabularyHeadConfig { Width = config.Width, Vocabulary = config.Vocabulary }, stack.Tokens,
            parameters.Root / "lm_head");
        return new CausalLanguageModel("TinyForCausalLM", parameters, stack, head);
    }

    private sealed class Block(Gpt2Config config, bool causal, float scale, Func<Variable, Variable>? then, int layer, ParameterScope at)
        : Module(at)
    {
        private readonly LayerNorm _norm = new(config.Width, 1e-5f, (at / "norm").As("norm1"));
        private readonly MultiHeadAttention _attention = new(
            new AttentionConfig
            {
                Width = config.Width,
                Heads = config.Heads,
                Causal = causal,
                Layer = layer,
                Scale = scale,
                Initializer = Initializer.Normal(0.1f)
            },
            (at / "attention").As("attn"));
        private readonly FeedForward _feedForward = new(
            new FeedForwardConfig
            {
                Width = config.Width,
                InnerWidth = 2 * config.Width,
                Activation = Activation.Silu,
                UpName = "up",
                DownName = "down",
                Initializer = Initializer.Normal(0.1f),
            },
            (at / "mlp").As("mlp"));

        public KeyValueShape Shape => _attention.CacheShape;

        public Variable Forward(Variable x, ForwardContext context)
        {
            Variable normed = _norm.Forward(x, context);
            x = context.Visit(Site, "resid_post", x + _attention.Forward(normed, context) + _feedForward.Forward(normed, context));
            return then is null ? x : then(x);
        }
    }
}
