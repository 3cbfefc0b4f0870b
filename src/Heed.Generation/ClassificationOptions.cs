using Heed.Models;

namespace Heed.Generation;

/// <summary>How texts are classified; what is omitted is as the model's folder specifies.</summary>
public sealed record ClassificationOptions
{
    /// <summary>What the scores mean: softmax for one right class, sigmoids for any number of them, the numbers themselves for regression
    /// (<c>function_to_apply</c>).</summary>
    public ClassificationKind? Kind { get; init; }

    /// <summary>Up to how many classes, best first; null: all.</summary>
    public int? Top { get; init; }

    /// <summary>True: a text that is longer than the model reads is cut, of a pair the longer one first. False: it is an error.</summary>
    public bool Truncate { get; init; }
}
