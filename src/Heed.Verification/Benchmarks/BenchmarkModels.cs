using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Bart;
using Heed.Models.Bert;
using Heed.Models.Gpt2;
using Heed.Models.Llama;

namespace Heed.Verification.Benchmarks;

/// <summary>The models that are measured: real shapes, random weights of a fixed seed, no dropout.</summary>
internal static class BenchmarkModels
{
    /// <summary>BERT-base.</summary>
    public static BertConfig BertBase { get; } = BertConfig.Base with { Dropout = 0, AttentionDropout = 0 };

    /// <summary>all-MiniLM-L6-v2's shape.</summary>
    public static BertConfig MiniLm { get; } = new()
    {
        Layers = 6,
        Heads = 12,
        Width = 384,
        PaddingId = 0,
        Dropout = 0,
        AttentionDropout = 0,
        Labels = ["0", "1"],
    };

    /// <summary>A GPT over letters: 10.8M parameters.</summary>
    public static Gpt2Config CharGpt { get; } = new()
    {
        Layers = 6,
        Heads = 6,
        Width = 384,
        ContextLength = 256,
        Vocabulary = 65,
        EmbeddingDropout = 0,
        AttentionDropout = 0,
        ResidualDropout = 0,
    };

    /// <summary>GPT-2 of 124M parameters.</summary>
    public static Gpt2Config Gpt2 { get; } = Gpt2Config.Small with { EmbeddingDropout = 0, AttentionDropout = 0, ResidualDropout = 0 };

    /// <summary>LLaMA's architecture with 134M parameters.</summary>
    public static LlamaConfig Llama { get; } = new() { Layers = 12, Heads = 12, Width = 768, InnerWidth = 2048, TiedOutput = false };

    /// <summary>The base Transformer of translation models.</summary>
    public static BartConfig Marian { get; } = BartConfig.MarianBase with { Dropout = 0 };

    /// <summary>Weights of a fixed seed.</summary>
    public static ParameterSet Weights() => new(ParameterSource.Random(1));

    /// <summary>The same model with weights packed for inference.</summary>
    public static TModel Packed<TModel>(TModel model, WeightFormat? format = null)
        where TModel : Model
    {
        WeightFormat into = format ?? WeightFormat.Float32;
        foreach (Parameter p in model.Parameters)
            if (p.IsPackedAs(into)) p.Pack(into);
        return model;
    }

    /// <summary>Ids of a fixed seed, above those of special tokens.</summary>
    public static int[] Ids(int count, int vocabulary, ulong stream = 0)
    {
        const int Special = 4;
        CounterRandom random = new(7, stream);
        int[] ids = new int[count];
        for (int i = 0; i < count; i++) ids[i] = Special + random.Integer((ulong)i, vocabulary - Special);
        return ids;
    }

    /// <summary>Texts of given lengths.</summary>
    public static int[][] Texts(IEnumerable<int> lengths, int vocabulary)
        => [.. lengths.Select((length, b) => Ids(length, vocabulary, (ulong)b))];

    /// <summary>Useful operations of an encoder over texts: its layers' products, and both products of attention over each text's own
    /// pairs.</summary>
    public static double EncoderOperations(BertConfig c, IEnumerable<int> lengths)
    {
        double layer = 2.0 * ((4.0 * c.Width * c.Width) + (2.0 * c.Width * c.InnerWidth));
        return c.Layers * lengths.Sum(T => (layer * T) + (4.0 * c.Width * T * T));
    }

    /// <summary>Useful operations of a decoder over one text: products of all tokens, pairs of the past, and the output of
    /// <paramref name="outputs"/> tokens.</summary>
    public static double DecoderOperations(Model model, int width, int length, int outputs)
    {
        double table = (double)model.Config.Vocabulary * width;
        double products = model.Parameters.Where(p => p.InputMajor is not null && p.Shape.Count != table).Sum(p => (double)p.Shape.Count);
        return (2.0 * products * length) + (2.0 * table * outputs) + (model.Config.Layers * 4.0 * width * length * (length + 1) / 2);
    }

    /// <summary>Bytes of weights that each decoded token reads: everything in products.</summary>
    public static double ProductBytes(Model model)
    {
        ModelConfig c = model.Config;
        double table = c.TiedOutput ? (double)c.Vocabulary * c.Width : -1;
        return model.Parameters.Where(p => p.InputMajor is not null || (p.IsTable && p.Shape.Count == table)).Sum(p => (double)p.Bytes);
    }
}
