using Heed.Engine.Autograd;
using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>What a <see cref="FeedForward"/> is.</summary>
public sealed record FeedForwardConfig
{
    /// <summary>D.</summary>
    public required int Width { get; init; }

    /// <summary>F.</summary>
    public required int InnerWidth { get; init; }

    /// <summary>Activation of the inner rows, or of the gate.</summary>
    public required Activation Activation { get; init; }

    /// <summary>Key of the first projection.</summary>
    public required string UpName { get; init; }

    /// <summary>Key of the second projection.</summary>
    public required string DownName { get; init; }

    /// <summary>Key of the gate's projection (SwiGLU, GeGLU), or null: no gate.</summary>
    public string? GateName { get; init; }

    /// <summary>True where the first projection gives the gate too, [gate | what it gates], 2F wide (ModernBERT).</summary>
    public bool FusedGate { get; init; }

    /// <summary>True where the projections have biases.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>True where weights lie input-major (GPT's Conv1D).</summary>
    public bool InputMajor { get; init; }

    /// <summary>Probability of dropout between the projections.</summary>
    public float InnerDropout { get; init; }

    /// <summary>First values of the first projections; normal with 0.02 where null.</summary>
    public Initializer? Initializer { get; init; }

    /// <summary>First values of the second projection; as the first where null.</summary>
    public Initializer? DownInitializer { get; init; }
}

/// <summary>Two projections with an activation between, each row alone: y = W₂·f(W₁·x), or with a gate W₂·(f(W_g·x) ⊙ W₁·x). x: [N, D] →
/// [N, D].</summary>
/// <remarks>Vaswani et al. 2017, §3.3; gates: Shazeer 2020, arXiv:2002.05202.</remarks>
public sealed class FeedForward : Module
{
    private readonly FeedForwardConfig _config;
    private readonly Dropout _dropout;

    /// <summary>Makes the projections at a place of the checkpoint.</summary>
    public FeedForward(FeedForwardConfig config, ParameterScope at)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        _config = config;
        _dropout = new Dropout(config.InnerDropout, at.Site);
        if (config is { FusedGate: true, GateName: not null })
            throw new ArgumentException("FeedForward: FusedGate and GateName name two gates; choose one.", nameof(config));
        int first = config.FusedGate ? 2 * config.InnerWidth : config.InnerWidth;
        Up = new Linear(config.Width, first, (at / config.UpName).As("up"), config.Bias, config.InputMajor, config.Initializer);
        if (config.GateName is { } gate) Gate = new Linear(config.Width, config.InnerWidth, (at / gate).As("gate"), config.Bias,
            config.InputMajor, config.Initializer);
        Down = new Linear(config.InnerWidth, config.Width, (at / config.DownName).As("down"), config.Bias, config.InputMajor,
            config.DownInitializer ?? config.Initializer);
    }

    /// <summary>The first projection, D → F, or D → 2F with the gate in it.</summary>
    public Projection Up { get; private set; }

    /// <summary>The gate's projection, D → F; null without a gate of its own.</summary>
    public Projection? Gate { get; private set; }

    /// <summary>The second projection, F → D.</summary>
    public Projection Down { get; private set; }

    /// <summary>[N, D] → [N, D].</summary>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        Variable inner;
        if (_config.FusedGate)
        {
            int F = _config.InnerWidth;
            Variable both = Up.Forward(x);                                                                                      // [N, 2F]
            Variable gate = context.Visit(Site, "pre", both.Columns(0, F));                                                     // [N, F]
            inner = Gated(gate, context.Visit(Site, "up", both.Columns(F, F)), context);                                         // [N, F]
        }
        else if (Gate is null)
        {
            // Where nobody can see the rows before the activation, it follows the product in the same pass.
            inner = context.Hooks is null && Up is Linear up
                ? up.Forward(x, _config.Activation)                                                                              // [N, F]
                : context.Visit(Site, "pre", Up.Forward(x, context)).Activate(_config.Activation);
        }
        else
        {
            Variable gate = context.Visit(Site, "pre", Gate.Forward(x, context));  // [N, F]
            inner = Gated(gate, context.Visit(Site, "up", Up.Forward(x, context)), context);  // [N, F]
        }

        inner = context.Visit(Site, "post", _dropout.Forward(inner, context));
        return context.Visit(Site, "out", Down.Forward(inner, context));  // [N, D]
    }

    /// <summary>act(gate) ⊙ up in one step, unless a hook replaces act(gate).</summary>
    private Variable Gated(Variable gate, Variable up, ForwardContext context)
    {
        if (context.Hooks?.Wants(Site, "gate") == true)
        {
            Variable active = gate.Activate(_config.Activation), seen = context.Visit(Site, "gate", active);
            if (!ReferenceEquals(seen.Value, active.Value)) return seen * up;
        }

        return gate.Gate(up, _config.Activation);
    }

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (ReferenceEquals(old, Up)) Up = replacement;
        else if (ReferenceEquals(old, Gate)) Gate = replacement;
        else if (ReferenceEquals(old, Down)) Down = replacement;
        else return false;
        return true;
    }
}
