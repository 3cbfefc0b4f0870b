using System.Globalization;
using System.Text.Json.Nodes;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Models.Embeddings;

namespace Heed.Models.Files.Onnx;

/// <summary>What an export wrote.</summary>
/// <param name="Inputs">Names of the inputs, [batch, sequence] of int64.</param>
/// <param name="Outputs">Names of the outputs, float32.</param>
/// <param name="Bytes">Size of the file.</param>
internal sealed record OnnxReport(IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, long Bytes);

/// <summary>Writes encoders and their heads as files of ONNX, version 17 of the operators. The tokenizer is not part of the file.</summary>
internal static class OnnxExport
{
    /// <summary>What can be exported, for messages.</summary>
    public const string Exported = "BERT, RoBERTa, XLM-RoBERTa, CamemBERT, MPNet, ELECTRA, DeBERTa, DistilBERT and ModernBERT are "
        + "exported, as bare encoders, sentence embedders, models of masked tokens, classifiers of texts or tokens, and question answerers";

    /// <summary>Protocol buffers have no longer messages.</summary>
    private const long MaximumBytes = int.MaxValue;

    /// <summary>Writes a model.</summary>
    /// <param name="model">Stays the caller's.</param>
    /// <param name="path">The file; it is replaced in whole.</param>
    /// <exception cref="InputException">The model is not exported, or is too large for a file of ONNX.</exception>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public static OnnxReport Write(Model model, string path)
    {
        OnnxGraph graph = new();
        switch (model)
        {
            case SequenceClassifier { Head: { LastToken: false } head, Stack: { } stack } when OnnxEncoder.Knows(stack):
                OnnxEncoder encoder = OnnxEncoder.Build(graph, stack);
                graph.Output("logits", Classes(graph, encoder, head), "batch", Size(head.Classifier.Outputs));
                break;
            case TokenClassifier tokens when OnnxEncoder.Knows(tokens.Stack):
                encoder = OnnxEncoder.Build(graph, tokens.Stack);
                graph.Output("logits", graph.Linear(Transformed(graph, encoder.Hidden, tokens.Transform), tokens.Classifier), "batch",
                    "sequence", Size(tokens.Classifier.Outputs));
                break;
            case MaskedLanguageModel { Head.Vocabulary: { IsLinear: true, FixedBias: null } vocabulary } masked
                when OnnxEncoder.Knows(masked.Stack):
                encoder = OnnxEncoder.Build(graph, masked.Stack);
                graph.Output("logits", graph.Linear(Transformed(graph, encoder.Hidden, masked.Head.Before), vocabulary.Output), "batch",
                    "sequence", Size(vocabulary.Output.Outputs));
                if (masked.NextSentence is { } next)
                    graph.Output("next_sentence_logits", Classes(graph, encoder, next), "batch", Size(next.Classifier.Outputs));
                break;
            case QuestionAnswerer answers when OnnxEncoder.Knows(answers.Stack):
                encoder = OnnxEncoder.Build(graph, answers.Stack);
                string scores = graph.Linear(Transformed(graph, encoder.Hidden, answers.Transform), answers.Outputs);    // [B, T, 2]
                foreach ((string name, int column) in (ReadOnlySpan<(string, int)>)[("start_logits", 0), ("end_logits", 1)])
                    graph.Output(name, graph.NodeWith("Gather", [OnnxAttribute.Of("axis", -1)], scores, graph.Whole(column)), "batch",
                        "sequence");
                break;
            case EncoderModel bare when bare.GetType() == typeof(EncoderModel) && OnnxEncoder.Knows(bare.Stack):
                encoder = OnnxEncoder.Build(graph, bare.Stack);
                graph.Output("last_hidden_state", encoder.Hidden, "batch", "sequence", Size(encoder.Width));
                if (bare.Pooler is { } pooler)
                    graph.Output("pooler_output", graph.Activate(graph.Linear(encoder.First(), pooler), Activation.Tanh), "batch",
                        Size(encoder.Width));
                break;
            default:
                throw Refused(model);
        }

        return Save(graph, model, path);
    }

    /// <summary>Writes an embedder: rows and, from them, the vector of each text.</summary>
    /// <inheritdoc cref="Write(Model, string)"/>
    public static OnnxReport Write(SentenceEmbedder embedder, string path)
    {
        if (embedder.Model is null) throw new InputException($"A static table of vectors is not exported to ONNX; {Exported}.");
        if (embedder.Model is not EncoderModel model || !OnnxEncoder.Knows(model.Stack)) throw Refused(embedder.Model);
        if (!embedder.IncludesPrompt)
            throw new InputException("include_prompt: is false, so the pooling leaves out a prompt whose length a graph of ONNX does not "
                + "know; export the bare encoder and pool its rows, or set it to true.");
        OnnxGraph graph = new();
        OnnxEncoder encoder = OnnxEncoder.Build(graph, model.Stack);
        graph.Output("last_hidden_state", encoder.Hidden, "batch", "sequence", Size(encoder.Width));
        string[] pooled = [.. embedder.Poolings.Select(pooling => Pool(graph, encoder, pooling))];
        string vector = pooled.Length == 1 ? pooled[0] : graph.NodeWith("Concat", [OnnxAttribute.Of("axis", 1)], pooled);
        foreach (VectorModule module in embedder.Following)
        {
            vector = module switch
            {
                NormalizeModule => Normalize(graph, vector),
                DenseModule { HasResidual: false } dense => graph.Activate(graph.Linear(vector, dense.Linear), dense.Activation),
                _ => throw new InputException("modules.json: a Dense module with a residual is not exported to ONNX; "
                    + "dense layers without one and normalization are."),
            };
        }

        graph.Output("sentence_embedding", vector, "batch", Size(embedder.Width));
        return Save(graph, model, path);
    }

    /// <summary>[B, L]: the scores of texts.</summary>
    private static string Classes(OnnxGraph graph, OnnxEncoder encoder, SequenceHead head)
    {
        string text = head.IsMean ? Pool(graph, encoder, Pooling.Mean) : encoder.First();                                // [B, D]
        if (head.Dense is not null) text = graph.Activate(graph.Linear(text, head.Dense), head.Activation);
        return graph.Linear(Transformed(graph, text, head.Transform), head.Classifier);
    }

    /// <summary>What a head does to rows before its last layer.</summary>
    private static string Transformed(OnnxGraph graph, string x, HeadTransform? transform)
    {
        if (transform is null) return x;
        x = graph.Activate(graph.Linear(x, transform.Dense), transform.Activation);
        return transform.Norm is LayerNorm norm ? graph.Norm(x, norm)
            : throw new InputException($"{transform.Norm.GetType().Name}: is not exported to ONNX as the norm of a head; LayerNorm is.");
    }

    /// <summary>[B, T, D] → [B, D] over the tokens that are not padding.</summary>
    private static string Pool(OnnxGraph graph, OnnxEncoder encoder, Pooling pooling)
    {
        if (pooling == Pooling.First) return encoder.First();
        string mask = graph.Node("Unsqueeze", encoder.Mask, graph.Wholes(2));                                            // [B, T, 1]
        if (pooling == Pooling.Max)
        {
            string hidden = graph.Node("Mul", graph.Node("Sub", graph.Number(1), mask), graph.Number(float.MinValue));
            return graph.NodeWith("ReduceMax", [OnnxAttribute.Of("axes", [1L]), OnnxAttribute.Of("keepdims", 0)],
                graph.Node("Add", encoder.Hidden, hidden));
        }

        if (pooling is not (Pooling.Mean or Pooling.MeanSqrtLength))
            throw new InputException($"pooling: {pooling} is not exported to ONNX; the first row, the mean, the mean by √length and the "
                + "maximum are.");
        string sum = Sum(graph.Node("Mul", encoder.Hidden, mask)), count = Sum(mask);
        return graph.Node("Div", sum, pooling == Pooling.Mean ? count : graph.Node("Sqrt", count));

        string Sum(string x) => graph.NodeWith("ReduceSum", [OnnxAttribute.Of("keepdims", 0)], x, graph.Wholes(1));
    }

    private static string Normalize(OnnxGraph graph, string vector)
    {
        string length = graph.NodeWith("ReduceL2", [OnnxAttribute.Of("axes", [-1L]), OnnxAttribute.Of("keepdims", 1)], vector);
        return graph.Node("Div", vector, graph.Node("Max", length, graph.Number(1e-12f)));
    }

    private static OnnxReport Save(OnnxGraph graph, Model model, string path)
    {
        Dictionary<string, string> properties = new(StringComparer.Ordinal) { ["architecture"] = model.Architecture };
        if (model is SequenceClassifier or TokenClassifier)
            properties["labels"] = new JsonArray([.. model.Config.Labels.Select(label => (JsonNode)label)]).ToJsonString();
        ProtobufMessage file = graph.ToModel(model.Architecture, properties);
        if (file.Length > MaximumBytes)
            throw new InputException($"{model.Architecture}: as ONNX takes {Printable.Bytes(file.Length)}, all weights as float32; "
                + $"a file of ONNX holds at most {Printable.Bytes(MaximumBytes)}. Export a smaller model.");
        DurableFile.Write(path, file.WriteTo);
        return new OnnxReport(graph.Inputs, graph.Outputs, file.Length);
    }

    private static InputException Refused(Model model)
        => new($"{model.Architecture}: is not exported to ONNX; {Exported}. Models that generate text are served as they are.");

    private static string Size(int size) => size.ToString(CultureInfo.InvariantCulture);
}
