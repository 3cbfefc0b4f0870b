using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Heed.Generation;
using Heed.Models;
using Heed.Testing;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

/// <summary>Runs that begin with new weights: a preset or a config.json, and a tokenizer that is given or trained.</summary>
public class NewModelTests
{
    private const string Transformer = """
        { "model_type": "transformer-2017", "d_model": 32, "d_ff": 64, "num_heads": 2, "encoder_layers": 1, "decoder_layers": 1,
            "norm_first": true,
          "dropout": 0.0, "label_smoothing": 0.0, "tie_word_embeddings": true, "vocab_size": 300 }
        """;

    private const string Lstm = """{ "model_type": "lstm-seq2seq", "hidden_size": 24, "embedding_size": 16, "vocab_size": 300 }""";

    private const string FixedVector = """{ "model_type": "lstm-seq2seq", "hidden_size": 24, "embedding_size": 16, "attention": false, "vocab_size": 300 }""";

    private const string T5 = """
        { "model_type": "t5", "d_model": 32, "d_kv": 16, "d_ff": 64, "num_heads": 2, "num_layers": 1, "num_decoder_layers": 1,
            "dropout_rate": 0.0, "vocab_size": 300 }
        """;

    [Theory]
    [InlineData(Transformer, 1e-2)]
    [InlineData(Lstm, 2e-2)]
    [InlineData(FixedVector, 2e-2)]
    [InlineData(T5, 2e-2)]
    public void An_encoder_decoder_learns_pairs_from_a_configuration_alone(string json, double rate)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("model.json"), json);
        FinetuningConfig config = Config(folder) with
        {
            Model = folder.File("model.json"),
            Steps = 60,
            LearningRate = rate,
            EvaluateEvery = 20,
            EvaluateWritten = 4,
            Patience = 0,
        };
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("out"), config);
        Assert.Contains(run.Task.Decisions, d => d.StartsWith("new weights, drawn by seed 1; a vocabulary of ", StringComparison.Ordinal)
            && d.EndsWith("trained on the training texts", StringComparison.Ordinal));
        Assert.Equal("exact_match", run.Task.Measure.Name);
        Curve curve = new();
        run.Train([curve]);
        EvaluationReport report = FinetuningRun.Finish(run)!;
        Assert.True(curve.Seen[^1].Loss < 0.7 * curve.Seen[0].Loss, $"{curve.Seen[0].Loss} → {curve.Seen[^1].Loss}");
        Assert.All(curve.Seen, e => Assert.InRange(e["exact_match"]!.Value, 0, 100));
        Assert.NotNull(report["bleu"]);

        JsonNode saved = JsonNode.Parse(File.ReadAllText(folder.File("out/report.json")))!;
        Assert.True(saved["new_weights"]!.GetValue<bool>());
        JsonArray fifths = saved["details"]!["by_source_length"]!.AsArray();
        Assert.Equal(run.Task.Data.HeldOut, fifths.Sum(f => f!["examples"]!.GetValue<int>()));
        double right = fifths.Sum(f => f!["examples"]!.GetValue<int>() * f["exact_match"]!.GetValue<double>()) / run.Task.Data.HeldOut;
        Assert.Equal(report["exact_match"]!.Value, right, 1e-9);
        string card = File.ReadAllText(folder.File("out/README.md"));
        Assert.DoesNotContain("base_model", card, StringComparison.Ordinal);
        Assert.Contains("# model.json, trained for translation", card, StringComparison.Ordinal);

        using HeedModel opened = HeedModel.Open(folder.File("out"));
        Assert.IsType<SequenceToSequenceModel>(opened.Model);
        Assert.NotEmpty(opened.Rewrite(["two dogs"]));
        // A finished model says itself what it was trained for; beams may be named.
        TaskAssessment judged = FinetuningRun.Evaluate(new FinetuningConfig { Model = folder.File("out"), Test = config.Dev },
            new WritingOptions(4, 1));
        Assert.Equal(run.Task.Data.HeldOut, judged.Examples.Count);
    }

    [Fact]
    public void A_preset_takes_the_tokenizer_s_vocabulary_and_no_dropout()
    {
        using TemporaryFolder folder = new();
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("out"),
            Config(folder) with { Model = "transformer-tiny", Steps = 1 });
        ModelConfig config = run.Task.Model.Config;
        Assert.Equal(run.Task.Data.Tokenizer.VocabularySize, config.Vocabulary);
        Assert.Equal(0.0, config.ToJson()["dropout"]!.GetValue<double>());
        Assert.Equal((run.Task.Data.Tokenizer.TokenToId("</s>"), run.Task.Data.Tokenizer.TokenToId("<pad>")), (config.EndId,
            config.PaddingId));
        Assert.Equal("</s>", run.Task.Data.Tokenizer.IdToToken(run.Task.Data.Tokenizer.Encode("one").Ids[^1]));
    }

    [Fact]
    public void A_run_with_new_weights_resumes_to_the_same_bits()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("model.json"), Transformer);
        Finetuned.AssertResumes(folder, Config(folder) with { Model = folder.File("model.json"), EvaluateWritten = 3 });
    }

    [Theory]
    [InlineData("lstm-classifier")]
    [InlineData("bert")]
    public void Classes_are_learned_by_new_weights_with_a_trained_or_a_given_tokenizer(string type)
    {
        using TemporaryFolder folder = new();
        string data = folder.File("data.csv");
        StringBuilder rows = new("text,label\n");
        for (int i = 0; i < 40; i++) rows.Append(CultureInfo.InvariantCulture,
            $"{(i % 2 == 0 ? "the sun shines" : "rain falls down")} number {i},{(i % 2 == 0 ? "good" : "bad")}\n");
        File.WriteAllText(data, rows.ToString());
        bool isBert = type == "bert";
        string model = isBert ? Path.Combine(Finetuned.Encoder, "config.json") : folder.File("lstm.json");
        if (!isBert) File.WriteAllText(model, """{ "model_type": "lstm-classifier", "hidden_size": 16, "vocab_size": 300 }""");
        FinetuningConfig config = new()
        {
            Model = model,
            Tokenizer = isBert ? Finetuned.Encoder : "",
            Train = data,
            VocabularySize = 300,
            Steps = 30,
            BatchSize = 8,
            LearningRate = 1e-2,
            EvaluateEvery = 30,
        };
        EvaluationReport report = Finetuned.Train(folder.File("out"), config)!;
        Assert.True(report["accuracy"] > 0.9, $"accuracy {report["accuracy"]}");
        using HeedModel opened = HeedModel.Open(folder.File("out"));
        Assert.Equal("good", opened.Classify("the sun shines number 99")[0].Label);
    }

    [Fact]
    public void What_does_not_fit_new_weights_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config(folder) with { Model = "transformer-tiny", Steps = 1 };
        Refuses<ConfigException>(config with { Lora = 4 }, "lora: ");
        Refuses<ConfigException>(config with { VocabularySize = 257 }, "vocabulary_size: ");
        Refuses<ConfigException>(config with { Model = Finetuned.Pipeline("t5-translate"), Tokenizer = Finetuned.Encoder },
            "tokenizer: is for new weights");
        string scores = folder.File("scores.csv");
        File.WriteAllText(scores, "sentence1,sentence2,score\na cat,the cat,0.9\na dog,the sun,0.1\na cow,the cow,0.8\nrain,snow,0.4\n");
        Refuses<ConfigException>(config with { Model = "electra-small", Train = scores, Dev = "", Task = "similarity" },
            "model: electra-small begins with new weights, and similarity needs");
        string chats = folder.File("chats.jsonl");
        File.WriteAllText(chats,
            string.Concat(Enumerable.Repeat("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]}\n", 4)));
        Refuses<ConfigException>(config with { Model = "gpt2-tiny", Train = chats, Dev = "", Task = null },
            "model: gpt2-tiny begins with new weights, and instruct needs");
        Refuses<ConfigException>(new FinetuningConfig
        {
            Model = Finetuned.Encoder,
            Train = config.Train,
            Task = "classification",
            Columns = ["text=source", "label=target"],
            EvaluateWritten = 3
        },
            "evaluate_written: ");

        void Refuses<T>(FinetuningConfig refused, string sentence)
            where T : HeedException
        {
            T error = Assert.ThrowsAny<T>(() => FinetuningRun.Prepare(folder.File("refused"), refused).Dispose());
            Assert.StartsWith(sentence, error.Message, StringComparison.Ordinal);
        }
    }

    private static FinetuningConfig Config(TemporaryFolder folder)
    {
        string[] numbers = ["one", "two", "three", "four", "five", "six"], zahlen = ["ein", "zwei", "drei", "vier", "fünf", "sechs"];
        string[] animals = ["dogs", "cats", "birds", "fish", "cows"], tiere = ["Hunde", "Katzen", "Vögel", "Fische", "Kühe"];
        StringBuilder pairs = new("source\ttarget\n");
        for (int n = 0; n < numbers.Length; n++)
            for (int a = 0; a < animals.Length; a++) pairs.Append(CultureInfo.InvariantCulture,
                $"{numbers[n]} {animals[a]}\t{zahlen[n]} {tiere[a]}\n");
        string file = folder.File("pairs.tsv");
        File.WriteAllText(file, pairs.ToString());
        return new FinetuningConfig { Train = file, Dev = file, Task = "translation", VocabularySize = 290, BatchSize = 10 };
    }

    private sealed class Curve : ITrainingObserver
    {
        public List<EvaluationReport> Seen { get; } = [];

        public void Evaluated(EvaluationReport report) => Seen.Add(report);
    }
}
