using System.Globalization;
using System.Runtime.InteropServices;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;

namespace Heed.Models.Files.Onnx;

/// <summary>A graph of ONNX that is built node by node. Values are known by their names; each node has one output, whose name is
/// returned.</summary>
/// <remarks>github.com/onnx/onnx, onnx.proto (numbers of the fields) and Operators.md, version 17 of the operators.</remarks>
internal sealed class OnnxGraph
{
    /// <summary>Version of the set of operators.</summary>
    public const int OperatorSet = 17;

    private const int FileVersion = 8;
    private const int FloatType = 1, IntegerType = 7;
    private readonly ProtobufMessage _nodes = new();
    private readonly ProtobufMessage _inputs = new();
    private readonly ProtobufMessage _outputs = new();
    private readonly ProtobufMessage _initializers = new();
    private readonly Dictionary<string, string> _weights = new(StringComparer.Ordinal);
    private int _count;

    /// <summary>Names of the inputs.</summary>
    public List<string> Inputs { get; } = [];

    /// <summary>Names of the outputs.</summary>
    public List<string> Outputs { get; } = [];

    /// <summary>Adds an input of whole numbers, [batch, sequence].</summary>
    public string Input(string name)
    {
        Inputs.Add(name);
        _inputs.Message(11, Value(name, IntegerType, ["batch", "sequence"]));
        return name;
    }

    /// <summary>Gives a value out under a name.</summary>
    /// <param name="name">The output's name.</param>
    /// <param name="value">The value, float32.</param>
    /// <param name="axes">Names or lengths of its axes.</param>
    public void Output(string name, string value, params ReadOnlySpan<string> axes)
    {
        _nodes.Message(1, new ProtobufMessage().Text(1, value).Text(2, name).Text(3, name).Text(4, "Identity"));
        Outputs.Add(name);
        _outputs.Message(12, Value(name, FloatType, axes));
    }

    /// <summary>Adds a node.</summary>
    public string Node(string operation, params ReadOnlySpan<string> inputs) => NodeWith(operation, [], inputs);

    /// <summary>Adds a node with attributes.</summary>
    public string NodeWith(string operation, ReadOnlySpan<OnnxAttribute> attributes, params ReadOnlySpan<string> inputs)
    {
        string output = string.Create(CultureInfo.InvariantCulture, $"{operation}_{_count++}");
        ProtobufMessage node = new();
        foreach (string input in inputs) node.Text(1, input);
        node.Text(2, output).Text(3, output).Text(4, operation);
        foreach (OnnxAttribute attribute in attributes) node.Message(5, attribute.ToMessage());
        _nodes.Message(1, node);
        return output;
    }

    /// <summary>A parameter under its own name, as float32.</summary>
    public string Weight(Parameter parameter) => Weight(parameter, transposed: false);

    /// <summary>x·Wᵀ + b, [..., D] → [..., F].</summary>
    public string Linear(string x, Projection projection)
    {
        if (projection is not Linear linear)
            throw new InputException($"{projection.Site}: is a {projection.GetType().Name}, and ONNX export knows plain linear layers; "
                + "merge the adapter into the model first.");
        // A table that is read already (a tied output layer) is turned at run time, not stored twice.
        string weight = _weights.ContainsKey(linear.Weight.Name) ? NodeWith("Transpose", [OnnxAttribute.Of("perm", 1, 0)], Weight(linear.Weight))
            : Weight(linear.Weight, transposed: linear.Weight.InputMajor != true);
        string y = Node("MatMul", x, weight);
        return linear.Bias is null ? y : Node("Add", y, Weight(linear.Bias));
    }

    /// <summary>Layer normalisation of the last axis.</summary>
    public string Norm(string x, LayerNorm norm)
    {
        OnnxAttribute[] attributes = [OnnxAttribute.Of("axis", -1), OnnxAttribute.Of("epsilon", norm.Epsilon)];
        return norm.Bias is null
            ? NodeWith("LayerNormalization", attributes, x, Weight(norm.Weight))
            : NodeWith("LayerNormalization", attributes, x, Weight(norm.Weight), Weight(norm.Bias));
    }

    /// <summary>An activation function.</summary>
    public string Activate(string x, Activation activation) => activation switch
    {
        Activation.Identity => x,
        Activation.Relu => Node("Relu", x),
        Activation.Tanh => Node("Tanh", x),
        Activation.Sigmoid => Node("Sigmoid", x),
        Activation.Silu => Node("Mul", x, Node("Sigmoid", x)),
        Activation.QuickGelu => Node("Mul", x, Node("Sigmoid", Node("Mul", x, Number(1.702f)))),
        Activation.Gelu => Gate(x, Node("Erf", Node("Mul", x, Number(MathF.Sqrt(0.5f))))),
        Activation.GeluTanh => Gate(x, Node("Tanh", Node("Mul", Number(MathF.Sqrt(2 / MathF.PI)),
            Node("Add", x, Node("Mul", Number(0.044715f), Node("Mul", x, Node("Mul", x, x))))))),
        _ => throw new InputException($"activation: {activation} is not exported to ONNX."),
    };

    /// <summary>A number, float32.</summary>
    public string Number(float value) => Constant([], FloatType, MemoryMarshal.AsBytes([value]).ToArray());

    /// <summary>A whole number without axes.</summary>
    public string Whole(long value) => Constant([], IntegerType, MemoryMarshal.AsBytes([value]).ToArray());

    /// <summary>Numbers as a table, float32.</summary>
    /// <param name="rows">R.</param>
    /// <param name="values">[R, F] in row-major order.</param>
    public string Table(int rows, ReadOnlySpan<float> values)
        => Constant([rows, values.Length / rows], FloatType, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>A list of whole numbers: a shape, axes, rows.</summary>
    public string Wholes(params ReadOnlySpan<long> values)
        => Constant([values.Length], IntegerType, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>The file.</summary>
    /// <param name="name">Name of the graph.</param>
    /// <param name="properties">Keys and values that readers of the file can ask for.</param>
    public ProtobufMessage ToModel(string name, IReadOnlyDictionary<string, string> properties)
    {
        // Fields may stand in any order; readers that go by the specification accept lists that are apart.
        ProtobufMessage graph = new();
        long length = _nodes.Length + _initializers.Length + _inputs.Length + _outputs.Length;
        graph.Text(2, name);
        ProtobufMessage model = new ProtobufMessage().Integer(1, FileVersion).Text(2, "heed")
            .Bytes(7, graph.Length + length, stream =>
            {
                foreach (ProtobufMessage part in (ProtobufMessage[])[_nodes, graph, _initializers, _inputs, _outputs]) part.WriteTo(stream);
            })
            .Message(8, new ProtobufMessage().Text(1, "").Integer(2, OperatorSet));
        foreach ((string key, string value) in properties) model.Message(14, new ProtobufMessage().Text(1, key).Text(2, value));
        return model;
    }

    private string Gate(string x, string curve) => Node("Mul", Node("Mul", x, Number(0.5f)), Node("Add", curve, Number(1)));

    private string Weight(Parameter parameter, bool transposed)
    {
        string name = transposed ? $"{parameter.Name}.T" : parameter.Name;
        if (_weights.TryGetValue(name, out string? known)) return known;
        long[] sizes = [.. Enumerable.Range(0, parameter.Shape.Rank).Select(i => (long)parameter.Shape[i])];
        if (transposed) Array.Reverse(sizes);
        ProtobufMessage tensor = Tensor(name, sizes, FloatType);
        tensor.Bytes(9, parameter.Shape.Count * (long)sizeof(float), stream => Write(parameter, transposed, stream));
        _initializers.Message(5, tensor);
        return _weights[name] = name;
    }

    private string Constant(ReadOnlySpan<long> sizes, int type, byte[] bytes)
    {
        // Equal constants are one initializer.
        string key = $"{type}:{string.Join(',', sizes.ToArray())}:"
            + Convert.ToHexString(bytes.Length > 64 ? System.Security.Cryptography.SHA256.HashData(bytes) : bytes);
        if (_weights.TryGetValue(key, out string? known)) return known;
        string name = string.Create(CultureInfo.InvariantCulture, $"constant_{_count++}");
        _initializers.Message(5, Tensor(name, sizes, type).Bytes(9, bytes));
        return _weights[key] = name;
    }

    private static ProtobufMessage Tensor(string name, ReadOnlySpan<long> sizes, int type)
    {
        ProtobufMessage tensor = new();
        foreach (long size in sizes) tensor.Integer(1, size);
        return tensor.Integer(2, type).Text(8, name);
    }

    private static ProtobufMessage Value(string name, int type, ReadOnlySpan<string> axes)
    {
        ProtobufMessage shape = new();
        foreach (string axis in axes)
        {
            ProtobufMessage dimension = new();
            shape.Message(1, long.TryParse(axis, CultureInfo.InvariantCulture, out long size) ? dimension.Integer(1, size)
                : dimension.Text(2, axis));
        }

        ProtobufMessage tensor = new ProtobufMessage().Integer(1, type).Message(2, shape);
        return new ProtobufMessage().Text(1, name).Message(2, new ProtobufMessage().Message(1, tensor));
    }

    private static void Write(Parameter parameter, bool transposed, Stream stream)
    {
        float[] values = new float[parameter.Shape.Count];
        parameter.CopyTo(values);
        if (transposed)
        {
            int rows = parameter.Shape[0], columns = parameter.Shape[1];
            float[] turned = new float[values.Length];
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < columns; c++)
                    turned[(c * rows) + r] = values[(r * columns) + c];
            values = turned;
        }

        stream.Write(MemoryMarshal.AsBytes<float>(values));
    }
}

/// <summary>A setting of a node.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Number">A float, or null.</param>
/// <param name="Whole">A whole number, or null.</param>
/// <param name="Wholes">Several, or null.</param>
internal readonly record struct OnnxAttribute(string Name, float? Number, long? Whole, long[]? Wholes)
{
    public static OnnxAttribute Of(string name, float value) => new(name, value, null, null);

    public static OnnxAttribute Of(string name, long value) => new(name, null, value, null);

    public static OnnxAttribute Of(string name, params long[] values) => new(name, null, null, values);

    public ProtobufMessage ToMessage()
    {
        ProtobufMessage message = new ProtobufMessage().Text(1, Name);
        if (Number is { } number) return message.Single(2, number).Integer(20, 1);
        if (Whole is { } whole) return message.Integer(3, whole).Integer(20, 2);
        foreach (long value in Wholes ?? []) message.Integer(8, value);
        return message.Integer(20, 7);
    }
}
