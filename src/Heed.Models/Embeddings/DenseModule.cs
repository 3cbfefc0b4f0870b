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

    private readonly ParameterSet? _own;
    private readonly Linear _linear;
    private readonly Linear? _residual;
    private readonly bool _adds;
    private readonly Activation _activation;

    private DenseModule(ParameterSet? own, ParameterScope scope, int inputs, int outputs, bool bias, bool residual, Activation activation)
    {
        _own = own;
        _activation = activation;
        _adds = residual;
        _linear = new Linear(inputs, outputs, scope / "linear", bias);
        if (residual && inputs != outputs) _residual = new Linear(inputs, outputs, scope / "residual", bias: false);
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

    /// <summary>Weight and bias, and the residual's weight.</summary>
    public IEnumerable<Parameter> Parameters => new[] { _linear.Weight, _linear.Bias, _residual?.Weight }.OfType<Parameter>();

    public override int WidthOf(int width) => Outputs;

    /// <summary>Reads the module's folder: <c>config.json</c> and weights in either format.</summary>
    /// <param name="files">Its folder.</param>
    /// <param name="width">Numbers of the vectors that it gets.</param>
    /// <param name="within">Place of its parameters in the set of a model that is trained; null for a set of its own.</param>
    public static DenseModule Read(IModelFiles files, int width, ParameterScope? within = null)
    {
        using JsonDocument document = files.ReadJson("config.json", 1L << 20);
        ConfigReader file = new(document.RootElement, files.PathOf("config.json"));
        int inputs = file.Size("in_features"), outputs = file.Size("out_features");
        if (inputs != width) throw file.Wrong("in_features", $"is {inputs}, and the modules before it give vectors of {width} numbers; "
            + $"make them equal");
        foreach (string name in new[] { "module_input_name", "module_output_name" })
            if (file.Text(name, "sentence_embedding") is { } other and not "sentence_embedding")
                throw file.Wrong(name, $"is \"{Printable.Shorten(other)}\"; a Dense module over sentence_embedding is known here, none "
                    + $"over tokens");
        string activation = file.Text("activation_function", "torch.nn.modules.activation.Tanh")!;
        Activation function = Activation.Tanh;       // the reference replaces classes outside torch by Tanh
        if (activation.StartsWith("torch.", StringComparison.Ordinal)) function = file.Choice("activation_function", activation,
            Activations);
        using CheckpointFolder weights = CheckpointFolder.Open(files);
        ParameterSet? own = within is null ? new ParameterSet(ParameterSource.ShapesOnly) : null;
        try
        {
            DenseModule module = new(own, within ?? own!.Root, inputs, outputs, file.Flag("bias", true), file.Flag("use_residual", false),
                function);
            foreach (Parameter parameter in module.Parameters) Fill(parameter, weights, within is { } at ? at.Path.Length + 1 : 0);
            return module;
        }
        catch
        {
            own?.Dispose();
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

    public void Dispose() => _own?.Dispose();

    private static void Fill(Parameter parameter, CheckpointFolder weights, int prefix)
    {
        RawTensor tensor = weights[parameter.Name[prefix..]];
        if (!tensor.Shape.Select(s => (int)s).SequenceEqual(Enumerable.Range(0, parameter.Shape.Rank).Select(i => parameter.Shape[i])))
            throw new InvalidFileException(weights.Path, tensor.Name,
                $"is [{string.Join(", ", tensor.Shape)}], and config.json of this module says {parameter.Shape}; correct in_features or "
                    + $"out_features");
        Tensor value = Tensor.Uninitialized(parameter.Shape).LeaveScope();
        tensor.ReadFloats(value.Span);
        parameter.Assign(value);
    }
}
