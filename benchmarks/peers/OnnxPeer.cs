using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Files.Onnx;
using Heed.Verification.Benchmarks;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Heed.Peers;

/// <summary>ONNX Runtime over a file that Heed's writer made of the same weights.</summary>
internal sealed class OnnxPeer : IPeer
{
    private readonly InferenceSession _session;
    private readonly List<NamedOnnxValue> _inputs = [];

    public OnnxPeer(BertConfig config, int batch, int length, int threads, string folder)
    {
        string file = Path.Combine(folder, $"encoder-{config.Width}.onnx");
        if (!File.Exists(file))
        {
            using EncoderModel model = EncoderModel.Create(config, BenchmarkModels.Weights());
            OnnxExport.Write(model, file);
        }

        using SessionOptions options = new()
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        _session = new InferenceSession(file, options);
        int[][] texts = BenchmarkModels.Texts(Enumerable.Repeat(length, batch), config.Vocabulary);
        foreach (string name in _session.InputMetadata.Keys)
        {
            long[] cells = name switch
            {
                "input_ids" => [.. texts.SelectMany(t => t).Select(id => (long)id)],
                "attention_mask" => [.. Enumerable.Repeat(1L, batch * length)],
                _ => new long[batch * length],
            };
            _inputs.Add(NamedOnnxValue.CreateFromTensor(name, new DenseTensor<long>(cells, [batch, length])));
        }
    }

    public string Name => $"ONNX Runtime {OrtEnv.Instance().GetVersionString()}";

    public void Run()
    {
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = _session.Run(_inputs);
    }

    public void Dispose() => _session.Dispose();
}
