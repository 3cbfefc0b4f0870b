using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Models.Transformer2017;
using Heed.Models.Recurrent;
using Xunit;

namespace Heed.Generation.Tests;

/// <summary>Families without reference generations: what is written step by step is what the whole text, read at once, says.</summary>
public sealed class FamilyGenerationTests
{
    private static readonly int[][] Prompts = [[5, 9, 33, 7], [11], [3, 8, 21, 40, 2, 19, 28]];

    public static TheoryData<string> Names => ["lstm", "lstm encoder-decoder", "transformer 2017"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Greedy_tokens_are_the_likeliest_of_the_whole_text(string name)
    {
        using Model model = Build(name);
        using InferenceEngine engine = new(model);
        IReadOnlyList<GeneratedText> texts = engine.Generate(Prompts, new GenerationConfig { MaxNewTokens = 15 });
        for (int i = 0; i < Prompts.Length; i++)
        {
            (float[][] rows, _) = LogProbabilities(model, Prompts[i], [.. texts[i].Ids]);
            Assert.Equal(rows.Select(r => Array.IndexOf(r, r.Max())), texts[i].Ids);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Beams_score_what_the_whole_text_scores_and_free_their_pages(string name)
    {
        using Model model = Build(name);
        using InferenceEngine engine = new(model, TestModels.NoPrefixes);
        GenerationConfig config = new() { MaxNewTokens = 9, Beams = 4, ReturnSequences = 3, EndIds = [6, 17] };
        IReadOnlyList<GeneratedText> texts = engine.Generate(Prompts, config);
        Assert.Equal(0, engine.CacheBytes);
        Assert.Equal(9, texts.Count);
        foreach (GeneratedText text in texts)
        {
            (_, double sum) = LogProbabilities(model, Prompts[text.Prompt], [.. text.Ids]);
            Assert.Equal(sum / text.Ids.Count, text.Score!.Value, 1e-4);
        }
    }

    private static Model Build(string name)
    {
        ParameterSet parameters = new(ParameterSource.Random(11));
        return name switch
        {
            "lstm" => CausalLanguageModel.Create(new LstmConfig { Vocabulary = 50, Width = 24, Layers = 2 }, parameters),
            "lstm encoder-decoder" => SequenceToSequenceModel.Create(new LstmConfig { Task = LstmTask.SequenceToSequence, Vocabulary = 50, Width = 24, Layers = 2, BeginId = 1, PaddingId = 0 }, parameters),
            _ => SequenceToSequenceModel.Create(new Transformer2017Config { Vocabulary = 50, Width = 24, Heads = 4, Layers = 2, BeginId = 1, PaddingId = 0 }, parameters),
        };
    }

    /// <summary>Of each generated token the row that predicts it, and the sum over the tokens.</summary>
    private static (float[][] Rows, double Sum) LogProbabilities(Model model, int[] prompt, int[] ids)
    {
        using TensorScope scope = TensorScope.Begin();
        TokenGrid Row(params int[] cells) => new(1, cells.Length, cells);
        bool both = model is SequenceToSequenceModel;
        ModelInputs inputs = both
            ? new ModelInputs { InputIds = Row(prompt), DecoderInputIds = Row([((SequenceToSequenceModel)model).DecoderStartId, .. ids[..^1]]) }
            : new ModelInputs { InputIds = Row([.. prompt, .. ids[..^1]]) };
        Tensor logits = model.Run(inputs).Logits!;
        int V = logits.Shape.Last, first = both ? 0 : prompt.Length - 1;
        float[][] rows = new float[ids.Length][];
        double sum = 0;
        for (int t = 0; t < ids.Length; t++)
        {
            rows[t] = logits.Span.Slice((first + t) * V, V).ToArray();
            Probabilities.LogSoftmax(rows[t]);
            sum += rows[t][ids[t]];
        }

        return (rows, sum);
    }
}
