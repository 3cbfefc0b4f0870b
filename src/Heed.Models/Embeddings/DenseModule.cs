using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Embeddings;

/// <summary>A Dense module of sentence-transformers: y = f(W·x + b), with a residual y = R·x + f(W·x + b) where it has one. x: [B, D] → y:
/// [B, D'].</summary>
internal sealed class DenseModule : VectorModule, IDisposable
{
    private static readonly (string Name, Activation Activation)[] Activations =
    [
        ("torch.nn.modules.activation.Tanh", Activation.Tanh),
        ("torch.nn.modules.activation.ReLU", Activation.Relu),
        ("torch.nn.modules.activation.GELU", Activation.Gelu),
        ("torch.nn.modules.activation.SiLU", Activation.Silu),
        ("torch.nn.modules.activation.Sigmoid", Activation.Sigmoid),
        ("torch.nn.modules.linear.Identity", Activation.Identity),
    ];

    private readonly ParameterSet _parameters;
    private readonly Linear _linear;
    private readonly Linear? _residual;
    private readonly bool _adds;
    private readonly Activation _activation;

    private DenseModule(ParameterSet parameters, int inputs, int outputs, bool bias, bool residual, Activation activation)
    {
        _parameters = parameters;
        _activation = activation;
        _adds = residual;
        _linear = new Linear(inputs, outputs, parameters.Root / "linear", bias);
        if (residual && inputs != outputs) _residual = new Linear(inputs, outputs, parameters.Root / "residual", bias: false);
        Inputs = inputs;
        Outputs = outputs;
    }

    /// <summary>D.</summary>
    public int Inputs { get; }

    /// <summary>D'.</summary>
    public int Outputs { get; }

    /// <summary>W and b.</summary>
    public Linear Linear => _linear;

    /// <summary>f.</summary>
    public Activation Activation => _activation;

    /// <summary>True where R·x is added.</summary>
    public bool HasResidual => _adds;

    public override int WidthOf(int width) => Outputs;

    /// <summary>Reads the module's folder: <c>config.json</c> and weights in either format.</summary>
    public static DenseModule Read(IModelFiles files, int width)
    {
        using JsonDocument document = files.ReadJson("config.json", 1L << 20);
        ConfigReader file = new(document.RootElement, files.PathOf("config.json"));
        int inputs = file.Size("in_features"), outputs = file.Size("out_features");
        if (inputs != width)
            throw file.Wrong("in_features", $"is {inputs}, and the modules before it give vectors of {width} numbers; make them equal");
        foreach (string name in new[] { "module_input_name", "module_output_name" })
            if (file.Text(name, "sentence_embedding") is { } other and not "sentence_embedding")
                throw file.Wrong(name, $"is \"{Printable.Shorten(other)}\"; a Dense module over sentence_embedding is known here, "
                    + "none over tokens");
        string activation = file.Text("activation_function", "torch.nn.modules.activation.Tanh")!;
        Activation function = Activation.Tanh;       // the reference replaces classes outside torch by Tanh
        if (activation.StartsWith("torch.", StringComparison.Ordinal))
            function = file.Choice("activation_function", activation, Activations);
        using CheckpointFolder weights = CheckpointFolder.Open(files);
        ParameterSet parameters = new(new Source(weights));
        try
        {
            return new DenseModule(parameters, inputs, outputs, file.Flag("bias", true), file.Flag("use_residual", false), function);
        }
        catch
        {
            parameters.Dispose();
            throw;
        }
    }

    public override Variable Forward(Variable x)
    {
        Variable y = _linear.Forward(x);                                                         // [B, D']
        if (_activation != Activation.Identity) y = y.Activate(_activation);
        if (!_adds) return y;
        return y + (_residual is null ? x : _residual.Forward(x));
    }

    public void Dispose() => _parameters.Dispose();

    private sealed class Source(CheckpointFolder weights) : ParameterSource
    {
        public override void Fill(Parameter parameter)
        {
            RawTensor tensor = weights[parameter.Name];
            if (!tensor.Shape.Select(s => (int)s).SequenceEqual(Enumerable.Range(0, parameter.Shape.Rank).Select(i => parameter.Shape[i])))
                throw new InvalidFileException(weights.Path, parameter.Name, $"is [{string.Join(", ", tensor.Shape)}], "
                    + $"and config.json of this module says {parameter.Shape}; correct in_features or out_features");
            Tensor value = Tensor.Uninitialized(parameter.Shape);
            tensor.ReadFloats(value.Span);
            parameter.Assign(value);
        }
    }
}
