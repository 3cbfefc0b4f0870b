using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Bert;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Models.Files.Onnx;
using Heed.Testing;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Tensor = Heed.Engine.Tensors.Tensor;

namespace Heed.Models.Tests.Onnx;

/// <summary>Exported files beside Heed, run by Microsoft.ML.OnnxRuntime.</summary>
public sealed class OnnxExportTests
{
    private const double Tolerance = 1e-4;

    private static string Golden(string name) => Path.Combine(Repository.Goldens, "models", name);

    private static string Embedder(string name) => Path.Combine(Repository.Goldens, "similarity", "folders", name);

    [Theory]
    [InlineData("bert-sequence")]
    [InlineData("bert-multilabel")]
    [InlineData("bert-regression")]
    [InlineData("bert-token")]
    [InlineData("bert-qa")]
    [InlineData("roberta-sequence")]
    [InlineData("roberta-token")]
    [InlineData("xlm-roberta-sequence")]
    [InlineData("camembert-token")]
    [InlineData("mpnet-sequence")]
    [InlineData("electra-sequence")]
    [InlineData("electra-qa")]
    [InlineData("distilbert-sequence")]
    [InlineData("distilbert-qa")]
    [InlineData("deberta-v2-sequence")]
    [InlineData("deberta-v2-mlm")]
    [InlineData("deberta-v2-mlm-v3")]
    [InlineData("modernbert-sequence")]
    [InlineData("modernbert-token")]
    [InlineData("modernbert-mlm")]
    [InlineData("bert-mlm")]
    [InlineData("bert-pretraining")]
    [InlineData("roberta-mlm")]
    [InlineData("xlm-roberta-mlm")]
    [InlineData("mpnet-mlm")]
    [InlineData("electra-mlm")]
    [InlineData("distilbert-mlm")]
    public void Heads_give_what_Heed_gives(string name)
    {
        using Model model = ModelFolder.Load(Golden(name)).Model;
        Compare(model);
    }

    [Theory]
    [InlineData("bert-sequence", "BertModel", "pooler_output")]
    [InlineData("bert-mlm", "BertModel", null)]
    [InlineData("roberta-mlm", "RobertaModel", null)]
    [InlineData("mpnet-mlm", "MPNetModel", null)]
    [InlineData("electra-mlm", "ElectraModel", null)]
    [InlineData("distilbert-mlm", "DistilBertModel", null)]
    [InlineData("deberta-v2-mlm-v3", "DebertaV2Model", null)]
    [InlineData("modernbert-mlm", "ModernBertModel", null)]
    public void Bare_encoders_give_what_Heed_gives(string name, string architecture, string? pooled)
    {
        using Model model = ModelFolder.Load(Golden(name), new LoadOptions { Architecture = architecture, AllowMissing = true }).Model;
        string[] outputs = Compare(model);
        Assert.Equal(pooled is null ? ["last_hidden_state"] : ["last_hidden_state", pooled], outputs);
    }

    [Theory]
    [InlineData("bert-mean")]
    [InlineData("bert-mean-normalize-old")]
    [InlineData("bert-cls-dense-normalize")]
    [InlineData("bert-cls-max-dense-pickle-old")]
    public void Embedders_give_what_Heed_gives(string name)
    {
        using SentenceEmbedder embedder = SentenceEmbedder.Load(Embedder(name));
        CompareVectors(embedder);
    }

    [Fact]
    public void Texts_longer_than_window_and_buckets_give_what_Heed_gives()
    {
        foreach (string name in (string[])["modernbert-mlm", "deberta-v2-mlm-v3", "deberta-v2-sequence"])
        {
            using Model model = ModelFolder.Load(Golden(name)).Model;
            int longest = Math.Min(60, Math.Min(model.Config.MaximumLength, model.Config.TrainedLength));
            Compare(model, [longest, 3, longest / 2]);
        }
    }

    [SharedFact]
    public void A_real_embedder_gives_what_Heed_gives()
    {
        using SentenceEmbedder embedder = SentenceEmbedder.Load(Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"));
        CompareVectors(embedder);
    }

    [Fact]
    public void Every_activation_has_its_curve()
    {
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            BertConfig config = BertConfig.Base with { Layers = 1, Heads = 2, Width = 8, Vocabulary = 40, Labels = ["a", "b"] };
            config = config with { Activation = activation };
            using Model model = SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(3)));
            foreach (Parameter parameter in model.Parameters.Where(p => p.Name.EndsWith("weight", StringComparison.Ordinal)
                && p.Shape.Rank == 2))
                for (int i = 0; i < parameter.Shape.Count; i++) parameter.Value.Span[i] *= 30;
            Compare(model);
        }
    }

    private static void CompareVectors(SentenceEmbedder embedder)
    {
        using TemporaryFolder folder = new();
        string file = folder.File("model.onnx");
        Assert.Equal(["last_hidden_state", "sentence_embedding"], OnnxExport.Write(embedder, file).Outputs);
        using InferenceSession session = new(file);
        (ModelInputs inputs, int[][] texts) = Texts(embedder.Model!.Config.Vocabulary, left: false, embedder.Model.Config.PaddingId ?? 0);
        Near(embedder.Embed(texts).ToArray(), Run(session, inputs)["sentence_embedding"], _ => true, "sentence_embedding");
    }

    [Fact]
    public void A_file_has_free_axes_the_labels_and_the_inputs_of_the_model()
    {
        using TemporaryFolder folder = new();
        using Model model = ModelFolder.Load(Golden("bert-sequence")).Model;
        OnnxReport report = OnnxExport.Write(model, folder.File("model.onnx"));
        Assert.Equal(new FileInfo(folder.File("model.onnx")).Length, report.Bytes);
        using InferenceSession session = new(folder.File("model.onnx"));
        Assert.Equal(["attention_mask", "input_ids", "token_type_ids"], session.InputMetadata.Keys.Order());
        Assert.All(session.InputMetadata.Values, input => Assert.Equal(["batch", "sequence"], input.SymbolicDimensions));
        Assert.Equal([-1, 3], session.OutputMetadata["logits"].Dimensions);
        Assert.Equal("""["LABEL_0","LABEL_1","LABEL_2"]""", session.ModelMetadata.CustomMetadataMap["labels"]);
        Assert.Equal("BertForSequenceClassification", session.ModelMetadata.CustomMetadataMap["architecture"]);
        Assert.Equal("heed", session.ModelMetadata.ProducerName);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("electra-replaced")]
    [InlineData("t5")]
    [InlineData("qwen3-sequence")]
    public void Other_models_are_refused_with_the_list_of_what_is_exported(string name)
    {
        using TemporaryFolder folder = new();
        using Model model = ModelFolder.Load(Golden(name)).Model;
        InputException error = Assert.Throws<InputException>(() => OnnxExport.Write(model, folder.File("model.onnx")));
        Assert.StartsWith($"{model.Architecture}: is not exported to ONNX; BERT, RoBERTa", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("model.onnx")));
    }

    [Theory]
    [InlineData("bert-prompt-excluded", "include_prompt")]
    [InlineData("bert-sqrt-weighted", "WeightedMean")]
    [InlineData("static", "static table")]
    [InlineData("qwen3-last-normalize", "is not exported to ONNX")]
    public void Embedders_that_a_graph_cannot_follow_are_refused(string name, string words)
    {
        using TemporaryFolder folder = new();
        using SentenceEmbedder embedder = SentenceEmbedder.Load(Embedder(name));
        InputException error = Assert.Throws<InputException>(() => OnnxExport.Write(embedder, folder.File("model.onnx")));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_than_two_gigabytes_are_refused_before_a_byte_is_written()
    {
        using TemporaryFolder folder = new();
        BertConfig config = BertConfig.Large with { Layers = 60, Labels = ["a", "b"] };
        using Model model = SequenceClassifier.Create(config, new ParameterSet(ParameterSource.ShapesOnly));
        InputException error = Assert.Throws<InputException>(() => OnnxExport.Write(model, folder.File("model.onnx")));
        Assert.Contains("a file of ONNX holds at most", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    /// <summary>Every output of the file beside Heed's, with padding on the right and on the left, alone and in a batch.</summary>
    private static string[] Compare(Model model, int[]? lengths = null)
    {
        using TemporaryFolder folder = new();
        string file = folder.File("model.onnx");
        OnnxReport report = OnnxExport.Write(model, file);
        using InferenceSession session = new(file);
        foreach (bool left in (bool[])[false, true])
        {
            ModelInputs inputs = Texts(model.Config.Vocabulary, left, model.Config.PaddingId ?? 0, lengths).Inputs;
            if (session.InputMetadata.ContainsKey("token_type_ids"))
                inputs = inputs with { TokenTypeIds = Segments(inputs.InputIds) };
            ModelOutput output = model.Run(inputs);
            Dictionary<string, float[]> found = Run(session, inputs);
            foreach (string name in report.Outputs)
            {
                float[] expected = Of(output, name).ToArray();
                int cells = inputs.InputIds.Cells.Length, width = expected.Length / cells;
                bool byToken = expected.Length % cells == 0 && Of(output, name).Shape.Rank >= 2
                    && Of(output, name).Shape[1] == inputs.InputIds.Columns;
                // What padding computes means nothing and differs: Heed does not compute it.
                Near(expected, found[name], i => !byToken || inputs.AttentionMask!.Cells[i / width] == 1,
                    $"{model.Architecture} {name}, left {left}");
            }
        }

        return [.. report.Outputs];
    }

    private static TokenGrid Segments(TokenGrid ids)
    {
        int[][] rows = [.. Enumerable.Range(0, ids.Rows).Select(b => Enumerable.Range(0, ids.Columns).Select(t => (b + t) % 2).ToArray())];
        return TokenGrid.Of(rows);
    }

    private static Tensor Of(ModelOutput output, string name) => name switch
    {
        "logits" => output.Logits!,
        "start_logits" => output.StartLogits!,
        "end_logits" => output.EndLogits!,
        "pooler_output" => output.PoolerOutput!,
        "next_sentence_logits" => output.NextSentenceLogits!,
        _ => output.LastHiddenState!,
    };

    private static (ModelInputs Inputs, int[][] Texts) Texts(int vocabulary, bool left, int padding, int[]? given = null)
    {
        int[] lengths = given ?? [7, 1, 11, 4];
        int longest = lengths.Max();
        int[][] texts = [.. lengths.Select((length, b) => Enumerable.Range(0, length).Select(t => Id(b, t)).ToArray())];
        int[][] grid = [.. texts.Select(text => Pad(text, padding))], mask = [.. texts.Select(text => Pad([.. text.Select(_ => 1)], 0))];
        return (new ModelInputs { InputIds = TokenGrid.Of(grid), AttentionMask = TokenGrid.Of(mask) }, texts);

        int Id(int b, int t) => 5 + (((b * 31) + (t * 7)) % (vocabulary - 5));

        int[] Pad(int[] row, int with)
        {
            int[] rest = [.. Enumerable.Repeat(with, longest - row.Length)];
            return left ? [.. rest, .. row] : [.. row, .. rest];
        }
    }

    private static Dictionary<string, float[]> Run(InferenceSession session, ModelInputs inputs)
    {
        int[] zeros = new int[inputs.InputIds.Cells.Length];
        List<NamedOnnxValue> values = [];
        foreach (string name in session.InputMetadata.Keys)
        {
            IEnumerable<int> cells = name switch
            {
                "input_ids" => inputs.InputIds.Cells,
                "attention_mask" => inputs.AttentionMask!.Cells,
                _ => inputs.TokenTypeIds?.Cells ?? (IEnumerable<int>)zeros,
            };
            long[] numbers = [.. cells.Select(c => (long)c)];
            DenseTensor<long> grid = new(numbers, [inputs.InputIds.Rows, inputs.InputIds.Columns]);
            values.Add(NamedOnnxValue.CreateFromTensor(name, grid));
        }

        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run(values);
        return outputs.ToDictionary(o => o.Name, o => o.AsTensor<float>().ToArray());
    }

    private static void Near(float[] expected, float[] found, Func<int, bool> counts, string what)
    {
        Assert.Equal(expected.Length, found.Length);
        double largest = 0;
        int compared = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            if (!counts(i)) continue;
            compared++;
            double difference = Math.Abs((double)expected[i] - found[i]);
            largest = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(largest, difference);
        }

        Assert.True(compared > 0, what);
        Assert.True(largest <= Tolerance, $"{what}: the largest difference is {largest:g3}, {Tolerance} is allowed");
    }
}
