using System.Text.Json;
using Heed.Checkpoints;
using Heed.Generation.Processors;
using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Testing;
using Xunit;

namespace Heed.Generation.Tests.Sampling;

/// <summary>Every processor against the reference's, row by row.</summary>
public sealed class SamplingGoldenTests
{
    private const double Tolerance = 2e-6;   // relative L2: goldens/modules/README.md

    private static readonly string Json = Path.Combine(Repository.Goldens, "modules", "sampling.json");

    public static TheoryData<string> Cases()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Json));
        return [.. document.RootElement.EnumerateObject().Select(p => p.Name)];
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Scores_are_those_of_the_reference(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Json));
        JsonElement settings = document.RootElement.GetProperty(name);
        using SafetensorsFile file = SafetensorsFile.Open(Path.ChangeExtension(Json, ".safetensors"));
        bool chain = settings.TryGetProperty("order", out _);
        float[] logits = file[name + "/logits"].ToFloats(), expected = file[$"{name}/{(chain ? "probabilities" : "output")}"].ToFloats();
        long[] shape = file[name + "/history"].Sizes;
        byte[] bytes = file[name + "/history"].ToBytes();
        int rows = (int)shape[0], length = (int)shape[1], V = logits.Length / rows;
        double distance = 0, norm = 0;
        for (int b = 0; b < rows; b++)
        {
            int[] history = [.. Enumerable.Range(0, length).Select(t => (int)BitConverter.ToInt64(bytes, ((b * length) + t) * 8))];
            float[] scores = logits.AsSpan(b * V, V).ToArray();
            (chain ? Chain(settings, length) : Single(settings)).Process(history, scores);
            if (chain) Probabilities.Softmax([.. scores], scores);
            for (int i = 0; i < V; i++)
            {
                float want = expected[(b * V) + i];
                Assert.True(float.IsInfinity(want) ? want == scores[i] : float.IsFinite(scores[i]), $"row {b}, id {i}: {scores[i]} instead of {want}");
                if (float.IsInfinity(want)) continue;
                distance += Math.Pow(want - (double)scores[i], 2);
                norm += Math.Pow(want, 2);
            }
        }

        Assert.True(Math.Sqrt(distance) <= Tolerance * Math.Sqrt(norm), $"distance {Math.Sqrt(distance)}, norm {Math.Sqrt(norm)}");
    }

    private static ProcessorList Chain(JsonElement settings, int length)
        => ProcessorList.Create(new GenerationConfig { Sample = true, TopK = 0 }.With(new ConfigReader(settings, Json)), length, length + 10);

    private static ILogitsProcessor Single(JsonElement s)
    {
        float Number(string name) => s.GetProperty(name).GetSingle();
        int Whole(string name) => s.GetProperty(name).GetInt32();
        int[] Ids(JsonElement e) => [.. e.EnumerateArray().Select(x => x.GetInt32())];
        return s.GetProperty("class").GetString() switch
        {
            "TemperatureLogitsWarper" => new TemperatureWarper(Number("temperature")),
            "TopKLogitsWarper" => new TopKWarper(Whole("top_k")),
            "TopPLogitsWarper" => new TopPWarper(Number("top_p")),
            "MinPLogitsWarper" => new MinPWarper(Number("min_p")),
            "TypicalLogitsWarper" => new TypicalWarper(Number("mass")),
            "EpsilonLogitsWarper" => new CutoffWarper(Number("epsilon")),
            "EtaLogitsWarper" => new CutoffWarper(Number("epsilon"), relativeToEntropy: true),
            "RepetitionPenaltyLogitsProcessor" => new RepetitionPenaltyProcessor(Number("penalty")),
            "NoRepeatNGramLogitsProcessor" => new NoRepeatNgramProcessor(Whole("ngram_size")),
            "NoBadWordsLogitsProcessor" => SequenceBiasProcessor.Forbid([.. s.GetProperty("bad_words_ids").EnumerateArray().Select(Ids)], [Whole("eos_token_id")]),
            "SequenceBiasLogitsProcessor" => new SequenceBiasProcessor([.. s.GetProperty("sequence_bias").EnumerateArray().Select(e => new SequenceBias(Ids(e[0]), e[1].GetSingle()))]),
            "SuppressTokensLogitsProcessor" => new Suppression(Ids(s.GetProperty("suppress_tokens"))),
            "MinNewTokensLengthLogitsProcessor" => new MinimumLengthProcessor(Whole("prompt_length_to_skip") + Whole("min_new_tokens"), [Whole("eos_token_id")]),
            "ForcedBOSTokenLogitsProcessor" => new ForcedTokenProcessor(1, [Whole("bos_token_id")]),
            "ForcedEOSTokenLogitsProcessor" => new ForcedTokenProcessor(Whole("max_length") - 1, [Whole("eos_token_id")]),
            "ExponentialDecayLengthPenalty" => new ExponentialDecayProcessor(
                s.GetProperty("exponential_decay_length_penalty")[0].GetInt32() + Whole("input_ids_seq_length"),
                s.GetProperty("exponential_decay_length_penalty")[1].GetSingle(),
                [Whole("eos_token_id")]),
            "LogitNormalization" => new Renormalizer(),
            string other => throw new InvalidOperationException($"No test for {other}."),
            null => throw new InvalidOperationException("The case names no class."),
        };
    }
}
