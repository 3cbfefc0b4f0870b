namespace Heed.Tokenizers.Text;

/// <summary>Cuts one or two encodings to a common length.</summary>
internal static class Truncation
{
    /// <summary>Cuts to <paramref name="maxLength"/> tokens, special tokens not counted; <paramref name="place"/> says in errors where that
    /// was set.</summary>
    /// <exception cref="ConfigException">The strategy cannot reach the length.</exception>
    public static void Apply(EncodingBuilder first, EncodingBuilder? second, TruncationOptions options, int maxLength, string place)
    {
        if (maxLength == 0)
        {
            first.Truncate(0, options.Stride, options.Direction, place);
            second?.Truncate(0, options.Stride, options.Direction, place);
            return;
        }

        int excess = first.Count + (second?.Count ?? 0) - maxLength;
        if (excess <= 0) return;
        if (options.Strategy == TruncationStrategy.LongestFirst)
        {
            if (second is null)
            {
                first.Truncate(maxLength, options.Stride, options.Direction, place);
                return;
            }

            (int a, int b) = Share(first.Count, second.Count, maxLength);
            first.Truncate(a, options.Stride, options.Direction, place);
            second.Truncate(b, options.Stride, options.Direction, place);
            return;
        }

        EncodingBuilder target = options.Strategy == TruncationStrategy.OnlyFirst ? first : second
            ?? throw new ConfigException($"{place}: only the second text is cut (only_second), but there is none; use longest_first or only_first.");
        if (target.Count <= excess)
            throw new ConfigException($"{place}: {excess} tokens must be taken off one text, which has {target.Count}; raise the maximum length or use longest_first.");
        target.Truncate(target.Count - excess, options.Stride, options.Direction, place);
    }

    /// <summary>What each of two texts may keep: the shorter one all of it, unless both must give.</summary>
    private static (int First, int Second) Share(int first, int second, int maxLength)
    {
        int shorter = Math.Min(first, second);
        int longer = shorter > maxLength ? shorter : Math.Max(shorter, maxLength - shorter);
        if (shorter + longer > maxLength)
        {
            shorter = maxLength / 2;
            longer = shorter + (maxLength % 2);
        }

        return first > second ? (longer, shorter) : (shorter, longer);
    }
}
