using Heed.Checkpoints;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Training.Finetuning;

/// <summary>
/// The classifier of the softmax loss (Sentence-BERT, arXiv:1908.10084): W·[u; v; |u − v|] + b. It is trained beside the vectors and lies
/// in a file of its own, which nothing needs that only embeds.
/// </summary>
internal sealed class PairHead
{
    /// <summary>Its file, with <c>weight</c> [C, 3·D] and <c>bias</c> [C]; the classes are <c>id2label</c> of config.json.</summary>
    public const string FileName = "pair_head.safetensors";

    private const string Place = "pair_head";

    private readonly Parameter _weight, _bias;

    /// <summary>Adds the head to a model that is trained; its values are those of the model's folder, if that knows the same classes, or
    /// drawn.</summary>
    /// <param name="model">Gets the parameters.</param>
    /// <param name="width">D.</param>
    /// <param name="classes">C.</param>
    /// <param name="saved">A folder that holds a head of these classes; null for new values.</param>
    public PairHead(Model model, int width, int classes, string? saved)
    {
        ParameterScope at = model.Parameters.Root / Place;
        Initializer uniform = Initializer.UniformWithin(1 / MathF.Sqrt(3 * width));
        _weight = at.Parameter("weight", new Shape(classes, 3 * width), uniform);
        _bias = at.Parameter("bias", new Shape(classes), uniform);
        if (saved is not null) Load(saved);
    }

    /// <summary>The names of its parameters.</summary>
    public IEnumerable<string> Names => [_weight.Name, _bias.Name];

    /// <summary>True for a parameter of a head of pairs.</summary>
    public static bool IsOwn(string name) => name.StartsWith(Place + ".", StringComparison.Ordinal);

    /// <summary>True if a folder holds a head.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Mean cross-entropy of pairs.</summary>
    /// <param name="columns">u and v, each [N, D].</param>
    /// <param name="classes">[N].</param>
    public Variable Loss(IReadOnlyList<Variable> columns, float[] classes)
        => PairLosses.Softmax(Features(columns), _weight.ToVariable(), _bias.ToVariable(), Array.ConvertAll(classes, c => (int)c));

    /// <summary>The scores of pairs.  [N, D], [N, D] → [N, C].</summary>
    public Tensor Scores(Tensor first, Tensor second) => PairLosses.Scores(Features([first, second]), _weight.ToVariable(), _bias.ToVariable()).Value;

    /// <summary>Writes the file.</summary>
    public void Save(string folder)
    {
        RawTensor[] tensors = [.. new[] { _weight, _bias }.Select(p => new ParameterTensor(p).Rename(p.Name[(Place.Length + 1)..]))];
        SafetensorsWriter.Write(Path.Combine(folder, FileName), tensors);
    }

    /// <summary>Reads the file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidFileException">A tensor is missing or has another shape.</exception>
    public void Load(string folder)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, FileName));
        foreach (Parameter parameter in (Parameter[])[_weight, _bias])
        {
            RawTensor tensor = file[parameter.Name[(Place.Length + 1)..]];
            if (tensor.Shape.Aggregate(1L, (a, b) => a * b) != parameter.Shape.Count)
                throw new InvalidFileException(file.Path, tensor.Name, $"is [{string.Join(", ", tensor.Shape)}]; {parameter.Shape} was "
                    + $"expected");
            Tensor value = Tensor.Uninitialized(parameter.Shape);
            tensor.ReadFloats(value.Span);
            parameter.Assign(value);
        }
    }

    private static Variable Features(IReadOnlyList<Variable> columns)
        => PairLosses.Features(columns[0], columns[1], vectors: true, difference: true, product: false);
}
