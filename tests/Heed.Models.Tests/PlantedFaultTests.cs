using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models.Bart;
using Heed.Models.Bert;
using Heed.Models.Bloom;
using Heed.Models.DistilBert;
using Heed.Models.Gemma3;
using Heed.Models.Gpt1;
using Heed.Models.Gpt2;
using Heed.Models.Llama;
using Heed.Models.ModernBert;
using Heed.Models.T5;
using Heed.Verification;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests;

/// <summary>One error at a time in models that are right without it: the reference values must find each, five or more for each
/// architecture. BERT's stand in BertFaultTests.</summary>
public class PlantedFaultTests
{
    private const int D = 36;

    private static readonly Dictionary<string, VerifyOptions> Faults = new(StringComparer.Ordinal)
    {
        ["gpt2: a dropped bias"] = Zeroed("transformer.h.0.attn.c_attn.bias"),
        ["gpt2: GELU by erf"] = Configured<Gpt2Config>(c => c with { Activation = Activation.Gelu }),
        ["gpt2: epsilon times 100"] = Configured<Gpt2Config>(c => c with { NormEpsilon = c.NormEpsilon * 100 }),
        ["gpt2: scores that are not scaled"] = Configured<Gpt2Config>(c => c with { ScaledScores = false }),
        ["gpt2: scores scaled by the layer's number"] = Configured<Gpt2Config>(c => c with { ScaledByLayer = true }),
        ["gpt2: a square weight transposed"] = Edited("transformer.h.1.attn.c_proj.weight", Transposed),
        ["gpt2: queries and keys exchanged"] = Edited("transformer.h.0.attn.c_attn.weight", v => Columns(v, 3 * D, c => c < D ? c + D : c < 2 * D ? c - D : c)),
        ["gpt2: heads taken in another order"] = Edited("transformer.h.0.attn.c_proj.weight", v => [.. v[(12 * D)..], .. v[..(12 * D)]]),
        ["gpt2: a mask that hides each token from itself"] = new VerifyOptions { Hooks = () => new Hooks().Replace("blocks.0.attn.masked", (_, x) => x + Where(x, (t, s) => s == t)) },
        ["gpt2: a mask that shows the next token"] = new VerifyOptions { Hooks = OneTokenAhead },
        ["gpt2: positions one too far"] = Edited("transformer.wpe.weight", v => [.. v[D..], .. v[..D]]),
        ["gpt2: embeddings scaled"] = Scaled("embed.token", 6),
        ["gpt2: the last norm without its bias"] = Zeroed("transformer.ln_f.bias"),
        ["gpt2: a stream that forgets its input"] = Scaled("blocks.1.attn.out", 0),
        ["gpt2: decay of biases and norms"] = Trained(p => new AdamW(p) { Epsilon = 1e-6, Decays = _ => true }),
        ["gpt2: decay of nothing"] = Trained(p => new AdamW(p) { Epsilon = 1e-6, WeightDecay = 0 }),
        ["gpt2: decay through the gradient"] = Trained(p => new Adam(p) { Epsilon = 1e-6, WeightDecay = 0.01 }),
        ["gpt2: another epsilon in the optimizer"] = Trained(p => new AdamW(p) { Epsilon = 1e-8 }),
        ["gpt2: another beta in the optimizer"] = Trained(p => new AdamW(p) { Epsilon = 1e-6, Beta2 = 0.99 }),
        ["gpt2: no bias correction"] = Trained(p => new UncorrectedAdam(p)),
        ["gpt2-untied-relu: an output layer that is tied"] = Copied("transformer.wte.weight", "lm_head.weight"),
        ["gpt2-untied-relu: GELU for ReLU"] = Configured<Gpt2Config>(c => c with { Activation = Activation.GeluTanh }),

        ["llama: epsilon times 100"] = Configured<LlamaConfig>(c => c with { NormEpsilon = c.NormEpsilon * 100 }),
        ["llama: another base of RoPE"] = Configured<LlamaConfig>(c => c with { Theta = 5000 }),
        ["llama: GELU in the gate"] = Configured<LlamaConfig>(c => c with { Activation = Activation.Gelu }),
        ["llama: an output layer that is tied"] = Copied("model.embed_tokens.weight", "lm_head.weight"),
        ["llama: gate and up exchanged"] = Exchanged("model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight"),
        ["llama: key heads taken in another order"] = Edited("model.layers.0.self_attn.k_proj.weight", v => [.. v[(10 * D)..], .. v[..(10 * D)]]),
        ["llama: scores that are not scaled"] = Scaled("blocks.1.attn.rot_q", MathF.Sqrt(10)),
        ["llama: a norm without its gain"] = Edited("model.layers.1.input_layernorm.weight", v => [.. v.Select(_ => 1f)]),
        ["llama: RoPE on neighbours instead of halves"] = new VerifyOptions
        {
            Change = m =>
            {
                foreach (string part in (string[])["q", "k"])
                    Edit(m, $"model.layers.0.self_attn.{part}_proj.weight", v => Rows(v, r => (r / 10 * 10) + (r % 2 * 5) + (r % 10 / 2)));
            },
        },
        ["mistral-window: a window one too narrow"] = Configured<LlamaConfig>(c => c with { Window = c.Window - 1 }),
        ["mistral-window: a window one too wide"] = Configured<LlamaConfig>(c => c with { Window = c.Window + 1 }),
        ["mistral-window: no window"] = Configured<LlamaConfig>(c => c with { Window = 0 }),
        ["mistral-window: a window in the first layer only"] = Configured<LlamaConfig>(c => c with { WindowLayers = [true, false] }),
        ["mistral-window: another base of RoPE"] = Configured<LlamaConfig>(c => c with { Theta = 5000 }),
        ["qwen2: a dropped bias of queries"] = Zeroed("model.layers.0.self_attn.q_proj.bias"),
        ["qwen2: a dropped bias of values"] = Zeroed("model.layers.1.self_attn.v_proj.bias"),
        ["qwen2: a window that is switched off"] = Configured<LlamaConfig>(c => c with { Window = 4, WindowLayers = [] }),
        ["qwen2: another base of RoPE"] = Configured<LlamaConfig>(c => c with { Theta = 1e6 }),
        ["qwen2: GELU in the gate"] = Configured<LlamaConfig>(c => c with { Activation = Activation.Gelu }),
        ["qwen2: gate and up exchanged"] = Exchanged("model.layers.1.mlp.gate_proj.weight", "model.layers.1.mlp.up_proj.weight"),
        ["qwen3: norms of queries without their gains"] = Edited("model.layers.0.self_attn.q_norm.weight", v => [.. v.Select(_ => 1f)]),
        ["qwen3: norms of queries and keys exchanged"] = Exchanged("model.layers.1.self_attn.q_norm.weight", "model.layers.1.self_attn.k_norm.weight"),
        ["qwen3: epsilon times 100"] = Configured<LlamaConfig>(c => c with { NormEpsilon = c.NormEpsilon * 100 }),
        ["qwen3: another base of RoPE"] = Configured<LlamaConfig>(c => c with { Theta = 1e6 }),
        ["qwen3: scores scaled by the width a head would have by default"] = Scaled("blocks.0.attn.rot_q", MathF.Sqrt(10f / 6)),
        ["qwen3: gate and up exchanged"] = Exchanged("model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight"),

        ["bloom-alibi: a dropped bias"] = Zeroed("transformer.h.0.self_attention.query_key_value.bias"),
        ["bloom-alibi: epsilon times 100"] = Configured<BloomConfig>(c => c with { NormEpsilon = c.NormEpsilon * 100 }),
        ["bloom-alibi: a square weight transposed"] = Edited("transformer.h.1.self_attention.dense.weight", Transposed),
        ["bloom-alibi: queries and keys exchanged"] = Edited("transformer.h.0.self_attention.query_key_value.weight", v => Rows(v, r => r % 18 < 6 ? r + 6 : r % 18 < 12 ? r - 6 : r)),
        ["bloom-alibi: q, k and v not taken head by head"] = Edited("transformer.h.0.self_attention.query_key_value.weight", v => Rows(v, r => (r / 6 % 3 * D) + (r / 18 * 6) + (r % 6))),
        ["bloom-alibi: a stream from behind the norm"] = Configured<BloomConfig>(c => c with { ResidualAfterNorm = true }),
        ["bloom-alibi: scores that are not scaled"] = Scaled("blocks.0.attn.q", MathF.Sqrt(6)),
        ["bloom-alibi: slopes of other heads"] = new VerifyOptions
        {
            Change = m =>
            {
                Edit(m, "transformer.h.0.self_attention.query_key_value.weight", v => Rows(v, r => 107 - r - (17 - (2 * (r % 18)))));
                Edit(m, "transformer.h.0.self_attention.query_key_value.bias", v => [.. Enumerable.Range(0, v.Length).Select(r => v[107 - r - (17 - (2 * (r % 18)))])]);
                Edit(m, "transformer.h.0.self_attention.dense.weight", v => Columns(v, D, c => ((5 - (c / 6)) * 6) + (c % 6)));
            },
        },
        ["bloom-alibi: the embedding's norm without its gain"] = Edited("transformer.word_embeddings_layernorm.weight", v => [.. v.Select(_ => 1f)]),

        ["openai-gpt: a dropped bias"] = Zeroed("transformer.h.1.mlp.c_proj.bias"),
        ["openai-gpt: GELU by erf"] = Configured<Gpt1Config>(c => c with { Activation = Activation.Gelu }),
        ["openai-gpt: epsilon times 100"] = Configured<Gpt1Config>(c => c with { NormEpsilon = c.NormEpsilon * 100 }),
        ["openai-gpt: a square weight transposed"] = Edited("transformer.h.0.attn.c_proj.weight", Transposed),
        ["openai-gpt: queries and keys exchanged"] = Edited("transformer.h.1.attn.c_attn.weight", v => Columns(v, 3 * D, c => c < D ? c + D : c < 2 * D ? c - D : c)),
        ["openai-gpt: positions one too far"] = Edited("transformer.positions_embed.weight", v => [.. v[D..], .. v[..D]]),
        ["openai-gpt: scores that are not scaled"] = Scaled("blocks.0.attn.q", MathF.Sqrt(12)),

        ["bart: a dropped bias"] = Zeroed("model.decoder.layers.1.encoder_attn.v_proj.bias"),
        ["bart: GELU by tanh"] = Configured<BartConfig>(c => c with { Activation = Activation.GeluTanh }),
        ["bart: embeddings scaled"] = Configured<BartConfig>(c => c with { ScaledEmbedding = true }),
        ["bart: a square weight transposed"] = Edited("model.encoder.layers.0.self_attn.out_proj.weight", Transposed),
        ["bart: queries and keys exchanged"] = Exchanged("model.decoder.layers.0.encoder_attn.q_proj.weight", "model.decoder.layers.0.encoder_attn.k_proj.weight"),
        ["bart: the decoder's heads in the encoder"] = Configured<BartConfig>(c => c with { EncoderHeads = c.Heads }),
        ["bart: positions without their offset"] = Edited("model.encoder.embed_positions.weight", v => [.. v[^(2 * D)..], .. v[..^(2 * D)]]),
        ["bart: scores that are not scaled"] = Scaled("decoder.blocks.2.cross_attn.q", MathF.Sqrt(6)),
        ["marian: embeddings that are not scaled"] = Configured<BartConfig>(c => c with { ScaledEmbedding = false }),
        ["marian: GELU for SiLU"] = Configured<BartConfig>(c => c with { Activation = Activation.Gelu }),
        ["marian: a dropped bias"] = Zeroed("model.encoder.layers.1.fc1.bias"),
        ["marian: queries and keys exchanged"] = Exchanged("model.decoder.layers.0.self_attn.q_proj.weight", "model.decoder.layers.0.self_attn.k_proj.weight"),
        ["marian: the decoder's heads in the encoder"] = Configured<BartConfig>(c => c with { EncoderHeads = c.Heads }),
        ["marian: an output layer without its bias"] = Zeroed("final_logits_bias"),
        ["marian: positions scaled with the embeddings"] = Scaled("decoder.embed.position", 6),

        ["t5: epsilon times 100"] = Configured<T5Config>(c => c with { NormEpsilon = c.NormEpsilon * 100 }),
        ["t5: GELU for ReLU"] = Configured<T5Config>(c => c with { Activation = Activation.GeluTanh }),
        ["t5: scores that are scaled"] = Scaled("encoder.blocks.0.attn.q", 1 / MathF.Sqrt(10)),
        ["t5: distances counted further"] = Configured<T5Config>(c => c with { FarthestDistance = 2 * c.FarthestDistance }),
        ["t5: no distances in the decoder"] = Zeroed("decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"),
        ["t5: distances of the other side"] = Edited("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", v => [.. v[12..], .. v[..12]]),
        ["t5: queries and keys exchanged"] = Exchanged("encoder.block.1.layer.0.SelfAttention.q.weight", "encoder.block.1.layer.0.SelfAttention.k.weight"),
        ["t5: a norm without its gain"] = Edited("decoder.final_layer_norm.weight", v => [.. v.Select(_ => 1f)]),
        ["t5: an output that is not scaled"] = Configured<T5Config>(c => c with { ScaledOutput = false }),
        ["t5-v1_1-gated: an output that is scaled"] = Configured<T5Config>(c => c with { ScaledOutput = true }),
        ["t5-v1_1-gated: GELU by erf"] = Configured<T5Config>(c => c with { Activation = Activation.Gelu }),
        ["t5-v1_1-gated: an output layer that is tied"] = Copied("shared.weight", "lm_head.weight"),
        ["t5-v1_1-gated: gate and up exchanged"] = Exchanged("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", "encoder.block.0.layer.1.DenseReluDense.wi_1.weight"),
        ["t5-v1_1-gated: scores that are scaled"] = Scaled("decoder.blocks.0.cross_attn.q", 1 / MathF.Sqrt(10)),

        ["roberta-mlm: another epsilon"] = Configured<BertConfig>(c => c with { NormEpsilon = 1e-5f }),
        ["roberta-mlm: GELU by tanh"] = Configured<BertConfig>(c => c with { Activation = Activation.GeluTanh }),
        ["roberta-mlm: a dropped bias"] = Zeroed("roberta.encoder.layer.1.attention.output.dense.bias"),
        ["roberta-mlm: a head without its norm's bias"] = Zeroed("lm_head.layer_norm.bias"),
        ["roberta-mlm: the one segment left out"] = Zeroed("roberta.embeddings.token_type_embeddings.weight"),
        ["roberta-mlm: positions one too far"] = Edited("roberta.embeddings.position_embeddings.weight", v => [.. v[D..], .. v[..D]]),
        ["roberta-sequence: a head without its first layer's bias"] = Zeroed("classifier.dense.bias"),

        ["xlm-roberta-mlm: positions one too far"] = Edited("roberta.embeddings.position_embeddings.weight", v => [.. v[D..], .. v[..D]]),
        ["xlm-roberta-mlm: another epsilon"] = Configured<BertConfig>(c => c with { NormEpsilon = 1e-7f }),
        ["xlm-roberta-sequence: a head without its first layer's bias"] = Zeroed("classifier.dense.bias"),
        ["camembert-token: GELU by tanh"] = Configured<BertConfig>(c => c with { Activation = Activation.GeluTanh }),
        ["camembert-token: the one segment left out"] = Zeroed("roberta.embeddings.token_type_embeddings.weight"),

        ["mpnet-mlm: no distances"] = Zeroed("mpnet.encoder.relative_attention_bias.weight"),
        ["mpnet-mlm: distances of the other side"] = Edited("mpnet.encoder.relative_attention_bias.weight", v => [.. v[(v.Length / 2)..], .. v[..(v.Length / 2)]]),
        ["mpnet-mlm: positions one too far"] = Edited("mpnet.embeddings.position_embeddings.weight", v => [.. v[D..], .. v[..D]]),
        ["mpnet-mlm: queries and keys exchanged"] = Exchanged("mpnet.encoder.layer.1.attention.attn.q.weight", "mpnet.encoder.layer.1.attention.attn.k.weight"),
        ["mpnet-sequence: a head without its first layer's bias"] = Zeroed("classifier.dense.bias"),

        ["electra-replaced: GELU by tanh"] = Configured<BertConfig>(c => c with { Activation = Activation.GeluTanh }),
        ["electra-replaced: a head without its first layer's bias"] = Zeroed("discriminator_predictions.dense.bias"),
        ["electra-mlm: a projection of the tables without its bias"] = Zeroed("electra.embeddings_project.bias"),
        ["electra-mlm: another epsilon"] = Configured<BertConfig>(c => c with { NormEpsilon = 1e-5f }),
        ["electra-mlm: an output layer without its bias"] = Zeroed("generator_lm_head.bias"),
        ["electra-sequence: segments left out"] = Zeroed("electra.embeddings.token_type_embeddings.weight"),
        ["electra-qa: queries and keys exchanged"] =
            Exchanged("electra.encoder.layer.1.attention.self.query.weight", "electra.encoder.layer.1.attention.self.key.weight"),

        ["deberta-v2-mlm: no queries against distances"] = Configured<DebertaConfig>(c => c with { ContentToPosition = false }),
        ["deberta-v2-mlm: no keys against distances"] = Configured<DebertaConfig>(c => c with { PositionToContent = false }),
        ["deberta-v2-mlm: distances without buckets"] = Configured<DebertaConfig>(c => c with { Buckets = 0, FarthestDistance = 6 }),
        ["deberta-v2-mlm: buckets that grow to another distance"] = Configured<DebertaConfig>(c => c with { FarthestDistance = 30 }),
        ["deberta-v2-mlm: distances of the other side"] = Edited("deberta.encoder.rel_embeddings.weight", v => Rows(v, r => 11 - r)),
        ["deberta-v2-mlm: distances without their norm's gain"] = Edited("deberta.encoder.LayerNorm.weight", v => [.. v.Select(_ => 1f)]),
        ["deberta-v2-mlm: scores scaled by one kind"] = Scaled("blocks.0.attn.q", MathF.Sqrt(3)),
        ["deberta-v2-mlm-v3: a head without its bias"] = Zeroed("lm_predictions.lm_head.bias"),
        ["deberta-v2-sequence: GELU by tanh in the pooler"] =
            Configured<DebertaConfig>(c => c with { PoolerActivation = Activation.GeluTanh }),

        ["modernbert-mlm: GELU by tanh"] = Configured<ModernBertConfig>(c => c with { Activation = Activation.GeluTanh }),
        ["modernbert-mlm: one base of RoPE"] = Configured<ModernBertConfig>(c => c with { WindowTheta = c.Theta }),
        ["modernbert-mlm: a window one too wide on either side"] = Configured<ModernBertConfig>(c => c with { Window = c.Window + 2 }),
        ["modernbert-mlm: windows in all layers"] = Configured<ModernBertConfig>(c => c with { WindowLayers = [true, true, true, true] }),
        ["modernbert-mlm: gate and what it gates exchanged"] =
            Edited("model.layers.0.mlp.Wi.weight", v => [.. v[(v.Length / 2)..], .. v[..(v.Length / 2)]]),
        ["modernbert-mlm: an output layer without its bias"] = Zeroed("decoder.bias"),
        ["modernbert-token: a head without its norm's gain"] = Edited("head.norm.weight", v => [.. v.Select(_ => 1f)]),
        ["modernbert-sequence: the first row for the mean"] = Configured<ModernBertConfig>(c => c with { Pooling = Pooling.First }),

        ["gemma3-text: gains without their 1"] = Edited("model.layers.0.pre_feedforward_layernorm.weight", v => [.. v.Select(x => x - 1)]),
        ["gemma3-text: heads' gains without their 1"] = Edited("model.layers.0.self_attn.k_norm.weight", v => [.. v.Select(x => x - 1)]),
        ["gemma3-text: embeddings that are not scaled"] = Scaled("embed.token", 1f / 6),
        ["gemma3-text: scores scaled by the width of a head"] = Configured<Gemma3Config>(c => c with { ScoreWidth = c.HeadWidth }),
        ["gemma3-text: one base of RoPE"] = Configured<Gemma3Config>(c => c with { WindowTheta = c.Theta }),
        ["gemma3-text: a window one too wide"] = Configured<Gemma3Config>(c => c with { Window = c.Window + 1 }),
        ["gemma3-text: windows in all layers"] = Configured<Gemma3Config>(c => c with { WindowLayers = [true, true, true, true] }),
        ["gemma3-text: the norms about attention exchanged"] = Exchanged("model.layers.1.input_layernorm.weight", "model.layers.1.post_attention_layernorm.weight"),
        ["gemma3-text: GELU by erf"] = Configured<Gemma3Config>(c => c with { Activation = Activation.Gelu }),
        ["gemma3-text-bidirectional: a window one too wide on either side"] = Configured<Gemma3Config>(c => c with { Window = c.Window + 2 }),
        ["gemma3-text-bidirectional: tokens that do not see what follows"] = Configured<Gemma3Config>(c => c with { Bidirectional = false }),

        ["distilbert-mlm: GELU by tanh"] = Configured<DistilBertConfig>(c => c with { Activation = Activation.GeluTanh }),
        ["distilbert-mlm: a dropped bias"] = Zeroed("distilbert.transformer.layer.0.ffn.lin1.bias"),
        ["distilbert-mlm: queries and keys exchanged"] = Exchanged("distilbert.transformer.layer.1.attention.q_lin.weight", "distilbert.transformer.layer.1.attention.k_lin.weight"),
        ["distilbert-mlm: a square weight transposed"] = Edited("distilbert.transformer.layer.0.attention.out_lin.weight", Transposed),
        ["distilbert-mlm: positions one too far"] = Edited("distilbert.embeddings.position_embeddings.weight", v => [.. v[D..], .. v[..D]]),
        ["distilbert-mlm: scores that are not scaled"] = Scaled("blocks.0.attn.q", MathF.Sqrt(12)),
        ["distilbert-mlm: a head without its norm's gain"] = Edited("vocab_layer_norm.weight", v => [.. v.Select(_ => 1f)]),
        ["distilbert-sequence: a head without its first layer's bias"] = Zeroed("pre_classifier.bias"),
    };

    public static TheoryData<string> Names => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_planted_fault_is_found(string fault)
    {
        VerifyResult result = ModelVerifier.Run(Path.Combine(Repository.Goldens, "models", fault[..fault.IndexOf(':', StringComparison.Ordinal)]), Faults[fault] with { Generation = false });
        Assert.Null(result.Error);
        Assert.False(result.Passed, $"{fault}: {result}");
        Assert.True(result.Worst!.Ratio > 3, $"{fault} is found, but barely: {result}");
    }

    [Fact]
    public void Without_a_fault_every_one_of_these_models_passes()
    {
        foreach (string name in Faults.Keys.Select(f => f[..f.IndexOf(':', StringComparison.Ordinal)]).Distinct()) Verified.Model(name);
        Verified.Model("gpt2", Trained(p => new AdamW(p) { Epsilon = 1e-6 }));
    }

    private static VerifyOptions Configured<T>(Func<T, T> change) where T : ModelConfig => new() { Configure = config => change((T)config) };

    private static VerifyOptions Edited(string name, Func<float[], float[]> edit) => new() { Change = m => Edit(m, name, edit) };

    private static VerifyOptions Copied(string from, string to) => new() { Change = m => Edit(m, to, _ => m.Parameters[from].ToTensor().ToArray()) };

    private static VerifyOptions Zeroed(string name) => Edited(name, v => new float[v.Length]);

    private static VerifyOptions Scaled(string site, float factor) => new() { Hooks = () => new Hooks().Replace(site, (_, x) => x * factor) };

    private static VerifyOptions Trained(Func<ParameterSet, Optimizer> optimizer) => new() { Optimizer = optimizer };

    /// <summary>Scores whose mask begins one key too late.</summary>
    private static Hooks OneTokenAhead()
    {
        Variable open = default;
        return new Hooks()
            .Observe("blocks.1.attn.scaled", (_, x) => open = x)
            .Replace("blocks.1.attn.masked", (_, x) => open + Where(x, (t, s) => s > t + 1));
    }

    /// <summary>[B, H, T, S]: −∞ where query t of all and key s are chosen, 0 elsewhere.</summary>
    private static Tensor Where(Variable scores, Func<int, int, bool> chosen)
    {
        int T = scores.Shape[2], S = scores.Shape[3];
        float[] mask = new float[scores.Shape.Count];
        for (int i = 0; i < mask.Length; i++)
            if (chosen((i / S % T) + (S - T), i % S)) mask[i] = float.NegativeInfinity;
        return Tensor.Create(mask, scores.Shape);
    }

    private static VerifyOptions Exchanged(string one, string other) => new()
    {
        Change = m =>
        {
            float[] kept = m.Parameters[one].ToTensor().ToArray();
            Edit(m, one, _ => m.Parameters[other].ToTensor().ToArray());
            Edit(m, other, _ => kept);
        },
    };

    private static void Edit(Model model, string name, Func<float[], float[]> edit)
    {
        Parameter parameter = model.Parameters[name];
        parameter.Assign(Tensor.Create(edit(parameter.ToTensor().ToArray()), parameter.Shape));
    }

    /// <summary>A matrix whose column c is the given one's column <paramref name="from"/>(c).</summary>
    private static float[] Columns(float[] values, int width, Func<int, int> from) => [.. Enumerable.Range(0, values.Length).Select(i => values[(i / width * width) + from(i % width)])];

    /// <summary>A matrix [F, D] whose row r is the given one's row <paramref name="from"/>(r).</summary>
    private static float[] Rows(float[] values, Func<int, int> from) => [.. Enumerable.Range(0, values.Length).Select(i => values[(from(i / D) * D) + (i % D)])];

    private static float[] Transposed(float[] values) => [.. Enumerable.Range(0, D * D).Select(i => values[(i % D * D) + (i / D)])];

    /// <summary>AdamW whose means are taken as they are, though they begin at zero.</summary>
    private sealed class UncorrectedAdam(ParameterSet parameters) : Optimizer(parameters)
    {
        protected override IEnumerable<KeyValuePair<string, Shape>> Remembered(Parameter parameter) => [new("m", parameter.Shape), new("v", parameter.Shape)];

        protected override void Update(Parameter parameter, OptimizerState state, UpdateSettings settings)
        {
            Span<float> w = parameter.Value.Span, g = parameter.Gradient!.Span, m = state["m"].Span, v = state["v"].Span;
            float decay = (float)(settings.Rate * (Decays(parameter) ? 0.01 : 0));
            for (int i = 0; i < w.Length; i++)
            {
                float d = g[i] * (float)settings.GradientScale;
                m[i] = (0.9f * m[i]) + (0.1f * d);
                v[i] = (0.999f * v[i]) + (0.001f * d * d);
                w[i] -= (decay * w[i]) + ((float)settings.Rate * m[i] / (MathF.Sqrt(v[i]) + 1e-6f));
            }
        }
    }
}
