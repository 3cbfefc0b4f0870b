using Heed.Engine.Autograd;

namespace Heed.Models.Embeddings;

/// <summary>A module after pooling: vectors in, vectors out.</summary>
internal abstract class VectorModule
{
    /// <summary>Length of the vectors that it gives for vectors of <paramref name="width"/> numbers.</summary>
    public virtual int WidthOf(int width) => width;

    /// <summary>x: [B, D] → [B, D'].</summary>
    public abstract Variable Forward(Variable x);
}

/// <summary>Divides each vector by its length; a vector of zeros stays.</summary>
internal sealed class NormalizeModule : VectorModule
{
    public override Variable Forward(Variable x) => x.Normalize();
}
