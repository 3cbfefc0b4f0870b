using Heed.Models;
using Heed.Models.Custom;
using Heed.Models.Recurrent;
using Heed.Engine.Nn;

namespace Heed.Inspection.Tests;

/// <summary>Names, other names for them, and what is said of those that are not there.</summary>
public sealed class NameTests
{
    [Theory]
    [InlineData("gpt2", "blocks.1.attn.hook_pattern", "decoder.blocks.1.attn.pattern")]
    [InlineData("gpt2", "blocks.0.attn.q", "decoder.blocks.0.attn.q")]
    [InlineData("gpt2", "hook_embed", "decoder.embed.token")]
    [InlineData("gpt2", "hook_pos_embed", "decoder.embed.position")]
    [InlineData("gpt2", "ln_final.hook_scale", "decoder.final_norm.scale")]
    [InlineData("gpt2", "blocks.0.ln2.hook_normalized", "decoder.blocks.0.mlp_norm.normalized")]
    [InlineData("gpt2", "unembed.hook_out", "logits")]
    [InlineData("llama", "blocks.0.mlp.hook_pre_linear", "decoder.blocks.0.mlp.up")]
    [InlineData("llama", "blocks.0.attn.hook_rot_k", "decoder.blocks.0.attn.rot_k")]
    [InlineData("qwen3", "blocks.0.attn.q_norm.hook_scale", "decoder.blocks.0.attn.q_norm.scale")]
    [InlineData("bert-mlm", "blocks.1.hook_normalized_resid_post", "encoder.blocks.1.out")]
    [InlineData("bert-mlm", "hook_full_embed", "encoder.embed.out")]
    [InlineData("bert-mlm", "mlm_head.ln.hook_scale", "head.norm.scale")]
    [InlineData("bert-mlm", "blocks.0.attn.hook_attn_scores", "encoder.blocks.0.attn.masked")]
    [InlineData("t5", "encoder.0.attn.hook_z", "encoder.blocks.0.attn.z")]
    [InlineData("t5", "decoder.1.cross_attn.hook_pattern", "decoder.blocks.1.cross_attn.pattern")]
    [InlineData("t5", "decoder_blocks.1.self_attn.hook_q", "decoder.blocks.1.attn.q")]
    [InlineData("t5", "decoder.0.ln2.hook_scale", "decoder.blocks.0.cross_attn_norm.scale")]
    [InlineData("t5", "decoder.0.ln3.hook_scale", "decoder.blocks.0.mlp_norm.scale")]
    [InlineData("t5", "encoder.0.ln2.hook_scale", "encoder.blocks.0.mlp_norm.scale")]
    [InlineData("t5", "decoder.0.hook_resid_mid_cross", "decoder.blocks.0.resid_mid_cross")]
    public void Other_names_find_the_same_value(string folder, string alias, string name)
    {
        using Model model = ProofTests.Load(folder);
        Inspector inspector = new(model);
        Assert.Equal(name, inspector.Find(alias));
        Assert.Equal(name, inspector.Find(name));
        Trace trace = inspector.Trace(ProofTests.TextFor(model), n => n == name);
        Assert.Equal([name], trace.Names);
        if (!alias.Contains("_blocks.", StringComparison.Ordinal) && folder != "t5") Assert.Same(trace[name], trace[alias]);
    }

    [Fact]
    public void What_is_not_there_is_refused_by_name_with_the_nearest()
    {
        using Model model = ProofTests.Load("gpt2");
        Inspector inspector = new(model);
        InspectedText text = ProofTests.TextFor(model);
        Refused("'decoder.blocks.0.attn.pattern'", () => inspector.Find("decoder.blocks.0.attn.patern"));
        Refused("heads 0 to 2", () => inspector.Logits(text, [Intervention.Zero("blocks.0.attn.z", head: 3)]));
        Refused("positions 0 to 7", () => inspector.Logits(text, [Intervention.Zero("blocks.0.attn.out", position: 8)]));
        Refused("no axis of heads", () => inspector.Logits(text, [Intervention.Zero("blocks.0.attn.out", head: 0)]));
        Refused("can be read and not changed", () => inspector.Logits(text, [Intervention.Zero("final_norm.scale")]));
        Refused("this model has decoder", () => inspector.LayersOf("encoder"));
        Refused("layers 0 to 1", () => inspector.NeuronTokens(2));
        Refused("neurons 0 to 143", () => inspector.NeuronTokens(0, [144]));
        Refused("ids 0 to 100", () => inspector.Score(text, new LogitDifference(101)));
        Refused("positions 0 to 7", () => inspector.Score(text, new LogitDifference(1, 2, 8)));
        Refused("same number", () => inspector.Patch(text, text with { Ids = [1, 2] }, new LogitDifference(1, 2), "resid_pre"));
        Refused("nothing to restore", () => inspector.Patch(text, text, new LogitDifference(1, 2), "resid_pre"));
        Refused("needs texts", () => inspector.AblateHead("decoder.blocks.0.attn", 0, Ablation.Mean));
        Refused("needs the id", () => inspector.IntegratedGradients(text, new LogitDifference(1, 2), Baseline.Token));
        Refused("left out", () => _ = inspector.Trace(text, n => n == "logits")["decoder.embed.out"]);

        static void Refused(string words, Action action)
            => Assert.Contains(words, Assert.Throws<InputException>(action).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Models_without_attention_have_names_and_traces()
    {
        LstmConfig config = new() { Vocabulary = 30, Width = 12, EmbeddingWidth = 12, Layers = 2, Labels = ["a", "b"] };
        using Model model = CausalLanguageModel.Create(config, new ParameterSet(ParameterSource.Random(1)));
        Inspector inspector = new(model);
        Assert.Empty(inspector.Stacks);
        InspectedText text = new() { Ids = [5, 6, 7] };
        Assert.Equal([3, 30], inspector.Trace(text)["logits"].Shape.ToArray());
        Assert.Contains("no attention layers", Assert.Throws<InputException>(() => inspector.Lens(text)).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string> Others
        => ["gemma3-text", "mistral-window", "qwen2", "electra-mlm", "modernbert-mlm", "deberta-v2-mlm", "mpnet-mlm", "marian",
            "bert-token", "gpt2-sequence", "bert-pretraining", "custom"];

    /// <summary>Families that the stored values do not have: all operations run, and what must hold holds.</summary>
    [Theory]
    [MemberData(nameof(Others))]
    public void Every_family_can_be_inspected(string name)
    {
        using Model model = name == "custom"
            ? CausalLanguageModel.Create(
                new CustomConfig
                {
                    Vocabulary = 60,
                    Width = 24,
                    Layers = 2,
                    Heads = 4,
                    InnerWidth = 20,
                    ContextLength = 16,
                    Positions =
                    PositionKind.Alibi
                }, new ParameterSet(ParameterSource.Random(1)))
            : ProofTests.Load(name);
        Inspector inspector = new(model);
        InspectedText text = ProofTests.TextFor(model) with { TypeIds = null };
        LogitDifference metric = inspector.Metric(text, model is EncoderModel ? 4 : null);
        ValueArray lens = inspector.Lens(text);
        Assert.Equal(inspector.Logits(text).ToArray(), lens.At(lens.Shape[0] - 1).ToArray());
        DirectAttribution shares = inspector.DirectAttribution(text, metric);
        if (shares.IsExact || model is not CausalLanguageModel)
            Assert.Equal(shares.Score, shares.Shares.Sum(s => (double)s.Value), 1e-4 * Math.Max(1, Math.Abs(shares.Score)));
        foreach (ValueArray effects in inspector.AblateEach(text, metric).Values) Assert.All(effects.ToArray(), e
            => Assert.True(float.IsFinite(e)));
        Assert.NotEmpty(inspector.HeadScores(text));
        Assert.True(float.IsFinite(inspector.IntegratedGradients(text, metric, steps: 8).Gap));
        Assert.Equal(text.Ids.Count, inspector.LeaveOneOut(text, metric).Metric.Count);
        Assert.Equal(inspector.Names.Count, inspector.Trace(text).Names.Count);
    }

    [Fact]
    public void A_stopped_call_ends()
    {
        using Model model = ProofTests.Load("gpt2");
        using CancellationTokenSource stop = new();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => new Inspector(model).Trace(ProofTests.TextFor(model), null, null, stop.Token));
    }
}
