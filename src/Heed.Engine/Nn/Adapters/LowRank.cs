using Heed.Engine.Autograd;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>What a <see cref="LowRank"/> is.</summary>
internal sealed record LowRankConfig
{
    /// <summary>r.</summary>
    public required int Rank { get; init; }

    /// <summary>s: α / r, or α / √r.</summary>
    public required float Scale { get; init; }

    /// <summary>Probability of dropout on x.</summary>
    public float Dropout { get; init; }

    /// <summary>True where the change has a magnitude of its own (DoRA).</summary>
    public bool HasMagnitude { get; init; }

    /// <summary>First values of A; null: Kaiming's uniform ones, in ±1/√D.</summary>
    public Initializer? DownInitializer { get; init; }

    /// <summary>First values of B; null: zeros.</summary>
    public Initializer? UpInitializer { get; init; }
}

/// <summary>
/// A change of a weight W: [F, D] by two narrow matrices: W + s·B·A. With a magnitude m the rows of the sum keep their directions
/// and get the norms m.
/// </summary>
/// <remarks>LoRA: Hu et al. 2021, arXiv:2106.09685; DoRA: Liu et al. 2024, arXiv:2402.09353. Whatever way W is stored, A is [r, D] and B
/// is [F, r].</remarks>
internal sealed class LowRank
{
    private LowRank(Parameter down, Parameter up, Parameter? magnitude, LowRankConfig config)
        => (Down, Up, Magnitude, Config) = (down, up, magnitude, config);

    /// <summary>A: [r, D].</summary>
    public Parameter Down { get; }

    /// <summary>B: [F, r].</summary>
    public Parameter Up { get; }

    /// <summary>m: [F], or null.</summary>
    public Parameter? Magnitude { get; }

    /// <summary>Rank, scale and dropout.</summary>
    public LowRankConfig Config { get; }

    /// <summary>What is trained.</summary>
    public IEnumerable<Parameter> Parameters => Magnitude is null ? [Down, Up] : [Down, Up, Magnitude];

    /// <summary>The change of a projection's weight, named as PEFT names it.</summary>
    /// <param name="linear">Whose weight.</param>
    /// <param name="config">Rank and scale.</param>
    public static LowRank Of(Linear linear, LowRankConfig config)
    {
        ParameterScope at = linear.Scope;
        int r = config.Rank, D = linear.Inputs, F = linear.Outputs;
        Parameter down = (at / "lora_A").As("lora_a").Weight("weight", new Shape(r, D), config.DownInitializer
            ?? Initializer.UniformWithin(1 / MathF.Sqrt(D)));
        Parameter up = (at / "lora_B").As("lora_b").Weight("weight", new Shape(F, r), config.UpInitializer ?? Initializer.Zeros);
        Parameter? magnitude = config.HasMagnitude ? at.Parameter("lora_magnitude_vector", new Shape(F), Initializer.Ones) : null;
        LowRank change = new(down, up, magnitude, config);
        // At first the rows keep the norms that they have.
        if (magnitude is { HasValue: true } && linear.Weight.HasValue) magnitude.Assign(change.Norms(linear.Weight));
        return change;
    }

    /// <summary>The change of a table W: [V, D], seen as [D, V]: A is [r, V] and B is [D, r].</summary>
    /// <param name="table">Whose weight.</param>
    /// <param name="config">Rank and scale.</param>
    public static LowRank Of(Embedding table, LowRankConfig config)
    {
        ParameterScope at = table.Scope;
        int r = config.Rank, V = table.Weight.Shape[0], D = table.Weight.Shape[1];
        // The other way round than of projections: PEFT begins with A = 0 here.
        Parameter down = at.Weight("lora_embedding_A", new Shape(r, V), config.DownInitializer ?? Initializer.Zeros);
        Parameter up = at.Weight("lora_embedding_B", new Shape(D, r), config.UpInitializer ?? Initializer.Normal(1));
        return new LowRank(down, up, null, config);
    }

    /// <summary>s·B·(A·x).  x: [..., D] → [..., F].</summary>
    public Variable Multiply(Variable x) => Up.AsWeight().Multiply(Down.AsWeight().Multiply(x) * Config.Scale);

    /// <summary>s·B·A[:, ids]: what is added to rows of a table.  ids: [N] → [N, D].</summary>
    /// <param name="ids">Columns of A.</param>
    /// <param name="without">A column that gets no gradient, or −1.</param>
    public Variable Gather(int[] ids, int without)
    {
        Variable rows = Down.ToVariable().Transpose().Gather(ids, without);        // [N, r]
        return Up.AsWeight().Multiply(rows * Config.Scale);                        // [N, D]
    }

    /// <summary>m / ‖W + s·B·A‖, [F]. The norm counts as a constant in the gradient (Liu et al. 2024, §4.3).</summary>
    public Variable Factors(Parameter weight) => Magnitude!.ToVariable() / Norms(weight);

    /// <summary>The weight with the change in it, as it is stored: W + s·B·A, and with a magnitude its rows scaled to m.</summary>
    /// <param name="weight">W; it may be packed, and stays as it is.</param>
    /// <param name="asTable">True where W is a table, [V, D], whose rows are A's columns.</param>
    public Tensor Merged(Parameter weight, bool asTable = false)
    {
        using TensorScope scope = TensorScope.Begin();
        bool transposed = asTable || weight.InputMajor == true;
        Variable sum = Sum(weight, transposed);
        if (Magnitude is not null)
        {
            Variable factors = new(Factors(weight).Value);
            sum *= transposed ? factors : factors.Reshape(-1, 1);
        }

        return scope.Keep(sum.Value);
    }

    /// <summary>‖W + s·B·A‖ of each output, [F].</summary>
    private Tensor Norms(Parameter weight)
    {
        using TensorScope scope = TensorScope.Begin();
        bool transposed = weight.InputMajor == true;
        Variable sum = Sum(weight, transposed);
        return scope.Keep((sum * sum).Sum(transposed ? 0 : 1).Sqrt().Value);
    }

    /// <summary>W + s·B·A as W is stored, without a history.</summary>
    private Variable Sum(Parameter weight, bool transposed)
    {
        Variable a = new(Down.IsPacked ? Down.ToTensor() : Down.Value), b = new(Up.IsPacked ? Up.ToTensor() : Up.Value);
        Variable change = transposed ? a.Transpose().MatMul(b.Transpose()) : b.MatMul(a);
        return new Variable(weight.IsPacked ? weight.ToTensor() : weight.Value) + (change * Config.Scale);
    }
}
