namespace Heed.Engine.Tensors;

/// <summary>Shapes that do not fit: a fault of the calling program. Names site, argument, expected letters and actual sizes.</summary>
public sealed class ShapeException : ArgumentException
{
    /// <summary>An error of one sentence.</summary>
    public ShapeException(string message)
        : base(message)
    {
    }

    /// <summary>An argument whose shape is not the one expected.</summary>
    /// <param name="site">Type and method that check.</param>
    /// <param name="argument">Name of the argument.</param>
    /// <param name="actual">Its shape.</param>
    /// <param name="expected">The letters or sizes expected, such as <c>[S, D]</c>.</param>
    /// <param name="because">Who bound the letters; may be empty.</param>
    public ShapeException(string site, string argument, Shape actual, string expected, string because = "")
        : base($"{site}: '{argument}' has the shape {actual}; {expected} was expected{(because.Length == 0 ? "" : $" ({because})")}.", argument)
    {
    }
}
